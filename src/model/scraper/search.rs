//! How a search stands.

use serde::{Deserialize, Serialize};

use super::{Place, ResultsOf, SearchRequest};
use crate::model::{
    ids::{BatchId, SearchId},
    time::Timestamp,
};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident $code:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word used in the database and on the wire.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// Reads the word.
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.code() == code)
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.code())
            }
        }
    };
}

pub(in crate::model) use words;

words! {
    /// The state of a search. A page that was paid for is never asked for again: a search that goes on, after
    /// a restart or because its user wants it, does so with the next page.
    SearchState {
        /// It waits for another search of the user to end.
        Queued "queued",
        /// Pages are being fetched.
        Running "running",
        /// Everything asked for, or everything there is, has arrived.
        Finished "finished",
        /// It ended early; the results that had arrived are kept.
        Partial "partial",
        /// It ended before any result arrived.
        Failed "failed",
        /// The user stopped it; the results that had arrived are kept.
        Cancelled "cancelled",
    }
}

words! {
    /// Why a search ended as it did, or what there is to know of it: a closed list, so that nothing a
    /// provider wrote is passed on.
    Notice {
        /// Google found nothing.
        NoResults "no_results",
        /// The place is not in SerpAPI's list, so its name was made part of the query.
        PlaceUnknown "place_unknown",
        /// The account has no searches left.
        QuotaUsedUp "quota_used_up",
        /// The user has used the installation's own key as often as a day allows.
        PlatformLimit "platform_limit",
        /// The key was rejected.
        KeyRejected "key_rejected",
        /// The account is suspended or closed.
        AccountSuspended "account_suspended",
        /// The key was deleted before the search had ended.
        KeyGone "key_gone",
        /// The stored key could not be opened.
        KeyUnusable "key_unusable",
        /// Too many requests.
        RateLimited "rate_limited",
        /// No connection.
        Unreachable "unreachable",
        /// No answer in time.
        TimedOut "timed_out",
        /// A fault at the provider.
        ProviderFault "provider_fault",
        /// The provider did not understand the request, or Keyward not the answer.
        NotUnderstood "not_understood",
        /// The user stopped it.
        Cancelled "cancelled",
        /// The server was stopped or failed while the search ran, when searches did not yet go on by themselves.
        Interrupted "interrupted",
        /// Something broke here, again and again.
        OurFault "our_fault",
    }
}

impl SearchState {
    /// The word on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Queued => "Waiting",
            Self::Running => "Running",
            Self::Finished => "Finished",
            Self::Partial => "Ended early",
            Self::Failed => "Failed",
            Self::Cancelled => "Stopped",
        }
    }
}

impl Notice {
    /// What happened and what to do, in a sentence or two.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NoResults => "Google found nothing. Try other words, or a larger place.",
            Self::PlaceUnknown => {
                "SerpAPI does not list this place, so its name was made part of the query. Such a search has one page. For more results, name a larger town or give coordinates."
            }
            Self::QuotaUsedUp => {
                "SerpAPI has no searches left on your account. Add some there, or wait until the plan renews."
            }
            Self::PlatformLimit => {
                "You have used this installation's SerpAPI key as often as one day allows. Add a key of your own, or wait until midnight (UTC)."
            }
            Self::KeyRejected => "SerpAPI did not accept your key. Replace it, then search again.",
            Self::AccountSuspended => "SerpAPI has suspended or closed your account. Ask SerpAPI why.",
            Self::KeyGone => "Your SerpAPI key was deleted before the search had ended.",
            Self::KeyUnusable => {
                "Keyward cannot open your stored SerpAPI key. Ask whoever runs this installation, or replace the key."
            }
            Self::RateLimited => {
                "SerpAPI asked for slower requests. Wait until the next hour, then search again."
            }
            Self::Unreachable => "SerpAPI could not be reached. Search again in a while.",
            Self::TimedOut => "SerpAPI did not answer in time. Search again in a while.",
            Self::ProviderFault => "SerpAPI reported a fault of its own. Search again in a while.",
            Self::NotUnderstood => {
                "SerpAPI and Keyward did not understand each other. Change the search, or report this to whoever runs this installation."
            }
            Self::Cancelled => {
                "You stopped this search. The page that was under way may still count at SerpAPI."
            }
            Self::Interrupted => "Keyward was restarted while this search ran. Nothing was asked for twice.",
            Self::OurFault => {
                "Something went wrong on our side, several times in a row. The log has the cause. Tell whoever runs this installation."
            }
        }
    }

    /// Whether the key, or its account, is what needs attention.
    pub const fn concerns_the_key(self) -> bool {
        matches!(
            self,
            Self::QuotaUsedUp
                | Self::PlatformLimit
                | Self::KeyRejected
                | Self::AccountSuspended
                | Self::KeyGone
                | Self::KeyUnusable
        )
    }
}

