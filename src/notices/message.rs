//! What is sent, in the form that each kind of receiver takes. The words are those of the page.

use serde_json::{Value, json};

use crate::{
    model::{
        notice::{ChannelKind, MessageEvent, Words, words},
        time::Timestamp,
    },
    store::MessageContent,
};

/// Something that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// The word for programs: `key.invalid`, `key.invalid.resolved` or `test`.
    pub(super) kind: String,
    /// What happened, in a few words.
    pub(super) title: String,
    /// Why, and what to do.
    pub(super) text: String,
    /// Where it is fixed.
    pub(super) link: String,
    /// What the link leads to.
    pub(super) link_label: &'static str,
    /// When it was written.
    at: Timestamp,
    /// What programs are told besides.
    data: Value,
}

impl Told {
    /// What `content` says; `name` is the provider's.
    pub(super) fn new(
        content: &MessageContent,
        name: impl Fn(&crate::model::ids::ProviderId) -> String,
        site: &str,
    ) -> Self {
        let at = content.created_at;
        let Some(notice) = &content.notice else {
            return Self {
                kind: "test".to_owned(),
                title: "A test from Keyward".to_owned(),
                text: "You would be told here of what happens to your keys.".to_owned(),
                link: format!("{site}/settings/notifications"),
                link_label: "Notification settings",
                at,
                data: json!({}),
            };
        };
        let name = name(&notice.provider);
        let Words { title, text } = words(notice.kind, &name, notice.reason, notice.detail.as_deref());
        let over = content.event == MessageEvent::Resolved;
        let link = format!("{site}{}", notice.kind.page(&notice.provider));
        let (title, text, kind) = if over {
            let text = format!("It was so from {} until {}.", notice.opened_at.for_people(), at.for_people());
            (format!("Over: {title}"), text, format!("{}.resolved", notice.kind.code()))
        } else {
            (title, text, notice.kind.code().to_owned())
        };
        let data = json!({
            "notice": notice.id,
            "state": if over { "resolved" } else { "open" },
            "provider": notice.provider,
            "provider_name": name,
            "title": title,
            "text": text,
            "opened_at": notice.opened_at,
            "url": link,
        });
        Self { kind, title, text, link, link_label: notice.kind.page_name(), at, data }
    }

    /// The body for a program.
    pub(super) fn event(&self) -> Value {
        json!({"type": self.kind, "timestamp": self.at, "data": self.data})
    }
}

/// The body for a chat.
pub(super) fn chat(kind: ChannelKind, told: &[Told]) -> Value {
    match kind {
        ChannelKind::Slack => slack(told),
        ChannelKind::Discord => discord(told),
        _ => teams(told),
    }
}

/// See <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>. A message has 50 blocks at most.
fn slack(told: &[Told]) -> Value {
    // https://docs.slack.dev/messaging/formatting-message-text: three characters are its control characters.
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let blocks = told.iter().map(|one| {
        let words =
            format!("*{}*\n{}\n<{}|{}>", escape(&one.title), escape(&one.text), one.link, one.link_label);
        json!({"type": "section", "text": {"type": "mrkdwn", "text": words}})
    });
    json!({"text": escape(&subject(told)), "blocks": blocks.collect::<Vec<_>>()})
}

/// See <https://discord.com/developers/docs/resources/webhook#execute-webhook>. A message has 10 embeds at most; nobody
/// is pinged.
fn discord(told: &[Told]) -> Value {
    const EMBEDS: usize = 10;
    let embeds = told.iter().take(EMBEDS).map(
        |one| json!({"title": one.title, "description": one.text, "url": one.link, "timestamp": one.at}),
    );
    let more = told.len().saturating_sub(EMBEDS);
    let content =
        if more > 0 { format!("{}, {more} of them on the page.", subject(told)) } else { String::new() };
    json!({"username": "Keyward", "content": content, "embeds": embeds.collect::<Vec<_>>(), "allowed_mentions": {"parse": []}})
}

/// An adaptive card, as the workflow "Post to a channel when a webhook request is received" takes it. See
/// <https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook>.
fn teams(told: &[Told]) -> Value {
    let body = told.iter().flat_map(|one| {
        [
            json!({"type": "TextBlock", "text": one.title, "weight": "bolder", "wrap": true}),
            json!({"type": "TextBlock", "text": one.text, "wrap": true}),
            json!({"type": "TextBlock", "text": format!("[{}]({})", one.link_label, one.link), "wrap": true}),
        ]
    });
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": body.collect::<Vec<_>>(),
            },
        }],
    })
}

/// All of it in a line.
pub(super) fn subject(told: &[Told]) -> String {
    match told {
        [one] => one.title.clone(),
        many => format!("{} notices about your keys", many.len()),
    }
}

/// The text of an e-mail.
pub(super) fn plain(told: &[Told], site: &str) -> String {
    let parts: Vec<_> = told
        .iter()
        .map(|one| format!("{}\n{}\n{}: {}\n", one.title, one.text, one.link_label, one.link))
        .collect();
    format!(
        "{}\n-- \nYou get this from Keyward at {site}.\nSettings: {site}/settings/notifications\n",
        parts.join("\n")
    )
}

