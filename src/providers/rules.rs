//! What an answer means: pure matching of the catalogue's rules, first match first.

use std::time::{Duration, UNIX_EPOCH};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde_json::Value;

use super::{
    catalogue::rule::{RetryAfter, Rule, Scalar, Test, Then},
    egress::{Fault, body::Body},
};
use crate::model::{status::Reason, time::Timestamp};

/// The longest wait that is passed on. How long Keyward really waits is for others to say.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// A provider's answer, read to its end. Its `Debug` shows the status only.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}

/// What one answer, or its absence, means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) then: Then,
    pub(crate) reason: Reason,
    /// The rule that found it, by its place.
    pub(crate) rule: Option<usize>,
    /// Another deciding call may know better.
    pub(crate) ask_on: bool,
    pub(crate) http_status: Option<u16>,
    pub(crate) retry_after: Option<Duration>,
    /// The provider's own code, where the rule looked for one. It is the catalogue's text, not the answer's.
    pub(crate) code: Option<String>,
}

impl Finding {
    fn new(then: Then, reason: Reason, http_status: Option<u16>) -> Self {
        Self { then, reason, rule: None, ask_on: false, http_status, retry_after: None, code: None }
    }
}

impl From<Fault> for Finding {
    fn from(fault: Fault) -> Self {
        Self {
            retry_after: fault.retry_after(),
            ..Self::new(Then::Unreachable, fault.reason(), fault.http_status())
        }
    }
}

/// The meaning of `reply` by `rules`, or by its status alone where none matches.
pub(crate) fn judge(rules: &[Rule], reply: &Reply, now: Timestamp) -> Finding {
    let status = Some(reply.status);
    let place = rules.iter().position(|rule| matches(rule, reply));
    let matched = place.map(|place| &rules[place]);
    let mut finding = match matched {
        Some(rule) => Finding {
            rule: place,
            ask_on: rule.ask_on,
            code: code(rule, reply),
            ..Finding::new(rule.then, rule.reason(), status)
        },
        None => {
            let (then, reason) = by_status(reply.status);
            Finding::new(then, reason, status)
        }
    };
    if matches!(finding.then, Then::RateLimited | Then::Unreachable) {
        finding.retry_after = asked_to_wait(&reply.headers, now)
            .or_else(|| matched.and_then(|rule| rule.retry_after).map(|hint| implied_wait(hint, now)));
    }
    finding
}

/// Nothing here says that a credential works or does not: that takes a rule.
fn by_status(status: u16) -> (Then, Reason) {
    match status {
        400 | 404..=406 | 409..=428 | 430..=451 => (Then::BadRequest, Reason::UnexpectedAnswer),
        408 => (Then::Unreachable, Reason::TimedOut),
        429 => (Then::RateLimited, Reason::RateLimited),
        500.. => (Then::Unreachable, Reason::ProviderFault),
        _ => (Then::Unreachable, Reason::UnexpectedAnswer),
    }
}

/// The first text or number of the body that the rule knows by its exact value, for answers that are no success.
fn code(rule: &Rule, reply: &Reply) -> Option<String> {
    if rule.then == Then::Accepted {
        return None;
    }
    let document = reply.body.json()?;
    rule.json.iter().find_map(|(pointer, test)| {
        let known = match test {
            Test::Equals(scalar) => std::slice::from_ref(scalar),
            Test::OneOf(scalars) => scalars.as_slice(),
            Test::Contains(_) | Test::AtMost(_) | Test::Reaches(_) | Test::Exists(_) => return None,
        };
        let values = pointer.select(document);
        let found = known.iter().find(|scalar| values.iter().any(|value| equals(value, scalar)))?;
        match found {
            Scalar::Yes(_) => None,
            Scalar::Number(number) => Some(number.to_string()),
            Scalar::Text(text) => Some(text.clone()),
        }
    })
}

