//! What users are told of: a key that does not work any more or will soon not, and that it does again.

mod channel;
mod words;

use serde::{Deserialize, Serialize};

use super::{
    ids::{NoticeId, ProviderId},
    key::Quota,
    schedule::is_nearly_used_up,
    status::KeyStatus,
    time::Timestamp,
};

pub use channel::{
    ADDRESS_MAX, CHANNELS_MAX, ChannelInput, ChannelKind, ChannelPage, ChannelState, ChannelView,
    DeliveryFault, IssuedChannel, MESSAGES_SHOWN, MessageEvent, MessageList, MessageState, MessageView,
};
pub use words::{Words, words};

/// A notice for each part of the list.
pub const NOTICES_SHOWN: i64 = 50;

/// What a notice tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub enum NoticeKind {
    /// The provider rejects the key.
    #[serde(rename = "key.invalid")]
    Invalid,
    /// The provider has suspended or closed the account.
    #[serde(rename = "key.suspended")]
    Suspended,
    /// This installation cannot open the stored key.
    #[serde(rename = "key.undecryptable")]
    Undecryptable,
    /// Nothing is left of the allowance.
    #[serde(rename = "key.exhausted")]
    Exhausted,
    /// Less than a tenth of the allowance is left.
    #[serde(rename = "key.nearly_exhausted")]
    Low,
    /// The key is accepted, and something is missing.
    #[serde(rename = "key.limited")]
    Limited,
    /// The key has been in use for a year.
    #[serde(rename = "key.replacement_due")]
    ReplacementDue,
    /// Half of the calls of the last hour, or more, have failed.
    #[serde(rename = "usage.failing")]
    Failing,
    /// Calls take several times as long as before.
    #[serde(rename = "usage.slow")]
    Slow,
    /// The key is used many times as often as ever before.
    #[serde(rename = "usage.unusual")]
    Unusual,
    /// The provider answers nobody.
    #[serde(rename = "provider.outage")]
    Outage,
}

impl NoticeKind {
    /// Every kind, the worst first.
    pub const ALL: [Self; 11] = [
        Self::Invalid,
        Self::Suspended,
        Self::Undecryptable,
        Self::Exhausted,
        Self::Low,
        Self::Limited,
        Self::Outage,
        Self::Failing,
        Self::Slow,
        Self::Unusual,
        Self::ReplacementDue,
    ];

    /// The word in the database, on the wire and in webhooks.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Invalid => "key.invalid",
            Self::Suspended => "key.suspended",
            Self::Undecryptable => "key.undecryptable",
            Self::Exhausted => "key.exhausted",
            Self::Low => "key.nearly_exhausted",
            Self::Limited => "key.limited",
            Self::ReplacementDue => "key.replacement_due",
            Self::Failing => "usage.failing",
            Self::Slow => "usage.slow",
            Self::Unusual => "usage.unusual",
            Self::Outage => "provider.outage",
        }
    }

    /// Reads [`NoticeKind::code`].
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// When it is told, for the settings.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Invalid => "A provider stops accepting a key",
            Self::Suspended => "A provider suspends or closes an account",
            Self::Undecryptable => "A stored key cannot be opened",
            Self::Exhausted => "An allowance is used up",
            Self::Low => "Less than a tenth of an allowance is left",
            Self::Limited => "A key cannot do everything any more",
            Self::ReplacementDue => "A key has been in use for a year",
            Self::Failing => "Half of the calls of an hour fail",
            Self::Slow => "Calls take far longer than usual",
            Self::Unusual => "A key is used far more than usual",
            Self::Outage => "A provider answers nobody",
        }
    }

    /// Whether services close for it.
    pub const fn is_grave(self) -> bool {
        matches!(self, Self::Invalid | Self::Suspended | Self::Undecryptable | Self::Exhausted)
    }

    /// Whether it is about the stored key itself, and over when that goes.
    pub const fn is_of_key(self) -> bool {
        !matches!(self, Self::Failing | Self::Slow | Self::Unusual | Self::Outage)
    }

    /// The page on which it is seen or fixed.
    pub fn page(self, provider: &ProviderId) -> String {
        match self {
            Self::Failing | Self::Slow | Self::Unusual => "/analytics".to_owned(),
            _ => format!("/settings/api-keys#card-{provider}"),
        }
    }

    /// What that page is.
    pub const fn page_name(self) -> &'static str {
        match self {
            Self::Failing | Self::Slow | Self::Unusual => "Open Analytics",
            _ => "Open the key",
        }
    }
}

