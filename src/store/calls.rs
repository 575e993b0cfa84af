//! Calls as their users see and change them. What the job writes that places and follows a call is in
//! `store/call_runs.rs`, what Twilio reports in `store/call_reports.rs`.

use sqlx::{FromRow, types::Json};
use uuid::Uuid;

use super::{Order, Store, StoreError, Taken, Tx, events, jobs, orders, searches::lock_user, sql};
use crate::model::{
    calling::{
        CallEvent, CallFilter, CallNotice, CallRequest, CallState, CallView, EventSource, Group, OPEN_MAX,
        Recording,
    },
    event::Change,
    ids::{CallId, JobId, UserId},
    job::Work,
    time::Timestamp,
};

#[derive(FromRow)]
struct Row {
    id: Uuid,
    request: Json<CallRequest>,
    state: String,
    notice: Option<String>,
    sid: Option<String>,
    hang_up: bool,
    seconds: Option<i64>,
    price: Option<String>,
    price_unit: Option<String>,
    created_at: i64,
    answered_at: Option<i64>,
    ended_at: Option<i64>,
}

pub(super) fn call_state(code: &str) -> Result<CallState, StoreError> {
    CallState::from_code(code).ok_or(StoreError::UnknownWord { column: "calls.state" })
}

impl TryFrom<Row> for CallView {
    type Error = StoreError;
    fn try_from(row: Row) -> Result<Self, StoreError> {
        let notice = row.notice.map(|code| {
            CallNotice::from_code(&code).ok_or(StoreError::UnknownWord { column: "calls.notice" })
        });
        let state = call_state(&row.state)?;
        Ok(Self {
            id: CallId(row.id),
            request: row.request.0,
            state,
            notice: notice.transpose()?,
            sid: row.sid,
            hanging_up: row.hang_up && state.is_open(),
            seconds: row.seconds,
            price: row.price,
            price_unit: row.price_unit,
            created_at: Timestamp(row.created_at),
            answered_at: row.answered_at.map(Timestamp),
            ended_at: row.ended_at.map(Timestamp),
            events: Vec::new(),
            recordings: Vec::new(),
        })
    }
}

