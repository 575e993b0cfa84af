//! Searches that are kept under a name. Only running one spends the key.

use super::{Once, Scraper, spender};
use crate::{
    account::internal,
    keys::Grant,
    model::{
        error::{AppError, ErrorCode, FieldError},
        ids::{SavedId, UserId},
        scraper::{SavedInput, SavedName, SavedView, SearchView},
    },
    store::Kept,
};

impl Scraper {
    /// Keeps a search under a name.
    pub async fn save(&self, user: UserId, input: &SavedInput) -> Result<SavedView, AppError> {
        let (name, request) = input.check()?;
        let created_at = self.clock.now();
        let saved = SavedView { id: SavedId::generate(), name: name.to_owned(), request, created_at };
        match self.store.insert_saved(user, &saved).await.map_err(|e| internal(&e))? {
            Kept::Yes => Ok(saved),
            Kept::NameTaken => Err(AppError::field("name", FieldError::Taken)),
            Kept::TooMany => Err(AppError::new(ErrorCode::TooManySaved)),
        }
    }

    /// The saved searches, the latest first.
    pub async fn saved(&self, user: UserId) -> Result<Vec<SavedView>, AppError> {
        self.store.saved(user).await.map_err(|e| internal(&e))
    }

    /// One saved search.
    pub async fn saved_search(&self, user: UserId, id: SavedId) -> Result<SavedView, AppError> {
        let saved = self.store.saved_search(user, id).await.map_err(|e| internal(&e))?;
        saved.ok_or_else(|| AppError::new(ErrorCode::NotFound))
    }

    /// Starts a search that was saved, with the user's key. What was ordered before is answered as it stands now.
    pub async fn run_saved(&self, grant: &Grant, id: SavedId, once: &Once) -> Result<SearchView, AppError> {
        let user = spender(grant)?;
        let saved = self.saved_search(user, id).await?;
        let order = once.order("saved search", &id)?;
        self.begin_request(user, &saved.request, order.as_ref()).await
    }

    /// Gives a saved search another name.
    pub async fn rename_saved(
        &self,
        user: UserId,
        id: SavedId,
        input: &SavedName,
    ) -> Result<SavedView, AppError> {
        let name = input.check()?;
        self.saved_search(user, id).await?;
        if !self.store.rename_saved(user, id, name).await.map_err(|e| internal(&e))? {
            // Deleted meanwhile, or the name is taken.
            self.saved_search(user, id).await?;
            return Err(AppError::field("name", FieldError::Taken));
        }
        self.saved_search(user, id).await
    }

    /// Deletes a saved search. What it found stays.
    pub async fn delete_saved(&self, user: UserId, id: SavedId) -> Result<(), AppError> {
        if self.store.delete_saved(user, id).await.map_err(|e| internal(&e))? {
            Ok(())
        } else {
            Err(AppError::new(ErrorCode::NotFound))
        }
    }
}
