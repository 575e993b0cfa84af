//! `X-Twilio-Signature`, see <https://www.twilio.com/docs/usage/security>. HMAC with SHA-1, for Twilio prescribes it.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// The signature of a request to `url` with the parameters `params` in its body.
pub fn sign(auth_token: &str, url: &str, params: &[(String, String)]) -> String {
    // Sorted by name, and the values of one name sorted too, each once.
    let pairs: BTreeSet<(&str, &str)> =
        params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes()) else { return String::new() };
    mac.update(url.as_bytes());
    for (name, value) in pairs {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "12345";
    const PLAIN: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";

    fn owned(params: &[(&str, &str)]) -> Vec<(String, String)> {
        params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// The vectors of the SDKs' own tests (`tests/unit/test_request_validator.py` of twilio-python).
    #[test]
    fn the_published_vectors() {
        let call = owned(&[
            ("To", "+18005551212"),
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675309"),
            ("Digits", "1234"),
            ("From", "+14158675309"),
        ]);
        for (url, signature) in [
            (PLAIN, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
            ("https://mycompany.com:443/myapp.php?foo=1&bar=2", "kvajT1Ptam85bY51eRf/AJRuM3w="),
            ("http://mycompany.com:80/myapp.php?foo=1&bar=2", "0ZXoZLH/DfblKGATFgpif+LLRf4="),
            ("http://mycompany.com:1234/myapp.php?foo=1&bar=2", "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        ] {
            assert_eq!(sign(TOKEN, url, &call), signature, "{url}");
        }
        let repeated = owned(&[
            ("Sid", "CA123"),
            ("Digits", "5678"),
            ("SidAccount", "AC123"),
            ("Digits", "1234"),
            ("Digits", "1234"),
        ]);
        assert_eq!(sign(TOKEN, PLAIN, &repeated), "IK+Dwps556ElfBT0I3Rgjkr1wJU=");
        let json =
            format!("{PLAIN}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620");
        assert_eq!(sign(TOKEN, &json, &[]), "a9nBmqA0ju/hNViExpshrM61xv4=");
    }

    #[test]
    fn everything_that_is_signed_changes_the_signature() {
        let params = owned(&[("CallSid", "CA1"), ("CallStatus", "completed")]);
        let first = sign(TOKEN, PLAIN, &params);
        assert_ne!(first, sign("12346", PLAIN, &params));
        assert_ne!(first, sign(TOKEN, "https://mycompany.com/myapp.php?foo=1&bar=3", &params));
        assert_ne!(first, sign(TOKEN, PLAIN, &params[..1]));
        assert_ne!(first, sign(TOKEN, PLAIN, &owned(&[("CallSid", "CA1"), ("CallStatus", "failed")])));
    }
}
