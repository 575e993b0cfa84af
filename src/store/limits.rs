//! Counters of attempts. They live in the database, so that they hold across nodes and restarts.

use std::time::Duration;

use super::{Store, StoreError, sql};
use crate::model::time::Timestamp;

impl Store {
    /// Counts one attempt in a bucket of at most `max` attempts per `window`. Answers how long to wait
    /// when the bucket is full.
    pub async fn count_attempt(
        &self,
        bucket: &[u8; 32],
        max: u32,
        window: Duration,
        now: Timestamp,
    ) -> Result<Option<Duration>, StoreError> {
        let (start, end) = span(window, now);
        let (hits,) = sql::fetch_one!(
            self.writer(),
            (i64,),
            "INSERT INTO rate_limits (bucket, window_start, hits, forget_after) VALUES ($1, $2, 1, $3)
             ON CONFLICT (bucket) DO UPDATE SET
                hits = CASE WHEN rate_limits.window_start = excluded.window_start THEN rate_limits.hits + 1 ELSE 1 END,
                window_start = excluded.window_start,
                forget_after = excluded.forget_after
             RETURNING hits",
            &bucket[..],
            start,
            end
        )?;
        Ok((hits > i64::from(max)).then(|| Timestamp(end).since(now)))
    }

    /// How many attempts were counted in a bucket in the `window` of now.
    pub async fn attempts(
        &self,
        bucket: &[u8; 32],
        window: Duration,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        let (start, _) = span(window, now);
        let row = sql::fetch_optional!(
            self.reader(),
            (i64,),
            "SELECT hits FROM rate_limits WHERE bucket = $1 AND window_start = $2",
            &bucket[..],
            start
        )?;
        Ok(row.map_or(0, |(hits,)| hits))
    }
}

/// The beginning and end of the window that `now` lies in.
fn span(window: Duration, now: Timestamp) -> (i64, i64) {
    let length = i64::try_from(window.as_micros()).unwrap_or(i64::MAX).max(1);
    let start = now.0.div_euclid(length) * length;
    (start, start.saturating_add(length))
}
