//! Personal API tokens. Only the hash of a token's text is stored.

use std::collections::BTreeSet;

use sqlx::FromRow;
use uuid::Uuid;

use super::{Means, Principal, SecurityEvent, Store, StoreError, audit, events, sql};
use crate::{
    model::{
        event::Change,
        ids::{TokenId, UserId},
        time::Timestamp,
        token::{Scope, TOKENS_MAX, TokenView},
    },
    vault::AuditKey,
};

/// A token to be.
#[derive(Debug)]
pub struct NewToken<'a> {
    /// What its owner will see of it.
    pub view: &'a TokenView,
    /// Whose.
    pub user: UserId,
    /// The user's epoch.
    pub epoch: i64,
    /// SHA-256 of its text.
    pub token_hash: [u8; 32],
}

#[derive(FromRow)]
struct ListRow {
    id: Uuid,
    name: String,
    scopes: String,
    created_at: i64,
    expires_at: i64,
    last_used_at: Option<i64>,
}

impl TryFrom<ListRow> for TokenView {
    type Error = StoreError;

    fn try_from(row: ListRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: TokenId(row.id),
            name: row.name,
            scopes: scopes(&row.scopes)?,
            created_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
            last_used_at: row.last_used_at.map(Timestamp),
        })
    }
}

#[derive(FromRow)]
struct PrincipalRow {
    user_id: Uuid,
    email: String,
    epoch: i64,
    token_id: Uuid,
    scopes: String,
    last_used_at: Option<i64>,
}

impl TryFrom<PrincipalRow> for Principal {
    type Error = StoreError;

    fn try_from(row: PrincipalRow) -> Result<Self, StoreError> {
        Ok(Self {
            user: UserId(row.user_id),
            email: row.email,
            epoch: row.epoch,
            means: Means::Token { id: TokenId(row.token_id), scopes: scopes(&row.scopes)? },
            last_seen_at: Timestamp(row.last_used_at.unwrap_or_default()),
        })
    }
}

fn scopes(words: &str) -> Result<BTreeSet<Scope>, StoreError> {
    let unknown = |_| StoreError::UnknownWord { column: "scopes" };
    words.split_whitespace().map(|word| word.parse().map_err(unknown)).collect()
}

impl Store {
    /// Stores a token; `false` when its owner has as many live ones as anybody may have.
    pub async fn insert_token(
        &self,
        token: &NewToken<'_>,
        audit_key: &AuditKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let view = token.view;
        let scopes: Vec<_> = view.scopes.iter().map(|scope| scope.code()).collect();
        let most = i64::try_from(TOKENS_MAX).unwrap_or(i64::MAX);
        let mut tx = self.begin().await?;
        // The audit line comes first: two at once queue behind it, so that both cannot be the last that fits.
        let entry = SecurityEvent::new(token.user, "token.created", view.id);
        audit::append(&mut tx, audit_key, &entry, now).await?;
        let stored = sql::tx_execute!(
            &mut tx,
            "INSERT INTO api_tokens (id, user_id, name, token_hash, scopes, epoch, created_at, expires_at)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8
             WHERE (SELECT COUNT(*) FROM api_tokens WHERE user_id = $2 AND expires_at > $7) < $9",
            view.id.0,
            token.user.0,
            &view.name,
            &token.token_hash[..],
            scopes.join(" "),
            token.epoch,
            view.created_at.0,
            view.expires_at.0,
            most
        )?;
        if stored == 0 {
            return Ok(false);
        }
        events::append(&mut tx, token.user, Change::Account, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The owner's live tokens, the latest first.
    pub async fn tokens(&self, user: UserId, now: Timestamp) -> Result<Vec<TokenView>, StoreError> {
        let rows = sql::fetch_all!(
            self.reader(),
            ListRow,
            "SELECT t.id, t.name, t.scopes, t.created_at, t.expires_at, t.last_used_at
             FROM api_tokens t JOIN users u ON u.id = t.user_id AND u.epoch = t.epoch
             WHERE t.user_id = $1 AND t.expires_at > $2 ORDER BY t.created_at DESC, t.id DESC",
            user.0,
            now.0
        )?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Whom the live token with this hash speaks for: not expired, of the user's epoch, of a user who is not
    /// shut out.
    pub async fn principal_by_api_token(
        &self,
        token_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Principal>, StoreError> {
        let row = sql::fetch_optional!(
            self.reader(),
            PrincipalRow,
            "SELECT u.id AS user_id, u.email, u.epoch, t.id AS token_id, t.scopes, t.last_used_at
             FROM api_tokens t JOIN users u ON u.id = t.user_id
             WHERE t.token_hash = $1 AND t.expires_at > $2 AND t.epoch = u.epoch AND NOT u.disabled",
            &token_hash[..],
            now.0
        )?;
        row.map(TryInto::try_into).transpose()
    }

    /// Notes that a token is in use.
    pub async fn touch_token(&self, user: UserId, token: TokenId, now: Timestamp) -> Result<(), StoreError> {
        sql::execute!(
            self.writer(),
            "UPDATE api_tokens SET last_used_at = $1
             WHERE id = $2 AND user_id = $3 AND (last_used_at IS NULL OR last_used_at < $1)",
            now.0,
            token.0,
            user.0
        )?;
        Ok(())
    }

    /// Revokes one of the owner's tokens; `false` when there is no such token.
    pub async fn delete_token(
        &self,
        user: UserId,
        token: TokenId,
        audit_key: &AuditKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let deleted = sql::tx_execute!(
            &mut tx,
            "DELETE FROM api_tokens WHERE id = $1 AND user_id = $2",
            token.0,
            user.0
        )?;
        if deleted == 0 {
            return Ok(false);
        }
        audit::append(&mut tx, audit_key, &SecurityEvent::new(user, "token.revoked", token), now).await?;
        events::append(&mut tx, user, Change::Account, now).await?;
        tx.commit().await?;
        Ok(true)
    }
}
