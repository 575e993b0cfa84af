//! The ciphertext format `BYOK1`, byte for byte. **Frozen.**
//!
//! | offset | size | field | value |
//! | --- | --- | --- | --- |
//! | 0 | 2 | magic | `B1 4B`; 0xB1 cannot start UTF-8 text, so no plaintext is taken for an envelope |
//! | 2 | 1 | format | `01` |
//! | 3 | 1 | algorithm | `01`: HKDF-SHA256, AES-256-GCM, 96-bit nonce, 128-bit tag, 256-bit commitment |
//! | 4 | 1 | type | `01` wrapped data key, `02` provider key, `03` webhook secret, `05` outgoing webhook, `09` KEK check, `0A` audit key |
//! | 5 | 3 | flags | zero |
//! | 8 | 16 | key id | of the KEK for types `01` and `09`, else of the data key |
//! | 24 | 32 | salt | random for each envelope |
//! | 56 | 32 | commitment | HKDF(key, salt, `byok/v1/commit` ‖ bytes 0..24) |
//! | 88 | 12 | nonce | random for each envelope |
//! | 100 | n + 16 | ciphertext ‖ tag | AES-256-GCM under HKDF(key, salt, `byok/v1/enc` ‖ bytes 0..24) |
//!
//! The additional data of GCM is bytes 0..100 ‖ context. Each envelope has a key of its own, so a
//! repeated nonce under one key needs a repeated 256-bit salt. The commitment makes an envelope
//! valid under one key only, which plain GCM does not.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    context::Context,
    error::{Refusal, VaultError},
    primitives::{CipherError, Hkdf, KeyBytes, NONCE, Random, TAG, gcm_open, gcm_seal},
};

/// Most bytes of a plaintext.
pub const MAX_PLAINTEXT: usize = 64 * 1024;

/// Bytes that an envelope adds to its plaintext.
pub const OVERHEAD: usize = PREAMBLE + TAG;

const PREFIX: usize = 8;
const KEY_ID: usize = 16;
const HEADER: usize = PREFIX + KEY_ID;
const SALT: usize = 32;
const COMMITMENT: usize = 32;
const PREAMBLE: usize = HEADER + SALT + COMMITMENT + NONCE;

/// A key that seals envelopes, with the id that the envelopes name.
pub(super) struct Key {
    pub(super) id: [u8; KEY_ID],
    pub(super) bytes: KeyBytes,
}

/// The random part of an envelope.
pub(super) struct Fresh {
    pub(super) salt: [u8; SALT],
    pub(super) nonce: [u8; NONCE],
}

impl Fresh {
    fn draw(random: Random) -> Result<Self, VaultError> {
        // One call for both: it is the slowest part of sealing.
        let mut bytes = [0; SALT + NONCE];
        random.fill(&mut bytes)?;
        let mut fresh = Self { salt: [0; SALT], nonce: [0; NONCE] };
        fresh.salt.copy_from_slice(&bytes[..SALT]);
        fresh.nonce.copy_from_slice(&bytes[SALT..]);
        Ok(fresh)
    }
}

/// What is derived for one envelope from the key, the salt and the header.
struct Derived {
    commitment: [u8; COMMITMENT],
    encryption: Hkdf,
    header: [u8; HEADER],
}

impl Derived {
    fn new(key: &Key, header: [u8; HEADER], salt: &[u8; SALT]) -> Result<Self, CipherError> {
        let hkdf = Hkdf::extract(salt, key.bytes.as_slice());
        let mut commitment = [0; COMMITMENT];
        hkdf.expand(&[b"byok/v1/commit", &header], &mut commitment)?;
        Ok(Self { commitment, encryption: hkdf, header })
    }

    fn encryption_key(&self) -> Result<KeyBytes, CipherError> {
        self.encryption.key(&[b"byok/v1/enc", &self.header])
    }
}

