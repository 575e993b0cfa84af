//! Where pages come from.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::Value;

use super::run::Parameters;
use crate::{
    keys::Keys,
    model::{
        access::{Block, ProviderVerdict, Verdict},
        check::Outcome,
        error::{AppError, ErrorCode},
        ids::{ProviderId, UserId},
        scraper::Notice,
        service::ServiceId,
        status::Reason,
    },
    providers::{Call, CallError, Providers},
};

/// Entries of SerpAPI's list of places that are looked at.
const PLACES: &str = "20";
/// How long the end of a search waits for the account's new figures.
const ACCOUNT: Duration = Duration::from_secs(5);

/// Somebody who answers searches on behalf of a user.
#[async_trait]
pub(super) trait Source: Send + Sync {
    /// Whether the user's key may be spent now, which may have changed while the search waited.
    async fn open(&self, user: UserId) -> Result<(), Notice>;

    /// Places whose name contains `name`. Costs nothing.
    async fn places(&self, user: UserId, name: &str) -> Result<Value, Notice>;

    /// One page of results. Costs one search unless the provider has the same page in its cache.
    async fn page(&self, user: UserId, parameters: Parameters) -> Result<Value, Notice>;

    /// Searches left on the user's account as last heard.
    async fn searches_left(&self, user: UserId) -> Option<i64>;

    /// Asks for the account's figures anew, which costs nothing, and answers the searches left.
    async fn refresh_searches_left(&self, user: UserId) -> Option<i64>;
}

/// SerpAPI, with the user's stored key.
pub(super) struct SerpApi {
    keys: Arc<Keys>,
    providers: Arc<Providers>,
}

impl SerpApi {
    pub(super) fn new(keys: Arc<Keys>, providers: Arc<Providers>) -> Self {
        Self { keys, providers }
    }

    /// Reads the key for each call anew: one that was deleted is not used any more, and one that was
    /// replaced is used at once.
    async fn call(&self, user: UserId, call: Call) -> Result<Value, Notice> {
        let credential =
            self.keys.credential(user, &ProviderId::SERPAPI).await.map_err(|error| no_credential(&error))?;
        let answer = self.providers.call(&credential, call).await;
        answer.map(|answer| answer.body).map_err(|error| notice(&error))
    }
}

#[async_trait]
impl Source for SerpApi {
    async fn open(&self, user: UserId) -> Result<(), Notice> {
        match self.keys.decide(user, ServiceId::DataScraper).await {
            Ok(decision) if decision.granted => Ok(()),
            Ok(decision) => Err(decision.blocking().find_map(closed).unwrap_or(Notice::KeyUnusable)),
            Err(_) => Err(Notice::OurFault),
        }
    }

    async fn places(&self, user: UserId, name: &str) -> Result<Value, Notice> {
        let call = Call::new(ServiceId::DataScraper, "locations").units(0);
        self.call(user, call.query("q", name).query("limit", PLACES)).await
    }

    async fn page(&self, user: UserId, parameters: Parameters) -> Result<Value, Notice> {
        let call = Call::new(ServiceId::DataScraper, "search");
        let call = parameters.into_iter().fold(call, |call, (name, value)| call.query(name, value));
        self.call(user, call).await
    }

    async fn searches_left(&self, user: UserId) -> Option<i64> {
        // A key of the operator has no figures for users.
        let key = self.keys.view(user, &ProviderId::SERPAPI).await.ok()?;
        key.metadata.quota?.left()
    }

    async fn refresh_searches_left(&self, user: UserId) -> Option<i64> {
        let provider = ProviderId::SERPAPI;
        let key = tokio::time::timeout(ACCOUNT, self.keys.refresh(user, &provider)).await.ok()?.ok()?;
        key.metadata.quota?.left()
    }
}

/// Why a provider keeps the service closed, if it does.
fn closed(verdict: &ProviderVerdict) -> Option<Notice> {
    let Verdict::Blocked { block, .. } = &verdict.verdict else { return None };
    Some(match block {
        Block::Missing => Notice::KeyGone,
        Block::Invalid | Block::LacksCapability => Notice::KeyRejected,
        Block::Suspended => Notice::AccountSuspended,
        Block::Undecryptable => Notice::KeyUnusable,
        Block::Unverified => Notice::Unreachable,
        Block::Exhausted if verdict.reason == Some(Reason::PlatformLimit) => Notice::PlatformLimit,
        Block::Exhausted => Notice::QuotaUsedUp,
    })
}

fn no_credential(error: &AppError) -> Notice {
    match error.code {
        ErrorCode::NotFound => Notice::KeyGone,
        ErrorCode::PlatformLimit => Notice::PlatformLimit,
        _ => Notice::OurFault,
    }
}

fn notice(error: &CallError) -> Notice {
    match error {
        CallError::Undecryptable => Notice::KeyUnusable,
        CallError::Busy => Notice::Unreachable,
        CallError::NotUnderstood { .. } => Notice::NotUnderstood,
        CallError::Misfit => {
            tracing::error!("a call of the Data Scraper does not fit the catalogue");
            Notice::OurFault
        }
        CallError::Refused { outcome, reason, .. } => match outcome {
            Outcome::Exhausted => Notice::QuotaUsedUp,
            Outcome::Invalid | Outcome::Limited => Notice::KeyRejected,
            Outcome::Suspended => Notice::AccountSuspended,
            Outcome::RateLimited => Notice::RateLimited,
            Outcome::Valid | Outcome::Unreachable | Outcome::NotAsked => match reason {
                Reason::TimedOut => Notice::TimedOut,
                Reason::ProviderFault => Notice::ProviderFault,
                Reason::UnexpectedAnswer => Notice::NotUnderstood,
                _ => Notice::Unreachable,
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_a_call_fails_has_its_own_words() {
        let refused = |outcome, reason| {
            notice(&CallError::Refused { outcome, reason, retry_after: None, http_status: None })
        };
        let cases = [
            (refused(Outcome::Exhausted, Reason::QuotaUsedUp), Notice::QuotaUsedUp),
            (refused(Outcome::Invalid, Reason::Rejected), Notice::KeyRejected),
            (refused(Outcome::Suspended, Reason::AccountClosed), Notice::AccountSuspended),
            (refused(Outcome::RateLimited, Reason::RateLimited), Notice::RateLimited),
            (refused(Outcome::Unreachable, Reason::Unreachable), Notice::Unreachable),
            (refused(Outcome::Unreachable, Reason::TimedOut), Notice::TimedOut),
            (refused(Outcome::Unreachable, Reason::ProviderFault), Notice::ProviderFault),
            (refused(Outcome::Unreachable, Reason::UnexpectedAnswer), Notice::NotUnderstood),
            (notice(&CallError::Undecryptable), Notice::KeyUnusable),
            (notice(&CallError::Misfit), Notice::OurFault),
            (no_credential(&AppError::new(ErrorCode::NotFound)), Notice::KeyGone),
            (no_credential(&AppError::new(ErrorCode::PlatformLimit)), Notice::PlatformLimit),
            (no_credential(&AppError::new(ErrorCode::Busy)), Notice::OurFault),
        ];
        for (got, wanted) in cases {
            assert_eq!(got, wanted);
        }
    }
}
