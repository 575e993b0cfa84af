//! Background work as rows. What a holder writes carries its attempt: once somebody else has claimed, ended or
//! deleted the job, the holder's writes change nothing and tell it to stop. A result and the job's own change
//! are one transaction, so that work which is done twice counts once.

use sqlx::types::Json;

use super::{Store, StoreError, Tx, call_runs, search_runs, sql};
use crate::model::{
    ids::{JobId, UserId},
    job::{FAILURES_MAX, JobState, Work},
    scraper::Notice,
    time::Timestamp,
};

/// The time of a job that goes on before all others of its lane.
pub(super) const BEFORE_ALL: i64 = 0;

/// A worker's hold on a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// The job.
    pub job: JobId,
    /// Whose it is.
    pub user: UserId,
    /// The fencing token.
    pub attempt: i64,
}

/// A job that was claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The hold on it.
    pub hold: Hold,
    /// What is to be done; none when this version cannot read it.
    pub work: Option<Work>,
    /// Attempts that broke down since the last progress.
    pub failures: i64,
}

impl Store {
    /// Holds on to a job for longer. Answers whether it is still held.
    pub async fn renew_job(&self, hold: Hold, until: Timestamp) -> Result<bool, StoreError> {
        let renewed = sql::execute!(
            self.writer(),
            "UPDATE jobs SET run_at = $1 WHERE id = $2 AND user_id = $3 AND attempt = $4 AND state = 'running'",
            until.0,
            hold.job.0,
            hold.user.0,
            hold.attempt
        )?;
        Ok(renewed == 1)
    }

    /// Gives a job back, so that another worker goes on at once. Answers whether it was still held.
    pub async fn release_job(&self, hold: Hold, now: Timestamp) -> Result<bool, StoreError> {
        let released = sql::execute!(
            self.writer(),
            "UPDATE jobs SET state = 'queued', run_at = $1, worker = NULL, updated_at = $2
             WHERE id = $3 AND user_id = $4 AND attempt = $5 AND state = 'running'",
            now.0,
            now.0,
            hold.job.0,
            hold.user.0,
            hold.attempt
        )?;
        Ok(released == 1)
    }

    /// Notes that an attempt broke down. The job is due again at `run_at`, unless that has happened too often.
    /// Answers how it stands now; none when it was not held any more.
    pub async fn fail_job(
        &self,
        hold: Hold,
        run_at: Timestamp,
        now: Timestamp,
    ) -> Result<Option<JobState>, StoreError> {
        let mut tx = self.begin().await?;
        let failed = sql::tx_fetch_optional!(
            &mut tx,
            (String,),
            "UPDATE jobs SET failures = failures + 1, run_at = $1, worker = NULL, updated_at = $2,
                state = CASE WHEN failures + 1 >= $3 THEN 'dead' ELSE 'queued' END
             WHERE id = $4 AND user_id = $5 AND attempt = $6 AND state = 'running' RETURNING state",
            run_at.0,
            now.0,
            FAILURES_MAX,
            hold.job.0,
            hold.user.0,
            hold.attempt
        )?;
        let Some((state,)) = failed else { return Ok(None) };
        let state = JobState::from_code(&state).ok_or(StoreError::UnknownWord { column: "jobs.state" })?;
        if state == JobState::Dead {
            give_up(&mut tx, hold.user, hold.job, now).await?;
        }
        tx.commit().await?;
        Ok(Some(state))
    }
}

/// Queues work, or sets it going again once it has ended.
pub(super) async fn enqueue(
    tx: &mut Tx,
    user: UserId,
    work: &Work,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::tx_execute!(
        &mut *tx,
        "INSERT INTO jobs (id, user_id, work, lane, state, attempt, failures, run_at, created_at, updated_at)
         VALUES ($1, $2, $3, $4, 'queued', 0, 0, $5, $6, $7)
         ON CONFLICT (id) DO UPDATE SET work = excluded.work, state = 'queued', failures = 0,
            run_at = excluded.run_at, worker = NULL, updated_at = excluded.updated_at
         WHERE jobs.user_id = excluded.user_id AND jobs.state IN ('done', 'dead')",
        work.job().0,
        user.0,
        Json(work),
        work.lane().code(),
        now.0,
        now.0,
        now.0
    )?;
    Ok(())
}