/// A search as its owner sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct SearchView {
    /// The search.
    pub id: SearchId,
    /// What was asked for.
    pub request: SearchRequest,
    /// How it stands.
    pub state: SearchState,
    /// Why it ended as it did, where the state does not say it all.
    pub notice: Option<Notice>,
    /// The place as SerpAPI names it, where a name was given and found: `Berlin, Berlin, Germany`.
    pub resolved_place: Option<String>,
    /// The place was not found, so its name was made part of the query.
    pub place_unknown: bool,
    /// Pages that have arrived.
    pub pages_done: u32,
    /// Pages that it takes at the most.
    pub pages_planned: u32,
    /// Results that have arrived.
    pub found: u32,
    /// Searches left on the account when it began, as far as known.
    pub searches_left_before: Option<i64>,
    /// Searches left on the account after it ended, as far as known.
    pub searches_left_after: Option<i64>,
    /// When it was started.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// It ended early, and can go on with the page that is next.
    pub can_resume: bool,
    /// The batch it was started with, if it was.
    pub batch: Option<BatchId>,
}

impl SearchView {
    /// Whether pages are still being fetched, or will be.
    pub fn is_open(&self) -> bool {
        matches!(self.state, SearchState::Queued | SearchState::Running)
    }

    /// The search in a few words: `bakery, Berlin`.
    pub fn title(&self) -> String {
        Self::title_of(&self.request)
    }

    /// What is searched for in a few words.
    pub fn title_of(request: &SearchRequest) -> String {
        match &request.place {
            Place::Anywhere => request.query.clone(),
            place => format!("{}, {place}", request.query),
        }
    }

    /// The page of this search.
    pub fn path(&self) -> String {
        Self::path_of(self.id)
    }

    /// The page of a search.
    pub fn path_of(id: SearchId) -> String {
        format!("/services/data-scraper/searches/{id}")
    }

    /// What it found.
    pub fn results(&self) -> ResultsOf {
        ResultsOf::Search(self.id)
    }

    /// What became of the results when it ended early; none when it did not.
    pub fn kept(&self) -> Option<String> {
        match (self.state, self.found) {
            (SearchState::Partial | SearchState::Cancelled, 1) => {
                Some("The result that had arrived is kept.".to_owned())
            }
            (SearchState::Partial | SearchState::Cancelled, found @ 2..) => {
                Some(format!("The {found} results that had arrived are kept."))
            }
            _ => None,
        }
    }
}

/// A part of the history, the latest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchList {
    /// The searches.
    pub items: Vec<SearchView>,
    /// Where the next part begins; none when this is the last.
    pub next: Option<SearchId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_come_back() {
        for state in SearchState::ALL {
            assert_eq!(SearchState::from_code(state.code()), Some(*state));
            assert_eq!(serde_json::to_string(state).ok(), Some(format!("\"{state}\"")));
        }
        for notice in Notice::ALL {
            assert_eq!(Notice::from_code(notice.code()), Some(*notice));
            assert_eq!(serde_json::to_string(notice).ok(), Some(format!("\"{notice}\"")));
            assert!(notice.sentence().ends_with('.') && !notice.sentence().contains('!'));
        }
    }
}
