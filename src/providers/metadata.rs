//! What is kept of a provider's answers: a few short texts, numbers and yes-or-no, picked by the
//! catalogue. Everything a provider writes freely is cut, cleaned and searched for the secret.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::{
    catalogue::read::{CapabilityRead, Mask, Place, Pointers, QuotaRead, Read, Text},
    egress::scrub::Scrubber,
    rules::{holds, number},
    template::Pointer,
};
use crate::model::{
    key::{KeyMetadata, Quota},
    time::Timestamp,
};

/// The longest text that is kept, in characters.
const LONGEST_TEXT: usize = 80;
/// A renewal that is further away is a provider's mistake.
const LATEST_RENEWAL: i64 = 10 * 366 * 86_400;

/// A successful answer.
#[derive(Clone, Copy)]
pub(crate) struct Told<'a> {
    pub(crate) document: &'a Value,
    pub(crate) headers: &'a HeaderMap,
}

impl Told<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What is at `place`.
    fn at(&self, place: &Place) -> Option<Value> {
        match place {
            Place::Body(pointer) => pointer.first(self.document).cloned(),
            Place::Header(place) => {
                let text = self.header(&place.header)?;
                let part = match place.item {
                    Some(item) => text.split(',').nth(item.get() - 1)?,
                    None => text,
                };
                Some(Value::from(part.trim()))
            }
        }
    }
}

/// Collects over the calls of one check.
pub(crate) struct Collector<'s> {
    scrubber: &'s Scrubber,
    metadata: KeyMetadata,
    now: Timestamp,
}

impl<'s> Collector<'s> {
    pub(crate) fn new(scrubber: &'s Scrubber, now: Timestamp) -> Self {
        Self { scrubber, metadata: KeyMetadata::default(), now }
    }

    /// Takes what `read` names from a successful answer.
    pub(crate) fn take(&mut self, read: &Read, told: Told<'_>) {
        let text = |text: &Option<Text>| text.as_ref().and_then(|text| self.text(text, told));
        let (account, plan) = (text(&read.account), text(&read.plan));
        self.metadata.account = self.metadata.account.take().or(account);
        self.metadata.plan = self.metadata.plan.take().or(plan);
        let quota = read.quota.as_ref().map(|quota| read_quota(quota, told, self.now));
        let says = |quota: &Quota| quota.used.is_some() || quota.limit.is_some() || quota.resets_at.is_some();
        self.metadata.quota = quota.filter(says).or(self.metadata.quota.take());
        for (label, spec) in &read.facts {
            if let Some(fact) = self.text(spec, told) {
                self.metadata.facts.insert(label.clone(), fact);
            }
        }
        for (name, capability) in &read.capabilities {
            self.capability(name, read_capability(capability, told.document));
        }
    }

    /// Notes that a call failed: what it says is missing, and what else it would have told and did not.
    pub(crate) fn miss(&mut self, read: &Read, lacks: &[String]) {
        for name in read.capabilities.keys().filter(|name| !lacks.contains(name)) {
            self.capability(name, None);
        }
        for name in lacks {
            self.capability(name, Some(false));
        }
    }

    /// Adds one answer to a capability: one yes is enough, and no takes a no from every call.
    pub(crate) fn capability(&mut self, name: &str, answer: Option<bool>) {
        let known = self.metadata.capabilities.get(name).copied();
        let together = match (known, answer) {
            (None, answer) => answer,
            (Some(Some(true)), _) | (_, Some(true)) => Some(true),
            (Some(None), _) | (_, None) => None,
            (Some(Some(false)), Some(false)) => Some(false),
        };
        self.metadata.capabilities.insert(name.to_owned(), together);
    }

    /// Sets the account from a field of the credential.
    pub(crate) fn account(&mut self, value: &str, kind: Mask) {
        self.metadata.account = Some(mask(kind, value));
    }

    /// Whether this capability is known to be there.
    pub(crate) fn has(&self, capability: &str) -> bool {
        self.metadata.capabilities.get(capability) == Some(&Some(true))
    }

    pub(crate) fn finish(self) -> KeyMetadata {
        self.metadata
    }

    fn text(&self, spec: &Text, told: Told<'_>) -> Option<String> {
        let text = match (&spec.header, &spec.pointer) {
            (Some(name), _) => told.header(name)?.to_owned(),
            (None, Some(pointers)) => in_body(spec, pointers, told.document)?,
            (None, None) => return None,
        };
        // Before it is cut or masked: a part of a secret would not be found.
        if self.scrubber.finds_in(&text) {
            return None;
        }
        let text = if spec.list { listed(&text) } else { text };
        let text = spec.mask.map_or_else(|| text.clone(), |kind| mask(kind, &text));
        self.clean(&text)
    }

