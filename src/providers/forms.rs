//! Credentials in the clear: fields checked against a form of the catalogue.

use std::{collections::BTreeMap, fmt, ops::Deref, sync::Arc};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{
    catalogue::{
        Provider,
        schema::{Auth, Field, Form},
    },
    egress::{origin::Origin, scrub::Scrubber},
    template::Template,
};
use crate::model::{
    error::{AppError, FieldError},
    ids::ProviderId,
    input::credential_value,
    key,
};

/// The name under which the form's id stands beside the fields.
const FORM: &str = "form";

/// A complete credential in the clear. Its `Debug` shows provider and form.
pub struct Credential {
    provider: Arc<Provider>,
    form: usize,
    values: BTreeMap<String, SecretString>,
    /// The address that was typed, for providers whose users have one each.
    endpoint: Option<Origin>,
}

/// A credential that somebody entered and that no provider has been asked about.
#[derive(Debug)]
pub struct Candidate(pub(super) Credential);

impl Deref for Candidate {
    type Target = Credential;
    fn deref(&self) -> &Credential {
        &self.0
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = &self.form().id;
        f.debug_struct("Credential")
            .field("provider", self.provider())
            .field(FORM, form)
            .finish_non_exhaustive()
    }
}

impl Credential {
    /// The provider.
    pub fn provider(&self) -> &ProviderId {
        &self.provider.info.id
    }

    /// The fields that are not secret, as text, and the form's id under `form`. They are stored beside
    /// the sealed credential and inside it.
    pub fn config(&self) -> Value {
        let open = |(name, value): (&String, &SecretString)| {
            let secret = self.form().field(name).is_none_or(|field| field.secret);
            // EXPOSE: the catalogue says that this field is not secret.
            (!secret).then(|| (name.clone(), Value::from(value.expose_secret())))
        };
        let mut fields: Map<String, Value> = self.values.iter().filter_map(open).collect();
        fields.insert(FORM.to_owned(), Value::from(self.form().id.as_str()));
        Value::Object(fields)
    }

    /// The last four characters of the main secret: `…a1b2`.
    pub fn hint(&self) -> String {
        let main = self.form().fields.iter().find(|field| field.secret && !field.optional);
        key::hint(main.and_then(|field| self.value(&field.name)).unwrap_or_default())
    }

    /// The secret that verifies the provider's webhooks, if it was given.
    pub fn webhook_secret(&self) -> Option<&SecretString> {
        self.values.get(self.provider.file.webhook_secret.as_deref()?)
    }

    /// The provider's region, for providers that have regions.
    pub fn region(&self) -> Option<&str> {
        self.value("region")
    }

    /// All fields and the form's id as a JSON object: what is sealed.
    pub fn plaintext(&self) -> Zeroizing<Vec<u8>> {
        let mut all: BTreeMap<&str, &str> = BTreeMap::from([(FORM, self.form().id.as_str())]);
        // EXPOSE: on its way into the envelope.
        all.extend(self.values.iter().map(|(name, value)| (name.as_str(), value.expose_secret())));
        // Large enough that it never grows, which would leave copies behind: a character takes at
        // most six bytes in JSON.
        let room = all.iter().map(|(name, value)| 6 * (name.len() + value.len()) + 6).sum::<usize>() + 2;
        let mut text = Zeroizing::new(Vec::with_capacity(room));
        // A map of texts always serialises, and a vector takes every byte.
        let _ = serde_json::to_writer(&mut *text, &all);
        text
    }

    /// Reads [`Credential::plaintext`] back. Nothing if the catalogue has no such form or fields.
    pub(super) fn from_plaintext(provider: &Arc<Provider>, plaintext: &[u8]) -> Option<Self> {
        let mut all: BTreeMap<String, String> = serde_json::from_slice(plaintext).ok()?;
        let id = all.remove(FORM)?;
        let form = provider.file.forms.iter().position(|form| form.id == id)?;
        let values: BTreeMap<_, _> =
            all.into_iter().map(|(name, value)| (name, SecretString::from(value))).collect();
        let fields = &provider.file.forms[form].fields;
        // EXPOSE: compared with choices; only fields with choices are asked about.
        let value = |name: &str| values.get(name).map(ExposeSecret::expose_secret);
        let complete = fields
            .iter()
            .all(|field| field.optional || values.contains_key(&field.name) || !field.applies(value))
            && values.keys().all(|name| fields.iter().any(|field| field.name == *name));
        complete.then(|| Self::new(provider, form, values))
    }