/// The same as HTML. Styles stand in the elements, for mail programs take no others.
pub(super) fn html(told: &[Told], site: &str) -> String {
    let parts: Vec<_> = told
        .iter()
        .map(|one| {
            format!(
                "<h2 style=\"font-size:16px;margin:0 0 4px\">{}</h2><p style=\"margin:0 0 8px\">{}</p>\
                 <p style=\"margin:0 0 24px\"><a href=\"{}\">{}</a></p>",
                escape(&one.title),
                escape(&one.text),
                escape(&one.link),
                one.link_label
            )
        })
        .collect();
    let site = escape(site);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>Keyward</title></head>\
         <body style=\"font-family:sans-serif;font-size:14px;line-height:1.5;margin:24px\">{}\
         <p style=\"font-size:12px;border-top:1px solid #999;padding-top:8px\">You get this from Keyward at {site}. \
         <a href=\"{site}/settings/notifications\">Settings</a></p></body></html>",
        parts.concat()
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{
            ids::{MessageId, NoticeId, ProviderId},
            notice::NoticeKind,
            status::Reason,
        },
        store::{TOGETHER_MAX, ToldNotice},
    };

    fn told(event: MessageEvent) -> Told {
        let notice = ToldNotice {
            id: NoticeId::generate(),
            kind: NoticeKind::Invalid,
            provider: ProviderId::SERPAPI,
            reason: None,
            detail: None,
            opened_at: Timestamp::from_seconds(1_795_000_000),
        };
        let content = MessageContent {
            id: MessageId::generate(),
            event,
            created_at: Timestamp::from_seconds(1_795_000_060),
            notice: (event != MessageEvent::Test).then_some(notice),
        };
        Told::new(&content, |_| "Se<rp> & \"API\"".to_owned(), "https://keys.example.org")
    }

    #[test]
    fn programs_are_told_the_kind_the_state_and_the_link() {
        let event = told(MessageEvent::Opened).event();
        assert_eq!((&event["type"], &event["data"]["state"]), (&json!("key.invalid"), &json!("open")));
        assert_eq!(event["data"]["url"], "https://keys.example.org/settings/api-keys#card-serpapi");
        assert_eq!(event["timestamp"], "2026-11-18T11:07:40Z");
        let event = told(MessageEvent::Resolved).event();
        assert_eq!(
            (&event["type"], &event["data"]["state"]),
            (&json!("key.invalid.resolved"), &json!("resolved"))
        );
        assert_eq!(told(MessageEvent::Test).event()["type"], "test");
    }

    #[test]
    fn no_name_becomes_markup() {
        let all = [told(MessageEvent::Opened), told(MessageEvent::Resolved)];
        let html = html(&all, "https://keys.example.org");
        assert!(
            html.contains("Se&lt;rp&gt; &amp; &quot;API&quot; does not accept") && !html.contains("<rp>")
        );
        let slack = chat(ChannelKind::Slack, &all);
        assert!(
            slack["blocks"][0]["text"]["text"]
                .as_str()
                .unwrap()
                .starts_with("*Se&lt;rp&gt; &amp; \"API\" does not")
        );
        assert!(plain(&all, "https://keys.example.org").contains("Over: Se<rp>"));
    }

    #[test]
    fn chats_get_no_more_than_they_take() {
        let many: Vec<_> = (0..TOGETHER_MAX).map(|_| told(MessageEvent::Opened)).collect();
        let discord = chat(ChannelKind::Discord, &many);
        assert_eq!(discord["embeds"].as_array().unwrap().len(), 10);
        assert_eq!(discord["content"], "20 notices about your keys, 10 of them on the page.");
        assert_eq!(discord["allowed_mentions"], json!({"parse": []}));
        let card = &chat(ChannelKind::Teams, &many[..1])["attachments"][0]["content"];
        assert_eq!((&card["type"], card["body"].as_array().unwrap().len()), (&json!("AdaptiveCard"), 3));
        assert_eq!(chat(ChannelKind::Discord, &many[..1])["content"], "");
    }

    /// As many as are told together, each as long as it can be.
    #[test]
    fn the_longest_fits_where_it_goes() {
        let name = "A provider of your own with quite a long name";
        let all = NoticeKind::ALL.into_iter().flat_map(|kind| {
            Reason::ALL.into_iter().map(move |reason| {
                let notice = ToldNotice {
                    id: NoticeId::generate(),
                    kind,
                    provider: "aproviderofyourown".parse().unwrap(),
                    reason: Some(reason),
                    detail: Some("2,000,000,000 calls in the last hour, against 1,000,000 in the busiest hour of two weeks".to_owned()),
                    opened_at: Timestamp::from_seconds(1_795_000_000),
                };
                let content = MessageContent {
                    id: MessageId::generate(),
                    event: MessageEvent::Opened,
                    created_at: Timestamp::from_seconds(1_795_000_060),
                    notice: Some(notice),
                };
                Told::new(&content, |_| name.to_owned(), "https://the-keys-of-everybody.at.a.long.name.example.org")
            })
        });
        let longest = all.max_by_key(|told| told.title.len() + told.text.len()).unwrap();
        let many = vec![longest; TOGETHER_MAX];
        // Slack takes 50 blocks of 3,000 characters, Teams 28 KB, Discord 6,000 characters in all embeds.
        let slack = chat(ChannelKind::Slack, &many);
        let blocks = slack["blocks"].as_array().unwrap();
        assert_eq!(blocks.len(), TOGETHER_MAX);
        assert!(
            blocks.len() <= 50
                && blocks.iter().all(|one| one["text"]["text"].as_str().unwrap().len() <= 3_000)
        );
        let teams = chat(ChannelKind::Teams, &many).to_string().len();
        assert!(teams <= 28 * 1_024, "{teams}");
        let discord = chat(ChannelKind::Discord, &many);
        let characters = |one: &Value| {
            ["title", "description"]
                .iter()
                .map(|part| one[part].as_str().unwrap().chars().count())
                .sum::<usize>()
        };
        let characters: usize = discord["embeds"].as_array().unwrap().iter().map(characters).sum();
        assert!(characters <= 6_000, "{characters}");
    }
}