    /// One line of bounded length that does not hold the secret.
    fn clean(&self, text: &str) -> Option<String> {
        let line: String = text.chars().filter(|c| !c.is_control()).take(LONGEST_TEXT).collect();
        let line = line.trim();
        (!line.is_empty() && !self.scrubber.finds_in(text)).then(|| line.to_owned())
    }
}

fn in_body(spec: &Text, pointers: &Pointers, document: &Value) -> Option<String> {
    let document = match &spec.within {
        Some(list) => first_like(spec, list.first(document)?.as_array()?)?,
        None => document,
    };
    let parts: Option<Vec<String>> =
        pointers.as_slice().iter().map(|pointer| plain(pointer, document)).collect();
    let text = parts?.join(" ");
    let other = spec.differs_from.as_ref().map(|other| plain(other, document));
    other.is_none_or(|other| other.is_some_and(|other| other != text)).then_some(text)
}

/// The items of a list with commas: as many as fit, and a sign where there are more.
fn listed(text: &str) -> String {
    const MORE: &str = ", …";
    let mut fitting = String::new();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let comma = if fitting.is_empty() { "" } else { ", " };
        let length =
            [fitting.as_str(), comma, item, MORE].into_iter().map(|part| part.chars().count()).sum::<usize>();
        if length > LONGEST_TEXT && !fitting.is_empty() {
            return fitting + MORE;
        }
        fitting.push_str(comma);
        fitting.push_str(item);
    }
    fitting
}

fn first_like<'v>(spec: &Text, items: &'v [Value]) -> Option<&'v Value> {
    items
        .iter()
        .find(|item| spec.whose.iter().all(|(pointer, test)| holds(test, &pointer.select(item), item)))
}

