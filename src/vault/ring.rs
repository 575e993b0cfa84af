//! The key ring: the root keys (KEKs) of an installation, and their public fingerprints.

use std::{fmt, str::FromStr};

use secrecy::{ExposeSecret, SecretString};

use super::{
    envelope::Key,
    error::VaultError,
    primitives::{CipherError, Hkdf, KeyBytes, Random},
    ring_text::{self, KeyProblem, RingError},
};

/// The fingerprint of a root key: public, and derived from the key, so it names what a wrapped data
/// key needs without saying anything of it. Written as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KekId([u8; 16]);

/// A text that is not a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key fingerprint has 32 lower-case hexadecimal digits")]
pub struct InvalidKekId;

impl fmt::Display for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KekId({self})")
    }
}

impl FromStr for KekId {
    type Err = InvalidKekId;

    fn from_str(text: &str) -> Result<Self, InvalidKekId> {
        if text.len() != 32 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(InvalidKekId);
        }
        u128::from_str_radix(text, 16).map(|id| Self(id.to_be_bytes())).map_err(|_| InvalidKekId)
    }
}

/// What is kept of a root key: its fingerprint and its wrapping key. The root key itself is wiped
/// as soon as both are derived.
pub(super) struct Kek {
    id: KekId,
    wrapping: Key,
}

impl Kek {
    pub(super) fn derive(root: &KeyBytes) -> Result<Self, CipherError> {
        let hkdf = Hkdf::extract(b"byok/v1", root.as_slice());
        let mut id = [0; 16];
        hkdf.expand(&[b"byok/v1/kek-id"], &mut id)?;
        let wrapping = Key { id, bytes: hkdf.key(&[b"byok/v1/kek-wrap"])? };
        Ok(Self { id: KekId(id), wrapping })
    }

    pub(super) fn id(&self) -> KekId {
        self.id
    }

    /// The key that wraps data keys; it carries the fingerprint as its id.
    pub(super) fn wrapping(&self) -> &Key {
        &self.wrapping
    }
}

/// The root keys: one that wraps new data keys, and any number that only unwrap old ones.
pub struct KekRing {
    primary: Kek,
    others: Vec<Kek>,
}

impl KekRing {
    /// Reads a ring: one key per line, the first is the primary one; blank lines and lines that
    /// start with `#` are skipped. A key is base64 (standard or URL-safe, padded or not) of 32
    /// bytes, or the checksummed form that [`KekRing::generate`] makes. Errors name the line and
    /// never the value.
    pub fn parse(text: &SecretString) -> Result<Self, RingError> {
        // EXPOSE: to read the root keys; what is decoded is wiped after the derivation.
        let lines = text.expose_secret().lines().map(str::trim).zip(1..);
        let mut ring: Vec<(usize, Kek)> = Vec::new();
        for (text, line) in lines.filter(|(text, _)| !text.is_empty() && !text.starts_with('#')) {
            let at = |problem| RingError::Line { line, problem };
            let root = ring_text::decode(text).map_err(at)?;
            let kek = Kek::derive(&root).map_err(|_| at(KeyProblem::Derivation))?;
            if let Some((first, _)) = ring.iter().find(|(_, known)| known.id == kek.id) {
                return Err(at(KeyProblem::Duplicate { first: *first }));
            }
            ring.push((line, kek));
        }
        let mut keks = ring.into_iter().map(|(_, kek)| kek);
        let primary = keks.next().ok_or(RingError::Empty)?;
        Ok(Self { primary, others: keks.collect() })
    }

    /// A new random root key in its checksummed form.
    pub fn generate() -> Result<SecretString, VaultError> {
        Ok(ring_text::encode(&*Random::SYSTEM.key()?))
    }

    /// The fingerprint of the key that wraps new data keys.
    pub fn primary(&self) -> KekId {
        self.primary.id
    }

    /// The fingerprints of all keys, the primary one first.
    pub fn ids(&self) -> Vec<KekId> {
        std::iter::once(&self.primary).chain(&self.others).map(|kek| kek.id).collect()
    }

    pub(super) fn primary_kek(&self) -> &Kek {
        &self.primary
    }

    pub(super) fn get(&self, id: KekId) -> Option<&Kek> {
        std::iter::once(&self.primary).chain(&self.others).find(|kek| kek.id == id)
    }

    /// A ring of these root keys, without the checks of [`KekRing::parse`].
    #[cfg(test)]
    pub(super) fn of(roots: &[[u8; 32]]) -> Self {
        let mut keks = roots.iter().map(|root| Kek::derive(&KeyBytes::new(*root)).unwrap());
        Self { primary: keks.next().unwrap(), others: keks.collect() }
    }
}

impl fmt::Debug for KekRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KekRing").field(&self.ids()).finish()
    }
}
