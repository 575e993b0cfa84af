//! Changed, cut, foreign and plain values; the sizes; the random source.

use std::collections::HashSet;

use proptest::prelude::*;

use super::{OTHER_USER, USER, place, root, vault};
use crate::vault::{
    INSTANCE, KekRing, MAX_PLAINTEXT, OVERHEAD, Undecryptable, Vault, VaultError, WrappedDek,
    context::{CheckContext, DekContext},
    envelope::{Key, open, seal},
    error::Refusal,
    primitives::{KeyBytes, Random},
};

#[test]
fn every_flipped_bit_is_refused() {
    let vault = vault();
    let dek = vault.new_dek(USER).unwrap();
    let envelope = vault.seal(&dek, &place(USER), b"sk-test-123").unwrap();
    let flipped = |bytes: &[u8], bit: usize| {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    };
    for bit in 0..envelope.len() * 8 {
        assert_eq!(vault.open(&dek, &place(USER), &flipped(&envelope, bit)), Err(Undecryptable), "bit {bit}");
    }
    for bit in 0..dek.blob.len() * 8 {
        let damaged = WrappedDek { blob: flipped(&dek.blob, bit), ..dek.clone() };
        assert_eq!(vault.open(&damaged, &place(USER), &envelope), Err(Undecryptable), "bit {bit}");
    }
    assert!(vault.open(&dek, &place(USER), &envelope).is_ok());
}

#[test]
fn every_truncation_and_extension_is_refused() {
    let vault = vault();
    let dek = vault.new_dek(USER).unwrap();
    let envelope = vault.seal(&dek, &place(USER), b"sk-test-123").unwrap();
    for end in 0..envelope.len() {
        assert_eq!(vault.open(&dek, &place(USER), &envelope[..end]), Err(Undecryptable), "{end} bytes");
        assert_eq!(vault.open(&dek, &place(USER), &envelope[end + 1..]), Err(Undecryptable));
    }
    for more in [1, 16, MAX_PLAINTEXT + 1] {
        let longer = [envelope.as_slice(), &vec![0; more]].concat();
        assert_eq!(vault.open(&dek, &place(USER), &longer), Err(Undecryptable));
    }
}

#[test]
fn refusals_come_in_the_order_of_the_steps() {
    let key = Key { id: [1; 16], bytes: KeyBytes::new(root(7)) };
    let context = place(USER);
    let good = seal(Random::SYSTEM, &key, &context, b"x").unwrap();
    let refusal = |change: fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        open(&key, &context, &bytes).unwrap_err()
    };
    assert_eq!(refusal(|b| b.truncate(OVERHEAD - 1)), Refusal::Length);
    assert_eq!(refusal(|b| b.resize(OVERHEAD + MAX_PLAINTEXT + 1, 0)), Refusal::Length);
    assert_eq!(refusal(|b| b.resize(OVERHEAD + MAX_PLAINTEXT, 0)), Refusal::Authentication);
    for at in 0..8 {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        assert_eq!(open(&key, &context, &bytes).unwrap_err(), Refusal::Header, "byte {at}");
    }
    assert_eq!(refusal(|b| b[8] ^= 1), Refusal::KeyId);
    assert_eq!(refusal(|b| b[24] ^= 1), Refusal::Commitment, "the salt");
    assert_eq!(refusal(|b| b[56] ^= 1), Refusal::Commitment);
    assert_eq!(refusal(|b| b[88] ^= 1), Refusal::Authentication, "the nonce");
    assert_eq!(refusal(|b| b[100] ^= 1), Refusal::Authentication);
    // Each step comes before the next one.
    assert_eq!(
        refusal(|b| {
            b[0] ^= 1;
            b[8] ^= 1
        }),
        Refusal::Header
    );
    assert_eq!(
        refusal(|b| {
            b[8] ^= 1;
            b[56] ^= 1
        }),
        Refusal::KeyId
    );
    assert_eq!(
        refusal(|b| {
            b[56] ^= 1;
            b[100] ^= 1
        }),
        Refusal::Commitment
    );
}

#[test]
fn a_key_with_the_same_id_but_other_bytes_is_stopped_by_the_commitment() {
    let mine = Key { id: [1; 16], bytes: KeyBytes::new(root(7)) };
    let theirs = Key { id: [1; 16], bytes: KeyBytes::new(root(8)) };
    let envelope = seal(Random::SYSTEM, &mine, &place(USER), b"x").unwrap();
    assert_eq!(open(&theirs, &place(USER), &envelope).unwrap_err(), Refusal::Commitment);
}

