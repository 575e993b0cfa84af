//! What a catalogue file may say about successful answers, their bodies and headers: what is kept of them.

use std::{collections::BTreeMap, num::NonZeroUsize};

use schemars::JsonSchema;
use serde::Deserialize;

use super::rule::Test;
use crate::providers::template::Pointer;

/// What to take from a successful answer.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Read {
    pub(crate) account: Option<Text>,
    pub(crate) plan: Option<Text>,
    pub(crate) quota: Option<QuotaRead>,
    /// By label, for people.
    pub(crate) facts: BTreeMap<String, Text>,
    /// By name.
    pub(crate) capabilities: BTreeMap<String, CapabilityRead>,
}

/// A short text.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Text {
    /// Where in the body it is; several are joined by a space, if all are there.
    pub(crate) pointer: Option<Pointers>,
    /// In place of `pointer`: the header that holds it.
    pub(crate) header: Option<String>,
    /// The header is a list with commas; as many as fit are kept, and none is cut.
    #[serde(default)]
    pub(crate) list: bool,
    /// Look in the first element of this array that is as `whose` says.
    pub(crate) within: Option<Pointer>,
    #[serde(default)]
    pub(crate) whose: BTreeMap<Pointer, Test>,
    /// Only if it differs from the text here.
    pub(crate) differs_from: Option<Pointer>,
    pub(crate) mask: Option<Mask>,
}

/// A field of the credential as a text.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldText {
    pub(crate) field: String,
    pub(crate) mask: Mask,
}

/// One pointer, or a list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a pointer such as \"/a/b\", or a list of them")]
pub(crate) enum Pointers {
    One(Pointer),
    Several(Vec<Pointer>),
}

impl Pointers {
    pub(crate) fn as_slice(&self) -> &[Pointer] {
        match self {
            Self::One(pointer) => std::slice::from_ref(pointer),
            Self::Several(pointers) => pointers,
        }
    }
}

/// How to shorten what identifies an account.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mask {
    /// `ana@example.org` → `a…@example.org`.
    Email,
    /// The first two and the last four characters.
    Sid,
    /// A name that somebody chose: `octocat` → `o…t`.
    Name,
    /// `https://name.example.com` → `name.example.com`.
    Host,
}

/// Where the allowance is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuotaRead {
    pub(crate) unit: String,
    pub(crate) used: Option<Place>,
    pub(crate) left: Option<Place>,
    /// In a header, 0 means that there is none.
    pub(crate) limit: Option<Place>,
    /// A date, an RFC 3339 time, or seconds since 1970.
    pub(crate) resets_at: Option<Place>,
    /// In place of `resets_at`: seconds from now.
    pub(crate) resets_in: Option<Place>,
}

impl QuotaRead {
    /// All places it names, by what they are for.
    pub(crate) fn places(&self) -> impl Iterator<Item = (&'static str, &Place)> {
        let Self { unit: _, used, left, limit, resets_at, resets_in } = self;
        [("used", used), ("left", left), ("limit", limit), ("resets_at", resets_at), ("resets_in", resets_in)]
            .into_iter()
            .filter_map(|(name, place)| Some((name, place.as_ref()?)))
    }
}

/// Where a number or a time is: in the body, or in a header.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a pointer such as \"/a/b\", or { header = \"x-name\" }, perhaps with an item from 1"
)]
pub(crate) enum Place {
    Body(Pointer),
    Header(HeaderPlace),
}

/// A header, or one item of one that is a list with commas.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeaderPlace {
    pub(crate) header: String,
    /// Which one, counted from 1.
    pub(crate) item: Option<NonZeroUsize>,
}

/// Whether a capability is there: yes if some value passes the test, else no; unknown if the answer
/// does not say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CapabilityRead {
    pub(crate) pointer: Pointer,
    pub(crate) is: Test,
    /// If this is there, the list goes on, and none among the first means unknown.
    pub(crate) more: Option<Pointer>,
}
