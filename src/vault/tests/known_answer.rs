//! The known-answer vector of the format: bytes that an independent implementation made too.

use crate::vault::{
    KekId, SecretKind,
    context::{Context, DekContext, RecordContext},
    envelope::{Fresh, Key, open, seal_with},
    primitives::KeyBytes,
    ring::Kek,
};

const KEK_ID: &str = "c042002390a0082ddb0c3e2fd34767f8";
const WRAPPING: &str = "31ac9ca2bf8e0a5047e283fcae5548a75a08ddc1b410859a8d9b36a306fae2d4";
const CONTEXT: &str = concat!(
    "000000080000000b62796f6b2f6161642f76310000000874656e616e742d3100000006757365722d310000001470726f7669",
    "6465725f6b6579732e73656372657400000005726f772d31000000066f70656e61690000001a68747470733a2f2f6170692e",
    "6f70656e61692e636f6d3a343433000000080000000000000001"
);
const RECORD: &str = concat!(
    "b14b01010200000064656b2d303030303030303030303031404142434445464748494a4b4c4d4e4f50515253545556575859",
    "5a5b5c5d5e5f1bbf5f59fd8dec453610569bd0edf48faeb5edbcae29b16f800e6ce33ded3dbf808182838485868788898a8b",
    "d1242a4304666c536baac2ab3ff5c9f7e8831a9b0ac1e74ae90be2"
);
const WRAPPED_DEK: &str = concat!(
    "b14b010101000000c042002390a0082ddb0c3e2fd34767f8404142434445464748494a4b4c4d4e4f50515253545556575859",
    "5a5b5c5d5e5fed257b998b1bb280ff700472d01e102c17e4f32aae730612ad79bbbef9cc3a82808182838485868788898a8b",
    "67d9c7103625bafe381419a14447fe052870eb7e4660c99f0879347c4ee854c3f4649509fc124015f2c4eabb45c4575e"
);

const DEK_ID: &str = "dek-000000000001";
const PLAINTEXT: &[u8] = b"sk-test-123";

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn kek() -> Kek {
    Kek::derive(&KeyBytes::new(std::array::from_fn(|at| at as u8))).unwrap()
}

fn dek() -> Key {
    Key { id: DEK_ID.as_bytes().try_into().unwrap(), bytes: KeyBytes::new([7; 32]) }
}

fn fresh() -> Fresh {
    Fresh {
        salt: std::array::from_fn(|at| 0x40 + at as u8),
        nonce: std::array::from_fn(|at| 0x80 + at as u8),
    }
}

fn record() -> RecordContext<'static> {
    RecordContext {
        tenant: "tenant-1",
        owner: "user-1",
        kind: SecretKind::ProviderKey,
        row_id: "row-1",
        provider: "openai",
        realm: "https://api.openai.com:443",
        credential_version: 1,
    }
}

fn wrapped() -> DekContext<'static> {
    DekContext { tenant: "tenant-1", owner: "user-1", dek_id: DEK_ID, version: 1 }
}

#[test]
fn the_fingerprint_and_the_wrapping_key_are_the_vectors() {
    assert_eq!(kek().id().to_string(), KEK_ID);
    assert_eq!(KEK_ID.parse::<KekId>(), Ok(kek().id()));
    assert_eq!(kek().wrapping().bytes.as_slice(), unhex(WRAPPING));
}

#[test]
fn the_context_is_the_vectors() {
    assert_eq!(record().encode().unwrap(), unhex(CONTEXT));
}

#[test]
fn the_record_is_the_vectors_in_both_directions() {
    let envelope = unhex(RECORD);
    assert_eq!(envelope.len(), 127);
    assert_eq!(seal_with(&fresh(), &dek(), &record(), PLAINTEXT).unwrap(), envelope);
    assert_eq!(open(&dek(), &record(), &envelope).unwrap().as_slice(), PLAINTEXT);
}

#[test]
fn the_wrapped_data_key_is_the_vectors_in_both_directions() {
    let envelope = unhex(WRAPPED_DEK);
    assert_eq!(envelope.len(), 148);
    assert_eq!(seal_with(&fresh(), kek().wrapping(), &wrapped(), &[7; 32]).unwrap(), envelope);
    assert_eq!(open(kek().wrapping(), &wrapped(), &envelope).unwrap().as_slice(), [7; 32]);
}
