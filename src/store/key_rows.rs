//! Stored credentials as rows, and what is written of them.

use serde::Deserialize;
use serde_json::Value;
use sqlx::{FromRow, types::Json};
use uuid::Uuid;

use super::{StoreError, deks::DekRow, notices::Standing};
use crate::{
    model::{
        access::CredentialState,
        check::Evidence,
        ids::{KeyId, ProviderId, UserId},
        key::{KeyMetadata, Source},
        schedule::Every,
        status::{KeyStatus, Reason},
        time::Timestamp,
    },
    vault::WrappedDek,
};

/// A stored credential with the DEK that sealed it.
#[derive(Debug, Clone)]
pub struct KeyRow {
    /// The row.
    pub id: KeyId,
    /// The owner.
    pub user: UserId,
    /// The provider.
    pub provider: ProviderId,
    /// The envelope.
    pub encrypted_key: Vec<u8>,
    /// The owner's DEK that sealed it.
    pub dek: WrappedDek,
    /// The fields that are not secret.
    pub config: Value,
    /// What the provider told of the account.
    pub metadata: KeyMetadata,
    /// What the last check rests on.
    pub evidence: Option<Evidence>,
    /// The last four characters.
    pub hint: String,
    /// The status.
    pub status: KeyStatus,
    /// Why it has this status.
    pub status_reason: Option<Reason>,
    /// Why the last check gave no definite answer, if it gave none.
    pub last_result: Option<Reason>,
    /// This installation could not open it.
    pub undecryptable: bool,
    /// When the provider last gave a definite answer.
    pub last_validated: Option<Timestamp>,
    /// When the next check is due.
    pub next_check_at: Timestamp,
    /// The provider asked to be left alone until then.
    pub not_before: Option<Timestamp>,
    /// Since when a definite answer is due.
    pub due_since: Option<Timestamp>,
    /// It was refused, in real use or by one check, and no definite answer has confirmed or denied that yet.
    pub suspect: bool,
    /// How often its owner wants it checked, if they chose.
    pub check_every: Option<Every>,
    /// The step on the ladder of waiting times.
    pub check_step: i64,
    /// The fencing token.
    pub revision: i64,
    /// Raised by every replacement.
    pub credential_version: i64,
    /// When it was first stored.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

#[derive(FromRow)]
pub(super) struct Row {
    id: Uuid,
    user_id: Uuid,
    provider: String,
    encrypted_key: Vec<u8>,
    config: Json<Value>,
    metadata: Json<KeyMetadata>,
    evidence: Option<Json<Value>>,
    hint: String,
    status: String,
    status_reason: Option<String>,
    last_result: Option<String>,
    undecryptable: bool,
    last_validated: Option<i64>,
    next_check_at: i64,
    not_before: Option<i64>,
    due_since: Option<i64>,
    suspect: bool,
    check_every: Option<String>,
    check_step: i64,
    revision: i64,
    credential_version: i64,
    created_at: i64,
    updated_at: i64,
    #[sqlx(flatten)]
    dek: DekRow,
}

fn status(code: &str) -> Result<KeyStatus, StoreError> {
    KeyStatus::from_code(code).ok_or(StoreError::UnknownWord { column: "status" })
}

fn provider(id: &str) -> Result<ProviderId, StoreError> {
    id.parse().map_err(|_| StoreError::UnknownWord { column: "provider" })
}

fn reason(code: Option<&str>) -> Option<Reason> {
    code.and_then(Reason::from_code)
}

impl TryFrom<Row> for KeyRow {
    type Error = StoreError;
    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: KeyId(row.id),
            user: UserId(row.user_id),
            provider: provider(&row.provider)?,
            encrypted_key: row.encrypted_key,
            dek: row.dek.into_dek()?,
            config: row.config.0,
            metadata: row.metadata.0,
            // A word that this version does not know costs the evidence, not the key.
            evidence: row.evidence.and_then(|evidence| serde_json::from_value(evidence.0).ok()),
            hint: row.hint,
            status: status(&row.status)?,
            status_reason: reason(row.status_reason.as_deref()),
            last_result: reason(row.last_result.as_deref()),
            undecryptable: row.undecryptable,
            last_validated: row.last_validated.map(Timestamp),
            next_check_at: Timestamp(row.next_check_at),
            not_before: row.not_before.map(Timestamp),
            due_since: row.due_since.map(Timestamp),
            suspect: row.suspect,
            check_every: row.check_every.as_deref().and_then(Every::from_code),
            check_step: row.check_step,
            revision: row.revision,
            credential_version: row.credential_version,
            created_at: Timestamp(row.created_at),
            updated_at: Timestamp(row.updated_at),
        })
    }
}

