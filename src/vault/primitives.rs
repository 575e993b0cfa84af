//! The primitives that everything in this room is built from, and nothing else: HKDF-SHA256
//! (RFC 5869), AES-256-GCM with a 96-bit nonce and a 128-bit tag (NIST SP 800-38D), and the
//! operating system's random source. The Wycheproof vectors run through these very functions.

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of every symmetric key here.
pub(super) const KEY: usize = 32;
/// Bytes of a GCM nonce.
pub(super) const NONCE: usize = 12;
/// Bytes of a GCM tag.
pub(super) const TAG: usize = 16;

/// Key bytes that are wiped when dropped.
pub(super) type KeyBytes = Zeroizing<[u8; KEY]>;

/// A primitive refused its input: a length it cannot handle, or a tag that does not match.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CipherError;

/// A pseudorandom key, ready to be expanded.
pub(super) struct Hkdf(hkdf::Hkdf<Sha256>);

impl Hkdf {
    /// HKDF-Extract.
    pub(super) fn extract(salt: &[u8], key: &[u8]) -> Self {
        let (mut pseudorandom, expander) = hkdf::Hkdf::extract(Some(salt), key);
        pseudorandom.as_mut_slice().zeroize();
        Self(expander)
    }

    /// HKDF-Expand over the concatenation of `info`. At most 255 × 32 bytes.
    pub(super) fn expand(&self, info: &[&[u8]], out: &mut [u8]) -> Result<(), CipherError> {
        self.0.expand_multi_info(info, out).map_err(|_| CipherError)
    }

    /// HKDF-Expand to one key.
    pub(super) fn key(&self, info: &[&[u8]]) -> Result<KeyBytes, CipherError> {
        let mut key = KeyBytes::default();
        self.expand(info, key.as_mut_slice())?;
        Ok(key)
    }
}

/// AES-256-GCM encryption: ciphertext, then tag.
pub(super) fn gcm_seal(
    key: &[u8; KEY],
    nonce: &[u8; NONCE],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, CipherError> {
    Aes256Gcm::new(key.into()).encrypt(nonce.into(), Payload { msg: plaintext, aad }).map_err(|_| CipherError)
}

/// AES-256-GCM decryption of ciphertext and tag. The plaintext exists only after the tag matched.
pub(super) fn gcm_open(
    key: &[u8; KEY],
    nonce: &[u8; NONCE],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CipherError> {
    Aes256Gcm::new(key.into())
        .decrypt(nonce.into(), Payload { msg: sealed, aad })
        .map(Zeroizing::new)
        .map_err(|_| CipherError)
}

/// The source of random bytes: the operating system. A field rather than a call, so that a test can
/// let it fail.
#[derive(Clone, Copy)]
pub(super) struct Random(pub(super) fn(&mut [u8]) -> Result<(), getrandom::Error>);

impl Random {
    /// The operating system's generator.
    pub(super) const SYSTEM: Self = Self(getrandom::fill);

    /// Fills `out`, or fails; there is no weaker source to fall back to.
    pub(super) fn fill(self, out: &mut [u8]) -> Result<(), getrandom::Error> {
        (self.0)(out)
    }

    /// A new random key.
    pub(super) fn key(self) -> Result<KeyBytes, getrandom::Error> {
        let mut key = KeyBytes::default();
        self.fill(key.as_mut_slice())?;
        Ok(key)
    }
}
