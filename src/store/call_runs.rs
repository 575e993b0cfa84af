//! What the job of a call writes. The job has the call's id, and everything depends on its holder's hold
//! (`store/jobs.rs`), in one transaction.

use sqlx::{FromRow, types::Json};

use super::{
    Hold, Store, StoreError, Tx,
    call_reports::{Heard, advance, keep_recording},
    calls::{call_state, tell, tell_if},
    jobs,
    searches::lock_user,
    sql, usage_costs,
};
use crate::model::{
    calling::{CallNotice, CallRequest, CallState, EventSource, Recording},
    ids::{CallId, JobId, KeyId, UserId},
    money::Amount,
    time::Timestamp,
};

/// A call that is to be placed or followed, and how far it has come.
#[derive(Debug, Clone)]
pub struct CallRun {
    /// What was ordered.
    pub request: CallRequest,
    /// How it stands.
    pub state: CallState,
    /// Twilio's name of it.
    pub sid: Option<String>,
    /// When Twilio was asked to place it.
    pub sent_at: Option<Timestamp>,
    /// The account it was placed with.
    pub account: Option<String>,
    /// Twilio reports on it.
    pub reported: bool,
    /// Its owner wants it to end.
    pub hang_up: bool,
    /// Twilio has told what it cost.
    pub priced: bool,
    /// How many recordings have arrived.
    pub recordings: i64,
    /// When it was ordered.
    pub created_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
}

/// What a call is about to be placed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// The credential and its version; none for the operator's own.
    pub key: Option<(KeyId, i64)>,
    /// The account.
    pub account: String,
    /// Twilio is asked to report.
    pub reported: bool,
}

/// Whether a call may be placed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Yes, and it is noted that it is being placed.
    Now,
    /// Another call between the same numbers is being placed, of which nobody could say then which one Twilio has; or
    /// its owner has hung up meanwhile.
    Later,
    /// The job is not held any more.
    Lost,
}

/// How the job of a call goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is due again then.
    At(Timestamp),
    /// It is done.
    Done,
}

/// What Twilio answered about a call.
#[derive(Debug, Clone, Default)]
pub struct Answered {
    /// Its name.
    pub sid: Option<String>,
    /// How it stands.
    pub heard: Option<Heard>,
    /// The price and its currency.
    pub price: Option<(String, String)>,
    /// The recordings that are ready.
    pub recordings: Vec<Recording>,
    /// Whether this heeds a hang-up, which was noted before; else the job goes on at once where there is one.
    pub heeds_hang_up: bool,
}

#[derive(FromRow)]
struct RunRow {
    request: Json<CallRequest>,
    state: String,
    sid: Option<String>,
    sent_at: Option<i64>,
    account: Option<String>,
    reported: bool,
    hang_up: bool,
    priced: bool,
    recordings: i64,
    created_at: i64,
    ended_at: Option<i64>,
}

impl Store {
    /// What the holder of a call's job has to do. None when the job is not held any more.
    pub async fn begin_call(&self, hold: Hold, now: Timestamp) -> Result<Option<CallRun>, StoreError> {
        let (user, id) = subject(hold);
        let mut tx = self.begin().await?;
        if !jobs::confirm(&mut tx, hold, now).await? {
            return Ok(None);
        }
        let row = sql::tx_fetch_optional!(
            &mut tx,
            RunRow,
            "SELECT request, state, sid, sent_at, account, reported, hang_up, price IS NOT NULL AS priced,
                (SELECT COUNT(*) FROM call_recordings r WHERE r.call_id = calls.id) AS recordings,
                created_at, ended_at
             FROM calls WHERE user_id = $1 AND id = $2",
            user.0,
            id.0
        )?;
        tx.commit().await?;
        row.map(|row| {
            Ok(CallRun {
                request: row.request.0,
                state: call_state(&row.state)?,
                sid: row.sid,
                sent_at: row.sent_at.map(Timestamp),
                account: row.account,
                reported: row.reported,
                hang_up: row.hang_up,
                priced: row.priced,
                recordings: row.recordings,
                created_at: Timestamp(row.created_at),
                ended_at: row.ended_at.map(Timestamp),
            })
        })
        .transpose()
    }

