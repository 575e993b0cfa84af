//! Whether providers answered, day by day.

use std::collections::BTreeMap;

use super::{Analytics, provider_of};
use crate::{
    account::internal,
    model::{
        error::AppError,
        ids::UserId,
        report::{Availability, ProviderDays},
        time::Timestamp,
        usage::{Range, Step},
    },
    store::AnsweredRow,
};

/// Whatever range is looked at: trouble that comes again and again shows over a long time only.
const SHOWN: Range = Range::Quarter;

impl Analytics {
    /// The last days of the zone that is `offset` minutes ahead of UTC.
    pub(super) async fn availability(
        &self,
        user: UserId,
        offset: i32,
        now: Timestamp,
    ) -> Result<Availability, AppError> {
        let window = SHOWN.window(now, offset);
        let rows = self.store.usage_by_provider(user, window).await.map_err(|e| internal(&e))?;
        let step = i64::try_from(window.step.as_micros()).unwrap_or(i64::MAX);
        let mut providers: BTreeMap<String, Vec<Step>> = BTreeMap::new();
        for AnsweredRow { provider, step: number, calls, unreachable } in rows {
            let begins = Timestamp(window.begins.0 + number * step);
            providers.entry(provider).or_default().push(Step { begins, calls, failed: unreachable });
        }
        let providers = providers.into_iter().filter_map(|(provider, days)| {
            let sum = |of: fn(&Step) -> i64| days.iter().map(of).sum();
            let (calls, failed) = (sum(|day| day.calls), sum(|day| day.failed));
            Some(ProviderDays { provider: provider_of(&provider)?, calls, failed, days })
        });
        let providers = providers.collect();
        Ok(Availability { begins: window.begins, ends: window.ends, providers })
    }
}