/// What there is to tell of a key that stands like this: at most one kind that stops it or takes something away, and
/// perhaps that little is left.
pub fn conditions(status: KeyStatus, undecryptable: bool, quota: Option<&Quota>) -> Vec<NoticeKind> {
    let stands = match status {
        _ if undecryptable => Some(NoticeKind::Undecryptable),
        KeyStatus::Invalid => Some(NoticeKind::Invalid),
        KeyStatus::Suspended => Some(NoticeKind::Suspended),
        KeyStatus::Exhausted => Some(NoticeKind::Exhausted),
        KeyStatus::Limited => Some(NoticeKind::Limited),
        KeyStatus::Missing | KeyStatus::Unverified | KeyStatus::Valid => None,
    };
    // What is left is known of a key that works; of an empty one the other kind says it.
    let works = stands.is_none_or(|kind| kind == NoticeKind::Limited) && status.is_accepted();
    let low = works && quota.is_some_and(is_nearly_used_up);
    stands.into_iter().chain(low.then_some(NoticeKind::Low)).collect()
}

/// A notice as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct NoticeView {
    /// The notice.
    pub id: NoticeId,
    /// What it tells of.
    pub kind: NoticeKind,
    /// The provider whose key it is about.
    pub provider: ProviderId,
    /// What happened, in a few words.
    pub title: String,
    /// Why, and what to do.
    pub text: String,
    /// The page on which it is seen or fixed, on this installation.
    pub fix: String,
    /// Since when it is so.
    pub opened_at: Timestamp,
    /// Until when it was so; absent while it is.
    pub resolved_at: Option<Timestamp>,
    /// How often it came back within an hour, the first time included.
    pub times: i64,
    /// Whether it was marked as read.
    pub read: bool,
}

/// A part of the list, the latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeList {
    /// The notices.
    pub items: Vec<NoticeView>,
    /// Where the next part begins; none when this is the last.
    pub next: Option<NoticeId>,
    /// How many are not read, in all parts.
    pub unread: i64,
    /// The places that were given up, where nothing of this is told any more.
    pub given_up: Vec<ChannelView>,
}

/// Which notices to mark as read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MarkRead {
    /// These; all where it is absent. Those that are not the caller's are passed over.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(max_items = 100))]
    pub ids: Option<Vec<NoticeId>>,
}

/// Which of the rules are on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NoticeRules {
    /// What is told.
    pub on: Vec<NoticeKind>,
    /// When nothing is sent that people read; what is to be told then comes afterwards.
    #[serde(default)]
    pub quiet: Option<Quiet>,
}

/// Hours in which nobody wants to be disturbed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// The hour in which they begin, 0 to 23.
    #[cfg_attr(feature = "ssr", schema(maximum = 23))]
    pub from: u8,
    /// The hour before which they end, 0 to 23, on the next day where it is before the first; never the same.
    #[cfg_attr(feature = "ssr", schema(maximum = 23))]
    pub to: u8,
    /// The time zone by its IANA name, such as `Europe/Berlin`.
    #[cfg_attr(feature = "ssr", schema(max_length = 64, examples("Europe/Berlin")))]
    pub zone: String,
}

impl Default for NoticeRules {
    fn default() -> Self {
        Self { on: NoticeKind::ALL.to_vec(), quiet: None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quota(used: i64, limit: i64) -> Quota {
        Quota { used: Some(used), limit: Some(limit), unit: "searches".to_owned(), resets_at: None }
    }

    #[test]
    fn a_kind_has_one_word_everywhere() {
        for kind in NoticeKind::ALL {
            assert_eq!(NoticeKind::from_code(kind.code()), Some(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.code()));
        }
    }

    #[test]
    fn less_than_a_tenth_is_nearly_nothing() {
        let of = |status, quota: &Quota| conditions(status, false, Some(quota));
        assert_eq!(of(KeyStatus::Valid, &quota(900, 1000)), []);
        assert_eq!(of(KeyStatus::Valid, &quota(901, 1000)), [NoticeKind::Low]);
        assert_eq!(of(KeyStatus::Limited, &quota(99, 100)), [NoticeKind::Limited, NoticeKind::Low]);
        assert_eq!(of(KeyStatus::Valid, &quota(5, 0)), [], "an account that has no allowance at all");
        assert_eq!(of(KeyStatus::Exhausted, &quota(1000, 1000)), [NoticeKind::Exhausted]);
        assert_eq!(of(KeyStatus::Unverified, &quota(99, 100)), []);
    }

    proptest! {
        #[test]
        fn at_most_one_kind_stops_a_key_and_a_good_key_has_none(
            status in prop::sample::select(KeyStatus::ALL.to_vec()),
            undecryptable: bool,
            used in prop::option::of(any::<i64>()),
            limit in prop::option::of(any::<i64>()),
        ) {
            let quota = Quota { used, limit, ..Quota::default() };
            let kinds = conditions(status, undecryptable, Some(&quota));
            prop_assert!(kinds.iter().filter(|kind| **kind != NoticeKind::Low).count() <= 1);
            prop_assert!(kinds.len() <= 2);
            prop_assert_eq!(kinds.contains(&NoticeKind::Undecryptable), undecryptable);
            if undecryptable || !status.is_accepted() {
                prop_assert!(!kinds.contains(&NoticeKind::Low));
            }
        }
    }
}
