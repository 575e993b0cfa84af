//! What a catalogue file may say about a provider's answers: each that is documented or was seen, and what
//! a check makes of it. The tests play every one of them to the real probe.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::{ability::Answer, check::Outcome, status::Reason};

/// One answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DocumentedAnswer {
    /// Names it, so that `beside` of another one can mean it.
    pub(crate) name: Option<String>,
    /// The call of the probe that is answered so. The first answer of each call is the good one.
    pub(crate) call: String,
    /// The form the credential was given with; the first unless told.
    pub(crate) form: Option<String>,
    /// The HTTP status.
    pub(crate) status: u16,
    /// The headers that matter.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// The body, as JSON.
    pub(crate) json: Option<String>,
    /// The body, where it is no JSON.
    pub(crate) text: Option<String>,
    /// How the other calls of the same check are answered, by call: the name of one of their answers. Those that
    /// are not told get their good one.
    #[serde(default)]
    pub(crate) beside: BTreeMap<String, String>,
    /// How the check ends.
    pub(crate) outcome: Outcome,
    /// Why; each outcome has a usual reason.
    pub(crate) reason: Option<Reason>,
    /// All that is kept: `account`, `plan`, `quota`, facts by label, capabilities by name. Compared if given.
    pub(crate) shows: Option<BTreeMap<String, String>>,
    /// What Keyward's services can do with the key then, by the ability's id. Compared if given.
    pub(crate) can: Option<BTreeMap<String, Answer>>,
    /// Who says so.
    pub(crate) source: String,
}

impl DocumentedAnswer {
    /// Why the check ends so.
    pub(crate) fn reason(&self) -> Reason {
        self.reason.unwrap_or(match self.outcome {
            Outcome::Valid => Reason::Accepted,
            Outcome::Limited => Reason::MissingPermissions,
            Outcome::Exhausted => Reason::QuotaUsedUp,
            Outcome::Invalid => Reason::Rejected,
            Outcome::Suspended => Reason::AccountSuspended,
            Outcome::RateLimited => Reason::RateLimited,
            Outcome::Unreachable => Reason::UnexpectedAnswer,
            Outcome::NotAsked => Reason::CheckCostsMoney,
        })
    }

    /// The body as it is sent.
    pub(crate) fn body(&self) -> &str {
        self.json.as_deref().or(self.text.as_deref()).unwrap_or_default()
    }
}
