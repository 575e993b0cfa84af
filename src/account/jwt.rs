//! Short-lived tokens for API clients: HS256, bound to a session and to the user's epoch.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::{Deserialize, Serialize};

use crate::model::{
    error::{AppError, ErrorCode},
    ids::{SessionId, UserId},
    time::Timestamp,
};

const LIFETIME: Duration = Duration::from_secs(10 * 60);
const ISSUER: &str = "keyward";
const AUDIENCE: &str = "keyward-api";

/// The key that signs tokens; independent of the KEK.
pub struct JwtKey {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
    epoch: i64,
    nbf: i64,
    exp: i64,
}

/// Whom a token names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) user: UserId,
    pub(super) session: SessionId,
    pub(super) epoch: i64,
}

impl JwtKey {
    /// The key from its bytes.
    pub fn new(secret: &SecretSlice<u8>) -> Self {
        // EXPOSE: the library keeps the key in its own form.
        let bytes = secret.expose_secret();
        Self { encoding: EncodingKey::from_secret(bytes), decoding: DecodingKey::from_secret(bytes) }
    }

    /// A token for the user's session, good for ten minutes.
    pub(super) fn issue(
        &self,
        user: UserId,
        session: SessionId,
        epoch: i64,
        now: Timestamp,
    ) -> Result<SecretString, AppError> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user,
            sid: session,
            epoch,
            nbf: now.seconds(),
            exp: now.plus(LIFETIME).seconds(),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding);
        token.map(Into::into).map_err(|_| AppError::new(ErrorCode::Internal))
    }

    /// Whom the token names, if it is one of ours and its time has come and not passed. Times are
    /// compared with the application's clock, so the library's own comparison is off.
    pub(super) fn verify(&self, token: &SecretString, now: Timestamp) -> Option<Named> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        rules.validate_exp = false;
        rules.validate_nbf = false;
        // EXPOSE: to verify it.
        let claims =
            jsonwebtoken::decode::<Claims>(token.expose_secret(), &self.decoding, &rules).ok()?.claims;
        let live = claims.nbf <= now.seconds() && now.seconds() < claims.exp;
        live.then_some(Named { user: claims.sub, session: claims.sid, epoch: claims.epoch })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn key(byte: u8) -> JwtKey {
        JwtKey::new(&vec![byte; 32].into())
    }

    fn issued() -> (SecretString, Named) {
        let named = Named { user: UserId::generate(), session: SessionId::generate(), epoch: 4 };
        (key(1).issue(named.user, named.session, named.epoch, NOW).unwrap(), named)
    }

    #[test]
    fn a_token_lives_ten_minutes() {
        let (token, named) = issued();
        assert_eq!(key(1).verify(&token, NOW), Some(named));
        assert_eq!(key(1).verify(&token, NOW.plus(Duration::from_secs(599))), Some(named));
        assert_eq!(key(1).verify(&token, NOW.plus(LIFETIME)), None);
        assert_eq!(key(1).verify(&token, NOW.minus(Duration::from_secs(1))), None);
    }

    #[test]
    fn another_key_another_algorithm_and_any_change_are_refused() {
        let (token, _) = issued();
        assert_eq!(key(2).verify(&token, NOW), None);
        let text = token.expose_secret();
        let (_, rest) = text.split_once('.').unwrap();
        // {"alg":"none","typ":"JWT"}
        let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}", rest.rsplit_once('.').unwrap().0);
        for forged in [format!("{unsigned}."), unsigned, String::new(), "a.b.c".into()] {
            assert_eq!(key(1).verify(&forged.into(), NOW), None);
        }
        for at in (0..text.len()).step_by(7) {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            // The last character of the signature holds two bits that decode to nothing.
            if at + 1 < text.len() {
                assert_eq!(key(1).verify(&changed.into(), NOW), None, "at {at}");
            }
        }
    }
}
