//! Plain GCM does not commit to its key: here is one ciphertext that is valid under two. The
//! commitment is what refuses it (partitioning oracles, Len, Grubbs and Ristenpart 2021).

use aes_gcm::{
    KeyInit,
    aes::{Aes256, cipher::BlockCipherEncrypt},
};

use super::{USER, place, root};
use crate::vault::{
    context::Context,
    envelope::{Key, open, seal},
    error::Refusal,
    primitives::{Hkdf, KeyBytes, Random, gcm_open},
};

/// The reduction polynomial of GCM in its reflected bit order.
const POLYNOMIAL: u128 = 0xE1 << 120;

/// The product in GCM's field of 2^128 elements.
fn times(x: u128, y: u128) -> u128 {
    let (mut product, mut power) = (0, y);
    for bit in (0..128).rev() {
        if x >> bit & 1 == 1 {
            product ^= power;
        }
        power = if power & 1 == 1 { power >> 1 ^ POLYNOMIAL } else { power >> 1 };
    }
    product
}

/// The inverse: x^(2^128 - 2).
fn inverse(x: u128) -> u128 {
    let one = 1 << 127;
    (1..128)
        .fold((one, x), |(result, square), _| {
            let square = times(square, square);
            (times(result, square), square)
        })
        .0
}

fn cipher_block(key: &[u8; 32], block: u128) -> u128 {
    let mut bytes = block.to_be_bytes().into();
    Aes256::new(key.into()).encrypt_block(&mut bytes);
    u128::from_be_bytes(bytes.into())
}

/// GHASH of the additional data and one block of ciphertext.
fn ghash(key: &[u8; 32], aad: &[u8], block: u128) -> u128 {
    let hash_key = cipher_block(key, 0);
    let padded = aad.chunks(16).map(|chunk| {
        let mut bytes = [0; 16];
        bytes[..chunk.len()].copy_from_slice(chunk);
        u128::from_be_bytes(bytes)
    });
    let lengths = (aad.len() as u128 * 8) << 64 | 128;
    padded.chain([block, lengths]).fold(0, |sum, part| times(sum ^ part, hash_key))
}

fn mask(key: &[u8; 32], nonce: &[u8; 12]) -> u128 {
    let mut counter = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    counter[..12].copy_from_slice(nonce);
    cipher_block(key, u128::from_be_bytes(counter))
}

#[test]
fn a_ciphertext_valid_under_two_keys_opens_under_the_committed_one_only() {
    let id = [1; 16];
    let [one, two] = [7, 8].map(|seed| Key { id, bytes: KeyBytes::new(root(seed)) });
    let context = place(USER);
    // A genuine envelope of one block lends header, salt, commitment and nonce.
    let genuine = seal(Random::SYSTEM, &one, &context, &[0; 16]).unwrap();
    let preamble = &genuine[..100];
    let nonce: &[u8; 12] = preamble[88..].try_into().unwrap();
    let aad = [preamble, &context.encode().unwrap()].concat();
    let subkey = |key: &Key| {
        Hkdf::extract(&preamble[24..56], key.bytes.as_slice())
            .key(&[b"byok/v1/enc", &preamble[..24]])
            .unwrap()
    };
    let (first, second) = (subkey(&one), subkey(&two));

    // The tag is linear in the ciphertext block, with H² as its factor. Solve for equal tags.
    let square = |key: &[u8; 32]| times(cipher_block(key, 0), cipher_block(key, 0));
    let constant = |key: &[u8; 32]| ghash(key, &aad, 0) ^ mask(key, nonce);
    let block = times(constant(&first) ^ constant(&second), inverse(square(&first) ^ square(&second)));
    let tag = ghash(&first, &aad, block) ^ mask(&first, nonce);
    let sealed = [block.to_be_bytes(), tag.to_be_bytes()].concat();

    // Control: without a commitment both keys accept it, with different plaintexts.
    let under_first = gcm_open(&first, nonce, &aad, &sealed).unwrap();
    let under_second = gcm_open(&second, nonce, &aad, &sealed).unwrap();
    assert_ne!(under_first, under_second);

    let forged = [preamble, &sealed].concat();
    assert_eq!(open(&one, &context, &forged).unwrap(), under_first);
    assert_eq!(open(&two, &context, &forged).unwrap_err(), Refusal::Commitment);
}
