//! How each version of a key did.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{Sum, is_failure, provider_of};
use crate::{
    model::{ids::KeyId, key::KeyVersion, report::VersionUse, time::Timestamp},
    store::UsageCell,
};

/// By provider, the last used first. Calls without a stored key of the user's are not among them.
pub(super) fn versions(cells: &[UsageCell], in_use: &[KeyVersion]) -> Vec<VersionUse> {
    let mut used: BTreeMap<_, Vec<&UsageCell>> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| !cell.key_id.is_nil()) {
        used.entry((&cell.provider, cell.key_id, cell.key_version)).or_default().push(cell);
    }
    let versions = used.into_iter().filter_map(|((provider, id, version), cells)| {
        let last_at = cells.iter().map(|cell| cell.last_at).max()?;
        let first_at = cells.iter().filter_map(|cell| cell.first_at).min().unwrap_or(last_at);
        let mut failures: BTreeMap<&str, i64> = BTreeMap::new();
        for cell in cells.iter().filter(|cell| is_failure(cell)) {
            *failures.entry(&cell.outcome).or_default() += cell.calls;
        }
        let failure = failures.into_iter().max_by_key(|(_, calls)| *calls);
        Some(VersionUse {
            provider: provider_of(provider)?,
            version,
            in_use: in_use.contains(&KeyVersion { id: KeyId(id), version }),
            totals: Sum::of(cells).totals(),
            failure: failure.map(|(outcome, _)| outcome.to_owned()),
            first_at: Timestamp(first_at),
            last_at: Timestamp(last_at),
        })
    });
    let mut versions: Vec<_> = versions.collect();
    versions.sort_by(|a, b| {
        let order = |of: &VersionUse| (Reverse(of.last_at), Reverse(of.version));
        a.provider.cmp(&b.provider).then_with(|| order(a).cmp(&order(b)))
    });
    versions
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{super::tests::cell, *};

    #[test]
    fn all_that_is_known_of_calls_is_known_of_each_version() {
        let of = |version, outcome, bucket, calls| UsageCell {
            key_id: Uuid::from_u128(7),
            key_version: version,
            last_at: version,
            ..cell("serpapi", "data-scraper", outcome, bucket, calls)
        };
        let cells = [
            cell("serpapi", "", "invalid", 1_000, 5),
            of(1, "done", 1_000, 90),
            of(1, "rate_limited", 2_000, 6),
            of(1, "invalid", 5_000, 4),
            of(2, "done", 7_000, 1),
        ];
        let found = versions(&cells, &[KeyVersion { id: KeyId(Uuid::from_u128(7)), version: 2 }]);
        let short: Vec<_> =
            found.iter().map(|v| (v.version, v.in_use, v.totals.calls, v.totals.failed)).collect();
        assert_eq!(short, [(2, true, 1, 0), (1, false, 100, 10)]);
        let old = &found[1];
        assert_eq!((old.totals.units, old.failure.as_deref()), (100, Some("rate_limited")));
        assert_eq!([old.totals.p50_ms, old.totals.p95_ms, old.totals.p99_ms], [Some(1), Some(2), Some(5)]);
        assert_eq!(
            (found[0].failure.as_deref(), old.first_at, old.last_at),
            (None, Timestamp(4), Timestamp(1))
        );
    }
}
