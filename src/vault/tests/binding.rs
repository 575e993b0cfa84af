//! A sealed value opens at its own place only.

use proptest::prelude::*;

use super::{root, vault};
use crate::vault::{
    RecordContext, SecretKind, TENANT, Undecryptable, VaultError,
    context::{Context, MAX_CONTEXT, encode},
    envelope::{Key, open, seal},
    primitives::{KeyBytes, Random},
};

#[derive(Debug, Clone, PartialEq)]
struct Place {
    tenant: String,
    owner: String,
    kind: SecretKind,
    row_id: String,
    provider: String,
    realm: String,
    version: u64,
}

impl Place {
    fn context(&self) -> RecordContext<'_> {
        RecordContext {
            tenant: &self.tenant,
            owner: &self.owner,
            kind: self.kind,
            row_id: &self.row_id,
            provider: &self.provider,
            realm: &self.realm,
            credential_version: self.version,
        }
    }

    /// This place with field number `field` taken from `other`.
    fn with(&self, field: usize, other: &Self) -> Self {
        let (mut place, other) = (self.clone(), other.clone());
        match field {
            0 => place.tenant = other.tenant,
            1 => place.owner = other.owner,
            2 => place.kind = other.kind,
            3 => place.row_id = other.row_id,
            4 => place.provider = other.provider,
            5 => place.realm = other.realm,
            _ => place.version = other.version,
        }
        place
    }
}

fn places() -> impl Strategy<Value = Place> {
    let text = || "\\PC{0,12}";
    (text(), text(), prop::sample::select(&SecretKind::ALL[..]), text(), text(), text(), any::<u64>())
        .prop_map(|(tenant, owner, kind, row_id, provider, realm, version)| Place {
            tenant,
            owner,
            kind,
            row_id,
            provider,
            realm,
            version,
        })
}

fn key() -> Key {
    Key { id: [1; 16], bytes: KeyBytes::new(root(7)) }
}

proptest! {
    #[test]
    fn any_plaintext_comes_back_at_its_place(
        place in places(),
        plaintext in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let envelope = seal(Random::SYSTEM, &key(), &place.context(), &plaintext).unwrap();
        let opened = open(&key(), &place.context(), &envelope).unwrap();
        prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
    }

    #[test]
    fn a_place_that_differs_in_one_field_is_refused(place in places(), other in places()) {
        let envelope = seal(Random::SYSTEM, &key(), &place.context(), b"sk-test-123").unwrap();
        for field in 0..7 {
            let changed = place.with(field, &other);
            prop_assert_eq!(open(&key(), &changed.context(), &envelope).is_ok(), changed == place);
        }
    }

    #[test]
    fn a_character_moved_to_the_neighbour_is_refused(place in places(), at in 0usize..13) {
        // The same characters in the same order, with the border between two fields elsewhere.
        let joined = format!("{}{}", place.row_id, place.provider);
        let border = joined.char_indices().map(|(at, _)| at).nth(at).unwrap_or(joined.len());
        let (row_id, provider) = joined.split_at(border);
        let moved = Place { row_id: row_id.to_owned(), provider: provider.to_owned(), ..place.clone() };
        let envelope = seal(Random::SYSTEM, &key(), &place.context(), b"sk-test-123").unwrap();
        prop_assert_eq!(open(&key(), &moved.context(), &envelope).is_ok(), moved == place);
    }

    #[test]
    fn two_places_never_encode_alike(one in places(), other in places()) {
        let alike = one.context().encode() == other.context().encode();
        prop_assert_eq!(alike, one == other);
    }

    #[test]
    fn an_encoded_list_can_be_read_back(fields in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..8)) {
        // That a reader exists is what makes the encoding injective.
        let slices: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        let encoded = encode(&slices).unwrap();
        let (count, mut rest) = encoded.split_first_chunk::<4>().unwrap();
        let mut read = Vec::new();
        for _ in 0..u32::from_be_bytes(*count) {
            let (length, after) = rest.split_first_chunk::<4>().unwrap();
            let (field, after) = after.split_at(u32::from_be_bytes(*length) as usize);
            read.push(field.to_vec());
            rest = after;
        }
        prop_assert!(rest.is_empty());
        prop_assert_eq!(read, fields);
    }
}

/// All ordered pairs of 3 users × 3 providers × all kinds × 2 versions.
#[test]
fn no_row_opens_in_the_place_of_another() {
    let vault = vault();
    let users = [1, 2, 3].map(|n| format!("0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a000{n}"));
    let deks = users.each_ref().map(|user| vault.new_dek(user).unwrap());
    let mut rows = Vec::new();
    for (owner, dek) in users.iter().zip(&deks) {
        for (number, provider) in ["serpapi", "twilio", "openai"].into_iter().enumerate() {
            for kind in SecretKind::ALL {
                for credential_version in [1, 2] {
                    let row_id = format!("0190b3d1-7b7a-7cc1-8c1e-6c2b6f0b000{number}");
                    let place = Place {
                        tenant: TENANT.to_owned(),
                        owner: owner.clone(),
                        kind,
                        row_id,
                        provider: provider.to_owned(),
                        realm: format!("https://{provider}.example:443"),
                        version: credential_version,
                    };
                    let envelope = vault.seal(dek, &place.context(), provider.as_bytes()).unwrap();
                    rows.push((dek, place, envelope));
                }
            }
        }
    }
    for (dek, place, envelope) in &rows {
        for (other_dek, other, _) in &rows {
            let opened = vault.open(other_dek, &other.context(), envelope);
            if other == place {
                assert_eq!(opened.unwrap().as_slice(), place.provider.as_bytes());
            } else {
                assert_eq!(opened, Err(Undecryptable));
                assert_eq!(vault.open(dek, &other.context(), envelope), Err(Undecryptable));
            }
        }
    }
}

#[test]
fn the_kinds_have_labels_of_their_own() {
    let labels: std::collections::HashSet<_> = SecretKind::ALL.iter().map(|kind| kind.label()).collect();
    assert_eq!(labels.len(), SecretKind::ALL.len());
}

#[test]
fn a_context_has_a_limit() {
    let long = "r".repeat(MAX_CONTEXT);
    let context = RecordContext { realm: &long, ..super::place(super::USER) };
    assert_eq!(context.encode(), Err(VaultError::ContextTooLong));
    let vault = vault();
    let dek = vault.new_dek(super::USER).unwrap();
    assert_eq!(vault.seal(&dek, &context, b"x"), Err(VaultError::ContextTooLong));
    let envelope = vault.seal(&dek, &super::place(super::USER), b"x").unwrap();
    assert_eq!(vault.open(&dek, &context, &envelope), Err(Undecryptable));
}
