//! What providers send of their own accord: verified before anything of it is believed.
//!
//! Twilio signs with HMAC-SHA1, and prescribes it; nothing else here uses SHA-1. The signature covers the address, as
//! Twilio was given it, and every parameter, but no time: what was sent once can be sent again, and must then have no
//! further effect. See <https://www.twilio.com/docs/usage/security#validating-requests>.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha1::Sha1;
use zeroize::Zeroizing;

use super::Providers;
use crate::{
    model::ids::{KeyId, ProviderId, UserId},
    vault::{SecretKind, WrappedDek},
};

/// The longest body that is read.
const BODY_MAX: usize = 64 << 10;

/// The sealed copy of a secret that verifies webhooks.
#[derive(Debug, Clone)]
pub struct SealedWebhookSecret {
    /// Whose it is.
    pub owner: UserId,
    /// The credential's row.
    pub row_id: KeyId,
    /// The provider.
    pub provider: ProviderId,
    /// The credential's fields that are not secret.
    pub config: Value,
    /// The credential's version.
    pub version: i64,
    /// The envelope of type 03.
    pub envelope: Vec<u8>,
    /// The owner's data key that sealed it.
    pub dek: WrappedDek,
}

/// A request that claims to come from a provider.
#[derive(Debug, Clone, Copy)]
pub struct Inbound<'a> {
    /// The address as the provider was given it: from the settings, never from the request's own headers.
    pub url: &'a str,
    /// Every signature it carries.
    pub signatures: &'a [&'a [u8]],
    /// The type of the body.
    pub content_type: Option<&'a str>,
    /// The body as it came.
    pub body: &'a [u8],
}

/// It is not proven who sent it. Says nothing more, to anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not signed by whom it claims to come from")]
pub struct Forged;

/// The parameters of a request whose sender is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The value of the parameter, where it is there once.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(known, _)| known == name);
        let first = values.next()?;
        values.next().is_none().then_some(first.1.as_str())
    }
}

impl Providers {
    /// The parameters of a form that is signed with one of `secrets`.
    ///
    /// # Errors
    /// It has no signature or several, none of the secrets made it, or it is no form. JSON is never sent to the
    /// addresses that Keyward gives.
    pub fn verify_webhook(
        &self,
        secrets: &[SealedWebhookSecret],
        request: &Inbound<'_>,
    ) -> Result<Parameters, Forged> {
        let [signature] = request.signatures else { return Err(Forged) };
        let signature = STANDARD.decode(signature).map_err(|_| Forged)?;
        let params = form(request).ok_or(Forged)?;
        let pairs = signed_pairs(&params);
        let spellings = spellings(request.url);
        let signed = secrets
            .iter()
            .filter_map(|sealed| self.open_webhook_secret(sealed))
            .any(|secret| spellings.iter().any(|url| made_by(&secret, url, &pairs, &signature)));
        if signed { Ok(Parameters(params)) } else { Err(Forged) }
    }

    fn open_webhook_secret(&self, sealed: &SealedWebhookSecret) -> Option<Zeroizing<Vec<u8>>> {
        let SealedWebhookSecret { owner, row_id, provider, config, version, .. } = sealed;
        let place = self.record_place(*owner, *row_id, provider, config, *version)?;
        self.vault.open(&sealed.dek, &place.context(SecretKind::WebhookSecret), &sealed.envelope).ok()
    }
}

/// The parameters of a form.
fn form(request: &Inbound<'_>) -> Option<Vec<(String, String)>> {
    let kind = request.content_type?.split(';').next()?.trim();
    let is_form = kind.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    if !is_form || request.body.len() > BODY_MAX {
        return None;
    }
    Some(url::form_urlencoded::parse(request.body).into_owned().collect())
}

/// Sorted by name, and the values of one name sorted too, each once.
fn signed_pairs(params: &[(String, String)]) -> BTreeSet<(&str, &str)> {
    params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// The address, and the same with the port that its scheme implies: Twilio signs either.
fn spellings(url: &str) -> Vec<String> {
    let mut all = vec![url.to_owned()];
    for (scheme, port) in [("https://", ":443"), ("http://", ":80")] {
        let Some(rest) = url.strip_prefix(scheme) else { continue };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, path) = rest.split_at(end);
        // The colons of an IPv6 address stand in brackets.
        let bare = host.rsplit(']').next().unwrap_or_default();
        if let Some(host) = host.strip_suffix(port) {
            all.push(format!("{scheme}{host}{path}"));
        } else if !bare.contains(':') {
            all.push(format!("{scheme}{host}{port}{path}"));
        }
    }
    all
}

fn mac(secret: &[u8], url: &str, pairs: &BTreeSet<(&str, &str)>) -> Option<Hmac<Sha1>> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).ok()?;
    mac.update(url.as_bytes());
    for (name, value) in pairs {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    Some(mac)
}

