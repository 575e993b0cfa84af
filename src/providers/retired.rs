//! Replaced credentials: sealed again under a label of their own, so that a retired row never opens in
//! the place of a live one.

use super::{Providers, StoredCredential};
use crate::{
    model::ids::KeyId,
    vault::{SecretKind, Undecryptable},
};

impl Providers {
    /// Seals a stored credential again, for the row `retired` among the retired ones.
    ///
    /// # Errors
    /// It does not open.
    pub fn retire(&self, stored: &StoredCredential, retired: KeyId) -> Result<Vec<u8>, Undecryptable> {
        let credential = self.open(stored)?;
        let StoredCredential { owner, provider, config, version, .. } = stored;
        let place = self.record_place(*owner, retired, provider, config, *version).ok_or(Undecryptable)?;
        self.vault
            .seal(&stored.dek, &place.context(SecretKind::RetiredKey), &credential.plaintext())
            .map_err(|_| Undecryptable)
    }
}