/// Locks a job for the rest of the transaction, whoever holds it. Whatever changes a job and what it works on locks the
/// job first, so that of two at once neither waits for the other.
pub(super) async fn lock(tx: &mut Tx, user: UserId, job: JobId) -> Result<(), StoreError> {
    sql::tx_execute!(
        &mut *tx,
        "UPDATE jobs SET updated_at = updated_at WHERE id = $1 AND user_id = $2",
        job.0,
        user.0
    )?;
    Ok(())
}

/// Locks a job for the rest of the transaction. Answers whether it is still held.
pub(super) async fn confirm(tx: &mut Tx, hold: Hold, now: Timestamp) -> Result<bool, StoreError> {
    let held = sql::tx_execute!(
        &mut *tx,
        "UPDATE jobs SET updated_at = $1 WHERE id = $2 AND user_id = $3 AND attempt = $4 AND state = 'running'",
        now.0,
        hold.job.0,
        hold.user.0,
        hold.attempt
    )?;
    Ok(held == 1)
}

/// Notes progress, and holds on for longer. Answers whether the job is still held.
pub(super) async fn advance(
    tx: &mut Tx,
    hold: Hold,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let held = sql::tx_execute!(
        &mut *tx,
        "UPDATE jobs SET run_at = $1, failures = 0, updated_at = $2
         WHERE id = $3 AND user_id = $4 AND attempt = $5 AND state = 'running'",
        until.0,
        now.0,
        hold.job.0,
        hold.user.0,
        hold.attempt
    )?;
    Ok(held == 1)
}

/// Lets a job go on later, as progress. Answers whether it was still held.
pub(super) async fn postpone(
    tx: &mut Tx,
    hold: Hold,
    again: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let held = sql::tx_execute!(
        &mut *tx,
        "UPDATE jobs SET state = 'queued', run_at = $1, failures = 0, worker = NULL, updated_at = $2
         WHERE id = $3 AND user_id = $4 AND attempt = $5 AND state = 'running'",
        again.0,
        now.0,
        hold.job.0,
        hold.user.0,
        hold.attempt
    )?;
    Ok(held == 1)
}

/// Ends what a job that is given up was working on.
pub(super) async fn give_up(tx: &mut Tx, user: UserId, job: JobId, now: Timestamp) -> Result<(), StoreError> {
    search_runs::end_early(tx, user, job, Notice::OurFault, now).await?;
    call_runs::give_up(tx, user, job, now).await
}

/// Ends a job. Answers whether it was still held.
pub(super) async fn finish(tx: &mut Tx, hold: Hold, now: Timestamp) -> Result<bool, StoreError> {
    let held = sql::tx_execute!(
        &mut *tx,
        "UPDATE jobs SET state = 'done', worker = NULL, updated_at = $1
         WHERE id = $2 AND user_id = $3 AND attempt = $4 AND state = 'running'",
        now.0,
        hold.job.0,
        hold.user.0,
        hold.attempt
    )?;
    Ok(held == 1)
}

/// Stops a job for good, whoever holds it.
pub(super) async fn cancel(tx: &mut Tx, user: UserId, job: JobId, now: Timestamp) -> Result<(), StoreError> {
    sql::tx_execute!(
        &mut *tx,
        "UPDATE jobs SET state = 'cancelled', worker = NULL, updated_at = $1
         WHERE id = $2 AND user_id = $3 AND state IN ('queued', 'running')",
        now.0,
        job.0,
        user.0
    )?;
    Ok(())
}

/// Forgets a job, whoever holds it.
pub(super) async fn forget(tx: &mut Tx, user: UserId, job: JobId) -> Result<(), StoreError> {
    sql::tx_execute!(&mut *tx, "DELETE FROM jobs WHERE id = $1 AND user_id = $2", job.0, user.0)?;
    Ok(())
}