#[test]
fn a_plaintext_row_is_never_taken_for_a_sealed_one() {
    let vault = vault();
    let dek = vault.new_dek(USER).unwrap();
    for text in [String::new(), "sk-test-123".to_owned(), "k".repeat(OVERHEAD + 40)] {
        assert_eq!(vault.open(&dek, &place(USER), text.as_bytes()), Err(Undecryptable));
    }
}

#[test]
fn another_ring_opens_nothing() {
    let vault = vault();
    let dek = vault.new_dek(USER).unwrap();
    let envelope = vault.seal(&dek, &place(USER), b"sk-test-123").unwrap();
    let stranger = Vault::new(KekRing::of(&[root(2)]));
    assert_eq!(stranger.open(&dek, &place(USER), &envelope), Err(Undecryptable));
    assert_eq!(stranger.seal(&dek, &place(USER), b"x"), Err(VaultError::Undecryptable));
    // Nor when the row claims that it does.
    let claimed = WrappedDek { kek_id: stranger.ring().primary(), ..dek };
    assert_eq!(stranger.open(&claimed, &place(USER), &envelope), Err(Undecryptable));
}

#[test]
fn a_ring_with_a_new_primary_key_opens_what_the_old_one_wrapped() {
    let old = vault();
    let dek = old.new_dek(USER).unwrap();
    let envelope = old.seal(&dek, &place(USER), b"sk-test-123").unwrap();
    let rotated = Vault::new(KekRing::of(&[root(2), root(1)]));
    assert_eq!(rotated.open(&dek, &place(USER), &envelope).unwrap().as_slice(), b"sk-test-123");
    assert_eq!(rotated.new_dek(USER).unwrap().kek_id, rotated.ring().primary());
}

#[test]
fn a_data_key_belongs_to_one_owner_id_and_version() {
    let vault = vault();
    let dek = vault.new_dek(USER).unwrap();
    let envelope = vault.seal(&dek, &place(USER), b"sk-test-123").unwrap();
    assert_eq!(vault.seal(&dek, &place(OTHER_USER), b"x"), Err(VaultError::Undecryptable));
    for moved in [
        WrappedDek { version: 2, ..dek.clone() },
        WrappedDek { version: -1, ..dek.clone() },
        WrappedDek { id: vault.new_dek(USER).unwrap().id, ..dek.clone() },
        WrappedDek { blob: vault.new_dek(USER).unwrap().blob, ..dek.clone() },
        vault.new_dek(USER).unwrap(),
        vault.new_dek(OTHER_USER).unwrap(),
    ] {
        assert_eq!(vault.open(&moved, &place(USER), &envelope), Err(Undecryptable));
    }
}

#[test]
fn a_wrapped_key_is_no_check_and_a_check_no_wrapped_key() {
    let key = Key { id: [1; 16], bytes: KeyBytes::new(root(7)) };
    let dek = DekContext { tenant: "t", owner: "o", dek_id: "d", version: 1 };
    let check = CheckContext { kek_id: "k" };
    let wrapped = seal(Random::SYSTEM, &key, &dek, &[7; 32]).unwrap();
    assert_eq!(open(&key, &check, &wrapped).unwrap_err(), Refusal::Header);
    let checked = seal(Random::SYSTEM, &key, &check, &[7; 32]).unwrap();
    assert_eq!(open(&key, &dek, &checked).unwrap_err(), Refusal::Header);
}

#[test]
fn a_wrong_root_key_is_recognised() {
    let vault = vault();
    let id = vault.ring().primary();
    let check = vault.make_check(id).unwrap();
    assert_eq!(vault.verify_check(id, &check), Ok(()));
    let stranger = Vault::new(KekRing::of(&[root(2)]));
    assert_eq!(stranger.verify_check(id, &check), Err(Undecryptable));
    assert_eq!(stranger.verify_check(stranger.ring().primary(), &check), Err(Undecryptable));
    assert_eq!(stranger.make_check(id), Err(VaultError::UnknownKek));
    assert_eq!(vault.verify_check(id, b""), Err(Undecryptable));
    let wrapping = vault.ring().get(id).unwrap().wrapping();
    let other = seal(Random::SYSTEM, wrapping, &CheckContext { kek_id: &id.to_string() }, b"else").unwrap();
    assert_eq!(vault.verify_check(id, &other), Err(Undecryptable));
}