fn matches(rule: &Rule, reply: &Reply) -> bool {
    let header = |name: &str, test: &Test| {
        let value = reply.headers.get(name).and_then(|value| value.to_str().ok());
        holds_for_text(test, value)
    };
    rule.status.as_slice().contains(&reply.status)
        && rule.json.iter().all(|(pointer, test)| {
            reply.body.json().is_some_and(|document| holds(test, &pointer.select(document), document))
        })
        && rule.header.iter().all(|(name, test)| header(name, test))
        && rule.text.as_ref().is_none_or(|test| holds_for_text(test, reply.body.text()))
}

/// Whether some value of `document` passes the test; for [`Test::Exists`], whether there is one.
pub(crate) fn holds(test: &Test, values: &[&Value], document: &Value) -> bool {
    let mut present = values.iter().filter(|value| !value.is_null());
    match test {
        Test::Exists(expected) => present.next().is_some() == *expected,
        Test::Contains(part) => present.any(|value| value.as_str().is_some_and(|text| contains(text, part))),
        Test::Equals(scalar) => present.any(|value| equals(value, scalar)),
        Test::OneOf(scalars) => present.any(|value| scalars.iter().any(|scalar| equals(value, scalar))),
        Test::Reaches(other) => {
            let limit = other.first(document).and_then(number);
            present.any(|value| limit.is_some_and(|limit| number(value).is_some_and(|n| n >= limit)))
        }
        // Not cut to a whole number: 0.40 of some currency is not nothing.
        #[expect(clippy::cast_precision_loss, reason = "limits of a catalogue are small")]
        Test::AtMost(limit) => present.any(|value| decimal(value).is_some_and(|n| n <= *limit as f64)),
    }
}

fn holds_for_text(test: &Test, text: Option<&str>) -> bool {
    match (test, text) {
        (Test::Contains(part), Some(text)) => contains(text, part),
        (test, text) => holds(test, &text.map(Value::from).iter().collect::<Vec<_>>(), &Value::Null),
    }
}

fn contains(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    text.len() >= part.len() && text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}

fn equals(value: &Value, scalar: &Scalar) -> bool {
    match scalar {
        Scalar::Yes(expected) => value.as_bool() == Some(*expected),
        Scalar::Number(expected) => number(value) == Some(*expected),
        Scalar::Text(expected) => value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(expected)),
    }
}

/// A number, also from a text.
fn decimal(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

/// A whole number, also from a fraction (cut) or a text. Providers are not strict about it.
pub(crate) fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64()?.trunc();
            #[expect(clippy::cast_possible_truncation, reason = "within the range of exact integers")]
            (float.abs() < 9.0e15).then_some(float as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The header `Retry-After`, RFC 9110: seconds or a date. A date is compared with the answer's own, so that a clock
/// that is wrong, here or there, does no harm; one that is over means no wait.
fn asked_to_wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let date = |text| httpdate::parse_http_date(text).ok();
    let wanted = text(RETRY_AFTER)?;
    let wait = match wanted.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let here = || UNIX_EPOCH + Duration::from_micros(u64::try_from(now.0).unwrap_or_default());
            let sent = text(DATE).and_then(date).unwrap_or_else(here);
            date(wanted)?.duration_since(sent).unwrap_or_default()
        }
    };
    (!wait.is_zero()).then(|| wait.min(LONGEST_WAIT))
}

