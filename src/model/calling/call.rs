//! How a call stands.

use serde::{Deserialize, Serialize};

use super::CallRequest;
use crate::model::{ids::CallId, scraper::words, time::Timestamp};

words! {
    /// The state of a call.
    CallState {
        /// It waits to be placed.
        Queued "queued",
        /// Twilio was asked, and has not answered yet.
        Placing "placing",
        /// Twilio has it, and will dial.
        Initiated "initiated",
        /// It rings.
        Ringing "ringing",
        /// It was answered.
        InProgress "in_progress",
        /// It was answered, and is over.
        Completed "completed",
        /// The line was busy.
        Busy "busy",
        /// Nobody answered.
        NoAnswer "no_answer",
        /// It could not be connected.
        Failed "failed",
        /// It was ended before it was answered.
        Canceled "canceled",
        /// It was never placed; `notice` says why.
        NotPlaced "not_placed",
        /// Nobody knows what became of it; `notice` says why. It is not placed again.
        Unknown "unknown",
    }
}

words! {
    /// Why a call was not placed, or what there is to know of it: a closed list, so that nothing a provider wrote is
    /// passed on.
    CallNotice {
        /// A trial account calls verified numbers only.
        NotVerified "not_verified",
        /// Twilio takes the number for none that can be called.
        NumberRefused "number_refused",
        /// The account may not call from this number.
        CallerRefused "caller_refused",
        /// The account may not call this country.
        CountryRefused "country_refused",
        /// The key may not place calls.
        NoPermission "no_permission",
        /// The key was rejected.
        KeyRejected "key_rejected",
        /// The account is suspended or closed.
        AccountSuspended "account_suspended",
        /// The key was deleted.
        KeyGone "key_gone",
        /// The stored key could not be opened.
        KeyUnusable "key_unusable",
        /// The user has used the installation's own key as often as a day allows.
        PlatformLimit "platform_limit",
        /// Twilio could not be asked for too long.
        Unreachable "unreachable",
        /// Twilio did not understand the request, or Keyward not the answer.
        NotUnderstood "not_understood",
        /// Whether Twilio has the call cannot be found out.
        InDoubt "in_doubt",
        /// Another account's key was stored meanwhile.
        OtherAccount "other_account",
        /// Something broke here, again and again.
        OurFault "our_fault",
    }
}

words! {
    /// From whom something was heard.
    EventSource {
        /// Twilio reported it.
        Report "report",
        /// Keyward asked for it.
        Answer "answer",
        /// Twilio reported it of a recording.
        Recording "recording",
    }
}

impl CallState {
    /// The word on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Queued => "Waiting",
            Self::Placing => "Being placed",
            Self::Initiated => "Dialling",
            Self::Ringing => "Ringing",
            Self::InProgress => "Answered",
            Self::Completed => "Completed",
            Self::Busy => "Busy",
            Self::NoAnswer => "No answer",
            Self::Failed => "Failed",
            Self::Canceled => "Cancelled",
            Self::NotPlaced => "Not placed",
            Self::Unknown => "Unknown",
        }
    }

    /// How far it is. A call never goes back.
    pub const fn stage(self) -> i64 {
        match self {
            Self::Queued => 0,
            // Whatever is heard of the call afterwards counts.
            Self::Placing | Self::Unknown => 1,
            Self::Initiated => 2,
            Self::Ringing => 3,
            Self::InProgress => 4,
            Self::Completed
            | Self::Busy
            | Self::NoAnswer
            | Self::Failed
            | Self::Canceled
            | Self::NotPlaced => 5,
        }
    }

    /// Whether it waits or is under way.
    pub const fn is_open(self) -> bool {
        self.stage() < 5 && !matches!(self, Self::Unknown)
    }

    /// Reads Twilio's word.
    pub fn from_twilio(word: &str) -> Option<Self> {
        Some(match word {
            "queued" | "initiated" => Self::Initiated,
            "ringing" => Self::Ringing,
            "in-progress" => Self::InProgress,
            "completed" => Self::Completed,
            "busy" => Self::Busy,
            "no-answer" => Self::NoAnswer,
            "failed" => Self::Failed,
            "canceled" => Self::Canceled,
            _ => return None,
        })
    }
}

