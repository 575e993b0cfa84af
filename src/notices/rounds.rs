//! What nobody's check tells: providers that are away, calls that fail or take long, use that is unusual, keys that are
//! old. Looked for now and then, over all users; telling the same twice tells it once, so every node may look.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use super::Notices;
use crate::{
    model::{notice::NoticeKind, number::grouped, time::Timestamp},
    store::{About, HourOfUse, StoreError},
};

/// The time over which calls are counted.
const HOUR: Duration = Duration::from_secs(3_600);
/// Fewer calls say nothing of how many fail.
const ENOUGH: i64 = 20;
/// Fewer calls are never too many.
const MANY: i64 = 200;
/// So many times the busiest hour before is unusual.
const TIMES: i64 = 10;
/// The time that tells what is usual …
const USUAL: Duration = Duration::from_secs(14 * 86_400);
/// … once there is this much of it.
const KNOWN: Duration = Duration::from_secs(3 * 86_400);
/// So many times as long as before is slow …
const SLOWER: i64 = 3;
/// … for half of the calls, unless they are quicker than this, in milliseconds.
const QUICK_MS: i64 = 1_000;
/// Fewer calls do not tell how long they usually take.
const KNOWN_CALLS: i64 = 100;
/// A key is to be replaced after so long.
const YEAR: Duration = Duration::from_secs(365 * 86_400);
/// Most users that are read at a time.
const AT_ONCE: i64 = 200;
/// An outage that is shorter is not told: who looks sees it.
const AWAY: Duration = Duration::from_secs(300);

/// Somebody to tell, and what was counted.
type Found = (About, String);

/// What there is to tell of one kind.
#[derive(Default)]
struct Findings {
    found: Vec<Found>,
    /// Of whom nothing is known, for the look at them failed: what was told of them stays.
    unknown: HashSet<About>,
}

impl Findings {
    fn add(&mut self, about: About, looked: Result<Option<String>, StoreError>) {
        match looked {
            Ok(Some(detail)) => self.found.push((about, detail)),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, user = %about.user, provider = %about.provider, "looking round failed for a user");
                self.unknown.insert(about);
            }
        }
    }
}

impl Notices {
    /// Looks round once. What fails for one user is logged, and the others are told.
    pub async fn look_round(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.look_for_outages(now).await?;
        let hours = self.store.hours_of_use(now.minus(HOUR), ENOUGH).await?;
        let (mut failing, mut slow, mut unusual) =
            (Findings::default(), Findings::default(), Findings::default());
        for hour in hours.iter().filter(|hour| hour.failed.saturating_mul(2) >= hour.calls) {
            let (failed, calls) = (grouped(hour.failed), grouped(hour.calls));
            let detail = format!("{failed} of {calls} calls in an hour failed");
            failing.add(about(hour, NoticeKind::Failing), Ok(Some(detail)));
        }
        self.settle(&self.open_since(NoticeKind::Failing).await?, failing, now).await;
        // Where most calls are quick, nobody is asked how long they used to take.
        for hour in hours.iter().filter(|hour| hour.slow > 0 && hour.slow.saturating_mul(2) >= hour.done) {
            slow.add(about(hour, NoticeKind::Slow), self.slow(hour, now).await);
        }
        self.settle(&self.open_since(NoticeKind::Slow).await?, slow, now).await;
        let open = self.open_since(NoticeKind::Unusual).await?;
        for hour in hours.iter().filter(|hour| hour.calls >= MANY) {
            let about = about(hour, NoticeKind::Unusual);
            let began = open.get(&about).copied();
            unusual.add(about, self.unusual(hour, began, now).await);
        }
        self.settle(&open, unusual, now).await;
        for old in self.store.old_keys(now.minus(YEAR), AT_ONCE).await? {
            self.open_one(&old, None, now).await;
        }
        Ok(())
    }

