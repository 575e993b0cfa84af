//! What Twilio reports of calls. Reports come late, twice and out of order: each counts once, and a call never goes
//! back.

use std::time::Duration;

use serde_json::Value;
use sqlx::{FromRow, types::Json};
use uuid::Uuid;

use super::{
    Store, StoreError, Tx,
    calls::{tell, tell_if},
    deks::DekRow,
    jobs, sql,
};
use crate::{
    model::{
        calling::{CallState, EventSource, Recording},
        ids::{CallId, JobId, KeyId, ProviderId, UserId},
        job::Work,
        time::Timestamp,
    },
    vault::WrappedDek,
};

/// Twilio is asked for a call's price this long after its end.
const PRICE_FOLLOWS: Duration = Duration::from_secs(2);

/// How a call stands, by somebody's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The state.
    pub state: CallState,
    /// The number of the report; −1 where it was asked for.
    pub sequence: i64,
    /// Seconds from the answer to the end, once it is over.
    pub seconds: Option<i64>,
}

/// What a report did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It was written down.
    New,
    /// It is known already, or older than what is known.
    Known,
    /// It is not about this call.
    Foreign,
}

/// A copy that verifies what is reported, sealed.
#[derive(Debug, Clone)]
pub struct WebhookSecretRow {
    /// The credential.
    pub key: KeyId,
    /// Its provider.
    pub provider: ProviderId,
    /// Its version.
    pub version: i64,
    /// The fields beside its envelope.
    pub config: Value,
    /// The envelope of type 03.
    pub sealed: Vec<u8>,
    /// The data key that sealed it.
    pub dek: WrappedDek,
}

#[derive(FromRow)]
struct SecretRow {
    key_id: Uuid,
    provider: String,
    version: i64,
    config: Json<Value>,
    sealed: Vec<u8>,
    #[sqlx(flatten)]
    dek: DekRow,
}

/// What verifies the reports on a call: the account it was placed with, and the copies of that provider's secret that
/// count for it.
#[derive(Debug, Clone)]
pub struct CallSecrets {
    /// The account; none before the call was placed.
    pub account: Option<String>,
    /// The current credential's copy, and the one of the credential that the call was placed with.
    pub secrets: Vec<WebhookSecretRow>,
}

impl Store {
    /// What verifies the reports on a call. None when the user has no such call.
    pub async fn call_secrets(
        &self,
        user: UserId,
        id: CallId,
        provider: &ProviderId,
    ) -> Result<Option<CallSecrets>, StoreError> {
        let call = sql::fetch_optional!(
            self.reader(),
            (Option<String>,),
            "SELECT account FROM calls WHERE user_id = $1 AND id = $2",
            user.0,
            id.0
        )?;
        let Some((account,)) = call else { return Ok(None) };
        let rows = sql::fetch_all!(
            self.reader(),
            SecretRow,
            "SELECT w.key_id, k.provider, w.version, w.config, w.sealed, w.dek_id,
                d.version AS dek_version, d.kek_id AS dek_kek_id, d.wrapped AS dek_wrapped
             FROM webhook_secrets w
                JOIN user_api_keys k ON k.id = w.key_id AND k.user_id = w.user_id
                JOIN deks d ON d.id = w.dek_id
                JOIN calls c ON c.user_id = w.user_id AND c.id = $1
             WHERE w.user_id = $2 AND k.provider = $3
                AND (w.version = k.credential_version OR (w.key_id = c.key_id AND w.version = c.key_version))",
            id.0,
            user.0,
            provider.as_str()
        )?;
        let secrets = rows.into_iter().map(|row| {
            Ok(WebhookSecretRow {
                key: KeyId(row.key_id),
                provider: row.provider.parse().map_err(|_| StoreError::UnknownWord { column: "provider" })?,
                version: row.version,
                config: row.config.0,
                sealed: row.sealed,
                dek: row.dek.into_dek()?,
            })
        });
        Ok(Some(CallSecrets { account, secrets: secrets.collect::<Result<_, StoreError>>()? }))
    }