#[test]
fn the_audit_key_opens_under_the_instances_data_key_only() {
    let vault = vault();
    let dek = vault.new_dek(INSTANCE).unwrap();
    let sealed = vault.new_audit_key(&dek).unwrap();
    assert_ne!(sealed, vault.new_audit_key(&dek).unwrap());
    assert!(vault.open_audit_key(&dek, &sealed).is_ok());
    let credential = vault.seal(&dek, &place(INSTANCE), &[7; 32]).unwrap();
    assert_eq!(vault.open_audit_key(&dek, &credential).unwrap_err(), Undecryptable);
    let users = vault.new_dek(USER).unwrap();
    assert_eq!(vault.new_audit_key(&users), Err(VaultError::Undecryptable));
    assert_eq!(vault.open_audit_key(&users, &sealed).unwrap_err(), Undecryptable);
}

#[test]
fn the_plaintext_has_a_limit() {
    let vault = vault();
    let dek = vault.new_dek(USER).unwrap();
    let largest = vec![b'k'; MAX_PLAINTEXT];
    let envelope = vault.seal(&dek, &place(USER), &largest).unwrap();
    assert_eq!(envelope.len(), MAX_PLAINTEXT + OVERHEAD);
    assert_eq!(vault.open(&dek, &place(USER), &envelope).unwrap().as_slice(), largest);
    assert_eq!(vault.seal(&dek, &place(USER), &[largest, vec![b'k']].concat()), Err(VaultError::TooLarge));
}

#[test]
fn salts_and_nonces_never_repeat() {
    let key = Key { id: [1; 16], bytes: KeyBytes::new(root(7)) };
    let envelopes: Vec<Vec<u8>> =
        (0..20_000).map(|_| seal(Random::SYSTEM, &key, &place(USER), b"same").unwrap()).collect();
    for part in [24..56, 88..100] {
        let distinct: HashSet<&[u8]> = envelopes.iter().map(|envelope| &envelope[part.clone()]).collect();
        assert_eq!(distinct.len(), envelopes.len());
    }
}

#[test]
fn without_random_bytes_nothing_is_sealed() {
    let good = vault();
    let (dek, instance) = (good.new_dek(USER).unwrap(), good.new_dek(INSTANCE).unwrap());
    let dry = Vault { random: Random(|_| Err(getrandom::Error::UNSUPPORTED)), ..vault() };
    assert_eq!(dry.new_dek(USER), Err(VaultError::Random));
    assert_eq!(dry.seal(&dek, &place(USER), b"x"), Err(VaultError::Random));
    assert_eq!(dry.make_check(dry.ring().primary()), Err(VaultError::Random));
    assert_eq!(dry.new_audit_key(&instance), Err(VaultError::Random));
}

#[test]
fn nothing_shows_a_key_in_debug() {
    let vault = vault();
    let dek = vault.new_dek(INSTANCE).unwrap();
    let audit = vault.open_audit_key(&dek, &vault.new_audit_key(&dek).unwrap()).unwrap();
    let shown = format!("{vault:?} {:?} {audit:?} {dek:?}", vault.ring());
    let fingerprint = vault.ring().primary().to_string();
    // What is left without the public ids are names only: no list of bytes, no hexadecimal.
    let rest = shown.replace(&fingerprint, "").replace(&dek.id.to_string(), "");
    assert_eq!(
        rest,
        "Vault { ring: KekRing([KekId()]), .. } KekRing([KekId()]) AuditKey \
         WrappedDek { id: DekId(), version: 1, kek_id: KekId(), .. }"
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_open(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let key = Key { id: [1; 16], bytes: KeyBytes::new(root(7)) };
        prop_assert!(open(&key, &place(USER), &bytes).is_err());
    }

    #[test]
    fn arbitrary_bytes_behind_a_good_header_never_open(bytes in prop::collection::vec(any::<u8>(), 92..400)) {
        let key = Key { id: [1; 16], bytes: KeyBytes::new(root(7)) };
        let header = seal(Random::SYSTEM, &key, &place(USER), b"").unwrap();
        let forged = [&header[..24], &bytes].concat();
        prop_assert_eq!(open(&key, &place(USER), &forged).unwrap_err(), Refusal::Commitment);
    }
}
