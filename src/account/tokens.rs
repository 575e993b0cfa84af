//! Use cases of personal API tokens. All of them take a session: a token cannot make, list or revoke tokens.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::{Accounts, ApiToken, internal};
use crate::{
    model::{
        error::{AppError, ErrorCode},
        ids::TokenId,
        token::{DEFAULT_DAYS, IssuedToken, TokenRequest, TokenView},
    },
    store::{NewToken, Principal},
};

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Accounts {
    /// The caller's live tokens, the latest first.
    pub async fn tokens(&self, who: &Principal) -> Result<Vec<TokenView>, AppError> {
        who.session()?;
        self.store.tokens(who.user, self.clock.now()).await.map_err(|e| internal(&e))
    }

    /// Makes a token. Its text is in the answer and nowhere else.
    pub async fn issue_token(&self, who: &Principal, request: TokenRequest) -> Result<IssuedToken, AppError> {
        who.session()?;
        let request = request.checked()?;
        let now = self.clock.now();
        let token = ApiToken::generate()?;
        let view = TokenView {
            id: TokenId::generate(),
            name: request.name,
            scopes: request.scopes,
            created_at: now,
            expires_at: now.plus(DAY * request.expires_in_days.unwrap_or(DEFAULT_DAYS)),
            last_used_at: None,
        };
        let row = NewToken { view: &view, user: who.user, epoch: who.epoch, token_hash: token.hash() };
        let stored = self.store.insert_token(&row, &self.audit, now).await;
        if !stored.map_err(|e| internal(&e))? {
            return Err(AppError::new(ErrorCode::TooManyTokens));
        }
        // EXPOSE: its owner gets it, once.
        Ok(IssuedToken { token: token.secret().expose_secret().to_owned(), view })
    }

    /// Revokes one of the caller's tokens.
    pub async fn revoke_token(&self, who: &Principal, token: TokenId) -> Result<(), AppError> {
        who.session()?;
        let revoked = self.store.delete_token(who.user, token, &self.audit, self.clock.now()).await;
        if revoked.map_err(|e| internal(&e))? { Ok(()) } else { Err(AppError::new(ErrorCode::NotFound)) }
    }
}