    fn new(provider: &Arc<Provider>, form: usize, values: BTreeMap<String, SecretString>) -> Self {
        let typed = provider.file.endpoint.as_ref().and_then(|rule| values.get(&rule.field));
        // EXPOSE: an address, which the catalogue makes sure is not secret.
        let endpoint = typed.and_then(|typed| Origin::typed(typed.expose_secret()));
        Self { provider: Arc::clone(provider), form, values, endpoint }
    }

    /// The address that was typed, for providers whose users have one each.
    pub(super) fn endpoint(&self) -> Option<&Origin> {
        self.endpoint.as_ref()
    }

    /// The provider of the catalogue.
    pub(super) fn catalogue(&self) -> &Arc<Provider> {
        &self.provider
    }

    pub(super) fn form(&self) -> &Form {
        &self.provider.file.forms[self.form]
    }

    /// A field's value. Also of secret fields: only the way out asks for those.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        // EXPOSE: to be put into a request, or cut down to a hint.
        self.values.get(name).map(ExposeSecret::expose_secret)
    }

    /// What finds this credential's secrets in a provider's answers.
    pub(super) fn scrubber(&self) -> Scrubber {
        let secrets = self.form().fields.iter().filter(|field| field.secret);
        Scrubber::new(secrets.filter_map(|field| self.value(&field.name)))
    }
}

/// Checks the fields and picks the form they fit best. A value that looks unusual is not refused:
/// providers change their formats without notice.
pub(super) fn prepare(
    provider: &Arc<Provider>,
    fields: &BTreeMap<String, SecretString>,
) -> Result<Candidate, AppError> {
    let mut errors = BTreeMap::new();
    let mut values = BTreeMap::new();
    for (name, value) in fields {
        // EXPOSE: trimmed and checked for length and control characters.
        match credential_value(value.expose_secret()) {
            Ok(text) => drop(values.insert(name.clone(), SecretString::from(text))),
            // As if it were not there; if it is needed, that is found below.
            Err(FieldError::Required) => {}
            Err(error) => drop(errors.insert(name.clone(), error)),
        }
    }
    let forms = &provider.file.forms;
    let missing_in = |form: &Form| {
        let given = |name: &str| values.contains_key(name) || errors.contains_key(name);
        let fields = form.fields.iter().filter(|field| applies(form, field, &values));
        let fields =
            fields.filter(|field| !field.optional && field.choices.is_empty() && !given(&field.name));
        fields.map(|field| field.name.clone()).collect::<Vec<_>>()
    };
    let misfit = |form: &Form| {
        let unknown = values.keys().chain(errors.keys()).filter(|name| form.field(name).is_none()).count();
        (unknown, missing_in(form).len())
    };
    let (at, form) = forms
        .iter()
        .enumerate()
        .min_by_key(|(_, form)| misfit(form))
        .ok_or_else(|| AppError::new(crate::model::error::ErrorCode::NotFound))?;
    let missing = missing_in(form);
    errors.extend(missing.into_iter().map(|name| (name, FieldError::Required)));
    for name in fields.keys() {
        let somewhere = forms.iter().any(|form| form.field(name).is_some());
        if form.field(name).is_none() && (values.contains_key(name) || !somewhere) {
            errors.insert(name.clone(), FieldError::Unknown);
        }
    }
    for field in &form.fields {
        if !applies(form, field, &values) {
            // A choice is always sent along by a form without JavaScript; anything else was meant.
            let removed = values.remove(&field.name);
            if removed.is_some() && field.choices.is_empty() {
                errors.insert(field.name.clone(), FieldError::Unknown);
            }
            continue;
        }
        let value = values.get(&field.name);
        // EXPOSE: compared with prefixes that tell of another kind of key.
        if let Some(error) = value.and_then(|value| refused(field, value.expose_secret())) {
            errors.insert(field.name.clone(), error);
            continue;
        }
        if let (Some(rule), Some(typed)) = (&provider.file.endpoint, value)
            && rule.field == field.name
        {
            // EXPOSE: an address, which the catalogue makes sure is not secret.
            match Origin::typed(typed.expose_secret()).filter(|origin| rule.allows(origin)) {
                // One spelling for each address.
                Some(origin) => drop(values.insert(field.name.clone(), origin.to_string().into())),
                None => drop(errors.insert(field.name.clone(), FieldError::NotAnEndpoint)),
            }
            continue;
        }
        match value {
            // EXPOSE: compared with what the field's place allows.
            Some(value) if !fits(provider, form, field, value.expose_secret()) => {
                errors.insert(field.name.clone(), FieldError::Malformed);
            }
            None if !field.choices.is_empty() => {
                values.insert(field.name.clone(), SecretString::from(field.choices[0].value.as_str()));
            }
            _ => {}
        }
    }
    AppError::fields(errors)?;
    Ok(Candidate(Credential::new(provider, at, values)))
}