impl Store {
    /// Takes a call on, with its job, unless its order was taken on before, or too many of the user's calls wait or are
    /// under way.
    pub async fn insert_call(
        &self,
        user: UserId,
        id: CallId,
        request: &CallRequest,
        order: Option<&Order>,
        now: Timestamp,
    ) -> Result<Taken, StoreError> {
        let mut tx = self.begin().await?;
        lock_user(&mut tx, user).await?;
        if let Some(before) = orders::recall(&mut tx, user, order).await? {
            return Ok(before);
        }
        let inserted = sql::tx_execute!(
            &mut tx,
            "INSERT INTO calls (id, user_id, request, to_number, from_number, state, stage, reported, sequence,
                                hang_up, created_at)
             SELECT $1, $2, $3, $4, $5, 'queued', 0, FALSE, -1, FALSE, $6
             WHERE (SELECT COUNT(*) FROM calls WHERE user_id = $7 AND ended_at IS NULL) < $8",
            id.0,
            user.0,
            Json(request),
            &request.to,
            &request.from,
            now.0,
            user.0,
            OPEN_MAX
        )?;
        if inserted == 0 {
            return Ok(Taken::Full);
        }
        jobs::enqueue(&mut tx, user, &Work::Call { call: id }, now).await?;
        orders::note(&mut tx, user, order, id.0, now).await?;
        tell(&mut tx, user, id, now).await?;
        tx.commit().await?;
        Ok(Taken::New)
    }

    /// One call of the user, with what was heard of it.
    pub async fn call(&self, user: UserId, id: CallId) -> Result<Option<CallView>, StoreError> {
        let row = sql::fetch_optional!(
            self.reader(),
            Row,
            "SELECT * FROM calls WHERE user_id = $1 AND id = $2",
            user.0,
            id.0
        )?;
        let Some(row) = row else { return Ok(None) };
        let heard = sql::fetch_all!(
            self.reader(),
            (String, String, i64),
            "SELECT source, word, at FROM call_events
             WHERE user_id = $1 AND call_id = $2 AND source <> 'recording' ORDER BY at, sequence",
            user.0,
            id.0
        )?;
        let recordings = sql::fetch_all!(
            self.reader(),
            (String, i64),
            "SELECT sid, seconds FROM call_recordings WHERE user_id = $1 AND call_id = $2 ORDER BY created_at, sid",
            user.0,
            id.0
        )?;
        let mut view = CallView::try_from(row)?;
        for (source, word, at) in heard {
            let source = EventSource::from_code(&source)
                .ok_or(StoreError::UnknownWord { column: "call_events.source" })?;
            view.events.push(CallEvent { source, state: call_state(&word)?, at: Timestamp(at) });
        }
        view.recordings = recordings.into_iter().map(|(sid, seconds)| Recording { sid, seconds }).collect();
        Ok(Some(view))
    }

    /// The user's calls that `filter` lets through, the latest first, those before `before` if given.
    pub async fn calls(
        &self,
        user: UserId,
        filter: &CallFilter,
        before: Option<CallId>,
        limit: i64,
    ) -> Result<Vec<CallView>, StoreError> {
        let before = before.map_or(Uuid::max(), |id| id.0);
        // The part of a number holds digits and plus signs only.
        let number = format!("%{}%", CallFilter::digits(&filter.number));
        let rows = sql::fetch_all!(
            self.reader(),
            Row,
            "SELECT * FROM calls
             WHERE user_id = $1 AND id < $2 AND (to_number LIKE $3 OR from_number LIKE $3)
                AND created_at >= $4 AND created_at < $5
                AND ($6 = '' OR $6 = CASE WHEN ended_at IS NULL THEN 'open'
                                          WHEN state = 'completed' THEN 'completed' ELSE 'failed' END)
             ORDER BY id DESC LIMIT $7",
            user.0,
            before,
            &number,
            filter.since.map_or(i64::MIN, |since| since.0),
            filter.until.map_or(i64::MAX, |until| until.0),
            filter.group.map_or("", Group::code),
            limit
        )?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Notes that its owner wants a call to end. One that waits to be placed is over at once, with its job. Answers
    /// whether there is such a call that has not ended.
    pub async fn hang_up_call(&self, user: UserId, id: CallId, now: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        jobs::lock(&mut tx, user, JobId(id.0)).await?;
        let wanted = sql::tx_execute!(
            &mut tx,
            "UPDATE calls SET hang_up = TRUE,
                stage = CASE WHEN state = 'queued' THEN 5 ELSE stage END,
                ended_at = CASE WHEN state = 'queued' THEN $1 ELSE ended_at END,
                state = CASE WHEN state = 'queued' THEN 'canceled' ELSE state END
             WHERE user_id = $2 AND id = $3 AND ended_at IS NULL",
            now.0,
            user.0,
            id.0
        )?;
        // Its job ends it at Twilio, now and not when it is due or its turn comes.
        sql::tx_execute!(
            &mut tx,
            "UPDATE jobs SET run_at = $1 WHERE id = $2 AND user_id = $3 AND state = 'queued'",
            jobs::BEFORE_ALL,
            id.0,
            user.0
        )?;
        sql::tx_execute!(
            &mut tx,
            "UPDATE jobs SET state = 'cancelled', worker = NULL, updated_at = $1
             WHERE id = $2 AND user_id = $3 AND state IN ('queued', 'running')
                AND EXISTS (SELECT 1 FROM calls WHERE calls.id = jobs.id AND calls.user_id = $3
                            AND calls.state = 'canceled' AND calls.sid IS NULL)",
            now.0,
            id.0,
            user.0
        )?;
        tell_if(tx, wanted, user, id, now).await
    }

    /// Deletes a call that has ended, with what was heard of it. Answers whether there was one.
    pub async fn delete_call(&self, user: UserId, id: CallId, now: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        jobs::forget(&mut tx, user, JobId(id.0)).await?;
        let deleted = sql::tx_execute!(
            &mut tx,
            "DELETE FROM calls WHERE user_id = $1 AND id = $2 AND ended_at IS NOT NULL",
            user.0,
            id.0
        )?;
        if deleted == 0 {
            // An open call keeps its job: nothing of this is committed.
            return Ok(false);
        }
        tell_if(tx, deleted, user, id, now).await
    }
}

pub(super) async fn tell(tx: &mut Tx, user: UserId, id: CallId, now: Timestamp) -> Result<(), StoreError> {
    events::append(tx, user, Change::Call(id), now).await
}

/// Ends the transaction of a change to one call, and tells of it if there was such a call. Answers whether there
/// was.
pub(super) async fn tell_if(
    mut tx: Tx,
    changed: u64,
    user: UserId,
    id: CallId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if changed == 1 {
        tell(&mut tx, user, id, now).await?;
    }
    tx.commit().await?;
    Ok(changed == 1)
}
