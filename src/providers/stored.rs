//! Sealed credentials, and the place each is bound to.

use std::{fmt, ops::Deref, sync::Arc};

use serde_json::Value;

use super::{
    Providers,
    exchange::Caller,
    forms::{Candidate, Credential},
    usage::UsageSource,
};
use crate::{
    model::{
        ids::{KeyId, ProviderId, UserId},
        key::{KeyVersion, Source},
        service::ServiceId,
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
}

/// The operator's own credential, used on behalf of a user who has none.
#[derive(Debug, Clone)]
pub struct PlatformCredential {
    /// The user.
    pub user: UserId,
    /// The credential.
    pub credential: Arc<Candidate>,
}

/// What a service may call a provider with.
#[derive(Debug, Clone)]
pub enum Usable {
    /// The user's own.
    Stored(StoredCredential),
    /// The operator's.
    Platform(PlatformCredential),
}

impl StoredCredential {
    /// Which it is.
    pub(super) fn key_version(&self) -> KeyVersion {
        KeyVersion { id: self.row_id, version: self.version }
    }
}

impl From<StoredCredential> for Usable {
    fn from(stored: StoredCredential) -> Self {
        Self::Stored(stored)
    }
}

impl Usable {
    /// The provider.
    pub(super) fn provider(&self) -> &ProviderId {
        match self {
            Self::Stored(stored) => &stored.provider,
            Self::Platform(platform) => platform.credential.provider(),
        }
    }

    /// The user's own credential, by row and version.
    pub fn own(&self) -> Option<(KeyId, i64)> {
        match self {
            Self::Stored(stored) => Some((stored.row_id, stored.version)),
            Self::Platform(_) => None,
        }
    }

    /// A field that is not secret, such as the id of the account.
    pub fn open_field(&self, name: &str) -> Option<String> {
        let text = |config: &Value| config.get(name)?.as_str().map(str::to_owned);
        match self {
            Self::Stored(stored) => text(&stored.config),
            Self::Platform(platform) => text(&platform.credential.config()),
        }
    }

    /// Who calls, to be reported.
    pub(super) fn caller(&self, service: ServiceId) -> Caller {
        let (user, key, key_source) = match self {
            Self::Stored(stored) => (stored.owner, Some(stored.key_version()), Source::User),
            Self::Platform(platform) => (platform.user, None, Source::Platform),
        };
        Caller { user: Some(user), key, service: Some(service), source: UsageSource::Use, key_source }
    }
}

/// A credential in the clear: opened for one call, or the operator's, which lies open in memory.
pub(super) enum Opened<'a> {
    Stored(Credential),
    Platform(&'a Credential),
}

impl Deref for Opened<'_> {
    type Target = Credential;
    fn deref(&self) -> &Credential {
        match self {
            Self::Stored(credential) => credential,
            Self::Platform(credential) => credential,
        }
    }
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
    /// provider or region, if the address that was typed is none, or if the version is negative.
    pub fn record_place(
        &self,
        owner: UserId,
        row_id: KeyId,
        provider: &ProviderId,
        config: &Value,
        version: i64,
    ) -> Option<RecordPlace> {
        let realm = self.catalogue.get(provider)?.binding(config)?;
        Some(RecordPlace {
            owner: owner.to_string(),
            row_id: row_id.to_string(),
            provider: provider.to_string(),
            realm,
            version: u64::try_from(version).ok()?,
        })
    }

    /// A credential in the clear, whoever supplied it.
    pub(super) fn open_usable<'a>(&self, usable: &'a Usable) -> Result<Opened<'a>, Undecryptable> {
        match usable {
            Usable::Stored(stored) => self.open(stored).map(Opened::Stored),
            Usable::Platform(platform) => Ok(Opened::Platform(&platform.credential)),
        }
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