/// A sealed copy of the secret that verifies a provider's webhooks.
#[derive(Debug, Clone)]
pub struct WebhookCopy {
    /// The envelope of type 03.
    pub sealed: Vec<u8>,
}

/// What a check, or the decision not to check, leaves on a row.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckResult {
    /// The status.
    pub status: KeyStatus,
    /// Why.
    pub status_reason: Option<Reason>,
    /// Why the check gave no definite answer, if it gave none.
    pub last_result: Option<Reason>,
    /// When the provider last gave a definite answer.
    pub last_validated: Option<Timestamp>,
    /// When the next check is due.
    pub next_check_at: Timestamp,
    /// The provider asked to be left alone until then.
    pub not_before: Option<Timestamp>,
    /// Since when a definite answer is due.
    pub due_since: Option<Timestamp>,
    /// The step on the ladder of waiting times.
    pub check_step: i64,
    /// What the provider told of the account.
    pub metadata: KeyMetadata,
    /// What it rests on; none where nothing was checked.
    pub evidence: Option<Evidence>,
    /// A second look is to confirm or deny a refusal.
    pub suspect: bool,
}

impl KeyRow {
    /// What its owner is told of it.
    pub(super) fn standing(&self) -> Standing {
        Standing::of((self.status, self.status_reason), self.undecryptable, &self.metadata)
    }
}

impl CheckResult {
    /// What the owner is told of a row that stands like this.
    pub(super) fn standing(&self) -> Standing {
        Standing::of((self.status, self.status_reason), false, &self.metadata)
    }

    /// Whether its owner sees anything new on the row as it was before.
    pub(super) fn shows_on(&self, key: &KeyRow) -> bool {
        key.undecryptable
            || key.status != self.status
            || key.status_reason != self.status_reason
            || key.last_result != self.last_result
            || key.last_validated != self.last_validated
            || key.metadata != self.metadata
    }
}

/// A credential to be stored for the first time.
#[derive(Debug)]
pub struct NewKey<'a> {
    /// The row, part of the sealing context.
    pub id: KeyId,
    /// The owner.
    pub user: UserId,
    /// The provider.
    pub provider: &'a ProviderId,
    /// The envelope.
    pub encrypted_key: &'a [u8],
    /// The DEK that sealed it.
    pub dek: &'a WrappedDek,
    /// The fields that are not secret.
    pub config: &'a Value,
    /// The last four characters.
    pub hint: &'a str,
    /// The copy for webhooks, where the provider signs them.
    pub webhook: Option<WebhookCopy>,
    /// The first check's result.
    pub check: &'a CheckResult,
}

/// A credential that takes a stored one's place.
#[derive(Debug)]
pub struct Replacement<'a> {
    /// The row as it was when the candidate was checked.
    pub old: &'a KeyRow,
    /// The old credential, re-sealed under the label of retired ones; `None` when it cannot be opened.
    pub retired: Option<(Uuid, Vec<u8>)>,
    /// When the retired copy is destroyed.
    pub destroy_after: Timestamp,
    /// The new envelope.
    pub encrypted_key: &'a [u8],
    /// The DEK that sealed it.
    pub dek: &'a WrappedDek,
    /// The new fields that are not secret.
    pub config: &'a Value,
    /// The last four characters.
    pub hint: &'a str,
    /// The new copy for webhooks.
    pub webhook: Option<WebhookCopy>,
    /// The candidate's check.
    pub check: &'a CheckResult,
}

/// What the evaluator needs of a credential.
#[derive(FromRow, Deserialize)]
pub(super) struct StateRow {
    provider: String,
    status: String,
    status_reason: Option<String>,
    undecryptable: bool,
    metadata: Json<KeyMetadata>,
}

impl TryFrom<StateRow> for CredentialState {
    type Error = StoreError;

    fn try_from(row: StateRow) -> Result<Self, StoreError> {
        Ok(Self {
            provider: provider(&row.provider)?,
            status: status(&row.status)?,
            reason: reason(row.status_reason.as_deref()),
            undecryptable: row.undecryptable,
            quota_unit: row.metadata.0.quota.map(|quota| quota.unit),
            capabilities: row.metadata.0.capabilities,
            source: Source::User,
        })
    }
}
