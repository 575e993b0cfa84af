//! How credentials are bound to their place before the vault seals them.

use secrecy::ExposeSecret;
use uuid::Uuid;

use super::Keys;
use crate::{
    account::internal,
    model::{
        error::{AppError, ErrorCode},
        ids::{KeyId, UserId},
    },
    providers::{Candidate, StoredCredential},
    store::{KeyRow, WebhookCopy},
    vault::{SecretKind, VaultError, WrappedDek},
};

/// A sealed credential, with the copy for webhooks where the provider signs them.
pub(super) struct Sealed {
    pub(super) envelope: Vec<u8>,
    pub(super) webhook: Option<WebhookCopy>,
}

/// The row as the room `providers` takes it.
pub(super) fn stored(key: &KeyRow) -> StoredCredential {
    StoredCredential {
        owner: key.user,
        row_id: key.id,
        provider: key.provider.clone(),
        config: key.config.clone(),
        version: key.credential_version,
        envelope: key.encrypted_key.clone(),
        dek: key.dek.clone(),
    }
}

impl Keys {
    /// The owner's DEK, made when it is first needed. Of two at once, one remains.
    pub async fn dek_of(&self, user: UserId) -> Result<WrappedDek, AppError> {
        let owner = user.to_string();
        if let Some(dek) = self.store.current_dek(&owner).await.map_err(|e| internal(&e))? {
            return Ok(dek);
        }
        let dek = self.vault.new_dek(&owner).map_err(|error| vault_failure(&error))?;
        self.store.insert_dek(&owner, &dek, self.clock.now()).await.map_err(|e| internal(&e))
    }

    /// Seals a candidate for the row `id` at this version.
    pub(super) fn seal(
        &self,
        user: UserId,
        id: KeyId,
        dek: &WrappedDek,
        candidate: &Candidate,
        version: i64,
    ) -> Result<Sealed, AppError> {
        let place = self.providers.record_place(user, id, candidate.provider(), &candidate.config(), version);
        let place = place.ok_or_else(|| AppError::new(ErrorCode::Internal))?;
        let seal = |kind, plaintext: &[u8]| {
            self.vault.seal(dek, &place.context(kind), plaintext).map_err(|error| vault_failure(&error))
        };
        let envelope = seal(SecretKind::ProviderKey, &candidate.plaintext())?;
        let webhook = candidate
            .webhook_secret()
            // EXPOSE: to seal it a second time, for the verifier of webhooks.
            .map(|secret| seal(SecretKind::WebhookSecret, secret.expose_secret().as_bytes()))
            .transpose()?
            .map(|sealed| WebhookCopy { sealed });
        Ok(Sealed { envelope, webhook })
    }

    /// The stored credential, sealed again under the label of retired ones. One that cannot be opened
    /// leaves no copy: replacing it must stay possible.
    pub(super) fn retire(&self, key: &KeyRow) -> Option<(Uuid, Vec<u8>)> {
        let id = KeyId::generate();
        self.providers.retire(&stored(key), id).ok().map(|sealed| (id.0, sealed))
    }
}

fn vault_failure(error: &VaultError) -> AppError {
    tracing::error!(%error, "the vault refused to seal");
    AppError::new(ErrorCode::Internal)
}