/// Compares in constant time.
fn made_by(secret: &[u8], url: &str, pairs: &BTreeSet<(&str, &str)>, signature: &[u8]) -> bool {
    mac(secret, url, pairs).is_some_and(|mac| mac.verify_slice(signature).is_ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &[u8] = b"12345";
    const PLAIN: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";

    fn owned(params: &[(&str, &str)]) -> Vec<(String, String)> {
        params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn verifies(url: &str, params: &[(String, String)], signature: &str) -> bool {
        made_by(TOKEN, url, &signed_pairs(params), &STANDARD.decode(signature).unwrap())
    }

    fn signed(url: &str, params: &[(String, String)]) -> Vec<u8> {
        mac(TOKEN, url, &signed_pairs(params)).unwrap().finalize().into_bytes().to_vec()
    }

    fn call() -> Vec<(String, String)> {
        owned(&[
            ("To", "+18005551212"),
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675309"),
            ("Digits", "1234"),
            ("From", "+14158675309"),
        ])
    }

    /// The vectors of Twilio's own SDKs (`tests/unit/test_request_validator.py` of twilio-python).
    #[test]
    fn twilio_s_published_signatures() {
        let repeated = owned(&[
            ("Sid", "CA123"),
            ("Digits", "5678"),
            ("SidAccount", "AC123"),
            ("Digits", "1234"),
            ("Digits", "1234"),
        ]);
        let json =
            format!("{PLAIN}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620");
        for (url, params, signature) in [
            (PLAIN, call(), "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
            ("https://mycompany.com:443/myapp.php?foo=1&bar=2", call(), "kvajT1Ptam85bY51eRf/AJRuM3w="),
            ("http://mycompany.com:80/myapp.php?foo=1&bar=2", call(), "0ZXoZLH/DfblKGATFgpif+LLRf4="),
            ("http://mycompany.com:1234/myapp.php?foo=1&bar=2", call(), "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
            (PLAIN, repeated, "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
            (json.as_str(), Vec::new(), "a9nBmqA0ju/hNViExpshrM61xv4="),
        ] {
            assert!(verifies(url, &params, signature), "{url}");
        }
    }

    #[test]
    fn the_port_that_is_implied_may_be_there_or_not() {
        assert_eq!(spellings("https://a.example/x"), ["https://a.example/x", "https://a.example:443/x"]);
        assert_eq!(spellings("http://a.example:80/x"), ["http://a.example:80/x", "http://a.example/x"]);
        assert_eq!(spellings("https://a.example:8443/x"), ["https://a.example:8443/x"]);
        assert_eq!(spellings("https://[::1]/x"), ["https://[::1]/x", "https://[::1]:443/x"]);
        assert_eq!(spellings("https://[::1]:9/x"), ["https://[::1]:9/x"]);
    }

    #[test]
    fn only_forms_are_read() {
        let request = |content_type, body| Inbound { url: PLAIN, signatures: &[], content_type, body };
        let kind = Some("application/x-www-form-urlencoded; charset=UTF-8");
        assert_eq!(form(&request(kind, b"a=b+c&a=%2B1")), Some(owned(&[("a", "b c"), ("a", "+1")])));
        for kind in [None, Some("application/json"), Some("text/plain"), Some("")] {
            assert_eq!(form(&request(kind, b"a=b")), None, "{kind:?}");
        }
        assert_eq!(form(&request(kind, &vec![b'a'; BODY_MAX + 1])), None);
    }

    #[test]
    fn a_parameter_that_is_there_twice_has_no_value() {
        let params = Parameters(owned(&[("a", "1"), ("b", "1"), ("b", "1")]));
        assert_eq!((params.get("a"), params.get("b"), params.get("c")), (Some("1"), None, None));
    }

    proptest! {
        #[test]
        fn one_bit_is_enough_to_be_refused(bit in 0_usize..160) {
            let mut signature = signed(PLAIN, &call());
            prop_assert!(made_by(TOKEN, PLAIN, &signed_pairs(&call()), &signature));
            signature[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!made_by(TOKEN, PLAIN, &signed_pairs(&call()), &signature));
        }

        #[test]
        fn whatever_is_added_or_dropped_or_changed_is_noticed(name in "[A-Za-z]{1,8}", value in "\\PC{0,12}", at in 0_usize..5) {
            let signature = signed(PLAIN, &call());
            let mut more = call();
            more.push((name, value.clone()));
            prop_assume!(signed_pairs(&more) != signed_pairs(&call()));
            prop_assert!(!made_by(TOKEN, PLAIN, &signed_pairs(&more), &signature));
            let mut fewer = call();
            fewer.remove(at);
            prop_assert!(!made_by(TOKEN, PLAIN, &signed_pairs(&fewer), &signature));
            let mut other = call();
            other[at].1.push('0');
            prop_assert!(!made_by(TOKEN, PLAIN, &signed_pairs(&other), &signature));
            prop_assert!(!made_by(b"12346", PLAIN, &signed_pairs(&call()), &signature));
        }

        #[test]
        fn nothing_makes_the_reader_break(body in prop::collection::vec(any::<u8>(), 0..200), url in "\\PC{0,60}") {
            let kind = Some("application/x-www-form-urlencoded");
            let request = Inbound { url: &url, signatures: &[], content_type: kind, body: &body };
            prop_assert!(form(&request).is_some() && !spellings(&url).is_empty());
        }
    }
}
