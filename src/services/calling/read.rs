//! What is said to Twilio, and what its answers say. Times are RFC 2822, numbers are texts.

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

use crate::{
    model::{
        calling::{CallRequest, CallState, NumberView, Recording},
        time::Timestamp,
    },
    store::Heard,
};

/// Longest text that is kept of an answer, in characters.
const TEXT_MAX: usize = 64;

/// What is said on the telephone, as markup (TwiML). The message is a text and stays one; speech is at an address of ours.
pub(super) fn markup(request: &CallRequest, speech: Option<&str>) -> String {
    if let Some(address) = speech {
        return format!("<Response><Play>{address}</Play></Response>");
    }
    let mut said = String::with_capacity(request.message.len());
    for c in request.message.trim().chars() {
        match c {
            '&' => said.push_str("&amp;"),
            '<' => said.push_str("&lt;"),
            '>' => said.push_str("&gt;"),
            '"' => said.push_str("&quot;"),
            c => said.push(c),
        }
    }
    format!("<Response><Say language=\"{}\">{said}</Say></Response>", request.language)
}

fn text<'v>(body: &'v Value, name: &str) -> Option<&'v str> {
    body.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// A SID of this kind: two letters and 32 hexadecimal digits.
pub(super) fn is_sid(text: &str, kind: &str) -> bool {
    text.len() == 34
        && text.strip_prefix(kind).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn sid(body: &Value, kind: &str) -> Option<String> {
    text(body, "sid").filter(|sid| is_sid(sid, kind)).map(str::to_owned)
}

/// The SID of a call.
pub(super) fn call_sid(body: &Value) -> Option<String> {
    sid(body, "CA")
}

/// How a call stands.
pub(super) fn heard(body: &Value) -> Option<Heard> {
    let state = CallState::from_twilio(text(body, "status")?)?;
    let seconds = text(body, "duration").and_then(|seconds| seconds.parse().ok());
    Some(Heard { state, sequence: -1, seconds: seconds.filter(|_| state == CallState::Completed) })
}

/// What a call cost, once that is known. Twilio writes costs as negative numbers.
pub(super) fn price(body: &Value) -> Option<(String, String)> {
    let price = decimal(text(body, "price")?)?;
    let cost = match price.strip_prefix('-') {
        Some(cost) => cost.to_owned(),
        // Money that came back.
        None if price.bytes().any(|b| (b'1'..=b'9').contains(&b)) => format!("-{price}"),
        None => price.to_owned(),
    };
    Some((cost, currency(text(body, "price_unit")?)?))
}

/// A decimal number as it is written.
fn decimal(text: &str) -> Option<&str> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = (1..=20).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().any(|b| b.is_ascii_digit());
    plain.then_some(text)
}

fn currency(text: &str) -> Option<String> {
    (text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic())).then(|| text.to_ascii_uppercase())
}

/// The balance and its currency.
pub(super) fn balance(body: &Value) -> Option<(String, String)> {
    Some((decimal(text(body, "balance")?)?.to_owned(), currency(text(body, "currency")?)?))
}

/// The calls of a list that may be the one that was ordered at `sent`: between the same numbers, made by a program, and
/// not long before.
pub(super) fn candidates(
    body: &Value,
    request: &CallRequest,
    earliest: Timestamp,
) -> Vec<(String, Option<Heard>)> {
    let calls = body.get("calls").and_then(Value::as_array).into_iter().flatten();
    let alike = calls.filter(|call| {
        text(call, "to") == Some(&request.to)
            && text(call, "from") == Some(&request.from)
            && text(call, "direction").is_none_or(|direction| direction == "outbound-api")
            // One without a date cannot be told apart from it.
            && text(call, "date_created").and_then(moment).is_none_or(|created| created >= earliest)
    });
    alike.filter_map(|call| Some((call_sid(call)?, heard(call)))).collect()
}

fn moment(text: &str) -> Option<Timestamp> {
    OffsetDateTime::parse(text, &Rfc2822).ok().map(|at| Timestamp::from_seconds(at.unix_timestamp()))
}

/// The recordings that are ready.
pub(super) fn recordings(body: &Value) -> Vec<Recording> {
    let all = body.get("recordings").and_then(Value::as_array).into_iter().flatten();
    all.filter(|recording| text(recording, "status") == Some("completed"))
        .filter_map(|recording| {
            let seconds = text(recording, "duration")?.parse().ok().filter(|seconds| *seconds >= 0)?;
            Some(Recording { sid: sid(recording, "RE")?, seconds })
        })
        .collect()
}

