//! Log-in sessions. Only the hash of a session's token is stored.

use std::collections::BTreeSet;

use sqlx::{FromRow, types::Json};
use uuid::Uuid;

use super::{Db, SecurityEvent, Store, StoreError, audit, events, key_rows::StateRow, sql};
use crate::{
    model::{
        access::CredentialState,
        error::AppError,
        event::Change,
        ids::{SessionId, TokenId, UserId},
        time::Timestamp,
        token::Scope,
    },
    vault::AuditKey,
};

/// A session to be.
#[derive(Debug)]
pub struct NewSession<'a> {
    /// The id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// The user's epoch at log-in.
    pub epoch: i64,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// What the browser calls itself, cut to 200 characters.
    pub user_agent: &'a str,
    /// Where the log-in came from.
    pub address: &'a str,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// How somebody proved who they are, and so what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// By a session: everything.
    Session(SessionId),
    /// By a personal API token: what its scopes say.
    Token {
        /// The token.
        id: TokenId,
        /// What it may do.
        scopes: BTreeSet<Scope>,
    },
}

/// Who is asking, proved by a live session or token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user: UserId,
    /// The address.
    pub email: String,
    /// The user's epoch.
    pub epoch: i64,
    /// How they proved it.
    pub means: Means,
    /// When the session or token was last noted as used.
    pub last_seen_at: Timestamp,
}

impl Principal {
    /// Passes sessions, and tokens with this scope.
    pub fn may(&self, scope: Scope) -> Result<(), AppError> {
        match &self.means {
            Means::Token { scopes, .. } if !scopes.contains(&scope) => {
                Err(AppError::insufficient_scope(Some(scope)))
            }
            Means::Session(_) | Means::Token { .. } => Ok(()),
        }
    }

    /// The session, for what no token may do: it concerns the account itself.
    pub fn session(&self) -> Result<SessionId, AppError> {
        match self.means {
            Means::Session(session) => Ok(session),
            Means::Token { .. } => Err(AppError::insufficient_scope(None)),
        }
    }
}

/// A session in the owner's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The id.
    pub id: SessionId,
    /// What the browser calls itself.
    pub user_agent: String,
    /// Where the log-in came from.
    pub address: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last noted as used.
    pub last_seen_at: Timestamp,
}

#[derive(FromRow)]
struct PrincipalRow {
    user_id: Uuid,
    email: String,
    epoch: i64,
    session_id: Uuid,
    last_seen_at: i64,
}

/// Who asks, and how their credentials stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Who asks.
    pub principal: Principal,
    /// Their credentials, by provider.
    pub credentials: Vec<CredentialState>,
}

#[derive(FromRow)]
struct StandingRow {
    #[sqlx(flatten)]
    principal: PrincipalRow,
    credentials: Json<Vec<StateRow>>,
}

impl TryFrom<StandingRow> for Standing {
    type Error = StoreError;

    fn try_from(row: StandingRow) -> Result<Self, StoreError> {
        let credentials = row.credentials.0.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
        Ok(Self { principal: row.principal.into(), credentials })
    }
}

impl From<PrincipalRow> for Principal {
    fn from(row: PrincipalRow) -> Self {
        Self {
            user: UserId(row.user_id),
            email: row.email,
            epoch: row.epoch,
            means: Means::Session(SessionId(row.session_id)),
            last_seen_at: Timestamp(row.last_seen_at),
        }
    }
}

#[derive(FromRow)]
struct ListRow {
    id: Uuid,
    user_agent: String,
    address: String,
    created_at: i64,
    last_seen_at: i64,
}

impl Store {
    /// Begins a session.
    pub async fn insert_session(
        &self,
        session: &NewSession<'_>,
        audit_key: &AuditKey,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sql::tx_execute!(
            &mut tx,
            "INSERT INTO sessions (id, user_id, token_hash, epoch, user_agent, address, created_at, last_seen_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)",
            session.id.0,
            session.user.0,
            &session.token_hash[..],
            session.epoch,
            session.user_agent,
            session.address,
            now.0,
            session.expires_at.0
        )?;
        let entry = SecurityEvent::new(session.user, "session.began", session.id);
        audit::append(&mut tx, audit_key, &entry, now).await?;
        tx.commit().await
    }

