//! What a catalogue file may say. Unknown words are errors; what types cannot express is checked in
//! [`super::checks`].

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    answers::DocumentedAnswer,
    read::{FieldText, Read},
    rule::Rule,
};
use crate::{
    model::{
        error::FieldError,
        ids::ProviderId,
        provider::{Category, Choice, Cost, FieldCondition, FieldInfo, FormInfo, Links, Shape},
        schedule::Every,
    },
    providers::{
        egress::origin::Origin,
        template::{Pointer, Template},
    },
};

/// One file: one provider.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "A provider of Keyward's catalogue")]
pub(crate) struct ProviderFile {
    /// The id, which is also the file's name: 1 to 40 of `a-z`, `0-9` and `_`.
    #[schemars(with = "String")]
    pub(crate) id: ProviderId,
    /// The name as the provider writes it.
    pub(crate) name: String,
    /// One or two characters that stand for it in lists.
    pub(crate) monogram: String,
    /// What it is for: pages group by it.
    pub(crate) category: Category,
    /// What it is for, in one sentence.
    pub(crate) summary: String,
    /// What the thing to store is called: `API key`, `credentials`.
    pub(crate) noun: String,
    /// How to obtain it, one step each.
    pub(crate) steps: Vec<String>,
    /// How to make a key that can do no more than it must.
    pub(crate) least_privilege: Option<String>,
    /// What in this file nobody has seen or read for sure.
    #[serde(default)]
    pub(crate) uncertain: Vec<String>,
    /// How often a key is checked whose owner has chosen nothing; without it, every day.
    pub(crate) check_every: Option<Every>,
    /// The provider's own pages.
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
    /// The ways to give the credential; the first is the usual one.
    pub(crate) forms: Vec<Form>,
    /// Where a credential may be sent: one place, or one for each region.
    #[serde(default)]
    pub(crate) realms: Vec<Realm>,
    /// In place of `realms`: users type the address, which is different for each of them.
    pub(crate) endpoint: Option<EndpointRule>,
    /// What calls may take, by name; `probe` is for a whole check.
    pub(crate) budgets: BTreeMap<String, Budget>,
    /// How Keyward holds itself back towards the provider.
    #[serde(default)]
    pub(crate) egress: EgressRule,
    /// The calls of a check, in order.
    pub(crate) probe: Vec<Probe>,
    /// The calls that services may make, by name.
    #[serde(default)]
    pub(crate) operations: BTreeMap<String, Operation>,
    /// Every answer that is documented or was seen, and what a check makes of it. The tests give each of them.
    #[serde(default)]
    pub(crate) answers: Vec<DocumentedAnswer>,
}

impl ProviderFile {
    /// What the dearest call costs that a check cannot do without, whichever way the credential was given.
    pub(crate) fn check_cost(&self) -> Cost {
        let decides = |form: &Form, call: &&Probe| call.decides && call.when.fits(&form.id);
        let cheapest =
            |form| self.probe.iter().filter(|call| decides(form, call)).map(|call| call.cost).min();
        self.forms.iter().filter_map(cheapest).max().unwrap_or_default()
    }
}

/// One way to give the credential.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) auth: Auth,
    pub(crate) fields: Vec<Field>,
}

/// One field of a form.
#[derive(Debug, Deserialize, JsonSchema)]
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
    /// The choices, for a field that is one of a few; the first is the default.
    #[serde(default)]
    pub(crate) choices: Vec<Choice>,
    /// The field is there only while this holds; without it, always.
    pub(crate) when: Option<FieldCondition>,
}

impl Field {
    /// Whether it is there, given the other fields' values.
    pub(crate) fn applies<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> bool {
        self.when.as_ref().is_none_or(|condition| condition.holds(value(&condition.field)))
    }
}

/// A kind of value that can never work.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refused {
    pub(crate) prefix: String,
    pub(crate) because: WrongKind,
}

/// Why a kind of value can never work.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
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
            when: field.when.clone(),
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
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Auth {
    /// In the query string.
    Query { name: String, value: Template },
    /// In a header.
    Header { name: String, value: Template },
    /// HTTP Basic, RFC 7617.
    Basic { user: Template, password: Template },
    /// In the body, which only POST requests have.
    Body {
        name: String,
        value: Template,
        #[serde(default)]
        format: BodyFormat,
    },
}

/// How a body is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BodyFormat {
    /// A JSON object.
    #[default]
    Json,
    /// As HTML forms are sent (`application/x-www-form-urlencoded`).
    Form,
}

