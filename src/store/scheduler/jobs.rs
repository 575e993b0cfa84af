//! Which jobs are done next, and which are given up.

use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    model::{
        ids::{JobId, UserId, WorkerId},
        job::{FAILURES_MAX, LEASE, LONGEST_WAIT, Lane, PER_USER},
        time::Timestamp,
    },
    store::{Claim, Hold, Store, StoreError, TxOn, jobs, sql},
};

macro_rules! claim_job {
    ($lock:literal) => {
        concat!(
            "UPDATE jobs SET state = 'running', attempt = attempt + 1, worker = $1, run_at = $2, updated_at = $3,
                failures = CASE WHEN state = 'running' THEN failures + 1 ELSE failures END
             WHERE id = (
                SELECT due.id FROM jobs AS due
                WHERE due.lane = $9 AND ((due.state = 'queued' AND (due.run_at <= $3 OR due.run_at > $4))
                    OR (due.state = 'running' AND (due.run_at <= $5 OR due.run_at > $6) AND due.failures + 1 < $7))
                    AND (SELECT COUNT(*) FROM jobs AS busy
                         WHERE busy.user_id = due.user_id AND busy.lane = due.lane AND busy.state = 'running'
                            AND busy.id <> due.id) < $8
                ORDER BY (SELECT COUNT(*) FROM jobs AS busy
                          WHERE busy.user_id = due.user_id AND busy.lane = due.lane AND busy.state = 'running'),
                    due.run_at, due.id
                LIMIT 1 ",
            $lock,
            ")
             RETURNING id, user_id, attempt, failures, work"
        )
    };
}

/// Somebody who claims jobs.
#[derive(Debug, Clone, Copy)]
pub struct Claiming {
    /// The process.
    pub worker: WorkerId,
    /// What its clock shows.
    pub now: Timestamp,
    /// Whether leases that seem to be over count as over: not just after the clock was set, when those who hold
    /// them may not have renewed them yet.
    pub judges_leases: bool,
}

/// Which leases count as over.
struct Windows {
    /// Those that end by then.
    over: Timestamp,
    /// Those that end after: they were written before a clock was set back.
    far: Timestamp,
}

impl Claiming {
    fn windows(&self) -> Windows {
        if self.judges_leases {
            Windows { over: self.now, far: self.now.plus(LEASE * 2) }
        } else {
            Windows { over: Timestamp(i64::MIN), far: Timestamp(i64::MAX) }
        }
    }
}

impl Store {
    /// Claims one due job of a lane: one that waits, or one whose holder has not been heard of for the time of its lease.
    /// Raises its attempt, which fences off whoever held it before. Users with fewer running jobs come first.
    pub async fn claim_job(&self, claim: &Claiming, lane: Lane) -> Result<Option<Claim>, StoreError> {
        let Windows { over, far } = claim.windows();
        let mut tx = self.begin().await?;
        // Claims come one by one, so that of two at once the second counts what the first has taken.
        if let TxOn::Postgres(tx) = &mut tx.on {
            sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('jobs', 42))")
                .execute(&mut **tx)
                .await?;
        }
        macro_rules! claim {
            ($tx:expr, $lock:literal) => {
                sqlx::query_as::<_, (Uuid, Uuid, i64, i64, Json<Value>)>(claim_job!($lock))
                    .bind(claim.worker.0)
                    .bind(claim.now.plus(LEASE).0)
                    .bind(claim.now.0)
                    .bind(claim.now.plus(LONGEST_WAIT * 2).0)
                    .bind(over.0)
                    .bind(far.0)
                    .bind(FAILURES_MAX)
                    .bind(PER_USER)
                    .bind(lane.code())
                    .fetch_optional(&mut **$tx)
                    .await?
            };
        }
        let row = match &mut tx.on {
            TxOn::Sqlite(tx) => claim!(tx, ""),
            TxOn::Postgres(tx) => claim!(tx, "FOR UPDATE OF due SKIP LOCKED"),
        };
        tx.commit().await?;
        Ok(row.map(|(job, user, attempt, failures, work)| Claim {
            hold: Hold { job: JobId(job), user: UserId(user), attempt },
            work: serde_json::from_value(work.0).ok(),
            failures,
        }))
    }

    /// Gives up the jobs whose holders have disappeared too often: they may be what makes a process break down.
    /// Answers how many.
    pub async fn bury_jobs(&self, claim: &Claiming) -> Result<u64, StoreError> {
        let Windows { over, far } = claim.windows();
        let mut tx = self.begin().await?;
        let mut dead = sql::tx_fetch_all!(
            &mut tx,
            (Uuid, Uuid),
            "UPDATE jobs SET state = 'dead', failures = failures + 1, worker = NULL, updated_at = $1
             WHERE state = 'running' AND (run_at <= $2 OR run_at > $3) AND failures + 1 >= $4
             RETURNING user_id, id",
            claim.now.0,
            over.0,
            far.0,
            FAILURES_MAX
        )?;
        // Two nodes that tell several users lock their numbers in one order, so that neither waits for the other.
        dead.sort_unstable();
        for (user, job) in &dead {
            jobs::give_up(&mut tx, UserId(*user), JobId(*job), claim.now).await?;
        }
        tx.commit().await?;
        Ok(u64::try_from(dead.len()).unwrap_or(u64::MAX))
    }
}
