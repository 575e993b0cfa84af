//! E-mail addresses in Google's texts, which have no field of their own for them.

/// Longest address (RFC 5321, 4.5.3.1.3, without its brackets).
const LONGEST: usize = 254;

/// The first address in these texts.
pub(super) fn first_in<'t>(texts: impl IntoIterator<Item = Option<&'t str>>) -> Option<String> {
    texts.into_iter().flatten().find_map(in_text)
}

fn in_text(text: &str) -> Option<String> {
    let apart = |c: char| c.is_whitespace() || "<>()[]{},;:\"'|„“”«»".contains(c);
    let words = text.split(apart).map(|word| word.trim_matches(['.', '!', '?', '…']));
    words.into_iter().find(|word| is_address(word)).map(str::to_owned)
}

/// A plain address as people write it: no quotes, no address of a machine.
fn is_address(word: &str) -> bool {
    let Some((local, domain)) = word.split_once('@') else { return false };
    let plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&*+-/=?^_`{|}~.".contains(c);
    let label = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let top = domain.rsplit_once('.').map_or("", |(_, top)| top);
    word.len() <= LONGEST
        && (1..=64).contains(&local.len())
        && local.chars().all(plain)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && domain.split('.').all(label)
        && top.chars().count() >= 2
        && top.chars().all(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_where_people_write_one() {
        let found = |text: &str| first_in([None, Some(text)]);
        for (text, address) in [
            ("Write to hello@kornhaus.example.", "hello@kornhaus.example"),
            ("Kontakt: <info+web@back-stube.co.uk>, Tel. 030 555", "info+web@back-stube.co.uk"),
            ("E-mail:anna.b@bäcker.example", "anna.b@bäcker.example"),
        ] {
            assert_eq!(found(text).as_deref(), Some(address), "{text}");
        }
        for text in ["", "@kornhaus on Instagram", "a@b", "x@1.2.3.4", "a..b@c.de", "you@@c.de", "mail@-c.de"]
        {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
