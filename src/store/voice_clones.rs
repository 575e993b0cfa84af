//! Voices that were cloned here, each with the consent that was declared.

use sqlx::FromRow;
use uuid::Uuid;

use super::{Store, StoreError, sql};
use crate::model::{
    ids::{CloneId, UserId, VoiceId},
    time::Timestamp,
    voices::{CloneSource, CloneState, CloneView},
};

#[derive(FromRow)]
struct Row {
    id: Uuid,
    name: String,
    statement: String,
    consented_at: i64,
    source: String,
    files: i64,
    bytes: i64,
    state: String,
    voice_id: Option<String>,
}

impl TryFrom<Row> for CloneView {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let unknown = |column| StoreError::UnknownWord { column };
        let voice = row.voice_id.map(VoiceId::try_from).transpose();
        Ok(Self {
            id: CloneId(row.id),
            name: row.name,
            statement: row.statement,
            consented_at: Timestamp(row.consented_at),
            source: CloneSource::from_code(&row.source).ok_or(unknown("voice_clones.source"))?,
            files: u32::try_from(row.files).unwrap_or_default(),
            bytes: row.bytes,
            state: CloneState::from_code(&row.state).ok_or(unknown("voice_clones.state"))?,
            voice: voice.map_err(|_| unknown("voice_clones.voice_id"))?,
        })
    }
}

impl Store {
    /// Writes down that a voice is to be cloned, and what was declared.
    pub async fn insert_clone(&self, user: UserId, clone: &CloneView) -> Result<(), StoreError> {
        sql::execute!(
            self.writer(),
            "INSERT INTO voice_clones (id, user_id, name, statement, consented_at, source, files, bytes, state)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            clone.id.0,
            user.0,
            &clone.name,
            &clone.statement,
            clone.consented_at.0,
            clone.source.code(),
            i64::from(clone.files),
            clone.bytes,
            clone.state.code()
        )?;
        Ok(())
    }

    /// Writes down how it ended.
    pub async fn end_clone(
        &self,
        user: UserId,
        id: CloneId,
        state: CloneState,
        voice: Option<&VoiceId>,
    ) -> Result<(), StoreError> {
        sql::execute!(
            self.writer(),
            "UPDATE voice_clones SET state = $1, voice_id = $2 WHERE user_id = $3 AND id = $4",
            state.code(),
            voice.map(VoiceId::as_str),
            user.0,
            id.0
        )?;
        Ok(())
    }

    /// The owner's clones, the latest first, those before `before` if given.
    pub async fn clones(
        &self,
        user: UserId,
        before: Option<CloneId>,
        limit: i64,
    ) -> Result<Vec<CloneView>, StoreError> {
        let rows = match before {
            Some(before) => sql::fetch_all!(
                self.reader(),
                Row,
                "SELECT id, name, statement, consented_at, source, files, bytes, state, voice_id
                 FROM voice_clones WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
                user.0,
                before.0,
                limit
            )?,
            None => sql::fetch_all!(
                self.reader(),
                Row,
                "SELECT id, name, statement, consented_at, source, files, bytes, state, voice_id
                 FROM voice_clones WHERE user_id = $1 ORDER BY id DESC LIMIT $2",
                user.0,
                limit
            )?,
        };
        rows.into_iter().map(TryInto::try_into).collect()
    }
}