/// Whether a field is there, given what else was entered; what was not chosen is the first choice.
fn applies(form: &Form, field: &Field, values: &BTreeMap<String, SecretString>) -> bool {
    field.applies(|name| {
        // EXPOSE: compared with choices; only fields with choices are asked about.
        let given = values.get(name).map(ExposeSecret::expose_secret);
        given.or_else(|| Some(form.field(name)?.choices.first()?.value.as_str()))
    })
}

/// Why a value of this kind can never work.
fn refused(field: &Field, value: &str) -> Option<FieldError> {
    field.refused.iter().find(|kind| value.starts_with(&kind.prefix)).map(|kind| kind.because.into())
}

/// Whether a value can stand where the catalogue puts it. This is not about its usual shape.
fn fits(provider: &Provider, form: &Form, field: &Field, value: &str) -> bool {
    let names = |template: &Template| template.fields().any(|name| name == field.name);
    let offered = field.choices.is_empty() || field.choices.iter().any(|choice| choice.value == value);
    // RFC 7617: the first colon ends the user name.
    let user = matches!(&form.auth, Auth::Basic { user, .. } if names(user));
    // No encoding keeps these from climbing out of their segment.
    let in_path = provider.file.probe.iter().any(|call| names(&call.path));
    offered && !(user && value.contains(':')) && !(in_path && matches!(value, "." | ".."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{model::error::ErrorCode, providers::catalogue::Catalogue};

    const SID: &str = "AC0123456789abcdef0123456789abcdef";
    const KEY_SID: &str = "SK0123456789abcdef0123456789abcdef";

    fn fields(values: &[(&str, &str)]) -> BTreeMap<String, SecretString> {
        values.iter().map(|(name, value)| ((*name).to_owned(), SecretString::from(*value))).collect()
    }

    fn twilio(values: &[(&str, &str)]) -> Result<Candidate, AppError> {
        prepare(Catalogue::shared().get(&ProviderId::TWILIO).unwrap(), &fields(values))
    }

    fn errors(values: &[(&str, &str)]) -> Vec<(String, FieldError)> {
        let error = twilio(values).expect_err("fields are wrong");
        assert_eq!(error.code, ErrorCode::InvalidInput);
        error.errors.into_iter().collect()
    }

    #[test]
    fn the_fields_pick_the_form() {
        let token =
            twilio(&[("account_sid", SID), ("auth_token", " 0123456789abcdef0123456789abcdef\n")]).unwrap();
        assert_eq!(token.config(), json!({"form": "auth_token", "account_sid": SID, "region": "us1"}));
        assert_eq!((token.hint().as_str(), token.region()), ("…cdef", Some("us1")));
        assert_eq!(
            token.webhook_secret().map(ExposeSecret::expose_secret),
            Some("0123456789abcdef0123456789abcdef")
        );
        let key = twilio(&[
            ("account_sid", SID),
            ("api_key_sid", KEY_SID),
            ("api_key_secret", "S3cr3tS3cr3tS3cr3tS3cr3tS3cr3tXY"),
            ("auth_token", ""),
            ("region", "ie1"),
        ])
        .unwrap();
        assert_eq!(
            key.config(),
            json!({"form": "api_key", "account_sid": SID, "api_key_sid": KEY_SID, "region": "ie1"})
        );
        assert_eq!((key.hint().as_str(), key.webhook_secret().is_none()), ("…3tXY", true));
        assert!(!format!("{key:?} {token:?}").contains("0123456789abcdef"));
    }

    #[test]
    fn every_field_is_judged() {
        use FieldError::{ControlCharacters, Malformed, Required, TooLong, Unknown};
        let long = "x".repeat(5000);
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a [(&'a str, FieldError)]);
        let cases: [Case<'_>; 9] = [
            (&[], &[("account_sid", Required), ("auth_token", Required)]),
            (&[("account_sid", SID)], &[("auth_token", Required)]),
            (&[("account_sid", SID), ("api_key_sid", KEY_SID)], &[("api_key_secret", Required)]),
            (&[("account_sid", SID), ("auth_token", "t"), ("x", "1")], &[("x", Unknown)]),
            (&[("account_sid", SID), ("auth_token", "t"), ("x", "")], &[("x", Unknown)]),
            (&[("account_sid", SID), ("auth_token", "a\u{7}b")], &[("auth_token", ControlCharacters)]),
            (&[("account_sid", SID), ("auth_token", &long)], &[("auth_token", TooLong)]),
            (&[("account_sid", SID), ("auth_token", "t"), ("region", "eu1")], &[("region", Malformed)]),
            (&[("account_sid", "A:C"), ("auth_token", "t")], &[("account_sid", Malformed)]),
        ];
        for (given, expected) in cases {
            let expected: Vec<_> =
                expected.iter().map(|(name, error)| ((*name).to_owned(), *error)).collect();
            assert_eq!(errors(given), expected);
        }
        assert_eq!(
            errors(&[("account_sid", ".."), ("api_key_sid", KEY_SID), ("api_key_secret", "s")]),
            [("account_sid".to_owned(), Malformed)]
        );
    }

    #[test]
    fn an_unusual_shape_is_not_refused() {
        assert!(twilio(&[("account_sid", "new-style"), ("auth_token", "ü")]).is_ok());
    }

    #[test]
    fn a_plaintext_that_does_not_fit_the_catalogue_is_refused() {
        let catalogue = Catalogue::shared();
        let provider = catalogue.get(&ProviderId::SERPAPI).unwrap();
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"form":"api_key"}"#,
            r#"{"form":"x","api_key":"k"}"#,
            r#"{"api_key":"k"}"#,
            r#"{"form":"api_key","api_key":"k","more":"m"}"#,
            r#"{"form":"api_key","api_key":1}"#,
        ] {
            assert!(Credential::from_plaintext(provider, bad.as_bytes()).is_none(), "{bad}");
        }
    }

    /// A provider whose field `more` is there only with the kind `b`.
    fn depending() -> Arc<Provider> {
        let mut catalogue = Catalogue::embedded().unwrap();
        catalogue.edit(&ProviderId::SERPAPI, |file| {
            let more = r#"
                [[fields]]
                name = "kind"
                label = "Kind"
                choices = [{ value = "a", label = "A" }, { value = "b", label = "B" }]
                [[fields]]
                name = "more"
                label = "More"
                when = { field = "kind", is = ["b"] }
            "#;
            let mut more: BTreeMap<String, Vec<Field>> = toml::from_str(more).unwrap();
            file.forms[0].fields.extend(more.remove("fields").unwrap());
        });
        Arc::clone(catalogue.get(&ProviderId::SERPAPI).unwrap())
    }

    #[test]
    fn a_field_that_depends_on_a_choice_is_needed_with_it_and_refused_without() {
        let provider = depending();
        let prepare = |given: &[(&str, &str)]| {
            let all: Vec<_> = [("api_key", "k")].into_iter().chain(given.iter().copied()).collect();
            super::prepare(&provider, &fields(&all))
        };
        let wrong = |given: &[(&str, &str)]| prepare(given).expect_err("wrong").errors.remove("more");
        for given in [&[][..], &[("kind", "a")], &[("kind", "a"), ("more", "")]] {
            let candidate = prepare(given).unwrap();
            assert_eq!(candidate.config(), json!({"form": "api_key", "kind": "a"}));
            assert!(Credential::from_plaintext(&provider, &candidate.plaintext()).is_some());
        }
        assert_eq!(wrong(&[("kind", "b")]), Some(FieldError::Required));
        assert_eq!(wrong(&[("kind", "a"), ("more", "m")]), Some(FieldError::Unknown));
        let candidate = prepare(&[("kind", "b"), ("more", "m")]).unwrap();
        assert_eq!(candidate.config()["more"], "m");
        assert!(Credential::from_plaintext(&provider, &candidate.plaintext()).is_some());
        let torn = r#"{"form":"api_key","api_key":"k","kind":"b"}"#;
        assert!(Credential::from_plaintext(&provider, torn.as_bytes()).is_none());
    }

    proptest! {
        #[test]
        fn a_plaintext_comes_back(key in any::<String>()) {
            let catalogue = Catalogue::shared();
            let provider = catalogue.get(&ProviderId::SERPAPI).unwrap();
            if let Ok(candidate) = prepare(provider, &fields(&[("api_key", &key)])) {
                let plaintext = candidate.plaintext();
                let back = Credential::from_plaintext(provider, &plaintext).unwrap();
                prop_assert_eq!(back.value("api_key"), Some(key.trim()));
                prop_assert_eq!(back.config(), candidate.config());
            }
        }
    }
}
