//! The providers, one embedded TOML file each. A file that is wrong stops the start, and says which
//! file and what.

mod checks;
pub(crate) mod rule;
pub(crate) mod schema;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use self::schema::{Form, ProviderFile, Realm};
use crate::model::{ids::ProviderId, provider::ProviderInfo, service::ServiceId};

/// The files, in the order of the pages; each is named after its provider's id.
const FILES: [(&str, &str); 6] = [
    ("serpapi.toml", include_str!("catalogue/serpapi.toml")),
    ("elevenlabs.toml", include_str!("catalogue/elevenlabs.toml")),
    ("openai.toml", include_str!("catalogue/openai.toml")),
    ("twilio.toml", include_str!("catalogue/twilio.toml")),
    ("anthropic.toml", include_str!("catalogue/anthropic.toml")),
    ("google_ai.toml", include_str!("catalogue/google_ai.toml")),
];

/// Why the outbound side of the installation cannot start.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// A file of the catalogue is wrong.
    #[error("catalogue file {file}: {problem}")]
    File {
        /// The file's name.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The HTTP client could not be made.
    #[error(
        "the HTTP client for outbound calls could not be made; the usual cause is that the system's certificate store (package ca-certificates) is missing or empty"
    )]
    Client,
}

/// The providers of this installation.
#[derive(Debug)]
pub(crate) struct Catalogue(BTreeMap<ProviderId, Arc<Provider>>);

/// One provider: what its file says, and what follows from it.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) file: ProviderFile,
    pub(crate) info: ProviderInfo,
}

/// The ids of the embedded providers, in the order of the pages.
pub(crate) fn embedded_ids() -> impl Iterator<Item = ProviderId> {
    FILES.iter().filter_map(|(file, _)| file.strip_suffix(".toml")?.parse().ok())
}

impl Catalogue {
    /// Reads the embedded files.
    pub(crate) fn embedded() -> Result<Self, CatalogueError> {
        Self::parse(&FILES)
    }

    /// Reads files given as name and text.
    pub(crate) fn parse(files: &[(&str, &str)]) -> Result<Self, CatalogueError> {
        let mut providers = BTreeMap::new();
        for (name, text) in files {
            let error = |problem: String| CatalogueError::File { file: (*name).to_owned(), problem };
            let file: ProviderFile = toml::from_str(text).map_err(|e| error(e.to_string()))?;
            if format!("{}.toml", file.id) != *name {
                return Err(error(format!("is named differently from its id, {}", file.id)));
            }
            checks::check(&file).map_err(error)?;
            let provider = Arc::new(Provider { info: info(&file), file });
            if providers.insert(provider.info.id.clone(), provider).is_some() {
                return Err(error("is there twice".to_owned()));
            }
        }
        Ok(Self(providers))
    }

    pub(crate) fn get(&self, id: &ProviderId) -> Option<&Arc<Provider>> {
        self.0.get(id)
    }

    /// Every provider, in the order of the pages.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Provider>> {
        let rank = |id: &ProviderId| embedded_ids().position(|known| known == *id);
        let mut all: Vec<_> = self.0.values().collect();
        all.sort_by_key(|provider| rank(&provider.info.id));
        all.into_iter()
    }

    /// Lets a test change a provider.
    #[cfg(test)]
    pub(crate) fn edit(&mut self, id: &ProviderId, change: impl FnOnce(&mut ProviderFile)) {
        let provider = self.0.get_mut(id).and_then(Arc::get_mut).unwrap();
        change(&mut provider.file);
    }
}

impl Provider {
    /// The realm that a credential's non-secret fields select.
    pub(crate) fn realm(&self, config: &Value) -> Option<&Realm> {
        let region = config.get("region").and_then(Value::as_str);
        self.file.realms.iter().find(|realm| realm.region.as_deref() == region)
    }
}