    /// Tells whoever has a key of a provider that it is away, and that it is back.
    async fn look_for_outages(&self, now: Timestamp) -> Result<(), StoreError> {
        let outages = self.store.outages().await?;
        for outage in outages.iter().filter(|outage| outage.is_on() && now.since(outage.began_at) >= AWAY) {
            let mut after = None;
            loop {
                let untold =
                    self.store.untold_of(&outage.provider, NoticeKind::Outage, after, AT_ONCE).await?;
                for about in &untold {
                    self.open_one(about, None, now).await;
                }
                after = untold.last().map(|about| about.user);
                if i64::try_from(untold.len()).is_ok_and(|count| count < AT_ONCE) {
                    break;
                }
            }
        }
        for (about, _) in self.store.open_notices(NoticeKind::Outage).await? {
            if !outages.iter().any(|outage| outage.is_on() && outage.provider == about.provider) {
                self.resolve_one(&about, now).await;
            }
        }
        Ok(())
    }

    async fn open_since(&self, kind: NoticeKind) -> Result<HashMap<About, Timestamp>, StoreError> {
        Ok(self.store.open_notices(kind).await?.into_iter().collect())
    }

    /// Tells what is so now and was not, and that what was so is over.
    async fn settle(&self, open: &HashMap<About, Timestamp>, findings: Findings, now: Timestamp) {
        let Findings { found, unknown } = findings;
        for (about, detail) in found.iter().filter(|(about, _)| !open.contains_key(about)) {
            self.open_one(about, Some(detail), now).await;
        }
        let still: HashSet<_> = found.iter().map(|(about, _)| about).chain(&unknown).collect();
        for about in open.keys().filter(|about| !still.contains(about)) {
            self.resolve_one(about, now).await;
        }
    }

    async fn open_one(&self, about: &About, detail: Option<&str>, now: Timestamp) {
        if let Err(error) = self.store.open_notice(about, detail, now).await {
            tracing::error!(%error, user = %about.user, kind = about.kind.code(), "a notice could not be written");
        }
    }

    async fn resolve_one(&self, about: &About, now: Timestamp) {
        if let Err(error) = self.store.resolve_notice(about, now).await {
            tracing::error!(%error, user = %about.user, kind = about.kind.code(), "the end of a notice could not be written");
        }
    }

    /// Whether the calls of the last hours take far longer than those before.
    async fn slow(&self, hour: &HourOfUse, now: Timestamp) -> Result<Option<String>, StoreError> {
        let (user, provider, began) = (hour.user, &hour.provider, now.minus(HOUR * 2));
        let (recent, calls) = self.store.latencies(user, provider, began, now.plus(HOUR)).await?;
        let (before, known) = self.store.latencies(user, provider, now.minus(USUAL), began).await?;
        let (Some(is), Some(was)) = (recent.percentile_ms(50), before.percentile_ms(50)) else {
            return Ok(None);
        };
        if calls < ENOUGH || known < KNOWN_CALLS || is < QUICK_MS || is < was.saturating_mul(SLOWER) {
            return Ok(None);
        }
        let (is, was) = (grouped(is), grouped(was));
        Ok(Some(format!("half of the calls take up to {is} ms, against {was} ms in two weeks")))
    }

    /// Whether an hour with many calls is unusual for its user. Once that is told, with when it `began`, what was usual
    /// before stays the measure, for as long as it takes to become usual itself.
    async fn unusual(
        &self,
        hour: &HourOfUse,
        began: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        let began = began.filter(|began| now.since(*began) < USUAL).unwrap_or(now);
        let before = began.minus(HOUR * 2);
        let usual = self.store.busiest_hour(hour.user, &hour.provider, before.minus(USUAL), before).await?;
        let Some((most, _)) = usual.filter(|(_, first)| began.since(*first) >= KNOWN) else {
            return Ok(None);
        };
        if hour.calls < most.saturating_mul(TIMES) {
            return Ok(None);
        }
        let (calls, most) = (grouped(hour.calls), grouped(most));
        Ok(Some(format!("{calls} calls in the last hour, against {most} in the busiest hour of two weeks")))
    }
}

fn about(hour: &HourOfUse, kind: NoticeKind) -> About {
    About { user: hour.user, provider: hour.provider.clone(), kind }
}
