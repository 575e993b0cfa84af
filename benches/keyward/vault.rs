//! Sealing and opening one credential.

use std::{hint::black_box, time::Instant};

use keyward::vault::{KekRing, RecordContext, SecretKind, TENANT, Vault};
use sha2::{Digest, Sha256};

use crate::Row;

const ROUNDS: u32 = 20_000;

/// Microseconds per round, the best of five runs.
fn microseconds(mut work: impl FnMut()) -> f64 {
    (0..5)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..ROUNDS {
                work();
            }
            begin.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS)
        })
        .fold(f64::INFINITY, f64::min)
}

pub(crate) fn rows() -> Vec<Row> {
    let vault = Vault::new(KekRing::parse(&KekRing::generate().unwrap()).unwrap());
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
    let sealing = microseconds(|| {
        let sealed = vault.seal(&dek, &context, black_box(&plaintext)).unwrap();
        black_box(vault.open(&dek, &context, &sealed).unwrap());
    });
    let hashing = microseconds(|| {
        black_box(Sha256::digest(black_box([7_u8; 1024])));
    });
    vec![Row {
        what: "seal and open one credential, unwrapping the DEK for each".into(),
        measured: format!("{sealing:.1} µs"),
        reference: format!("SHA-256 of 1 KiB: {hashing:.2} µs"),
        bar: "≤ 12 µs",
        reached: sealing <= 12.0,
    }]
}
