//! Tokens of other programs of the operator's: a back end that asks about access, a monitoring system.

use secrecy::{ExposeSecret, SecretString};
use subtle::{Choice, ConstantTimeEq};

use super::{Accounts, credentials::Presented, internal, token::hash_text};
use crate::{
    model::{
        error::{AppError, ErrorCode},
        ids::UserId,
        service::ServiceId,
    },
    store::SecurityEvent,
};

/// The tokens that open one such way in. Without any it is closed.
#[derive(Debug, Clone, Default)]
pub struct SystemTokens(Vec<[u8; 32]>);

impl SystemTokens {
    /// Keeps the tokens' hashes.
    pub fn new(tokens: &[SecretString]) -> Self {
        // EXPOSE: to hash them.
        Self(tokens.iter().map(|token| hash_text(token.expose_secret())).collect())
    }

    /// Passes a request that presents one of the tokens, and nothing else.
    pub fn admit(&self, presented: &Presented) -> Result<(), AppError> {
        let Presented::Bearer(token) = presented else {
            return Err(AppError::new(ErrorCode::Unauthenticated));
        };
        // EXPOSE: to hash it. Hashes are compared, all of them, so that time tells nothing of the tokens.
        let hash = hash_text(token.expose_secret());
        let known = self.0.iter().fold(Choice::from(0), |known, own| known | own.ct_eq(&hash));
        if bool::from(known) { Ok(()) } else { Err(AppError::new(ErrorCode::Unauthenticated)) }
    }
}

impl Accounts {
    /// Writes down in a user's audit chain that another back end asked about their access; an error when there
    /// is no such user, or one who is shut out.
    pub async fn note_system_access(&self, user: UserId, service: ServiceId) -> Result<(), AppError> {
        let known = self.store.user(user).await.map_err(|e| internal(&e))?;
        if known.is_none_or(|user| user.disabled) {
            return Err(AppError::new(ErrorCode::NotFound));
        }
        let entry = SecurityEvent::new(user, "system.access_read", service);
        self.store.audit(&entry, &self.audit, self.clock.now()).await.map_err(|e| internal(&e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_of_two_tokens_is_admitted_and_nothing_else() {
        let tokens = SystemTokens::new(&["old token".into(), "new token".into()]);
        let bearer = |text: &str| Presented::Bearer(text.into());
        assert!(tokens.admit(&bearer("old token")).is_ok() && tokens.admit(&bearer("new token")).is_ok());
        for wrong in [bearer("old toke"), bearer(""), Presented::Nothing] {
            assert!(tokens.admit(&wrong).is_err());
        }
        assert!(SystemTokens::default().admit(&bearer("")).is_err());
    }
}
