//! The audit log: one chain of security events for each owner, each line bound to the one before it.

use std::fmt::Display;

use sqlx::FromRow;

use super::{Store, StoreError, Tx, TxOn, sql};
use crate::{
    model::{ids::UserId, time::Timestamp},
    vault::{AuditEntry, AuditKey, CHAIN_START},
};

/// One security event to be written. Holds names and ids, never secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityEvent {
    owner: String,
    action: &'static str,
    subject: String,
}

impl SecurityEvent {
    /// `action` happened to `subject`, in the name of `owner`.
    pub fn new(owner: UserId, action: &'static str, subject: impl Display) -> Self {
        Self { owner: owner.to_string(), action, subject: subject.to_string() }
    }
}

#[derive(FromRow)]
struct Row {
    seq: i64,
    prev: Vec<u8>,
    mac: Vec<u8>,
    at: i64,
    action: String,
    subject: String,
}

/// Appends `entry` to its owner's chain, in the transaction of the change it tells of.
pub(super) async fn append(
    tx: &mut Tx,
    key: &AuditKey,
    entry: &SecurityEvent,
    now: Timestamp,
) -> Result<(), StoreError> {
    // Two transactions of one owner queue here, so that the chain does not fork. SQLite has one writer anyway.
    if let TxOn::Postgres(tx) = &mut tx.on {
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 42))")
            .bind(&entry.owner)
            .execute(&mut **tx)
            .await?;
    }
    let last = sql::tx_fetch_optional!(
        &mut *tx,
        (i64, Vec<u8>),
        "SELECT seq, mac FROM audit_log WHERE owner = $1 ORDER BY seq DESC LIMIT 1",
        &entry.owner
    )?;
    let (seq, prev) = match last {
        None => (1, CHAIN_START),
        Some((seq, mac)) => {
            (seq + 1, mac.try_into().map_err(|_| StoreError::Audit("the last line is damaged"))?)
        }
    };
    let line = AuditEntry {
        owner: &entry.owner,
        seq: seq.unsigned_abs(),
        prev: &prev,
        at: now,
        action: entry.action,
        subject: &entry.subject,
        detail: "",
    };
    let mac = key.mac(&line).map_err(|_| StoreError::Audit("the line is too long"))?;
    sql::tx_execute!(
        &mut *tx,
        "INSERT INTO audit_log (owner, seq, prev, mac, at, action, subject) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &entry.owner,
        seq,
        &prev[..],
        &mac[..],
        now.0,
        entry.action,
        &entry.subject
    )?;
    Ok(())
}

impl Store {
    /// Writes a security event that no other change goes with.
    pub async fn audit(
        &self,
        entry: &SecurityEvent,
        key: &AuditKey,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        append(&mut tx, key, entry, now).await?;
        tx.commit().await
    }

    /// Checks an owner's whole chain; answers the number of its lines, or the first line that is wrong.
    pub async fn verify_audit(&self, owner: UserId, key: &AuditKey) -> Result<Result<i64, i64>, StoreError> {
        let owner = owner.to_string();
        let mut prev = CHAIN_START;
        let mut seq = 0;
        loop {
            let rows = sql::fetch_all!(
                self.reader(),
                Row,
                "SELECT seq, prev, mac, at, action, subject FROM audit_log
                 WHERE owner = $1 AND seq > $2 ORDER BY seq LIMIT 500",
                &owner,
                seq
            )?;
            if rows.is_empty() {
                return Ok(Ok(seq));
            }
            for row in rows {
                let line = AuditEntry {
                    owner: &owner,
                    seq: row.seq.unsigned_abs(),
                    prev: &prev,
                    at: Timestamp(row.at),
                    action: &row.action,
                    subject: &row.subject,
                    detail: "",
                };
                if row.seq != seq + 1 || row.prev != prev || !key.verify(&line, &row.mac) {
                    return Ok(Err(seq + 1));
                }
                seq = row.seq;
                prev = row.mac.try_into().map_err(|_| StoreError::Audit("a line is damaged"))?;
            }
        }
    }
}