impl Auth {
    /// The templates it fills.
    pub(crate) fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Query { value, .. } | Self::Header { value, .. } | Self::Body { value, .. } => vec![value],
            Self::Basic { user, password } => vec![user, password],
        }
    }
}

/// Where a credential may be sent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Realm {
    /// The value of the field `region` that selects it; absent where there is only one.
    pub(crate) region: Option<String>,
    /// What a sealed credential is bound to. Frozen for ever, whatever becomes of `origin`.
    pub(crate) binding: String,
    /// Where to connect.
    pub(crate) origin: Origin,
}

/// Addresses that users type. What was typed must be https, a host on the public internet, and nothing after it;
/// its canonical origin is what a sealed credential is bound to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndpointRule {
    /// The field, in every form.
    pub(crate) field: String,
    /// The hosts that are allowed: `*.example.com` for names below one. Without any, every public host.
    #[serde(default)]
    pub(crate) hosts: Vec<String>,
    /// Ports that are allowed beside 443.
    #[serde(default)]
    pub(crate) ports: Vec<u16>,
}

impl EndpointRule {
    /// Whether keys may be sent to `origin`.
    pub(crate) fn allows(&self, origin: &Origin) -> bool {
        let host = origin.host();
        let named = self.hosts.is_empty() || self.hosts.iter().any(|pattern| is_named(pattern, host));
        let port = origin.port();
        named && (port == 443 || self.ports.contains(&port))
    }
}

/// How Keyward holds itself back towards a provider.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EgressRule {
    /// The checks by schedule that one node makes in a minute, of all keys together; 120 unless set. For
    /// providers that limit addresses or machines, not only accounts.
    #[schemars(range(min = 1))]
    pub(crate) checks_per_minute: Option<NonZeroU32>,
}

/// What one call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Method {
    #[default]
    Get,
    Post,
    Delete,
}

/// One call of a check.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Probe {
    /// Its name in the usage ledger.
    pub(crate) operation: String,
    /// Its answer may settle whether the credential works. Other calls only add to what is known of
    /// an accepted credential, and their failure leaves it unknown.
    #[serde(default)]
    pub(crate) decides: bool,
    /// What it costs at the provider. A call that costs money is never made unless somebody agreed to it.
    #[serde(default)]
    pub(crate) cost: Cost,
    #[serde(default)]
    pub(crate) when: When,
    #[serde(default)]
    pub(crate) method: Method,
    pub(crate) path: Template,
    #[serde(default)]
    pub(crate) query: BTreeMap<String, String>,
    /// The body of a POST.
    pub(crate) body: Option<Map<String, Value>>,
    pub(crate) rules: Vec<Rule>,
    #[serde(default)]
    pub(crate) read: Read,
}

/// When a call is made; all that is given must hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct When {
    /// The credential was given with this form.
    pub(crate) form: Option<String>,
    /// This field was given.
    pub(crate) present: Option<String>,
    /// This capability is not known to be there yet.
    pub(crate) unless: Option<String>,
}

impl When {
    /// Whether the call is made for credentials given with this form.
    pub(crate) fn fits(&self, form: &str) -> bool {
        self.form.as_ref().is_none_or(|id| id == form)
    }
}

/// A call that services may make.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operation {
    #[serde(default)]
    pub(crate) method: Method,
    pub(crate) path: Template,
    /// The name of the budget.
    pub(crate) budget: String,
    pub(crate) rules: Vec<Rule>,
    /// A header of the answer that says what was used up, in the unit of the quota.
    pub(crate) cost_header: Option<String>,
    /// The answer holds an address, and what lies there is what is asked for.
    pub(crate) link: Option<LinkRule>,
}

/// An address in an answer that may be fetched: over https, from these hosts only, and without the credential.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkRule {
    /// Where the answer holds it.
    pub(crate) pointer: Pointer,
    /// The hosts that are allowed: `*.example.com` for names below one.
    pub(crate) hosts: Vec<String>,
    /// The name of the budget.
    pub(crate) budget: String,
    pub(crate) rules: Vec<Rule>,
}

impl LinkRule {
    /// Whether `host` is one of those that are allowed.
    pub(crate) fn allows(&self, host: &str) -> bool {
        self.hosts.iter().any(|pattern| is_named(pattern, host))
    }
}

/// Whether `host` is the one that `pattern` names, or lies below it.
fn is_named(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(below) => host.len() > below.len() && host.ends_with(below),
        None => host == pattern,
    }
}
