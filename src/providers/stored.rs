//! Sealed credentials, and the place each is bound to.

use std::{fmt, sync::Arc};

use serde_json::Value;

use super::{Providers, forms::Credential};
use crate::{
    model::{
        ids::{KeyId, ProviderId, UserId},
        key::Source,
    },
    vault::{RecordContext, SecretKind, TENANT, Undecryptable, WrappedDek},
};

/// A stored credential, sealed. Its `Debug` shows where it belongs, not what it holds.
#[derive(Clone)]
pub struct StoredCredential {
    /// Whose it is.
    pub owner: UserId,
    /// Its row.
    pub row_id: KeyId,
    /// The provider.
    pub provider: ProviderId,
    /// The fields that are not secret, as stored beside the envelope: [`Credential::config`].
    pub config: Value,
    /// Raised by every replacement.
    pub version: i64,
    /// What was sealed: [`Credential::plaintext`].
    pub envelope: Vec<u8>,
    /// The owner's data key that sealed it.
    pub dek: WrappedDek,
    /// Who supplied it.
    pub source: Source,
}

impl fmt::Debug for StoredCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredCredential")
            .field("row_id", &self.row_id)
            .field("provider", &self.provider)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// The place a credential is sealed for. A sealed credential opens in its own place only, so a row
/// that was moved, or whose region was changed, cannot send its key anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordPlace {
    owner: String,
    row_id: String,
    provider: String,
    realm: String,
    version: u64,
}

impl RecordPlace {
    /// The context for the vault, to seal or open a value of this kind here.
    pub fn context(&self, kind: SecretKind) -> RecordContext<'_> {
        RecordContext {
            tenant: TENANT,
            owner: &self.owner,
            kind,
            row_id: &self.row_id,
            provider: &self.provider,
            realm: &self.realm,
            credential_version: self.version,
        }
    }
}

impl Providers {
    /// The place of a credential with these non-secret fields. Nothing if the catalogue has no such
    /// provider or region, or if the version is negative.
    pub fn record_place(
        &self,
        owner: UserId,
        row_id: KeyId,
        provider: &ProviderId,
        config: &Value,
        version: i64,
    ) -> Option<RecordPlace> {
        let realm = self.catalogue.get(provider)?.realm(config)?;
        Some(RecordPlace {
            owner: owner.to_string(),
            row_id: row_id.to_string(),
            provider: provider.to_string(),
            realm: realm.binding.clone(),
            version: u64::try_from(version).ok()?,
        })
    }

    /// Opens a credential, and compares the fields beside the envelope with those inside.
    pub(super) fn open(&self, stored: &StoredCredential) -> Result<Credential, Undecryptable> {
        let StoredCredential { owner, row_id, provider, config, version, .. } = stored;
        let place = self.record_place(*owner, *row_id, provider, config, *version).ok_or(Undecryptable)?;
        let plaintext =
            self.vault.open(&stored.dek, &place.context(SecretKind::ProviderKey), &stored.envelope)?;
        let provider: &Arc<_> = self.catalogue.get(provider).ok_or(Undecryptable)?;
        let credential = Credential::from_plaintext(provider, &plaintext).ok_or(Undecryptable)?;
        if credential.config() == *config { Ok(credential) } else { Err(Undecryptable) }
    }
}
