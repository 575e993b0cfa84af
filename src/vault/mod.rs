//! The vault: the only room of the server that touches ciphers.
//!
//! A root key (KEK) from outside the database wraps one data key (DEK) per owner; the data key seals
//! that owner's records, each under a one-time key of its own, bound to its place by a context. See
//! `envelope` for the bytes and `context` for the binding; both are frozen.
//!
//! There is no path that takes a plaintext row for a sealed one, none that tries keys in turn, and
//! none that seals without a context.

mod audit;
mod context;
mod envelope;
mod error;
mod primitives;
mod ring;
mod ring_text;
#[cfg(test)]
mod tests;

use std::fmt;

use zeroize::Zeroizing;

pub use self::{
    audit::{AuditEntry, AuditKey, CHAIN_START},
    context::{INSTANCE, RecordContext, SecretKind, TENANT},
    envelope::{MAX_PLAINTEXT, OVERHEAD},
    error::{Undecryptable, VaultError},
    ring::{InvalidKekId, KekId, KekRing},
    ring_text::{KeyProblem, RingError},
};
use self::{
    context::{AuditKeyContext, CheckContext, DekContext},
    envelope::Key,
    error::Refusal,
    primitives::{KEY, KeyBytes, Random},
};
use crate::model::ids::DekId;

/// What a KEK check seals.
const CHECK: &[u8] = b"keyward kek check 1";

/// One version of an owner's data key, wrapped; one row of the database. The owner is given to the
/// functions, from the row that is being read: a data key moved to another owner does not open.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedDek {
    /// Its id, which the envelopes that it seals name.
    pub id: DekId,
    /// Its version, from 1.
    pub version: i64,
    /// The root key that wraps it.
    pub kek_id: KekId,
    /// The envelope.
    pub blob: Vec<u8>,
}

impl fmt::Debug for WrappedDek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrappedDek")
            .field("id", &self.id)
            .field("version", &self.version)
            .field("kek_id", &self.kek_id)
            .finish_non_exhaustive()
    }
}

/// Seals and opens with the keys of one ring.
pub struct Vault {
    ring: KekRing,
    random: Random,
}

impl Vault {
    /// A vault with these root keys.
    pub fn new(ring: KekRing) -> Self {
        Self { ring, random: Random::SYSTEM }
    }

    /// The root keys' fingerprints.
    pub fn ring(&self) -> &KekRing {
        &self.ring
    }

    /// A new data key for `owner`, version 1, wrapped by the primary root key.
    pub fn new_dek(&self, owner: &str) -> Result<WrappedDek, VaultError> {
        let (id, version) = (DekId::generate(), 1);
        let kek = self.ring.primary_kek();
        let dek = self.random.key()?;
        let place = DekContext { tenant: TENANT, owner, dek_id: &id.to_string(), version };
        let blob = envelope::seal(self.random, kek.wrapping(), &place, dek.as_slice())?;
        Ok(WrappedDek { id, version: 1, kek_id: kek.id(), blob })
    }

    /// Seals `plaintext` for the place that `context` describes, under its owner's data key. At most
    /// [`MAX_PLAINTEXT`] bytes; the envelope is [`OVERHEAD`] bytes longer.
    pub fn seal(
        &self,
        dek: &WrappedDek,
        context: &RecordContext<'_>,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let key = self.unwrap(dek, context.tenant, context.owner)?;
        envelope::seal(self.random, &key, context, plaintext)
    }

    /// Opens what [`Vault::seal`] made for this very place. A failure says nothing about the row
    /// except that it cannot be opened now: never delete or overwrite it for that.
    pub fn open(
        &self,
        dek: &WrappedDek,
        context: &RecordContext<'_>,
        envelope: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Undecryptable> {
        let key = self.unwrap(dek, context.tenant, context.owner)?;
        envelope::open(&key, context, envelope)
            .map_err(|refusal| refused(refusal, context.kind.label(), context.row_id))
    }

    /// The constant by which the root key `id` of the ring is recognised at the next start.
    pub fn make_check(&self, id: KekId) -> Result<Vec<u8>, VaultError> {
        let kek = self.ring.get(id).ok_or(VaultError::UnknownKek)?;
        envelope::seal(self.random, kek.wrapping(), &CheckContext { kek_id: &id.to_string() }, CHECK)
    }

    /// Whether the ring holds the root key `id`, and it opens the check that [`Vault::make_check`]
    /// made with it.
    pub fn verify_check(&self, id: KekId, check: &[u8]) -> Result<(), Undecryptable> {
        let name = id.to_string();
        let opened = match self.ring.get(id) {
            Some(kek) => envelope::open(kek.wrapping(), &CheckContext { kek_id: &name }, check),
            None => Err(Refusal::KeyId),
        };
        match opened {
            Ok(value) if value.as_slice() == CHECK => Ok(()),
            Ok(_) => Err(refused(Refusal::Authentication, "kek_checks.value", &name)),
            Err(refusal) => Err(refused(refusal, "kek_checks.value", &name)),
        }
    }

    /// A new random key for the audit chains, sealed under the data key of [`INSTANCE`].
    pub fn new_audit_key(&self, dek: &WrappedDek) -> Result<Vec<u8>, VaultError> {
        let key = self.unwrap(dek, TENANT, INSTANCE)?;
        envelope::seal(self.random, &key, &AuditKeyContext, self.random.key()?.as_slice())
    }

    /// Opens the key of the audit chains.
    pub fn open_audit_key(&self, dek: &WrappedDek, envelope: &[u8]) -> Result<AuditKey, Undecryptable> {
        let key = self.unwrap(dek, TENANT, INSTANCE)?;
        envelope::open(&key, &AuditKeyContext, envelope)
            .and_then(|bytes| key_bytes(&bytes))
            .map(AuditKey::new)
            .map_err(|refusal| refused(refusal, "instance.audit_key", INSTANCE))
    }

    fn unwrap(&self, dek: &WrappedDek, tenant: &str, owner: &str) -> Result<Key, Undecryptable> {
        let dek_id = dek.id.to_string();
        let unwrapped = || {
            let kek = self.ring.get(dek.kek_id).ok_or(Refusal::KeyId)?;
            let version = u64::try_from(dek.version).map_err(|_| Refusal::Context)?;
            let place = DekContext { tenant, owner, dek_id: &dek_id, version };
            let bytes = key_bytes(&envelope::open(kek.wrapping(), &place, &dek.blob)?)?;
            Ok(Key { id: *dek.id.0.as_bytes(), bytes })
        };
        unwrapped().map_err(|refusal| refused(refusal, "deks.wrapped", &dek_id))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("ring", &self.ring).finish_non_exhaustive()
    }
}

fn key_bytes(opened: &[u8]) -> Result<KeyBytes, Refusal> {
    let mut key = KeyBytes::default();
    if opened.len() != KEY {
        return Err(Refusal::Length);
    }
    key.copy_from_slice(opened);
    Ok(key)
}

/// Logs why, and forgets it: callers get one error for every reason.
fn refused(refusal: Refusal, label: &'static str, id: &str) -> Undecryptable {
    tracing::warn!(vault.label = label, vault.id = id, vault.reason = %refusal, "a sealed value was refused");
    Undecryptable
}
