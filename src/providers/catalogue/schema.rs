//! What a catalogue file may say. Unknown words are errors; what types cannot express is checked in
//! [`super::checks`].

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use super::rule::{Rule, Test};
use crate::{
    model::{
        error::FieldError,
        ids::ProviderId,
        provider::{Choice, FieldInfo, FormInfo, Links, Shape},
    },
    providers::{
        egress::origin::Origin,
        template::{Pointer, Template},
    },
};

/// One file: one provider.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderFile {
    pub(crate) id: ProviderId,
    pub(crate) name: String,
    pub(crate) monogram: String,
    pub(crate) summary: String,
    pub(crate) noun: String,
    pub(crate) steps: Vec<String>,
    pub(crate) links: Links,
    /// The secret field that verifies the provider's webhooks.
    pub(crate) webhook_secret: Option<String>,
    /// A field that names the account, where the provider's answers do not.
    pub(crate) account: Option<FieldText>,
    /// Capabilities that depend on whether an optional field was given.
    #[serde(default)]
    pub(crate) present: BTreeMap<String, String>,
    /// Headers on every call; one whose field was not given is left out.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Template>,
    pub(crate) forms: Vec<Form>,
    pub(crate) realms: Vec<Realm>,
    pub(crate) budgets: BTreeMap<String, Budget>,
    /// The calls of a check, in order.
    pub(crate) probe: Vec<Probe>,
    /// The calls that services may make, by name.
    #[serde(default)]
    pub(crate) operations: BTreeMap<String, Operation>,
}

/// One way to give the credential.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) auth: Auth,
    pub(crate) fields: Vec<Field>,
}

/// One field of a form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) label: String,
    #[serde(default)]
    pub(crate) secret: bool,
    #[serde(default)]
    pub(crate) optional: bool,
    pub(crate) placeholder: Option<String>,
    pub(crate) help: Option<String>,
    #[serde(default)]
    pub(crate) shapes: Vec<Shape>,
    /// Kinds of value that can never work.
    #[serde(default)]
    pub(crate) refused: Vec<Refused>,
    #[serde(default)]
    pub(crate) choices: Vec<Choice>,
}

/// A kind of value that can never work.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refused {
    pub(crate) prefix: String,
    pub(crate) because: WrongKind,
}

/// Why a kind of value can never work.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WrongKind {
    AdminKey,
    SubscriptionToken,
}

impl From<WrongKind> for FieldError {
    fn from(kind: WrongKind) -> Self {
        match kind {
            WrongKind::AdminKey => Self::AdminKey,
            WrongKind::SubscriptionToken => Self::SubscriptionToken,
        }
    }
}

impl Form {
    /// The form as pages show it.
    pub(crate) fn info(&self) -> FormInfo {
        let field = |field: &Field| FieldInfo {
            name: field.name.clone(),
            label: field.label.clone(),
            secret: field.secret,
            optional: field.optional,
            placeholder: field.placeholder.clone(),
            help: field.help.clone(),
            shapes: field.shapes.clone(),
            choices: field.choices.clone(),
        };
        FormInfo {
            id: self.id.clone(),
            label: self.label.clone(),
            fields: self.fields.iter().map(field).collect(),
        }
    }

    /// The field called `name`.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// Where a request carries the credential.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Auth {
    /// In the query string.
    Query { name: String, value: Template },
    /// In a header.
    Header { name: String, value: Template },
    /// HTTP Basic, RFC 7617.
    Basic { user: Template, password: Template },
}

impl Auth {
    /// The templates it fills.
    pub(crate) fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Query { value, .. } | Self::Header { value, .. } => vec![value],
            Self::Basic { user, password } => vec![user, password],
        }
    }
}

/// Where a credential may be sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Realm {
    /// The value of the field `region` that selects it; absent where there is only one.
    pub(crate) region: Option<String>,
    /// What a sealed credential is bound to. Frozen for ever, whatever becomes of `origin`.
    pub(crate) binding: String,
    /// Where to connect.
    pub(crate) origin: Origin,
}

/// What one call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Budget {
    /// Bytes of the answer's body.
    pub(crate) max_bytes: usize,
    /// Milliseconds from the first byte sent to the last byte read; for a check, over all its calls.
    pub(crate) deadline_ms: u64,
}

impl Budget {
    pub(crate) const fn deadline(self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }
}

/// The HTTP method.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Method {
    #[default]
    Get,
    Post,
}

/// One call of a check.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Probe {
    /// Its name in the usage ledger.
    pub(crate) operation: String,
    /// Its answer may settle whether the credential works. Other calls only add to what is known of
    /// an accepted credential, and their failure leaves it unknown.
    #[serde(default)]
    pub(crate) decides: bool,
    #[serde(default)]
    pub(crate) when: When,
    #[serde(default)]
    pub(crate) method: Method,
    pub(crate) path: Template,
    #[serde(default)]
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) rules: Vec<Rule>,
    #[serde(default)]
    pub(crate) read: Read,
}

/// When a call is made; all that is given must hold.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct When {
    /// The credential was given with this form.
    pub(crate) form: Option<String>,
    /// This field was given.
    pub(crate) present: Option<String>,
    /// This capability is not known to be there yet.
    pub(crate) unless: Option<String>,
}

/// A call that services may make.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operation {
    #[serde(default)]
    pub(crate) method: Method,
    pub(crate) path: Template,
    /// The name of the budget.
    pub(crate) budget: String,
    pub(crate) rules: Vec<Rule>,
}

/// What to take from a successful answer.
#[derive(Debug, Default, Deserialize)]
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
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Text {
    /// Where it is; several are joined by a space, if all are there.
    pub(crate) pointer: Pointers,
    /// Look in the first element of this array that is as `whose` says.
    pub(crate) within: Option<Pointer>,
    #[serde(default)]
    pub(crate) whose: BTreeMap<Pointer, Test>,
    /// Only if it differs from the text here.
    pub(crate) differs_from: Option<Pointer>,
    pub(crate) mask: Option<Mask>,
}

/// A field of the credential as a text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldText {
    pub(crate) field: String,
    pub(crate) mask: Mask,
}

/// One pointer, or a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
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
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mask {
    /// `ana@example.org` → `a…@example.org`.
    Email,
    /// The first two and the last four characters.
    Sid,
}

/// Where the allowance is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuotaRead {
    pub(crate) unit: String,
    pub(crate) used: Option<Pointer>,
    pub(crate) left: Option<Pointer>,
    pub(crate) limit: Option<Pointer>,
    /// A date, an RFC 3339 time, or seconds since 1970.
    pub(crate) resets_at: Option<Pointer>,
}

/// Whether a capability is there: yes if some value passes the test, else no; unknown if the answer
/// does not say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CapabilityRead {
    pub(crate) pointer: Pointer,
    pub(crate) is: Test,
    /// If this is there, the list goes on, and none among the first means unknown.
    pub(crate) more: Option<Pointer>,
}
