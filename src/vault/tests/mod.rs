//! Tests of the room. The submodules go from the published vectors outwards to the vault's own use.

mod audit;
mod binding;
mod collision;
mod known_answer;
mod ring;
mod tampering;
mod vectors;

use super::*;

/// A root key that passes for a random one.
pub(super) fn root(seed: u8) -> [u8; 32] {
    std::array::from_fn(|at| seed.wrapping_mul(31).wrapping_add((at as u8).wrapping_mul(73)))
}

pub(super) fn vault() -> Vault {
    Vault::new(KekRing::of(&[root(1)]))
}

pub(super) const USER: &str = "0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a0001";
pub(super) const OTHER_USER: &str = "0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a0002";

pub(super) fn place(owner: &str) -> RecordContext<'_> {
    RecordContext {
        tenant: TENANT,
        owner,
        kind: SecretKind::ProviderKey,
        row_id: "0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a00aa",
        provider: "serpapi",
        realm: "https://serpapi.com:443",
        credential_version: 1,
    }
}
