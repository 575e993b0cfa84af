//! Addresses under which a sound can be heard for a short time. Whoever has one may listen: a player in a page sends
//! no token. They cannot be guessed or made longer-lived, for they are signed.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

use crate::model::{
    ids::{CallId, UserId},
    time::Timestamp,
};

/// An address in a page is good for this long.
pub const LISTEN: Duration = Duration::from_secs(5 * 60);
/// Sets the key apart from that of the tokens, which comes from the same secret.
const LABEL: &[u8] = b"keyward media links 1";

/// The key that signs these addresses.
pub struct MediaKey(SecretSlice<u8>);

/// What can be heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// Whose it is.
    pub user: UserId,
    /// The call.
    pub call: CallId,
    /// Its recording, by the provider's name, or another word for what is heard of it: letters and digits.
    pub recording: String,
}

impl MediaKey {
    /// The key that follows from the secret of the tokens.
    pub fn new(secret: &SecretSlice<u8>) -> Self {
        // EXPOSE: another key is made of it.
        let key = mac(secret.expose_secret(), LABEL).map(|mac| mac.finalize().into_bytes().to_vec());
        Self(key.unwrap_or_default().into())
    }

    /// The last part of an address.
    pub fn sign(&self, media: &Media, until: Timestamp) -> String {
        let said = format!("{}.{}.{}.{}", media.user, media.call, media.recording, until.0);
        // EXPOSE: it signs.
        let mac = mac(self.0.expose_secret(), said.as_bytes());
        let signature = mac.map(|mac| URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
        format!("{said}.{}", signature.unwrap_or_default())
    }

    /// What may be heard under an address, if it is signed and its time is not over.
    pub fn verify(&self, link: &str, now: Timestamp) -> Option<Media> {
        let (said, signature) = link.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        // EXPOSE: it verifies.
        mac(self.0.expose_secret(), said.as_bytes())?.verify_slice(&signature).ok()?;
        let mut parts = said.split('.');
        let media = Media {
            user: parts.next()?.parse().ok()?,
            call: parts.next()?.parse().ok()?,
            recording: parts.next()?.to_owned(),
        };
        let until = Timestamp(parts.next()?.parse().ok()?);
        (now < until).then_some(media)
    }
}

fn mac(key: &[u8], text: &[u8]) -> Option<Hmac<Sha256>> {
    // A key that could not be made signs and verifies nothing.
    if key.is_empty() {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(text);
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_good_for_five_minutes_and_for_nothing_else() {
        let key = |secret: &[u8]| MediaKey::new(&secret.to_vec().into());
        let (own, other) =
            (key(b"a secret of 32 characters or more"), key(b"another secret of 32 characters."));
        let now = Timestamp::from_seconds(1_795_000_000);
        let media = Media { user: UserId::generate(), call: CallId::generate(), recording: "RE1".to_owned() };
        let link = own.sign(&media, now.plus(LISTEN));
        assert_eq!(own.verify(&link, now.plus(Duration::from_secs(299))), Some(media.clone()));
        assert_eq!(own.verify(&link, now.plus(Duration::from_secs(300))), None);
        assert_eq!(other.verify(&link, now), None);
        assert_eq!(own.verify(&link.replace("RE1", "RE2"), now), None);
        let later = own.sign(&media, now.plus(Duration::from_secs(3_900)));
        let (said, _) = later.rsplit_once('.').unwrap();
        let (_, signature) = link.rsplit_once('.').unwrap();
        assert_eq!(own.verify(&format!("{said}.{signature}"), now), None);
        for broken in ["", ".", "a.b.c.d.e", &link[1..], &link[..link.len() - 1]] {
            assert_eq!(own.verify(broken, now), None, "{broken}");
        }
        assert_eq!(key(b"").verify(&key(b"").sign(&media, now.plus(LISTEN)), now), None);
    }
}