fn info(file: &ProviderFile) -> ProviderInfo {
    let uses = |service: &ServiceId| service.requirements().iter().any(|r| *r.provider == file.id);
    ProviderInfo {
        id: file.id.clone(),
        name: file.name.clone(),
        monogram: file.monogram.clone(),
        summary: file.summary.clone(),
        noun: file.noun.clone(),
        forms: file.forms.iter().map(Form::info).collect(),
        steps: file.steps.clone(),
        links: file.links.clone(),
        used_by: ServiceId::ALL.into_iter().filter(uses).collect(),
        base_url_override: None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::provider::lookalike;

    proptest! {
        /// The hint on the wrong card names a provider whose shape fits, and never where the card's own fits as well.
        #[test]
        fn a_lookalike_fits_better_than_the_card(
            value in "(sk-proj-|sk-ant-api03-|sk-admin-|sk-|sk_|AIza|AC|SK|)([0-9a-f]{20,64}|[A-Za-z0-9_-]{0,100})",
            card in any::<prop::sample::Index>(),
        ) {
            let catalogue = Catalogue::embedded().unwrap();
            let infos: Vec<_> = catalogue.iter().map(|provider| &provider.info).collect();
            let own = *card.get(&infos);
            // How much of the value a provider's shapes recognise.
            let fit = |info: &ProviderInfo| {
                let secrets = info.forms.iter().flat_map(|form| &form.fields).filter(|field| field.secret);
                let shapes = secrets.flat_map(|field| &field.shapes).filter(|shape| shape.matches(&value));
                shapes.map(|shape| shape.prefix.len()).filter(|length| *length >= 3).max()
            };
            let best = infos.iter().filter_map(|info| fit(info)).max();
            match lookalike(infos.iter().copied(), &own.id, &value) {
                Some(other) => {
                    prop_assert!(other.id != own.id && fit(other).is_some() && fit(other) == best);
                }
                None => prop_assert!(best.is_none() || fit(own) == best),
            }
        }
    }

    #[test]
    fn the_embedded_files_are_right() {
        let catalogue = Catalogue::embedded().unwrap();
        assert_eq!(catalogue.0.len(), FILES.len());
        assert_eq!(embedded_ids().count(), FILES.len());
        for provider in catalogue.iter() {
            assert!(!provider.info.used_by.is_empty(), "{}", provider.info.id);
        }
    }

    /// Sealed credentials are bound to these for ever. A line may be added, none changed.
    #[test]
    fn the_bindings_are_frozen() {
        let catalogue = Catalogue::embedded().unwrap();
        let bindings: Vec<_> = catalogue
            .iter()
            .flat_map(|p| {
                p.file.realms.iter().map(|r| (p.info.id.as_str(), r.region.as_deref(), r.binding.as_str()))
            })
            .collect();
        assert_eq!(
            bindings,
            [
                ("serpapi", None, "https://serpapi.com:443"),
                ("elevenlabs", Some("global"), "https://api.elevenlabs.io:443"),
                ("elevenlabs", Some("us"), "https://api.us.elevenlabs.io:443"),
                ("elevenlabs", Some("eu"), "https://api.eu.residency.elevenlabs.io:443"),
                ("elevenlabs", Some("in"), "https://api.in.residency.elevenlabs.io:443"),
                ("elevenlabs", Some("sg"), "https://api.sg.residency.elevenlabs.io:443"),
                ("openai", None, "https://api.openai.com:443"),
                ("twilio", Some("us1"), "https://api.twilio.com:443"),
                ("twilio", Some("ie1"), "https://api.dublin.ie1.twilio.com:443"),
                ("twilio", Some("au1"), "https://api.sydney.au1.twilio.com:443"),
                ("anthropic", None, "https://api.anthropic.com:443"),
                ("google_ai", None, "https://generativelanguage.googleapis.com:443"),
            ]
        );
    }

    #[test]
    fn every_provider_that_a_service_needs_has_a_file() {
        let known: Vec<_> = embedded_ids().collect();
        for requirement in ServiceId::ALL.iter().flat_map(|service| service.requirements()) {
            assert!(known.contains(requirement.provider), "{}", requirement.provider);
        }
    }

    #[test]
    fn the_budgets_are_those_of_the_design() {
        let catalogue = Catalogue::embedded().unwrap();
        for provider in catalogue.iter() {
            for (name, budget) in &provider.file.budgets {
                let expected = match name.as_str() {
                    // Their lists of models come whole.
                    "probe" if ["openai", "elevenlabs"].contains(&provider.info.id.as_str()) => {
                        (1 << 20, 15_000)
                    }
                    "probe" => (64 << 10, 15_000),
                    "json" => (4 << 20, 60_000),
                    other => panic!("{other}"),
                };
                assert_eq!((budget.max_bytes, budget.deadline_ms), expected);
            }
        }
    }

    #[test]
    fn an_error_names_the_file_and_what_is_wrong() {
        let serpapi = FILES[0].1;
        let cases = [
            ("noun =", "nuon =", "unknown field `nuon`"),
            ("id = \"serpapi\"", "id = \"Serp API\"", "not a valid identifier"),
            ("id = \"serpapi\"", "id = \"serp\"", "named differently from its id"),
            ("then = \"invalid\" }", "then = \"bad\" }", "unknown variant `bad`"),
            ("\"no_permission\"", "\"accepted\"", "probe account: rule 2: this reason does not fit"),
            ("path = \"/account.json\"", "path = \"/account?x=1\"", "probe account: path"),
            (
                "path = \"/account.json\"",
                "path = \"/{api_key}\"",
                "probe account: path: field api_key is secret",
            ),
            (
                "path = \"/account.json\"",
                "path = \"/{nobody}\"",
                "probe account: path: no form has the field nobody",
            ),
            ("budget = \"json\"", "budget = \"big\"", "operation search: no budget is called big"),
            ("probe = {", "prove = {", "no budget is called probe"),
            ("decides = true", "decides = false", "a call that does not decide cannot refuse"),
            ("binding = \"https://serpapi.com:443\"", "binding = \"https://serpapi.com\"", "realm: binding"),
            ("origin = \"https://serpapi.com\"", "origin = \"http://serpapi.com\"", "only https"),
            ("keys = \"https:", "keys = \"javascript:", "links: "),
            ("value = \"{api_key}\"", "value = \"{key}\"", "form api_key: auth: no such field key"),
            (
                "name = \"api_key\"\n  label",
                "name = \"form\"\n  label",
                "form api_key: auth: no such field api_key",
            ),
            ("\"/error\" = { contains", "\"error\" = { contains", "a pointer starts with /"),
            ("secret = true", "secret = false", "form api_key: no required field is secret"),
        ];
        for (from, to, expected) in cases {
            assert!(serpapi.contains(from), "{from}");
            let text = serpapi.replacen(from, to, 1);
            let error = Catalogue::parse(&[("serpapi.toml", &text)]).expect_err(to).to_string();
            assert!(
                error.starts_with("catalogue file serpapi.toml: ") && error.contains(expected),
                "{error}"
            );
        }
        let twice = Catalogue::parse(&[FILES[0], FILES[0]]).expect_err("twice").to_string();
        assert!(twice.contains("is there twice"), "{twice}");
    }

    #[test]
    fn an_informing_call_may_not_refuse() {
        let (name, text) = FILES.iter().find(|(name, _)| *name == "twilio.toml").unwrap();
        let text = text.replace(
            "rules = [{ status = 200, json = { \"/balance\" = { exists = true } }, then = \"accepted\" }]",
            "rules = [{ status = 401, json = { \"/code\" = { exists = true } }, then = \"invalid\" }]",
        );
        let error = Catalogue::parse(&[(name, &text)]).expect_err("refused").to_string();
        assert!(
            error.contains("probe balance: rule 1: a call that does not decide cannot refuse"),
            "{error}"
        );
    }
}
