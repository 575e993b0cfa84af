//! Notices in words: the same on the page, over REST, in e-mails and in chats.

use super::NoticeKind;
use crate::model::status::Reason;

/// What a notice says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// What happened, in a few words.
    pub title: String,
    /// Why, and what to do.
    pub text: String,
}

/// What a notice about the key of this provider says. `detail` is what is left of the allowance, or what was counted.
pub fn words(kind: NoticeKind, provider: &str, reason: Option<Reason>, detail: Option<&str>) -> Words {
    let why =
        |otherwise: &str| reason.map_or_else(|| otherwise.to_owned(), |reason| reason.sentence(provider));
    let (title, text) = match kind {
        NoticeKind::Invalid => (
            format!("{provider} does not accept your key any more"),
            format!("{} Replace it to open what needs it.", why(&format!("{provider} rejected the key."))),
        ),
        NoticeKind::Suspended => (
            format!("Your {provider} account is suspended"),
            format!(
                "{} Settle it with {provider}, or store the key of another account.",
                why(&format!("{provider} has suspended this account."))
            ),
        ),
        NoticeKind::Undecryptable => (
            format!("Your {provider} key cannot be opened"),
            "This installation lacks the encryption secret that sealed it. Tell the operator, or store the key again."
                .to_owned(),
        ),
        NoticeKind::Exhausted => (
            format!("Your {provider} allowance is used up"),
            format!("{} Top it up, or wait until it is renewed.", why("Nothing is left on the account.")),
        ),
        NoticeKind::Low => (
            format!("Your {provider} allowance is nearly used up"),
            match detail {
                Some(left) => format!("{}. Top it up before services stop.", capital(left)),
                None => "Less than a tenth is left. Top it up before services stop.".to_owned(),
            },
        ),
        NoticeKind::Limited => (
            format!("Your {provider} key cannot do everything any more"),
            format!(
                "{} Its card says what is missing.",
                why(&format!("{provider} accepted the key, but something is missing."))
            ),
        ),
        NoticeKind::ReplacementDue => (
            format!("Your {provider} key is a year old"),
            format!("Make a new one at {provider} and replace it here: the old one serves until the new one is accepted."),
        ),
        NoticeKind::Failing => (
            format!("Many of your {provider} calls fail"),
            format!("{}. Analytics says why.", capital(detail.unwrap_or("half of the calls of an hour failed"))),
        ),
        NoticeKind::Slow => (
            format!("{provider} is far slower than usual"),
            format!(
                "{}. What uses it waits longer.",
                capital(detail.unwrap_or("calls take several times as long as before"))
            ),
        ),
        NoticeKind::Unusual => (
            format!("Your {provider} key is used far more than usual"),
            format!(
                "{}. If that is not you, replace the key.",
                capital(detail.unwrap_or("many times as many calls as ever before"))
            ),
        ),
        NoticeKind::Outage => (
            format!("{provider} does not answer"),
            "That is no fault of your key, which stays as it is. Keyward keeps asking.".to_owned(),
        ),
    };
    Words { title, text }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notice_names_the_provider_and_ends_its_sentences() {
        for kind in NoticeKind::ALL {
            for reason in Reason::ALL.into_iter().map(Some).chain([None]) {
                let Words { title, text } = words(kind, "SerpAPI", reason, None);
                assert!(title.contains("SerpAPI") && !title.ends_with('.'), "{title}");
                assert!(text.ends_with('.') && !text.contains(".."), "{text}");
            }
        }
        let low = words(NoticeKind::Low, "SerpAPI", None, Some("42 of 1,000 searches left"));
        assert_eq!(low.text, "42 of 1,000 searches left. Top it up before services stop.");
    }
}
