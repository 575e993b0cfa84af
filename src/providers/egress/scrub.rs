//! A second line of defence: finds a secret in what a provider sent, in the forms in which servers
//! like to repeat it.

use base64::{Engine as _, engine::general_purpose};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::providers::template::percent_encode;

/// Shorter values are too common to be told from ordinary text.
const SHORTEST: usize = 8;
/// What stands in for a secret.
const MARK: &str = "[removed]";

/// The secrets of one credential, in every form that is looked for. Has no `Debug`.
pub(crate) struct Scrubber(Vec<Zeroizing<String>>);

impl Scrubber {
    pub(crate) fn new<'s>(secrets: impl IntoIterator<Item = &'s str>) -> Self {
        let long = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST);
        let mut forms: Vec<_> = long.flat_map(forms).filter(|form| form.len() >= SHORTEST).collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Self(forms)
    }

    /// Whether `text` holds a secret.
    pub(crate) fn finds_in(&self, text: &str) -> bool {
        self.0.iter().any(|form| text.contains(form.as_str()))
    }

    /// Whether `bytes` hold a secret.
    pub(crate) fn finds_in_bytes(&self, bytes: &[u8]) -> bool {
        self.0.iter().any(|form| bytes.windows(form.len()).any(|window| window == form.as_bytes()))
    }

    /// The length of the longest text that is looked for.
    pub(crate) fn longest(&self) -> usize {
        self.0.first().map_or(0, |form| form.len())
    }

    /// Removes the secrets from every text of `document`, names of members included.
    pub(crate) fn clean(&self, document: &mut Value) {
        match document {
            Value::String(text) if self.finds_in(text) => *text = self.without(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.clean(item)),
            Value::Object(members) => {
                let named: Vec<String> = members.keys().filter(|name| self.finds_in(name)).cloned().collect();
                for name in named {
                    if let Some(value) = members.remove(&name) {
                        members.insert(self.without(&name), value);
                    }
                }
                members.values_mut().for_each(|value| self.clean(value));
            }
            _ => {}
        }
    }

    fn without(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, form| text.replace(form.as_str(), MARK))
    }
}

/// As it is, percent-encoded, in hexadecimal, and in base64 at each of the three offsets it can have
/// within a longer text.
fn forms(secret: &str) -> Vec<Zeroizing<String>> {
    let mut percent = Zeroizing::new(String::with_capacity(secret.len() * 3));
    percent_encode(&mut percent, secret);
    let mut hex = Zeroizing::new(String::with_capacity(secret.len() * 2));
    for byte in secret.bytes() {
        hex.extend([byte >> 4, byte & 15].iter().filter_map(|digit| char::from_digit(u32::from(*digit), 16)));
    }
    let mut forms = vec![Zeroizing::new(secret.to_owned()), percent, hex];
    for offset in 0..3_usize {
        let mut shifted = Zeroizing::new(vec![0; offset]);
        shifted.extend_from_slice(secret.as_bytes());
        // The characters that also depend on what stands before or after the secret are left out.
        let (from, to) = ((offset * 8).div_ceil(6), shifted.len() * 8 / 6);
        for engine in [general_purpose::STANDARD_NO_PAD, general_purpose::URL_SAFE_NO_PAD] {
            let encoded = Zeroizing::new(engine.encode(&*shifted));
            forms.extend(encoded.get(from..to).map(|middle| Zeroizing::new(middle.to_owned())));
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_loses_every_trace() {
        let scrubber = Scrubber::new(["s3cr3t-value/1"]);
        let mut document =
            json!({"a": ["x s3cr3t-value/1 y"], "s3cr3t-value/1": {"url": "?k=s3cr3t-value%2F1"}, "n": 1});
        scrubber.clean(&mut document);
        assert_eq!(document, json!({"a": ["x [removed] y"], "[removed]": {"url": "?k=[removed]"}, "n": 1}));
    }

    #[test]
    fn short_values_are_left_alone() {
        assert!(!Scrubber::new(["on"]).finds_in("on and on"));
    }

    proptest! {
        #[test]
        fn every_form_is_found(secret in "[!-~]{8,40}", before in "[a-z]{0,5}", after in "[a-z]{0,5}") {
            let scrubber = Scrubber::new([secret.as_str()]);
            let around = format!("{before}{secret}{after}");
            let hex: String = around.bytes().map(|b| format!("{b:02x}")).collect();
            let mut percent = String::new();
            percent_encode(&mut percent, &around);
            let base64 = general_purpose::STANDARD.encode(&around);
            let url_safe = general_purpose::URL_SAFE.encode(&around);
            for form in [around, hex, percent, base64, url_safe] {
                prop_assert!(scrubber.finds_in(&form), "{form}");
            }
        }
    }
}
