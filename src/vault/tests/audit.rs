//! The audit chain's codes.

use proptest::prelude::*;

use super::root;
use crate::{
    model::time::Timestamp,
    vault::{AuditEntry, AuditKey, CHAIN_START, VaultError, context::MAX_CONTEXT, primitives::KeyBytes},
};

fn key() -> AuditKey {
    AuditKey::new(KeyBytes::new(root(5)))
}

const ENTRY: AuditEntry<'static> = AuditEntry {
    owner: "0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a0001",
    seq: 1,
    prev: &CHAIN_START,
    at: Timestamp(1_700_000_000_000_000),
    action: "key.created",
    subject: "0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a00aa",
    detail: "serpapi",
};

#[test]
fn the_code_is_hmac_sha256_of_the_encoded_entry() {
    // Computed by an independent implementation.
    let expected = "8d2daea8f83e8a6351d549023b562d4bbf90628d649f004b632ca668673da589";
    let mac = key().mac(&ENTRY).unwrap();
    assert_eq!(mac.map(|byte| format!("{byte:02x}")).concat(), expected);
    assert!(key().verify(&ENTRY, &mac));
}

#[test]
fn an_entry_that_differs_anywhere_is_refused() {
    let mac = key().mac(&ENTRY).unwrap();
    for changed in [
        AuditEntry { owner: "0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a0002", ..ENTRY },
        AuditEntry { seq: 2, ..ENTRY },
        AuditEntry { prev: &[1; 32], ..ENTRY },
        AuditEntry { at: Timestamp(ENTRY.at.0 + 1), ..ENTRY },
        AuditEntry { action: "key.deleted", ..ENTRY },
        AuditEntry { subject: "", ..ENTRY },
        AuditEntry { detail: "twilio", ..ENTRY },
        AuditEntry { subject: "0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a00aas", detail: "erpapi", ..ENTRY },
    ] {
        assert!(!key().verify(&changed, &mac), "{changed:?}");
    }
    assert!(!AuditKey::new(KeyBytes::new(root(6))).verify(&ENTRY, &mac));
    assert!(!key().verify(&ENTRY, &mac[..31]));
    assert!(!key().verify(&ENTRY, b""));
}

#[test]
fn an_oversized_entry_is_an_error() {
    let long = "x".repeat(MAX_CONTEXT);
    let entry = AuditEntry { detail: &long, ..ENTRY };
    assert_eq!(key().mac(&entry), Err(VaultError::ContextTooLong));
    assert!(!key().verify(&entry, &[0; 32]));
}

proptest! {
    #[test]
    fn every_flipped_bit_of_a_code_is_refused(bit in 0usize..256) {
        let mut mac = key().mac(&ENTRY).unwrap();
        mac[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!key().verify(&ENTRY, &mac));
    }
}
