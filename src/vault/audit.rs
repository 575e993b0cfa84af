//! The message authentication codes of the audit chains. Each owner has one chain; each entry's code
//! covers the code before it, so an entry that is changed, removed or moved breaks the chain there.
//! A chain that is cut at its end is whole in itself: that shows only against a head noted elsewhere.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{
    context::encode,
    error::VaultError,
    primitives::{KEY, KeyBytes},
};
use crate::model::time::Timestamp;

/// The `prev` of an owner's first entry.
pub const CHAIN_START: [u8; 32] = [0; 32];

/// One entry of an owner's audit chain, without its code. Texts are covered byte for byte, so they
/// must be stored as they are (not, for instance, in a column that reformats JSON).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditEntry<'a> {
    /// The owner of the chain.
    pub owner: &'a str,
    /// The position in the chain, from 1.
    pub seq: u64,
    /// The code of the entry before, or [`CHAIN_START`].
    pub prev: &'a [u8; 32],
    /// When it happened.
    pub at: Timestamp,
    /// What happened, such as `key.replaced`.
    pub action: &'a str,
    /// What it happened to, such as a key's id; empty when there is nothing to name.
    pub subject: &'a str,
    /// Further circumstances; empty when there are none.
    pub detail: &'a str,
}

/// The key of the audit chains, HMAC-SHA256.
pub struct AuditKey(KeyBytes);

impl AuditKey {
    pub(super) fn new(key: KeyBytes) -> Self {
        Self(key)
    }

    /// The code of an entry.
    pub fn mac(&self, entry: &AuditEntry<'_>) -> Result<[u8; 32], VaultError> {
        Ok(self.run(entry)?.finalize().into_bytes().into())
    }

    /// Whether `mac` is the code of this entry; compared in constant time.
    pub fn verify(&self, entry: &AuditEntry<'_>, mac: &[u8]) -> bool {
        self.run(entry).is_ok_and(|run| run.verify_slice(mac).is_ok())
    }

    fn run(&self, entry: &AuditEntry<'_>) -> Result<Hmac<Sha256>, VaultError> {
        let message = encode(&[
            b"byok/audit/v1",
            entry.owner.as_bytes(),
            &entry.seq.to_be_bytes(),
            entry.prev,
            &entry.at.0.to_be_bytes(),
            entry.action.as_bytes(),
            entry.subject.as_bytes(),
            entry.detail.as_bytes(),
        ])?;
        // HMAC pads its key with zeros to the block of 64 bytes; done here, it cannot fail on a length.
        let mut block = Zeroizing::new([0; 64]);
        block[..KEY].copy_from_slice(self.0.as_slice());
        Ok(Hmac::<Sha256>::new((&*block).into()).chain_update(&message))
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditKey")
    }
}
