//! What can go wrong, told without a byte of what was sealed.

use super::{MAX_PLAINTEXT, context::MAX_CONTEXT, primitives::CipherError};

/// A sealed value cannot be opened: damaged, moved to another place, or sealed under a key that is
/// not here. Callers learn no more than that; the reason goes to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed value cannot be opened")]
pub struct Undecryptable;

/// A value could not be sealed, or a key could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The plaintext is over [`MAX_PLAINTEXT`].
    #[error("a value to seal may have at most {MAX_PLAINTEXT} bytes")]
    TooLarge,
    /// The context is over its limit.
    #[error("the context of a sealed value may have at most {MAX_CONTEXT} bytes")]
    ContextTooLong,
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    Random,
    /// A cipher refused its input.
    #[error("a cipher refused its input")]
    Cipher,
    /// The key ring has no such key.
    #[error("the key ring has no such key")]
    UnknownKek,
    /// The data key that should seal the value cannot be opened itself.
    #[error("the data key cannot be opened")]
    Undecryptable,
}

impl From<getrandom::Error> for VaultError {
    fn from(_: getrandom::Error) -> Self {
        Self::Random
    }
}

impl From<CipherError> for VaultError {
    fn from(_: CipherError) -> Self {
        Self::Cipher
    }
}

impl From<Undecryptable> for VaultError {
    fn from(_: Undecryptable) -> Self {
        Self::Undecryptable
    }
}

/// At which step `open` refused, in the order of the steps. For the log of this room only: an
/// attacker who supplies ciphertext must not learn it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the context is too long or not valid")]
    Context,
    #[error("it has an impossible length")]
    Length,
    #[error("it is not an envelope of the expected format and type")]
    Header,
    #[error("it names a key that is not here, or another than the one given")]
    KeyId,
    #[error("it was sealed under another key")]
    Commitment,
    #[error("it was changed, or belongs to another place")]
    Authentication,
}

impl From<CipherError> for Refusal {
    fn from(_: CipherError) -> Self {
        Self::Authentication
    }
}