fn implied_wait(hint: RetryAfter, now: Timestamp) -> Duration {
    const HOUR: i64 = 3600;
    match hint {
        RetryAfter::NextHour => {
            let left = HOUR - now.seconds().rem_euclid(HOUR);
            Duration::from_secs(u64::try_from(left).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::providers::catalogue::Catalogue;

    fn reply(status: u16, body: &[u8]) -> Reply {
        Reply { status, headers: HeaderMap::new(), body: Body::new(body.to_vec()) }
    }

    fn test(text: &str) -> Test {
        #[derive(serde::Deserialize)]
        struct Holder {
            test: Test,
        }
        toml::from_str::<Holder>(&format!("test = {text}")).unwrap().test
    }

    #[test]
    fn tests_ignore_case_and_the_spelling_of_numbers() {
        for (spec, value, expected) in [
            ("{ contains = \"run OUT\" }", json!("You have Run out of it"), true),
            ("{ contains = \"x\" }", json!(["x"]), false),
            ("{ equals = 20003 }", json!("20003"), true),
            ("{ equals = 20003 }", json!(20003.0), true),
            ("{ equals = 20003 }", json!(20004), false),
            ("{ equals = true }", json!(true), true),
            ("{ equals = true }", json!("true"), false),
            ("{ equals = \"Closed\" }", json!("closed"), true),
            ("{ one_of = [\"a\", 2] }", json!(2), true),
            ("{ at_most = 0 }", json!(-3), true),
            ("{ at_most = 0 }", json!("unlimited"), false),
            ("{ at_most = 0 }", json!("0.00"), true),
            ("{ at_most = 0 }", json!(0.4), false),
            ("{ at_most = 0 }", json!("-0.25"), true),
            ("{ at_most = 0 }", json!("inf"), false),
            ("{ at_most = 0 }", json!(1e300), false),
            ("{ exists = true }", json!(0), true),
            ("{ exists = true }", json!(null), false),
            ("{ exists = false }", json!(null), true),
        ] {
            assert_eq!(holds(&test(spec), &[&value], &Value::Null), expected, "{spec} {value}");
        }
        assert!(!holds(&test("{ at_most = 0 }"), &[], &Value::Null));
    }

    #[test]
    fn a_rule_may_look_at_headers_and_text() {
        let mut provider = reply(403, b"<html>blocked by WAF</html>");
        provider.headers.insert("x-kind", "Firewall".parse().unwrap());
        for (conditions, expected) in [
            ("text = { contains = \"waf\" }", true),
            ("header = { x-kind = { equals = \"firewall\" } }", true),
            ("header = { x-other = { exists = false } }", true),
            ("header = { x-other = { equals = \"\" } }", false),
            ("json = { \"/error\" = { exists = false } }", false),
        ] {
            let rule: Rule =
                toml::from_str(&format!("status = [401, 403]\nthen = \"limited\"\n{conditions}")).unwrap();
            assert_eq!(matches(&rule, &provider), expected, "{conditions}");
        }
    }

    #[test]
    fn a_code_is_the_catalogue_s_text_and_never_the_answer_s() {
        for (rule, body, expected) in [
            (r#"json = { "/c" = { equals = "Bad_Key" } }"#, json!({"c": "BAD_KEY"}), Some("Bad_Key")),
            (r#"json = { "/c" = { one_of = [20003, "x"] } }"#, json!({"c": "20003"}), Some("20003")),
            (
                r#"json = { "/c" = { contains = "key" }, "/d" = { equals = "no" } }"#,
                json!({"c": "a key", "d": "no"}),
                Some("no"),
            ),
            (r#"json = { "/c" = { contains = "key" } }"#, json!({"c": "the key k3y"}), None),
            (r#"json = { "/c" = { equals = true } }"#, json!({"c": true}), None),
        ] {
            let rule: Rule = toml::from_str(&format!("status = 401\nthen = \"invalid\"\n{rule}")).unwrap();
            let found = judge(&[rule], &reply(401, body.to_string().as_bytes()), Timestamp::default());
            assert_eq!((found.then, found.code.as_deref()), (Then::Invalid, expected), "{body}");
        }
    }

    #[test]
    fn a_wait_is_read_from_the_header_and_bounded() {
        for (text, seconds) in
            [("7", Some(7)), ("999999999", Some(86_400)), ("soon", None), ("-1", None), ("Wed, 21 Oct", None)]
        {
            let mut busy = reply(429, b"");
            busy.headers.insert(RETRY_AFTER, text.parse().unwrap());
            let found = judge(&[], &busy, Timestamp::default());
            assert_eq!(
                (found.then, found.retry_after),
                (Then::RateLimited, seconds.map(Duration::from_secs))
            );
        }
        // 21 October 2015, 07:28: a date, by the answer's clock where it tells it, else by this one.
        let (here, later) = (Timestamp::from_seconds(1_445_412_480 - 90), "Wed, 21 Oct 2015 07:28:00 GMT");
        for (sent, asked, seconds) in [
            (None, later, Some(90)),
            (Some("Wed, 21 Oct 2015 07:27:20 GMT"), later, Some(40)),
            (Some("Thu, 01 Jan 2026 00:00:00 GMT"), "Thu, 01 Jan 2026 00:02:00 GMT", Some(120)),
            (Some("nonsense"), "Wednesday, 21-Oct-15 07:28:00 GMT", Some(90)),
            (None, "Wed, 21 Oct 2015 07:26:00 GMT", None),
            (None, "Wed, 21 Oct 2025 07:28:00 GMT", None),
            (None, "Tue, 21 Oct 2025 07:28:00 GMT", Some(86_400)),
            (None, "0", None),
        ] {
            let mut busy = reply(503, b"");
            busy.headers.insert(RETRY_AFTER, asked.parse().unwrap());
            sent.map(|sent| busy.headers.insert(DATE, sent.parse().unwrap()));
            let wait = judge(&[], &busy, here).retry_after;
            assert_eq!(wait, seconds.map(Duration::from_secs), "{sent:?} {asked}");
        }
        assert_eq!(
            implied_wait(RetryAfter::NextHour, Timestamp::from_seconds(7200 + 3000)),
            Duration::from_secs(600)
        );
    }

    proptest! {
        /// Whatever the body, no status alone condemns a credential, and nothing panics.
        #[test]
        fn only_a_matching_rule_refuses(status in 100_u16..1000, body in prop::collection::vec(any::<u8>(), 0..200)) {
            let found = judge(&[], &reply(status, &body), Timestamp::default());
            prop_assert!(!found.then.is_refused() && !found.then.is_accepted());
        }

        /// An outage never condemns: with the real rules, no 5xx and no 3xx is a refusal.
        #[test]
        fn an_outage_never_refuses(
            status in prop_oneof![300_u16..400, 500_u16..600],
            error in "\\PC{0,20}(Invalid API key|run out of searches|)\\PC{0,20}",
            code in prop::sample::select(vec![20003, 20404, 0]),
            word in prop::sample::select(vec![
                "invalid_api_key", "account_deactivated", "authentication_error", "missing_permissions",
                "insufficient_quota", "API_KEY_INVALID", "CONSUMER_SUSPENDED", "quota_exceeded",
            ]),
        ) {
            let wording = json!({"error": error, "code": code, "status": "suspended", "sid": "AC1",
                "detail": {"code": word, "status": word}});
            let coded = json!({"error": {"type": word, "code": word, "message": error,
                "details": [{"reason": word}]}, "detail": {"status": word}});
            let body = if code == 0 { coded } else { wording }.to_string();
            let catalogue = Catalogue::shared();
            for provider in catalogue.iter() {
                let file = &provider.file;
                let sets = file.probe.iter().map(|p| &p.rules).chain(file.operations.values().map(|o| &o.rules));
                for rules in sets {
                    let found = judge(rules, &reply(status, body.as_bytes()), Timestamp::default());
                    prop_assert_eq!(found.then, Then::Unreachable);
                }
            }
        }

        /// What is used reaches what is allowed by its number, however either is written.
        #[test]
        fn reaching_compares_numbers(used in -99_i64..99, limit in -99_i64..99, texts in any::<[bool; 2]>()) {
            let written = |n: i64, text: bool| if text { json!(n.to_string()) } else { json!(n) };
            let document = json!({"used": written(used, texts[0]), "limit": written(limit, texts[1])});
            let reaches = test("{ reaches = \"/limit\" }");
            prop_assert_eq!(holds(&reaches, &[&document["used"]], &document), used >= limit);
            let unlimited = json!({"limit": "unlimited"});
            prop_assert!(!holds(&reaches, &[&document["used"]], &unlimited));
            prop_assert!(!holds(&reaches, &[&Value::Null], &document));
        }

        #[test]
        fn contains_agrees_with_lower_case(text in "[ -~]{0,30}", part in "[ -~]{1,4}") {
            prop_assert_eq!(contains(&text, &part), text.to_ascii_lowercase().contains(&part.to_ascii_lowercase()));
        }
    }
}
