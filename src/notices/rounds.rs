//! What nobody's check tells: providers that are away, calls that fail or take long, use that is unusual, keys that are
//! old. Looked for now and then, over all
//! users; telling the same twice tells it once, so every node may look.

use std::{collections::HashSet, time::Duration};

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
/// Most users that are told of the same in one round.
const AT_ONCE: i64 = 200;
/// An outage that is shorter is not told: who looks sees it.
const AWAY: Duration = Duration::from_secs(300);

/// Somebody to tell, and what was counted.
type Found = (About, Option<String>);

impl Notices {
    /// Looks round once.
    pub async fn look_round(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.look_for_outages(now).await?;
        let hours = self.store.hours_of_use(now.minus(HOUR), ENOUGH).await?;
        let failing = hours.iter().filter(|hour| hour.failed.saturating_mul(2) >= hour.calls).map(failing);
        self.settle(NoticeKind::Failing, failing.collect(), now).await?;
        let (mut unusual, mut slow) = (Vec::new(), Vec::new());
        for hour in &hours {
            slow.extend(self.slow(hour, now).await?);
        }
        self.settle(NoticeKind::Slow, slow, now).await?;
        for hour in hours.iter().filter(|hour| hour.calls >= MANY) {
            unusual.extend(self.unusual(hour, now).await?);
        }
        self.settle(NoticeKind::Unusual, unusual, now).await?;
        for old in self.store.old_keys(now.minus(YEAR), AT_ONCE).await? {
            self.store.open_notice(&old, None, now).await?;
        }
        Ok(())
    }

    /// Tells whoever has a key of a provider that it is away, and that it is back.
    async fn look_for_outages(&self, now: Timestamp) -> Result<(), StoreError> {
        let outages = self.store.outages().await?;
        for outage in outages.iter().filter(|outage| outage.is_on() && now.since(outage.began_at) >= AWAY) {
            for about in self.store.untold_of(&outage.provider, NoticeKind::Outage, AT_ONCE).await? {
                self.store.open_notice(&about, None, now).await?;
            }
        }
        for about in self.store.open_notices(NoticeKind::Outage).await? {
            if !outages.iter().any(|outage| outage.is_on() && outage.provider == about.provider) {
                self.store.resolve_notice(&about, now).await?;
            }
        }
        Ok(())
    }

    /// Tells what is so now and was not, and that what was so is over.
    async fn settle(&self, kind: NoticeKind, found: Vec<Found>, now: Timestamp) -> Result<(), StoreError> {
        let open: HashSet<_> = self.store.open_notices(kind).await?.into_iter().collect();
        for (about, detail) in found.iter().filter(|(about, _)| !open.contains(about)) {
            self.store.open_notice(about, detail.as_deref(), now).await?;
        }
        for about in open.iter().filter(|about| found.iter().all(|(found, _)| found != *about)) {
            self.store.resolve_notice(about, now).await?;
        }
        Ok(())
    }

    /// Whether the calls of the last hours take far longer than those before.
    async fn slow(&self, hour: &HourOfUse, now: Timestamp) -> Result<Option<Found>, StoreError> {
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
        let detail = format!("half of the calls take up to {is} ms, against {was} ms in two weeks");
        Ok(Some((about(hour, NoticeKind::Slow), Some(detail))))
    }

    /// Whether an hour with many calls is unusual for its user.
    async fn unusual(&self, hour: &HourOfUse, now: Timestamp) -> Result<Option<Found>, StoreError> {
        let before = now.minus(HOUR * 2);
        let usual = self.store.busiest_hour(hour.user, &hour.provider, now.minus(USUAL), before).await?;
        let Some((most, _)) = usual.filter(|(_, first)| now.since(*first) >= KNOWN) else { return Ok(None) };
        if hour.calls < most.saturating_mul(TIMES) {
            return Ok(None);
        }
        let (calls, most) = (grouped(hour.calls), grouped(most));
        let detail =
            format!("{calls} calls in the last hour, against {most} in the busiest hour of two weeks");
        Ok(Some((about(hour, NoticeKind::Unusual), Some(detail))))
    }
}

fn failing(hour: &HourOfUse) -> Found {
    let detail = format!("{} of {} calls in an hour failed", grouped(hour.failed), grouped(hour.calls));
    (about(hour, NoticeKind::Failing), Some(detail))
}

fn about(hour: &HourOfUse, kind: NoticeKind) -> About {
    About { user: hour.user, provider: hour.provider.clone(), kind }
}