fn header(type_byte: u8, key_id: &[u8; KEY_ID]) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..PREFIX].copy_from_slice(&prefix(type_byte));
    header[PREFIX..].copy_from_slice(key_id);
    header
}

/// Magic, format, algorithm, type and flags.
const fn prefix(type_byte: u8) -> [u8; PREFIX] {
    [0xB1, 0x4B, 0x01, 0x01, type_byte, 0, 0, 0]
}

/// Seals `plaintext` under `key`, bound to the place that `context` describes.
pub(super) fn seal(
    random: Random,
    key: &Key,
    context: &impl Context,
    plaintext: &[u8],
) -> Result<Vec<u8>, VaultError> {
    seal_with(&Fresh::draw(random)?, key, context, plaintext)
}

/// [`seal`] with a given salt and nonce. Outside tests only [`seal`] may call it.
pub(super) fn seal_with(
    fresh: &Fresh,
    key: &Key,
    context: &impl Context,
    plaintext: &[u8],
) -> Result<Vec<u8>, VaultError> {
    if plaintext.len() > MAX_PLAINTEXT {
        return Err(VaultError::TooLarge);
    }
    let place = context.encode()?;
    let derived = Derived::new(key, header(context.type_byte(), &key.id), &fresh.salt)?;

    let mut envelope = Vec::with_capacity(OVERHEAD + plaintext.len());
    envelope.extend_from_slice(&derived.header);
    envelope.extend_from_slice(&fresh.salt);
    envelope.extend_from_slice(&derived.commitment);
    envelope.extend_from_slice(&fresh.nonce);

    let aad = [envelope.as_slice(), &place].concat();
    let sealed = gcm_seal(&*derived.encryption_key()?, &fresh.nonce, &aad, plaintext)?;
    envelope.extend_from_slice(&sealed);
    Ok(envelope)
}

/// Opens an envelope with the one key it must name, for the place that `context` describes.
pub(super) fn open(
    key: &Key,
    context: &impl Context,
    envelope: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let place = context.encode().map_err(|_| Refusal::Context)?;
    let parts = Parts::split(envelope)?;
    if *parts.prefix != prefix(context.type_byte()) {
        return Err(Refusal::Header);
    }
    if *parts.key_id != key.id {
        return Err(Refusal::KeyId);
    }
    let derived = Derived::new(key, header(context.type_byte(), &key.id), parts.salt)?;
    if !bool::from(derived.commitment.ct_eq(parts.commitment)) {
        return Err(Refusal::Commitment);
    }
    let aad = [parts.preamble, &place].concat();
    Ok(gcm_open(&*derived.encryption_key()?, parts.nonce, &aad, parts.sealed)?)
}

/// An envelope cut at its field borders; nothing is verified but the length.
struct Parts<'a> {
    preamble: &'a [u8],
    prefix: &'a [u8; PREFIX],
    key_id: &'a [u8; KEY_ID],
    salt: &'a [u8; SALT],
    commitment: &'a [u8; COMMITMENT],
    nonce: &'a [u8; NONCE],
    sealed: &'a [u8],
}

impl<'a> Parts<'a> {
    fn split(envelope: &'a [u8]) -> Result<Self, Refusal> {
        if !(OVERHEAD..=OVERHEAD + MAX_PLAINTEXT).contains(&envelope.len()) {
            return Err(Refusal::Length);
        }
        let (preamble, sealed) = envelope.split_at(PREAMBLE);
        let (prefix, rest) = preamble.split_first_chunk().ok_or(Refusal::Length)?;
        let (key_id, rest) = rest.split_first_chunk().ok_or(Refusal::Length)?;
        let (salt, rest) = rest.split_first_chunk().ok_or(Refusal::Length)?;
        let (commitment, rest) = rest.split_first_chunk().ok_or(Refusal::Length)?;
        let nonce = rest.first_chunk().ok_or(Refusal::Length)?;
        Ok(Self { preamble, prefix, key_id, salt, commitment, nonce, sealed })
    }
}
