//! Sealing and opening one credential.

use std::{hint::black_box, time::Instant};

use keyward::vault::{KekRing, RecordContext, SecretKind, TENANT, Vault};
use sha2::{Digest, Sha256};

use crate::{Effort, Row};

/// Microseconds per round, the best of five runs.
fn microseconds(rounds: u32, mut work: impl FnMut()) -> f64 {
    (0..5)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..rounds {
                work();
            }
            begin.elapsed().as_secs_f64() * 1e6 / f64::from(rounds)
        })
        .fold(f64::INFINITY, f64::min)
}

pub(crate) fn rows(effort: Effort) -> Vec<Row> {
    let rounds = effort.or(20_000, 2_000);
    let ring = KekRing::parse(&KekRing::generate().unwrap()).unwrap();
    let kek = ring.primary();
    let vault = Vault::new(ring);
    let owner = "0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a0001";
    let dek = vault.new_dek(owner).unwrap();
    let context = RecordContext {
        tenant: TENANT,
        owner,
        kind: SecretKind::ProviderKey,
        row_id: "0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a0002",
        provider: "serpapi",
        realm: "https://serpapi.com:443",
        credential_version: 1,
    };
    let plaintext = [b'k'; 100];
    let with = microseconds(rounds, || {
        let sealed = vault.seal(&dek, &context, black_box(&plaintext)).unwrap();
        black_box(vault.open(&dek, &context, &sealed).unwrap());
    });
    // The vault keeps no data key unwrapped. Its own checks are sealed under a key at hand, in the same envelope.
    let without = microseconds(rounds, || {
        let sealed = black_box(&vault).make_check(kek).unwrap();
        vault.verify_check(kek, black_box(&sealed)).unwrap();
    });
    let hashing = microseconds(rounds, || {
        black_box(Sha256::digest(black_box([7_u8; 1024])));
    });
    let row = |what: &str, took: f64, goal, most| Row {
        reference: format!("SHA-256 of 1 KiB: {hashing:.2} µs"),
        ratio: format!("{:.1} ×", took / hashing),
        ..Row::absolute(what, format!("{took:.1} µs"), goal, took <= most)
    };
    vec![
        row("seal and open, with the key at hand", without, "≤ 6 µs", 6.0),
        row("seal and open, unwrapping the DEK for each", with, "≤ 12 µs", 12.0),
    ]
}