    /// Writes down a report on the call that Twilio knows as `sid`. Also tells Keyward that name, should it have been
    /// cut off before it heard it.
    pub async fn report_call(
        &self,
        user: UserId,
        id: CallId,
        sid: &str,
        heard: &Heard,
        now: Timestamp,
    ) -> Result<Effect, StoreError> {
        let mut tx = self.begin().await?;
        jobs::lock(&mut tx, user, JobId(id.0)).await?;
        let Some(before) = own_up(&mut tx, user, id, sid).await? else { return Ok(Effect::Foreign) };
        if !is_new(&mut tx, user, id, "report", heard.sequence, heard.state.code(), now).await? {
            return Ok(Effect::Known);
        }
        let changed = advance(&mut tx, user, id, heard, EventSource::Report, now).await?;
        if before == "unknown" && changed == 1 {
            // Nobody followed it any more.
            jobs::enqueue(&mut tx, user, &Work::Call { call: id }, now).await?;
        }
        if heard.state.stage() == 5 && changed == 1 {
            // Its job asks for the price, and does not wait until it would have asked how the call stands.
            sql::tx_execute!(
                &mut tx,
                "UPDATE jobs SET run_at = $1 WHERE id = $2 AND user_id = $3 AND state = 'queued' AND run_at > $1",
                now.plus(PRICE_FOLLOWS).0,
                id.0,
                user.0
            )?;
        }
        // What comes late is written down as well.
        tell(&mut tx, user, id, now).await?;
        tx.commit().await?;
        Ok(if changed == 1 { Effect::New } else { Effect::Known })
    }

    /// Writes down a report on a recording of the call that Twilio knows as `sid`.
    pub async fn report_recording(
        &self,
        user: UserId,
        id: CallId,
        sid: &str,
        recording: &Recording,
        now: Timestamp,
    ) -> Result<Effect, StoreError> {
        let mut tx = self.begin().await?;
        if own_up(&mut tx, user, id, sid).await?.is_none() {
            return Ok(Effect::Foreign);
        }
        if !is_new(&mut tx, user, id, "recording", 0, &recording.sid, now).await? {
            return Ok(Effect::Known);
        }
        let kept = keep_recording(&mut tx, user, id, recording, now).await?;
        Ok(if tell_if(tx, kept, user, id, now).await? { Effect::New } else { Effect::Known })
    }
}

/// Makes sure that the call is the one that Twilio knows as `sid`; answers its state. None when it is not.
async fn own_up(tx: &mut Tx, user: UserId, id: CallId, sid: &str) -> Result<Option<String>, StoreError> {
    // Only a call that is being placed may learn its name in this way.
    let row = sql::tx_fetch_optional!(
        &mut *tx,
        (String,),
        "UPDATE calls SET sid = $1
         WHERE user_id = $2 AND id = $3 AND sent_at IS NOT NULL AND (sid = $1 OR sid IS NULL)
            AND NOT EXISTS (SELECT 1 FROM calls AS other
                            WHERE other.user_id = $2 AND other.sid = $1 AND other.id <> $3)
         RETURNING state",
        sid,
        user.0,
        id.0
    )?;
    Ok(row.map(|(state,)| state))
}

/// Notes something that was heard. Answers whether it is new.
async fn is_new(
    tx: &mut Tx,
    user: UserId,
    id: CallId,
    source: &'static str,
    sequence: i64,
    word: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let new = sql::tx_execute!(
        &mut *tx,
        "INSERT INTO call_events (call_id, user_id, source, sequence, word, at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        id.0,
        user.0,
        source,
        sequence,
        word,
        now.0
    )?;
    Ok(new == 1)
}

/// Lets a call go forward to what was heard, and never back. Answers how many rows that changed.
pub(super) async fn advance(
    tx: &mut Tx,
    user: UserId,
    id: CallId,
    heard: &Heard,
    source: EventSource,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let is_final = heard.state.stage() == 5;
    // Of one that is over already, how long it lasted says when it began.
    let lasted = heard.seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    let answered_at = match heard.state {
        CallState::InProgress => Some(now),
        CallState::Completed => Some(now.minus(lasted.unwrap_or_default())),
        _ => None,
    };
    let changed = sql::tx_execute!(
        &mut *tx,
        "UPDATE calls SET state = $1, stage = $2, notice = NULL, seconds = COALESCE($3, seconds),
            sequence = CASE WHEN sequence < $4 THEN $4 ELSE sequence END,
            answered_at = COALESCE(answered_at, $5), ended_at = CASE WHEN $6 THEN $7 ELSE NULL END
         WHERE user_id = $8 AND id = $9 AND stage < $2 AND (sequence < $4 OR $4 < 0)",
        heard.state.code(),
        heard.state.stage(),
        heard.seconds,
        heard.sequence,
        answered_at.map(|at| at.0),
        is_final,
        now.0,
        user.0,
        id.0
    )?;
    if changed == 1 && source == EventSource::Answer {
        is_new(tx, user, id, "answer", heard.state.stage(), heard.state.code(), now).await?;
    }
    Ok(changed)
}

/// Keeps a recording. Answers how many rows that changed.
pub(super) async fn keep_recording(
    tx: &mut Tx,
    user: UserId,
    id: CallId,
    recording: &Recording,
    now: Timestamp,
) -> Result<u64, StoreError> {
    Ok(sql::tx_execute!(
        &mut *tx,
        "INSERT INTO call_recordings (call_id, user_id, sid, seconds, created_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        id.0,
        user.0,
        &recording.sid,
        recording.seconds,
        now.0
    )?)
}
