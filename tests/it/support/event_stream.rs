//! A stream of server-sent events, read line by line.

use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use serde_json::Value;

/// An open stream.
pub struct EventStream {
    pub headers: HeaderMap,
    body: Body,
    text: String,
}

/// One event.
#[derive(Debug, Default, PartialEq)]
pub struct Heard {
    /// Its number.
    pub id: Option<i64>,
    /// Its topic.
    pub topic: String,
    /// Which of these.
    pub subject: String,
    /// When to come back, in milliseconds.
    pub retry: Option<u64>,
}

impl EventStream {
    pub fn new(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        Self { headers: parts.headers, body, text: String::new() }
    }

    /// The next event; none when the stream has ended. Signs of life are skipped.
    pub async fn next(&mut self) -> Option<Heard> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let heard = read(block);
                self.text = rest.to_owned();
                if heard != Heard::default() {
                    return Some(heard);
                }
            }
            let frame = tokio::time::timeout(Duration::from_secs(20), self.body.frame()).await;
            let frame = frame.unwrap_or_else(|_| panic!("nothing is heard"))?;
            self.text.push_str(str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
        }
    }

    /// Fails unless the stream ends as one does whose session has ended: without a word of anything else.
    pub async fn ends_with_its_session(&mut self) {
        assert_eq!(self.next().await, Some(Heard { retry: Some(5_000), ..Heard::default() }));
        assert_eq!(self.next().await, None);
    }

    /// Fails unless the next event is this one.
    #[track_caller]
    pub fn expect(&mut self, id: i64, topic: &str, subject: &str) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let heard = self.next().await.unwrap_or_else(|| panic!("{caller}: the stream has ended"));
            assert_eq!((heard.id, &*heard.topic, &*heard.subject), (Some(id), topic, subject), "{caller}");
        }
    }
}

fn read(block: &str) -> Heard {
    let mut heard = Heard::default();
    for line in block.lines() {
        let (name, value) = line.split_once(':').unwrap();
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "" => {}
            "id" => heard.id = Some(value.parse().unwrap()),
            "event" => heard.topic = value.to_owned(),
            "retry" => heard.retry = Some(value.parse().unwrap()),
            "data" => {
                let data: Value = serde_json::from_str(value).unwrap();
                assert_eq!(data["seq"].as_i64(), heard.id, "{block}");
                assert_eq!(data["topic"], heard.topic, "{block}");
                assert!(
                    data.as_object().unwrap().keys().all(|key| ["seq", "topic", "subject"].contains(&&**key))
                );
                heard.subject = data["subject"].as_str().unwrap_or_default().to_owned();
            }
            other => panic!("an unknown field {other}: {block}"),
        }
    }
    heard
}
