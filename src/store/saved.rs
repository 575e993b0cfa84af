//! Searches that are kept under a name.

use sqlx::{FromRow, types::Json};
use uuid::Uuid;

use super::{Store, StoreError, searches::lock_user, sql};
use crate::model::{
    ids::{SavedId, UserId},
    scraper::{SAVED_MAX, SavedView, SearchRequest},
    time::Timestamp,
};

/// What came of keeping a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is kept.
    Yes,
    /// Another one has the name.
    NameTaken,
    /// The user keeps as many as anybody may.
    TooMany,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    name: String,
    request: Json<SearchRequest>,
    created_at: i64,
}

impl From<Row> for SavedView {
    fn from(row: Row) -> Self {
        Self {
            id: SavedId(row.id),
            name: row.name,
            request: row.request.0,
            created_at: Timestamp(row.created_at),
        }
    }
}

impl Store {
    /// Keeps a search under its name.
    pub async fn insert_saved(&self, user: UserId, saved: &SavedView) -> Result<Kept, StoreError> {
        let mut tx = self.begin().await?;
        lock_user(&mut tx, user).await?;
        let count = sql::tx_fetch_optional!(
            &mut tx,
            (i64,),
            "SELECT COUNT(*) FROM saved_searches WHERE user_id = $1",
            user.0
        )?;
        if count.is_some_and(|(count,)| count >= SAVED_MAX) {
            return Ok(Kept::TooMany);
        }
        let inserted = sql::tx_execute!(
            &mut tx,
            "INSERT INTO saved_searches (id, user_id, name, request, created_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
            saved.id.0,
            user.0,
            &saved.name,
            Json(&saved.request),
            saved.created_at.0
        )?;
        tx.commit().await?;
        Ok(if inserted == 1 { Kept::Yes } else { Kept::NameTaken })
    }

    /// The user's saved searches, the latest first.
    pub async fn saved(&self, user: UserId) -> Result<Vec<SavedView>, StoreError> {
        let rows = sql::fetch_all!(
            self.reader(),
            Row,
            "SELECT id, name, request, created_at FROM saved_searches WHERE user_id = $1 ORDER BY id DESC",
            user.0
        )?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// One saved search of the user.
    pub async fn saved_search(&self, user: UserId, id: SavedId) -> Result<Option<SavedView>, StoreError> {
        let row = sql::fetch_optional!(
            self.reader(),
            Row,
            "SELECT id, name, request, created_at FROM saved_searches WHERE user_id = $1 AND id = $2",
            user.0,
            id.0
        )?;
        Ok(row.map(Into::into))
    }

    /// Gives a saved search another name, unless another one has it. Answers whether it has it now.
    pub async fn rename_saved(&self, user: UserId, id: SavedId, name: &str) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        lock_user(&mut tx, user).await?;
        let renamed = sql::tx_execute!(
            &mut tx,
            "UPDATE saved_searches SET name = $1 WHERE user_id = $2 AND id = $3
                AND NOT EXISTS (SELECT 1 FROM saved_searches other
                                WHERE other.user_id = $4 AND other.name = $5 AND other.id <> $6)",
            name,
            user.0,
            id.0,
            user.0,
            name,
            id.0
        )?;
        tx.commit().await?;
        Ok(renamed == 1)
    }

    /// Deletes a saved search. Answers whether there was one.
    pub async fn delete_saved(&self, user: UserId, id: SavedId) -> Result<bool, StoreError> {
        let deleted = sql::execute!(
            self.writer(),
            "DELETE FROM saved_searches WHERE user_id = $1 AND id = $2",
            user.0,
            id.0
        )?;
        Ok(deleted == 1)
    }
}
