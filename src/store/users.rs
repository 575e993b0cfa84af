//! Users and invitations.

use sqlx::FromRow;
use uuid::Uuid;

use super::{SecurityEvent, Store, StoreError, audit, events, sql};
use crate::{
    model::{event::Change, ids::UserId, time::Timestamp},
    vault::AuditKey,
};

/// What a user may do on the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Runs the installation.
    Operator,
    /// Uses it.
    User,
}

impl Role {
    /// The word in the database.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::User => "user",
        }
    }

    pub(super) fn from_code(code: &str) -> Result<Self, StoreError> {
        [Self::Operator, Self::User]
            .into_iter()
            .find(|role| role.code() == code)
            .ok_or(StoreError::UnknownWord { column: "role" })
    }
}

/// A user to be.
#[derive(Debug)]
pub struct NewUser<'a> {
    /// The id.
    pub id: UserId,
    /// The address, as [`crate::model::input::email`] leaves it.
    pub email: &'a str,
    /// The password's hash in PHC form.
    pub password_hash: &'a str,
    /// The hash of the invitation's code; it is used up. Without one, the user gets no special role.
    pub invitation: Option<[u8; 32]>,
}

/// A user with what log-in needs.
#[derive(Debug)]
pub struct UserRow {
    /// The id.
    pub id: UserId,
    /// The address.
    pub email: String,
    /// The password's hash in PHC form.
    pub password_hash: String,
    /// The epoch that sessions must have.
    pub epoch: i64,
    /// Shut out by the operator.
    pub disabled: bool,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    email: String,
    password_hash: String,
    epoch: i64,
    disabled: bool,
}

impl From<Row> for UserRow {
    fn from(row: Row) -> Self {
        Self {
            id: UserId(row.id),
            email: row.email,
            password_hash: row.password_hash,
            epoch: row.epoch,
            disabled: row.disabled,
        }
    }
}

impl Store {
    /// Whether anybody has an account.
    pub async fn has_users(&self) -> Result<bool, StoreError> {
        Ok(sql::fetch_optional!(self.reader(), (i64,), "SELECT CAST(1 AS BIGINT) FROM users LIMIT 1")?
            .is_some())
    }

    /// Makes a user; an invitation is used up in the same transaction. `Ok(None)` when the invitation
    /// does not exist or has run out; [`StoreError::Duplicate`] when the address is taken.
    pub async fn insert_user(
        &self,
        user: &NewUser<'_>,
        audit_key: &AuditKey,
        now: Timestamp,
    ) -> Result<Option<Role>, StoreError> {
        let mut tx = self.begin().await?;
        let role = match &user.invitation {
            None => Role::User,
            Some(hash) => {
                let used = sql::tx_fetch_optional!(
                    &mut tx,
                    (String,),
                    "DELETE FROM invitations WHERE code_hash = $1 AND expires_at > $2 RETURNING role",
                    &hash[..],
                    now.0
                )?;
                let Some((role,)) = used else { return Ok(None) };
                Role::from_code(&role)?
            }
        };
        sql::tx_execute!(
            &mut tx,
            "INSERT INTO users (id, email, password_hash, role, plan, epoch, disabled, created_at, updated_at)
             VALUES ($1, $2, $3, $4, 'free', 0, $5, $6, $6)",
            user.id.0,
            user.email,
            user.password_hash,
            role.code(),
            false,
            now.0
        )?;
        audit::append(
            &mut tx,
            audit_key,
            &SecurityEvent::new(user.id, "account.registered", role.code()),
            now,
        )
        .await?;
        tx.commit().await?;
        Ok(Some(role))
    }

    /// The user with this address.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<UserRow>, StoreError> {
        let row = sql::fetch_optional!(
            self.reader(),
            Row,
            "SELECT id, email, password_hash, epoch, disabled FROM users WHERE email = $1",
            email
        )?;
        Ok(row.map(Into::into))
    }

    /// The user with this id.
    pub async fn user(&self, id: UserId) -> Result<Option<UserRow>, StoreError> {
        let row = sql::fetch_optional!(
            self.reader(),
            Row,
            "SELECT id, email, password_hash, epoch, disabled FROM users WHERE id = $1",
            id.0
        )?;
        Ok(row.map(Into::into))
    }

    /// What a user may do on the installation; nothing for one who is shut out.
    pub async fn role(&self, id: UserId) -> Result<Option<Role>, StoreError> {
        let role = sql::fetch_optional!(
            self.reader(),
            (String,),
            "SELECT role FROM users WHERE id = $1 AND NOT disabled",
            id.0
        )?;
        role.map(|(role,)| Role::from_code(&role)).transpose()
    }

    /// Gives the user with this address a role. Answers whether there is one.
    pub async fn give_role(
        &self,
        email: &str,
        role: Role,
        audit_key: &AuditKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let changed = sql::tx_fetch_optional!(
            &mut tx,
            (Uuid,),
            "UPDATE users SET role = $1, updated_at = $2 WHERE email = $3 RETURNING id",
            role.code(),
            now.0,
            email
        )?;
        let Some((id,)) = changed else { return Ok(false) };
        let entry = SecurityEvent::new(UserId(id), "account.role_changed", role.code());
        audit::append(&mut tx, audit_key, &entry, now).await?;
        events::append(&mut tx, UserId(id), Change::Account, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Renews the hash of the same password, made with today's parameters.
    pub async fn rehash_password(&self, id: UserId, seen: &str, hash: &str) -> Result<(), StoreError> {
        sql::execute!(
            self.writer(),
            "UPDATE users SET password_hash = $1 WHERE id = $2 AND password_hash = $3",
            hash,
            id.0,
            seen
        )?;
        Ok(())
    }

    /// Changes the password and raises the epoch, which ends every session and token. Answers the new
    /// epoch, or `None` when the password was changed meanwhile.
    pub async fn change_password(
        &self,
        id: UserId,
        seen: &str,
        hash: &str,
        audit_key: &AuditKey,
        now: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        let mut tx = self.begin().await?;
        let changed = sql::tx_fetch_optional!(
            &mut tx,
            (i64,),
            "UPDATE users SET password_hash = $1, epoch = epoch + 1, updated_at = $2
             WHERE id = $3 AND password_hash = $4 RETURNING epoch",
            hash,
            now.0,
            id.0,
            seen
        )?;
        let Some((epoch,)) = changed else { return Ok(None) };
        sql::tx_execute!(&mut tx, "DELETE FROM sessions WHERE user_id = $1", id.0)?;
        sql::tx_execute!(&mut tx, "DELETE FROM api_tokens WHERE user_id = $1", id.0)?;
        audit::append(&mut tx, audit_key, &SecurityEvent::new(id, "account.password_changed", ""), now)
            .await?;
        events::append(&mut tx, id, Change::Account, now).await?;
        tx.commit().await?;
        Ok(Some(epoch))
    }

    /// Stores an invitation under the hash of its code.
    pub async fn insert_invitation(
        &self,
        code_hash: &[u8; 32],
        role: Role,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        sql::execute!(
            self.writer(),
            "INSERT INTO invitations (code_hash, role, created_at, expires_at) VALUES ($1, $2, $3, $4)",
            &code_hash[..],
            role.code(),
            now.0,
            expires_at.0
        )?;
        Ok(())
    }

    /// Withdraws the invitations for this role; a new start prints a new code.
    pub async fn delete_invitations(&self, role: Role) -> Result<(), StoreError> {
        sql::execute!(self.writer(), "DELETE FROM invitations WHERE role = $1", role.code())?;
        Ok(())
    }
}