    /// Whether the owner's credential, at this version, has a copy that verifies what Twilio reports.
    pub async fn verifies_webhooks(
        &self,
        user: UserId,
        key: KeyId,
        version: i64,
    ) -> Result<bool, StoreError> {
        let copy = sql::fetch_optional!(
            self.reader(),
            (i64,),
            "SELECT version FROM webhook_secrets WHERE user_id = $1 AND key_id = $2 AND version = $3",
            user.0,
            key.0,
            version
        )?;
        Ok(copy.is_some())
    }

    /// Notes that a call is being placed, before Twilio is asked: from here on it may be there.
    pub async fn send_call(
        &self,
        hold: Hold,
        sending: &Sending,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Turn, StoreError> {
        let (user, id) = subject(hold);
        let mut tx = self.begin().await?;
        lock_user(&mut tx, user).await?;
        if !jobs::advance(&mut tx, hold, until, now).await? {
            return Ok(Turn::Lost);
        }
        let sent = sql::tx_execute!(
            &mut tx,
            "UPDATE calls SET state = 'placing', stage = 1, sent_at = $1, account = $2, key_id = $3,
                key_version = $4, reported = $5
             WHERE user_id = $6 AND id = $7 AND sid IS NULL AND NOT hang_up AND state IN ('queued', 'placing')
                AND NOT EXISTS (
                    SELECT 1 FROM calls AS other
                    WHERE other.user_id = $6 AND other.id <> $7 AND other.state = 'placing'
                        AND other.to_number = calls.to_number AND other.from_number = calls.from_number)",
            now.0,
            &sending.account,
            sending.key.map(|(key, _)| key.0),
            sending.key.map(|(_, version)| version),
            sending.reported,
            user.0,
            id.0
        )?;
        if sent == 0 {
            return Ok(Turn::Later);
        }
        tell(&mut tx, user, id, now).await?;
        tx.commit().await?;
        Ok(Turn::Now)
    }

    /// Notes that Twilio surely does not have a call, so that it can be placed again. The job is due at `again`. A call
    /// that its owner has hung up is over, with its job.
    pub async fn unsend_call(
        &self,
        hold: Hold,
        again: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (user, id) = subject(hold);
        let mut tx = self.begin().await?;
        if !jobs::postpone(&mut tx, hold, again, now).await? {
            return Ok(false);
        }
        let back = sql::tx_execute!(
            &mut tx,
            "UPDATE calls SET state = 'queued', stage = 0, sent_at = NULL
             WHERE user_id = $1 AND id = $2 AND state = 'placing' AND sid IS NULL AND NOT hang_up",
            user.0,
            id.0
        )?;
        let over = sql::tx_execute!(
            &mut tx,
            "UPDATE calls SET state = 'canceled', stage = 5, ended_at = $1
             WHERE user_id = $2 AND id = $3 AND state = 'placing' AND sid IS NULL AND hang_up",
            now.0,
            user.0,
            id.0
        )?;
        if over == 1 {
            jobs::cancel(&mut tx, user, hold.job, now).await?;
        }
        tell_if(tx, back + over, user, id, now).await?;
        Ok(true)
    }

    /// The SIDs among these that belong to calls of the user.
    pub async fn known_sids(&self, user: UserId, sids: &[String]) -> Result<Vec<String>, StoreError> {
        let mut known = Vec::new();
        for sid in sids {
            let row = sql::fetch_optional!(
                self.reader(),
                (String,),
                "SELECT sid FROM calls WHERE user_id = $1 AND sid = $2",
                user.0,
                sid
            )?;
            known.extend(row.map(|(sid,)| sid));
        }
        Ok(known)
    }

    /// Writes down what Twilio answered, and how the job goes on. Answers whether it was still held.
    pub async fn record_call(
        &self,
        hold: Hold,
        answered: &Answered,
        next: Next,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (user, id) = subject(hold);
        let mut tx = self.begin().await?;
        let held = match next {
            Next::At(again) => jobs::postpone(&mut tx, hold, again, now).await?,
            Next::Done => jobs::finish(&mut tx, hold, now).await?,
        };
        if !held {
            return Ok(false);
        }
        if !answered.heeds_hang_up {
            // Its owner has hung up while Twilio was asked for something else.
            sql::tx_execute!(
                &mut tx,
                "UPDATE jobs SET run_at = $1 WHERE id = $2 AND user_id = $3 AND state = 'queued'
                    AND EXISTS (SELECT 1 FROM calls WHERE calls.id = jobs.id AND calls.user_id = $3
                                AND calls.hang_up AND calls.ended_at IS NULL)",
                jobs::BEFORE_ALL,
                id.0,
                user.0
            )?;
        }
        let mut changed = 0;
        if let Some(sid) = &answered.sid {
            changed += sql::tx_execute!(
                &mut tx,
                "UPDATE calls SET sid = $1 WHERE user_id = $2 AND id = $3 AND sid IS NULL",
                sid,
                user.0,
                id.0
            )?;
        }
        if let Some(heard) = &answered.heard {
            changed += advance(&mut tx, user, id, heard, EventSource::Answer, now).await?;
        }
        if let Some((price, unit)) = &answered.price {
            let priced = sql::tx_execute!(
                &mut tx,
                "UPDATE calls SET price = $1, price_unit = $2 WHERE user_id = $3 AND id = $4 AND price IS NULL",
                price,
                unit,
                user.0,
                id.0
            )?;
            changed += priced;
            match Amount::parse(price).filter(|_| priced == 1) {
                Some(amount) => usage_costs::note_call(&mut tx, user, id, amount, unit).await?,
                None if priced == 1 => {
                    tracing::error!(call = %id, "a price has more digits than are counted")
                }
                None => {}
            }
        }
        for recording in &answered.recordings {
            changed += keep_recording(&mut tx, user, id, recording, now).await?;
        }
        tell_if(tx, changed.min(1), user, id, now).await?;
        Ok(true)
    }

    /// Ends a call of which nothing more is heard, with its job. Answers whether the job was still held.
    pub async fn end_call(
        &self,
        hold: Hold,
        state: CallState,
        notice: Option<CallNotice>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (user, id) = subject(hold);
        let mut tx = self.begin().await?;
        if !jobs::finish(&mut tx, hold, now).await? {
            return Ok(false);
        }
        end(&mut tx, user, id, state, notice, now).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// The call that a job places.
const fn subject(hold: Hold) -> (UserId, CallId) {
    (hold.user, CallId(hold.job.0))
}

async fn end(
    tx: &mut Tx,
    user: UserId,
    id: CallId,
    state: CallState,
    notice: Option<CallNotice>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let ended = sql::tx_execute!(
        &mut *tx,
        "UPDATE calls SET state = $1, stage = $2, notice = $3, ended_at = $4
         WHERE user_id = $5 AND id = $6 AND ended_at IS NULL",
        state.code(),
        state.stage(),
        notice.map(CallNotice::code),
        now.0,
        user.0,
        id.0
    )?;
    if ended == 1 {
        tell(tx, user, id, now).await?;
    }
    Ok(())
}

/// Ends the call of a job that was given up. Does nothing where the job places no call. One that Twilio may have is
/// unknown then, and never placed again.
pub(super) async fn give_up(tx: &mut Tx, user: UserId, job: JobId, now: Timestamp) -> Result<(), StoreError> {
    let state = sql::tx_fetch_optional!(
        &mut *tx,
        (String,),
        "SELECT state FROM calls WHERE user_id = $1 AND id = $2",
        user.0,
        job.0
    )?;
    let Some((state,)) = state else { return Ok(()) };
    let state = match call_state(&state)? {
        CallState::Queued => CallState::NotPlaced,
        _ => CallState::Unknown,
    };
    end(tx, user, CallId(job.0), state, Some(CallNotice::OurFault), now).await
}