/// A text, number or truth value as a text.
fn plain(pointer: &Pointer, document: &Value) -> Option<String> {
    match pointer.first(document)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn mask(kind: Mask, text: &str) -> String {
    let count = text.chars().count();
    match kind {
        Mask::Email => match text.split_once('@') {
            Some((local, domain)) => {
                local.chars().take(1).chain("…@".chars()).chain(domain.chars()).collect()
            }
            None => "…".to_owned(),
        },
        Mask::Host => {
            let host = text.strip_prefix("https://").unwrap_or(text);
            host.chars().take(LONGEST_TEXT).collect()
        }
        Mask::Sid if count < 12 => "…".to_owned(),
        Mask::Name if count < 4 => "…".to_owned(),
        Mask::Name => text.chars().take(1).chain(['…']).chain(text.chars().skip(count - 1)).collect(),
        Mask::Sid => text.chars().take(2).chain(['…']).chain(text.chars().skip(count - 4)).collect(),
    }
}

/// Used and limit, so that their difference is what the provider says is left, extras included.
fn read_quota(spec: &QuotaRead, told: Told<'_>, now: Timestamp) -> Quota {
    let value = |place: &Option<Place>| told.at(place.as_ref()?);
    let count = |place: &Option<Place>| number(&value(place)?).filter(|count| *count >= 0);
    let (used, left, limit) = (count(&spec.used), count(&spec.left), count(&spec.limit));
    let limit = limit.filter(|limit| *limit > 0 || !matches!(spec.limit, Some(Place::Header(_))));
    let (used, limit) = match (used, left, limit) {
        (Some(used), Some(left), _) => (Some(used), used.checked_add(left)),
        (None, Some(left), Some(limit)) if limit >= left => (Some(limit - left), Some(limit)),
        (used, _, limit) => (used, limit),
    };
    let at = value(&spec.resets_at).and_then(|value| {
        let date = value.as_str().and_then(Timestamp::parse);
        date.or_else(|| number(&value).map(Timestamp::from_seconds))
    });
    let wait = count(&spec.resets_in).filter(|seconds| *seconds <= LATEST_RENEWAL);
    let wait = wait.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    let resets_at = at.or_else(|| wait.map(|wait| now.plus(wait)));
    Quota { used, limit, unit: spec.unit.clone(), resets_at }
}

/// `42 of 1000 searches until 2026-12-01T00:00:00Z`, as far as it is known.
pub(crate) fn quota_in_words(quota: &Quota) -> String {
    let count = |count: Option<i64>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
    let until = quota.resets_at.map(|at| format!(" until {at}")).unwrap_or_default();
    format!("{} of {} {}{until}", count(quota.used), count(quota.limit), quota.unit)
}

fn read_capability(spec: &CapabilityRead, document: &Value) -> Option<bool> {
    let values = spec.pointer.select(document);
    if holds(&spec.is, &values, document) {
        return Some(true);
    }
    let answered =
        if spec.pointer.is_wild() { spec.pointer.lists_exist(document) } else { !values.is_empty() };
    let goes_on = spec.more.as_ref().is_some_and(|more| more.first(document).is_some());
    (answered && !goes_on).then_some(false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{model::ids::ProviderId, providers::catalogue::Catalogue};

    fn told<'a>(document: &'a Value, headers: &'a HeaderMap) -> Told<'a> {
        Told { document, headers }
    }

    fn quota(document: &Value) -> Quota {
        let catalogue = Catalogue::shared();
        let file = &catalogue.get(&ProviderId::SERPAPI).unwrap().file;
        let spec = file.probe[0].read.quota.as_ref().unwrap();
        read_quota(spec, told(document, &HeaderMap::new()), Timestamp::default())
    }

    #[test]
    fn a_quota_is_what_the_provider_says_is_left() {
        let renewal = json!({"this_month_usage": 42, "total_searches_left": 958, "searches_per_month": 900,
            "plan_renewal_date": "2026-12-01"});
        let read = quota(&renewal);
        assert_eq!((read.used, read.limit, read.left()), (Some(42), Some(1000), Some(958)));
        assert_eq!(read.resets_at, Timestamp::parse("2026-12-01"));
        let read = quota(&json!({"total_searches_left": 10, "searches_per_month": 100.0}));
        assert_eq!((read.used, read.limit), (Some(90), Some(100)));
        let read =
            quota(&json!({"this_month_usage": null, "searches_per_month": "many", "plan_renewal_date": "?"}));
        assert_eq!((read.used, read.limit, read.resets_at), (None, None, None));
        let read = quota(&json!({"total_searches_left": -4, "this_month_usage": i64::MAX}));
        assert_eq!((read.used, read.limit), (Some(i64::MAX), None));
    }

    #[test]
    fn accounts_are_masked() {
        assert_eq!(mask(Mask::Email, "ana@example.org"), "a…@example.org");
        assert_eq!(mask(Mask::Email, "@example.org"), "…@example.org");
        assert_eq!(mask(Mask::Email, "no address"), "…");
        assert_eq!(mask(Mask::Sid, "AC0123456789abcdef0123456789ab9f31"), "AC…9f31");
        assert_eq!(mask(Mask::Sid, "short"), "…");
        assert_eq!(mask(Mask::Name, "octocat"), "o…t");
        assert_eq!(mask(Mask::Name, "ana"), "…");
        assert_eq!(mask(Mask::Host, "https://x.example.org:6333"), "x.example.org:6333");
    }

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (name.parse::<reqwest::header::HeaderName>().unwrap(), value.parse().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_quota_may_stand_in_headers() {
        let now = Timestamp::from_seconds(1000);
        let item = |name: &str, item: usize| format!("{{ header = \"x-{name}\", item = {item} }}");
        let text = |item_of: usize| {
            let (left, limit, reset) =
                (item("left", item_of), item("limit", item_of), item("reset", item_of));
            format!("unit = \"queries\"\nleft = {left}\nlimit = {limit}\nresets_in = {reset}")
        };
        let read = |item_of: usize, pairs: &[(&str, &str)]| {
            let spec: QuotaRead = toml::from_str(&text(item_of)).unwrap();
            let quota = read_quota(&spec, told(&json!({}), &headers(pairs)), now);
            (quota.used, quota.limit, quota.resets_at.map(Timestamp::seconds))
        };
        let both = [("x-left", "0, 1999"), ("x-limit", "1,2000"), ("x-reset", "1, 500")];
        assert_eq!(read(2, &both), (Some(1), Some(2000), Some(1500)));
        assert_eq!(read(1, &both), (Some(1), Some(1), Some(1001)));
        assert_eq!(read(3, &both), (None, None, None));
        // No monthly limit, and what makes no sense.
        assert_eq!(read(2, &[("x-left", "49, 0"), ("x-limit", "50, 0")]), (None, None, None));
        for odd in ["x", "", "-5", "1", ", -1", ", 99999999999999999999"] {
            assert_eq!(read(2, &[("x-left", odd), ("x-limit", odd), ("x-reset", odd)]), (None, None, None));
        }
    }

    #[test]
    fn a_text_may_stand_in_a_header() {
        let scrubber = Scrubber::new(["topsecretvalue"]);
        let collector = Collector::new(&scrubber, Timestamp::default());
        let long = (1..40).map(|n| format!("scope:{n}")).collect::<Vec<_>>().join(",");
        for (spec, value, expected) in [
            ("list = true", "repo,  read:org ,,user", Some("repo, read:org, user")),
            ("list = true", "", None),
            ("list = true", " , ", None),
            ("", "2027-01-31 12:00:00 UTC", Some("2027-01-31 12:00:00 UTC")),
            ("", "a topsecretvalue", None),
            ("list = true", "a, topsecretvalue", None),
            ("mask = \"name\"", "octocat", Some("o…t")),
            ("mask = \"name\"", "topsecretvalue", None),
        ] {
            let spec: Text = toml::from_str(&format!("header = \"X-It\"\n{spec}")).unwrap();
            let found = collector.text(&spec, told(&json!({}), &headers(&[("x-it", value)])));
            assert_eq!(found.as_deref(), expected, "{value}");
            assert_eq!(collector.text(&spec, told(&json!({}), &headers(&[]))), None);
        }
        let spec: Text = toml::from_str("header = \"x-it\"\nlist = true").unwrap();
        let cut = collector.text(&spec, told(&json!({}), &headers(&[("x-it", &long)]))).unwrap();
        assert!(cut.ends_with(", …") && cut.chars().count() <= LONGEST_TEXT, "{cut}");
        let whole: Vec<_> = long.split(',').collect();
        assert!(cut.trim_end_matches(", …").split(", ").all(|scope| whole.contains(&scope)), "{cut}");
    }

    #[test]
    fn one_yes_is_enough_and_no_takes_all() {
        let scrubber = Scrubber::new([]);
        for (answers, expected) in [
            (vec![Some(false), Some(false)], Some(false)),
            (vec![Some(false), None], None),
            (vec![None, Some(false)], None),
            (vec![Some(true), None], Some(true)),
            (vec![None, Some(true)], Some(true)),
        ] {
            let mut collector = Collector::new(&scrubber, Timestamp::default());
            for answer in answers {
                collector.capability("c", answer);
            }
            assert_eq!(collector.has("c"), expected == Some(true));
            assert_eq!(collector.finish().capabilities["c"], expected);
        }
    }

    #[test]
    fn texts_are_cut_and_never_hold_the_secret() {
        let scrubber = Scrubber::new(["topsecretvalue"]);
        let collector = Collector::new(&scrubber, Timestamp::default());
        assert_eq!(collector.clean(" Big\u{1b}[31m Plan\n"), Some("Big[31m Plan".to_owned()));
        assert_eq!(collector.clean(&"x".repeat(500)).map(|t| t.len()), Some(LONGEST_TEXT));
        assert_eq!(collector.clean("plan topsecretvalue"), None);
        assert_eq!(collector.clean("\n"), None);
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let key = prop::sample::select(vec![
                "account_email",
                "plan_name",
                "total_searches_left",
                "this_month_usage",
                "searches_per_month",
                "plan_renewal_date",
                "type",
                "sid",
                "owner_account_sid",
                "incoming_phone_numbers",
                "capabilities",
                "voice",
                "phone_number",
                "outgoing_caller_ids",
                "balance",
                "currency",
                "error",
            ]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(key.prop_map(str::to_owned), inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Whatever is refused in which order: a no is only what a refusal named and no answer told otherwise.
        #[test]
        fn only_what_a_refusal_names_is_lacking(refused in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
            let catalogue = Catalogue::shared();
            let scrubber = Scrubber::new([]);
            for provider in catalogue.iter() {
                let probe = &provider.file.probe;
                let all = probe.iter().flat_map(|call| call.rules.iter().map(move |rule| (call, &rule.lacks)));
                let all: Vec<_> = all.collect();
                let mut collector = Collector::new(&scrubber, Timestamp::default());
                let mut named = std::collections::BTreeSet::new();
                for (call, lacks) in refused.iter().map(|index| index.get(&all)) {
                    collector.miss(&call.read, lacks);
                    named.extend(lacks.iter().cloned());
                }
                for (name, answer) in collector.finish().capabilities {
                    prop_assert!(answer.is_none() || (answer == Some(false) && named.contains(&name)), "{}", name);
                }
            }
        }

        #[test]
        fn reading_any_document_never_panics_and_stays_short(
            document in json_value(),
            value in prop_oneof!["[0-9, -]{0,40}", "[ -~]{0,300}"],
        ) {
            let pairs = ["x-oauth-scopes", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
            let headers = headers(&pairs.map(|name| (name, value.as_str())));
            let catalogue = Catalogue::shared();
            let scrubber = Scrubber::new([]);
            for provider in catalogue.iter() {
                let mut collector = Collector::new(&scrubber, Timestamp::default());
                for call in &provider.file.probe {
                    collector.take(&call.read, told(&document, &headers));
                }
                let metadata = collector.finish();
                let texts = metadata.facts.values().chain(&metadata.account).chain(&metadata.plan);
                for text in texts {
                    prop_assert!(text.chars().count() <= LONGEST_TEXT && !text.chars().any(char::is_control));
                }
            }
        }
    }
}
