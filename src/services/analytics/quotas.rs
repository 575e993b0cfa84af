//! Quotas over time, and how long they last.

use super::Analytics;
use crate::{
    account::internal,
    model::{
        error::AppError,
        ids::UserId,
        quota::{LOOK_BACK, LOOK_BACK_MAX, QuotaHistory, forecast},
        time::Timestamp,
        usage::Window,
    },
};

/// More figures cannot be told apart in a drawing.
const FIGURES: u32 = 100;

impl Analytics {
    /// The quotas of the user's own keys. The forecast is the same whatever range is looked at.
    pub(super) async fn quotas(
        &self,
        user: UserId,
        window: Window,
        now: Timestamp,
    ) -> Result<Vec<QuotaHistory>, AppError> {
        let since = now.minus(LOOK_BACK);
        let recent = self.store.quota_points(user, since).await.map_err(|e| internal(&e))?;
        // What the forecast rests on is shown in any case.
        let oldest = recent.iter().filter_map(|series| Some(series.points.first()?.at)).min();
        let oldest = oldest.map_or(since, |oldest| oldest.max(now.minus(LOOK_BACK_MAX)));
        let begins = window.begins.min(since).min(oldest);
        let step = window.ends.since(begins) / FIGURES;
        let shown = self.store.quota_points_by_step(user, (begins, window.ends), step).await;
        let shown = shown.map_err(|e| internal(&e))?;
        let quotas = shown.into_iter().map(|series| {
            let recent = recent.iter().find(|recent| recent.provider == series.provider);
            let (unit, points) = (series.unit, series.points);
            // Where the last figure is older, there is no recent one.
            let forecast = forecast(recent.map_or(&points, |recent| &recent.points), &unit, now);
            QuotaHistory { provider: series.provider, unit, points, forecast }
        });
        Ok(quotas.collect())
    }
}
