//! The written form of a root key, and what can be wrong with one. Nothing here quotes a value.

use base64::{
    DecodeError, Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::URL_SAFE_NO_PAD},
};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::primitives::{KEY, KeyBytes};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// What the checksummed form starts with.
const MARK: &str = "byokkek1.";
const CHECKSUM: usize = 4;
/// Characters of the checksummed form: mark, 43 of the key, a dot, 6 of the checksum.
const CHECKSUMMED: usize = MARK.len() + 43 + 1 + 6;

/// The key of the format's known-answer vector is printed in public, so it protects nothing.
const PUBLIC_KEY: [u8; KEY] = {
    let mut key = [0; KEY];
    let mut at = 0;
    while at < KEY {
        key[at] = at as u8;
        at += 1;
    }
    key
};

/// Why a key ring cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// There is no key in it.
    #[error("there is no key in it: every line is empty or a comment. `keyward keys generate` makes a key")]
    Empty,
    /// One line is wrong.
    #[error("line {line}: {problem}")]
    Line {
        /// The line, counted from 1, comments and empty lines included.
        line: usize,
        /// What is wrong with it.
        problem: KeyProblem,
    },
}

/// What is wrong with one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// Not base64 at all.
    #[error("this is neither base64 nor a key made by `keyward keys generate`")]
    NotBase64,
    /// 32 bytes in hexadecimal.
    #[error("this looks like a key in hexadecimal; write its 32 bytes as base64 instead")]
    Hexadecimal,
    /// The end is missing.
    #[error("the key is cut off; paste the whole line again")]
    CutOff,
    /// Something follows the key.
    #[error("something follows the key; write one key per line")]
    Trailing,
    /// Base64 of another number of bytes.
    #[error("the key has {0} bytes instead of 32")]
    Length(usize),
    /// A character of the checksummed form was changed.
    #[error("the checksum does not match; a character was changed or lost")]
    Checksum,
    /// Only zero bytes.
    #[error("the key is all zeros, which is no secret")]
    Zero,
    /// The key of the documentation.
    #[error("this key is printed in public documentation, so it is no secret")]
    Public,
    /// Text instead of random bytes.
    #[error("the key is made of text, not of random bytes; make one with `keyward keys generate`")]
    Text,
    /// Too regular to be random.
    #[error("the key repeats too few different bytes to be random; make one with `keyward keys generate`")]
    LowEntropy,
    /// The same key twice.
    #[error("the same key is on line {first} already")]
    Duplicate {
        /// The line that has it first.
        first: usize,
    },
    /// No fingerprint could be derived.
    #[error("no fingerprint could be derived from the key")]
    Derivation,
}

/// Reads one key.
pub(super) fn decode(text: &str) -> Result<KeyBytes, KeyProblem> {
    let key = match text.strip_prefix(MARK) {
        Some(rest) => checksummed(text.len(), rest)?,
        None if text.len() == 2 * KEY && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
            return Err(KeyProblem::Hexadecimal);
        }
        None => exactly_one_key(&base64(text)?)?,
    };
    strong(&key)?;
    Ok(key)
}

/// Writes one key in its checksummed form.
pub(super) fn encode(key: &[u8; KEY]) -> SecretString {
    // Exact, so that no shorter copy of the key is left behind.
    let mut text = String::with_capacity(CHECKSUMMED);
    text.push_str(MARK);
    URL_SAFE_NO_PAD.encode_string(key, &mut text);
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(checksum(key), &mut text);
    SecretString::from(text)
}

/// The first bytes of SHA-256 over a label and the key.
fn checksum(key: &[u8; KEY]) -> [u8; CHECKSUM] {
    let digest = Sha256::new().chain_update(b"byok/v1/kek-checksum").chain_update(key).finalize();
    let mut sum = [0; CHECKSUM];
    sum.copy_from_slice(&digest[..CHECKSUM]);
    sum
}

fn checksummed(length: usize, rest: &str) -> Result<KeyBytes, KeyProblem> {
    if length < CHECKSUMMED {
        return Err(KeyProblem::CutOff);
    }
    if length > CHECKSUMMED {
        return Err(KeyProblem::Trailing);
    }
    let (key, sum) = rest.split_once('.').ok_or(KeyProblem::Checksum)?;
    // A wrong character may also break the base64; for the reader it is the same mistake.
    let key = base64(key).and_then(|key| exactly_one_key(&key)).map_err(|_| KeyProblem::Checksum)?;
    let sum = base64(sum).map_err(|_| KeyProblem::Checksum)?;
    if bool::from(checksum(&key).ct_eq(sum.as_slice())) { Ok(key) } else { Err(KeyProblem::Checksum) }
}

fn base64(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyProblem> {
    let engine = if text.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    // Large enough from the start, so that the bytes are never copied to a larger buffer.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() + 3));
    engine.decode_vec(text, &mut bytes).map_err(|error| match error {
        DecodeError::InvalidByte(..) | DecodeError::InvalidPadding => KeyProblem::NotBase64,
        DecodeError::InvalidLength(_) | DecodeError::InvalidLastSymbol(..) => KeyProblem::CutOff,
    })?;
    Ok(bytes)
}

fn exactly_one_key(bytes: &[u8]) -> Result<KeyBytes, KeyProblem> {
    if bytes.len() != KEY {
        return Err(KeyProblem::Length(bytes.len()));
    }
    let mut key = KeyBytes::default();
    key.copy_from_slice(bytes);
    Ok(key)
}

/// Refuses what was certainly not made by a random source. A random key fails these with a
/// probability far below 2^-50.
fn strong(key: &KeyBytes) -> Result<(), KeyProblem> {
    let distinct = (0..=u8::MAX).filter(|byte| key.contains(byte)).count();
    if key.iter().all(|byte| *byte == 0) {
        Err(KeyProblem::Zero)
    } else if **key == PUBLIC_KEY {
        Err(KeyProblem::Public)
    } else if key.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        Err(KeyProblem::Text)
    } else if distinct < 8 {
        Err(KeyProblem::LowEntropy)
    } else {
        Ok(())
    }
}
