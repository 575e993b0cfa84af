//! How often stored credentials are checked.

use super::{Keys, jitter};
use crate::{
    account::internal,
    model::{
        error::{AppError, FieldError},
        ids::{ProviderId, UserId},
        key::KeyView,
        provider::Cost,
        schedule::Every,
    },
    monitor::transition::{self, Known},
    store::KeyRow,
};

impl Keys {
    /// What is known of a stored credential, with the schedule that is in force for it.
    pub(super) fn known_of(&self, key: &KeyRow) -> Known {
        Known::of(key, self.checking.schedules.of(&key.provider, key.check_every))
    }

    /// Has a stored credential checked as often as its owner chose, or as the catalogue says.
    pub async fn schedule(
        &self,
        user: UserId,
        provider: &ProviderId,
        every: Option<Every>,
    ) -> Result<KeyView, AppError> {
        if every.is_some_and(|every| !self.checking.schedules.bounds.allows(every)) {
            return Err(AppError::field("check_every", FieldError::OutOfRange));
        }
        let key = self.stored(user, provider).await?;
        let now = self.clock.now();
        let known = Known { schedule: self.checking.schedules.of(provider, every), ..self.known_of(&key) };
        let next = transition::rescheduled(&known, now, jitter());
        self.store.schedule_key(&key, every, next, now).await.map_err(|e| internal(&e))?;
        self.view(user, provider).await
    }

    /// How often a key of this provider may be checked by schedule.
    pub(super) fn choices(&self, provider: &ProviderId) -> Vec<Every> {
        let free = self.providers.info(provider).is_some_and(|info| info.check_cost != Cost::Billed);
        if free && self.checking.enabled { self.checking.schedules.bounds.choices() } else { Vec::new() }
    }
}
