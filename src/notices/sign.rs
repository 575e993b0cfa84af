//! Signatures as Standard Webhooks writes them: `v1,` and base64 of HMAC-SHA256 over id, time and body, under a secret
//! that begins with `whsec_`. See <https://github.com/standard-webhooks/standard-webhooks>.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{account, model::error::AppError};

const PREFIX: &str = "whsec_";

/// A new secret: 32 random bytes.
pub(super) fn new_secret() -> Result<SecretString, AppError> {
    let random = account::random::<32>()?;
    let text = Zeroizing::new(STANDARD.encode(&random[..]));
    Ok(format!("{PREFIX}{}", *text).into())
}

/// The signature of a message. Nothing for a text that is no secret.
pub(super) fn signature(secret: &SecretString, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
    // EXPOSE: it signs.
    let key = Zeroizing::new(STANDARD.decode(secret.expose_secret().strip_prefix(PREFIX)?).ok()?);
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the specification's own test suite.
    #[test]
    fn the_published_vector() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into();
        let signed =
            signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        assert_eq!(signature(&"MfKQ9r8G".into(), "a", 1, b""), None);
    }

    #[test]
    fn a_secret_is_32_random_bytes() {
        let (one, other) = (new_secret().unwrap(), new_secret().unwrap());
        let bytes = |secret: &SecretString| STANDARD.decode(&secret.expose_secret()[PREFIX.len()..]).unwrap();
        assert_eq!(bytes(&one).len(), 32);
        assert_ne!(bytes(&one), bytes(&other));
    }
}