    /// The live session with this token: not expired, not idle since `idle_since`, of the user's epoch,
    /// of a user who is not shut out.
    pub async fn principal_by_token(
        &self,
        token_hash: &[u8; 32],
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<Option<Principal>, StoreError> {
        let row = sql::fetch_optional!(
            self.reader(),
            PrincipalRow,
            "SELECT u.id AS user_id, u.email, u.epoch, s.id AS session_id, s.last_seen_at
             FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE s.token_hash = $1 AND s.expires_at > $2 AND s.last_seen_at > $3
               AND s.epoch = u.epoch AND NOT u.disabled",
            &token_hash[..],
            now.0,
            idle_since.0
        )?;
        Ok(row.map(Into::into))
    }

    /// The same, with how the owner's credentials stand: one statement, because REST asks for both
    /// whenever a service is concerned.
    pub async fn standing_by_token(
        &self,
        token_hash: &[u8; 32],
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<Option<Standing>, StoreError> {
        let row = match &self.db {
            Db::Sqlite { read, .. } => {
                let query = sqlx::query_as::<_, StandingRow>(
                    "SELECT u.id AS user_id, u.email, u.epoch, s.id AS session_id, s.last_seen_at,
                       (SELECT json_group_array(json_object(
                            'provider', k.provider, 'status', k.status, 'status_reason', k.status_reason,
                            'undecryptable', json(iif(k.undecryptable, 'true', 'false')),
                            'metadata', json(k.metadata)) ORDER BY k.provider, k.slot)
                        FROM user_api_keys k WHERE k.user_id = u.id) AS credentials
                     FROM sessions s JOIN users u ON u.id = s.user_id
                     WHERE s.token_hash = $1 AND s.expires_at > $2 AND s.last_seen_at > $3
                       AND s.epoch = u.epoch AND NOT u.disabled",
                );
                let query = query.bind(&token_hash[..]).bind(now.0).bind(idle_since.0);
                sql::read!(read, fetch_optional, query)
            }
            Db::Postgres(pool) => {
                sqlx::query_as::<_, StandingRow>(
                    "SELECT u.id AS user_id, u.email, u.epoch, s.id AS session_id, s.last_seen_at,
                       (SELECT coalesce(json_agg(json_build_object(
                            'provider', k.provider, 'status', k.status, 'status_reason', k.status_reason,
                            'undecryptable', k.undecryptable, 'metadata', k.metadata)
                            ORDER BY k.provider, k.slot), '[]')
                        FROM user_api_keys k WHERE k.user_id = u.id) AS credentials
                     FROM sessions s JOIN users u ON u.id = s.user_id
                     WHERE s.token_hash = $1 AND s.expires_at > $2 AND s.last_seen_at > $3
                       AND s.epoch = u.epoch AND NOT u.disabled",
                )
                .bind(&token_hash[..])
                .bind(now.0)
                .bind(idle_since.0)
                .fetch_optional(pool)
                .await
            }
        }?;
        row.map(TryInto::try_into).transpose()
    }

    /// The live session with this id, for a token that names it.
    pub async fn principal_by_session(
        &self,
        session: SessionId,
        user: UserId,
        epoch: i64,
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<Option<Principal>, StoreError> {
        let row = sql::fetch_optional!(
            self.reader(),
            PrincipalRow,
            "SELECT u.id AS user_id, u.email, u.epoch, s.id AS session_id, s.last_seen_at
             FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE s.id = $1 AND s.user_id = $2 AND u.epoch = $3 AND s.epoch = u.epoch
               AND s.expires_at > $4 AND s.last_seen_at > $5 AND NOT u.disabled",
            session.0,
            user.0,
            epoch,
            now.0,
            idle_since.0
        )?;
        Ok(row.map(Into::into))
    }

    /// Notes that a session is in use.
    pub async fn touch_session(
        &self,
        user: UserId,
        session: SessionId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sql::execute!(
            self.writer(),
            "UPDATE sessions SET last_seen_at = $1 WHERE id = $2 AND user_id = $3 AND last_seen_at < $1",
            now.0,
            session.0,
            user.0
        )?;
        Ok(())
    }

    /// The owner's live sessions, the most recently used first; at most 200.
    pub async fn sessions(
        &self,
        user: UserId,
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let rows = sql::fetch_all!(
            self.reader(),
            ListRow,
            "SELECT s.id, s.user_agent, s.address, s.created_at, s.last_seen_at
             FROM sessions s JOIN users u ON u.id = s.user_id AND u.epoch = s.epoch
             WHERE s.user_id = $1 AND s.expires_at > $2 AND s.last_seen_at > $3
             ORDER BY s.last_seen_at DESC, s.id LIMIT 200",
            user.0,
            now.0,
            idle_since.0
        )?;
        Ok(rows
            .into_iter()
            .map(|row| SessionRow {
                id: SessionId(row.id),
                user_agent: row.user_agent,
                address: row.address,
                created_at: Timestamp(row.created_at),
                last_seen_at: Timestamp(row.last_seen_at),
            })
            .collect())
    }

    /// Ends one of the owner's sessions; `false` when there is no such session.
    pub async fn end_session(
        &self,
        user: UserId,
        session: SessionId,
        audit_key: &AuditKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let ended = sql::tx_execute!(
            &mut tx,
            "DELETE FROM sessions WHERE id = $1 AND user_id = $2",
            session.0,
            user.0
        )?;
        if ended == 0 {
            return Ok(false);
        }
        audit::append(&mut tx, audit_key, &SecurityEvent::new(user, "session.ended", session), now).await?;
        events::append(&mut tx, user, Change::Account, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Ends all of the owner's sessions but one; answers how many.
    pub async fn end_other_sessions(
        &self,
        user: UserId,
        keep: SessionId,
        audit_key: &AuditKey,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let ended = sql::tx_execute!(
            &mut tx,
            "DELETE FROM sessions WHERE user_id = $1 AND id <> $2",
            user.0,
            keep.0
        )?;
        if ended > 0 {
            audit::append(&mut tx, audit_key, &SecurityEvent::new(user, "session.others_ended", ended), now)
                .await?;
            events::append(&mut tx, user, Change::Account, now).await?;
        }
        tx.commit().await?;
        Ok(ended)
    }
}