/// The numbers of a list, and the parameters of the next part.
pub(super) fn numbers(body: &Value, verified_only: bool) -> Vec<NumberView> {
    let list = if verified_only { "outgoing_caller_ids" } else { "incoming_phone_numbers" };
    let all = body.get(list).and_then(Value::as_array).into_iter().flatten();
    all.filter_map(|entry| {
        let number = text(entry, "phone_number").filter(|number| super::number::is_e164(number))?;
        let can = |what: &str| entry.pointer(&format!("/capabilities/{what}")) == Some(&Value::Bool(true));
        let name: Option<String> = text(entry, "friendly_name")
            .map(|name| name.chars().filter(|c| !c.is_control()).take(TEXT_MAX).collect());
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        Some(NumberView {
            number: number.to_owned(),
            // Unless it is named, Twilio writes the number once more in the way of its country.
            name: name.filter(|name| {
                let own = digits(name);
                own.len() < 5 || !digits(number).ends_with(&own)
            }),
            voice: verified_only || can("voice"),
            sms: can("sms"),
            mms: can("mms"),
            verified_only,
        })
    })
    .collect()
}

/// Whether a list goes on.
pub(super) fn has_more(body: &Value) -> bool {
    text(body, "next_page_uri").is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn request(message: &str) -> CallRequest {
        CallRequest {
            voice: None,
            to: "+4930901820".to_owned(),
            country: Some("DE".to_owned()),
            from: "+12025550142".to_owned(),
            message: message.to_owned(),
            language: "de-DE".to_owned(),
            record: false,
        }
    }

    #[test]
    fn costs_are_written_without_their_sign() {
        let price = |price: &str| price_of(json!(price));
        fn price_of(price: Value) -> Option<String> {
            super::price(&json!({"price": price, "price_unit": "usd"}))
                .map(|(cost, unit)| format!("{cost} {unit}"))
        }
        assert_eq!(price("-0.03000").as_deref(), Some("0.03000 USD"));
        assert_eq!(price("0").as_deref(), Some("0 USD"));
        assert_eq!(price("0.5").as_deref(), Some("-0.5 USD"));
        assert_eq!([price("abc"), price(""), price("-"), price_of(Value::Null)], [None, None, None, None]);
    }

    #[test]
    fn only_calls_that_may_be_the_one_are_candidates() {
        let sid = |n: u8| format!("CA{n:032x}");
        let call = |n, to: &str, from: &str, created: &str| {
            json!({"sid": sid(n), "to": to, "from": from, "direction": "outbound-api", "status": "queued",
                   "date_created": created})
        };
        let (to, from) = ("+4930901820", "+12025550142");
        let noon = "Thu, 26 Nov 2026 12:00:00 +0000";
        let list = json!({"calls": [
            call(1, to, from, noon),
            call(2, "+4930901821", from, noon),
            call(3, to, "+12025550143", noon),
            call(4, to, from, "Thu, 26 Nov 2026 11:00:00 +0000"),
            json!({"sid": sid(5), "to": to, "from": from, "direction": "inbound", "date_created": noon}),
            json!({"sid": "CA5", "to": to, "from": from, "date_created": noon}),
        ]});
        let earliest = Timestamp::parse("2026-11-26T11:55:00Z").unwrap();
        let found = candidates(&list, &request("Hello"), earliest);
        let state = |heard: &Option<Heard>| heard.as_ref().map(|heard| heard.state);
        let found: Vec<_> = found.iter().map(|(sid, heard)| (sid.clone(), state(heard))).collect();
        assert_eq!(found, [(sid(1), Some(CallState::Initiated))]);
    }

    #[test]
    fn a_number_that_has_no_name_shows_none() {
        let body = json!({"incoming_phone_numbers": [
            {"phone_number": "+12025550142", "friendly_name": "(202) 555-0142", "capabilities": {"voice": true, "sms": false}},
            {"phone_number": "+12025550143", "friendly_name": "Front desk", "capabilities": {"voice": false, "mms": true}},
            {"phone_number": "short"},
        ]});
        let numbers = numbers(&body, false);
        assert_eq!(numbers.len(), 2);
        assert_eq!((numbers[0].name.as_deref(), numbers[0].voice, numbers[0].sms), (None, true, false));
        assert_eq!(
            (numbers[1].name.as_deref(), numbers[1].voice, numbers[1].mms),
            (Some("Front desk"), false, true)
        );
    }

    proptest! {
        #[test]
        fn a_message_stays_a_text(message in "[\\PC\\n]{0,200}") {
            let markup = markup(&request(&message), None);
            let document = roxmltree::Document::parse(&markup);
            prop_assert!(document.is_ok(), "{}", markup);
            let document = document.unwrap();
            let say = document.root_element().first_element_child().unwrap();
            prop_assert_eq!(say.text().unwrap_or_default(), message.trim());
            prop_assert_eq!(say.attribute("language"), Some("de-DE"));
            prop_assert_eq!(document.root_element().children().count(), 1);
        }
    }
}