impl CallNotice {
    /// What happened and what to do, in a sentence or two.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NotVerified => {
                "Twilio did not place the call: a trial account calls only numbers that were verified at Twilio. Verify this one there, or upgrade the account."
            }
            Self::NumberRefused => {
                "Twilio says that this number cannot be called. Check it, then call again."
            }
            Self::CallerRefused => {
                "Twilio does not let your account call from this number. Choose one that the account has, or verify it at Twilio."
            }
            Self::CountryRefused => {
                "Your Twilio account may not call this country. Allow it at Twilio under Voice, Geo permissions, then call again."
            }
            Self::NoPermission => {
                "Your Twilio key may not do this. Give it the permissions for calls, or store another."
            }
            Self::KeyRejected => "Twilio did not accept your key. Replace it, then call again.",
            Self::AccountSuspended => "Twilio has suspended or closed your account. Ask Twilio why.",
            Self::KeyGone => "Your Twilio key was deleted before the call had ended.",
            Self::KeyUnusable => {
                "Keyward cannot open your stored Twilio key. Ask whoever runs this installation, or replace the key."
            }
            Self::PlatformLimit => {
                "You have used this installation's Twilio key as often as one day allows. Add a key of your own, or wait until midnight (UTC)."
            }
            Self::Unreachable => "Twilio could not be asked for too long. Look at Twilio's own log of calls.",
            Self::NotUnderstood => {
                "Twilio and Keyward did not understand each other. Report this to whoever runs this installation."
            }
            Self::InDoubt => {
                "Keyward was cut off while it placed the call, and cannot find out whether Twilio has it. It is not placed again. Look at Twilio's own log of calls."
            }
            Self::OtherAccount => {
                "Your stored key belongs to another Twilio account now, so Keyward hears no more of this call."
            }
            Self::OurFault => {
                "Something went wrong on our side, several times in a row. The log has the cause. Tell whoever runs this installation."
            }
        }
    }

    /// Whether the key, or its account, is what needs attention.
    pub const fn concerns_the_key(self) -> bool {
        matches!(
            self,
            Self::NoPermission
                | Self::KeyRejected
                | Self::AccountSuspended
                | Self::KeyGone
                | Self::KeyUnusable
                | Self::PlatformLimit
        )
    }
}

/// Something that was heard of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct CallEvent {
    /// From whom.
    pub source: EventSource,
    /// What: a state.
    pub state: CallState,
    /// When.
    pub at: Timestamp,
}

/// A recording of a call. The sound stays at Twilio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Recording {
    /// Twilio's name of it.
    pub sid: String,
    /// Its length in seconds.
    pub seconds: i64,
}

/// A recording, with the address under which it can be heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct RecordingLink {
    /// Twilio's name of it.
    pub sid: String,
    /// Its length in seconds.
    pub seconds: i64,
    /// The path of the sound, good for five minutes. Whoever has it may listen.
    pub url: String,
}

/// A call as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct CallView {
    /// The call.
    pub id: CallId,
    /// What was ordered.
    pub request: CallRequest,
    /// How it stands.
    pub state: CallState,
    /// Why it stands so, where the state does not say it all.
    pub notice: Option<CallNotice>,
    /// Twilio's name of it.
    pub sid: Option<String>,
    /// Its owner wants it to end.
    pub hanging_up: bool,
    /// Seconds from the answer to the end.
    pub seconds: Option<i64>,
    /// What it cost, a decimal number, once Twilio has priced it.
    pub price: Option<String>,
    /// The price's currency.
    pub price_unit: Option<String>,
    /// When it was ordered.
    pub created_at: Timestamp,
    /// When Keyward heard that it was answered.
    pub answered_at: Option<Timestamp>,
    /// When Keyward heard that it was over.
    pub ended_at: Option<Timestamp>,
    /// What was heard, the earliest first. Not in lists.
    pub events: Vec<CallEvent>,
    /// Its recordings. Not in lists.
    pub recordings: Vec<Recording>,
}

impl CallView {
    /// The page of this call.
    pub fn path(&self) -> String {
        Self::path_of(self.id)
    }

    /// The page of a call.
    pub fn path_of(id: CallId) -> String {
        format!("/services/calling/calls/{id}")
    }
}

/// A part of the history, the latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallList {
    /// The calls.
    pub items: Vec<CallView>,
    /// Where the next part begins; none when this is the last.
    pub next: Option<CallId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_come_back() {
        for state in CallState::ALL {
            assert_eq!(CallState::from_code(state.code()), Some(*state));
            assert_eq!(serde_json::to_string(state).ok(), Some(format!("\"{state}\"")));
        }
        for notice in CallNotice::ALL {
            assert_eq!(CallNotice::from_code(notice.code()), Some(*notice));
            assert!(notice.sentence().ends_with('.') && !notice.sentence().contains('!'));
        }
        for source in EventSource::ALL {
            assert_eq!(EventSource::from_code(source.code()), Some(*source));
        }
    }

    #[test]
    fn a_call_goes_forward_only() {
        let course = ["queued", "ringing", "in-progress", "completed"];
        let stages: Vec<_> = course.map(|word| CallState::from_twilio(word).unwrap().stage()).into();
        assert!(stages.is_sorted() && CallState::from_twilio("Completed").is_none());
        assert!(!CallState::Unknown.is_open() && CallState::Placing.is_open() && !CallState::Busy.is_open());
    }
}
