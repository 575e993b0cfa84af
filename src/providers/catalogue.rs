//! The providers, one TOML file each: those that come with Keyward, and those of the operator's own folder. A file
//! that is wrong stops the start, and says which file, which line, and what.

pub(crate) mod answers;
mod checks;
mod problem;
pub(crate) mod read;
pub(crate) mod rule;
pub(crate) mod schema;

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;

use self::{
    problem::{Problem, at, line_at},
    schema::{Form, ProviderFile, Realm},
};
use super::egress::origin::Origin;
use crate::model::{ids::ProviderId, provider::ProviderInfo, schedule::Every, service::ServiceId};

macro_rules! files {
    ($($name:literal)*) => { &[$(($name, include_str!(concat!("catalogue/", $name)))),*] };
}

/// The files that come with Keyward, in the order of the pages; each is named after its provider's id.
const FILES: &[(&str, &str)] = files![
    "serpapi.toml" "elevenlabs.toml" "openai.toml" "twilio.toml" "anthropic.toml" "google_ai.toml"
    "mistral.toml" "groq.toml" "deepseek.toml" "xai.toml" "cohere.toml" "together.toml" "fireworks.toml"
    "openrouter.toml" "perplexity.toml" "huggingface.toml" "azure_openai.toml"
    "deepgram.toml" "assemblyai.toml" "cartesia.toml" "telnyx.toml"
    "tavily.toml" "exa.toml" "brave_search.toml" "firecrawl.toml"
    "replicate.toml" "stability.toml" "sendgrid.toml" "resend.toml" "github.toml"
];

/// Why the outbound side of the installation cannot start.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// A file of the catalogue is wrong.
    #[error("catalogue file {file}, line {line}: {problem}")]
    File {
        /// The file's name.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The folder of the operator's own files, or one of them, cannot be read.
    #[error("{} cannot be used: {error}", path.display())]
    Unusable {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The HTTP client could not be made.
    #[error(
        "the HTTP client for outbound calls could not be made; the usual cause is that the system's certificate store (package ca-certificates) is missing or empty"
    )]
    Client,
}

/// The providers of this installation, in the order of the pages.
pub struct Catalogue(Vec<Arc<Provider>>);

/// One provider: what its file says, and what follows from it.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) file: ProviderFile,
    pub(crate) info: ProviderInfo,
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.ids().map(ProviderId::as_str)).finish()
    }
}

impl Catalogue {
    /// Reads the files that come with Keyward, and after them every `*.toml` of the operator's folder.
    ///
    /// # Errors
    /// A file is wrong or cannot be read; or one of the operator's takes the id of another provider, or a place
    /// where the keys of one of Keyward's own go.
    pub fn read(folder: Option<&Path>) -> Result<Self, CatalogueError> {
        let mut catalogue = Self::embedded()?;
        for path in folder.map(own_files).transpose()?.unwrap_or_default() {
            catalogue.add_file(&path)?;
        }
        Ok(catalogue)
    }

    /// Reads the files that come with Keyward.
    pub(crate) fn embedded() -> Result<Self, CatalogueError> {
        let mut catalogue = Self(Vec::new());
        FILES.iter().try_for_each(|(name, text)| catalogue.add(name, name, text, false).map(drop))?;
        Ok(catalogue)
    }

    /// Adds one file of the operator's, and answers its provider's id.
    ///
    /// # Errors
    /// As [`Catalogue::read`].
    pub fn add_file(&mut self, path: &Path) -> Result<ProviderId, CatalogueError> {
        let unusable = |error| CatalogueError::Unusable { path: path.to_owned(), error };
        private(path).map_err(unusable)?;
        let text = fs::read_to_string(path).map_err(unusable)?;
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        self.add(&path.display().to_string(), &name, &text, true)
    }

    /// Adds a file: `shown` names it in errors, `name` is its name without folders.
    fn add(&mut self, shown: &str, name: &str, text: &str, own: bool) -> Result<ProviderId, CatalogueError> {
        let wrong =
            |(line, problem): (usize, String)| CatalogueError::File { file: shown.to_owned(), line, problem };
        let file: ProviderFile = toml::from_str(text).map_err(|error: toml::de::Error| {
            wrong((line_at(text, error.span().map_or(0, |span| span.start)), error.message().to_owned()))
        })?;
        checks::check(&file)
            .and_then(|()| self.admits(&file, name, own))
            .map_err(|problem| wrong(problem.into_parts(text)))?;
        let id = file.id.clone();
        self.0.push(Arc::new(Provider { info: info(&file, own), file }));
        Ok(id)
    }

    /// Whether a file fits beside those that are there.
    fn admits(&self, file: &ProviderFile, name: &str, own: bool) -> Result<(), Problem> {
        let id = |text: &str| Err(Problem::new(at!["id"], format!("{} {text}", file.id)));
        if format!("{}.toml", file.id) != name {
            return id("is not what the file is named after");
        }
        if self.get(&file.id).is_some() {
            return id("is there already: each provider has an id of its own");
        }
        let theirs = || self.0.iter().flat_map(|provider| &provider.file.realms);
        for (place, realm) in file.realms.iter().enumerate().filter(|_| own) {
            let taken = |other: &Realm| {
                [&realm.binding, &realm.origin.canonical()]
                    .into_iter()
                    .any(|mine| *mine == other.binding || *mine == other.origin.canonical())
            };
            if theirs().any(taken) {
                let text = "realm: keys of a provider that is there already go to this address";
                return Err(Problem::new(at!["realms", place], text));
            }
        }
        Ok(())
    }

    pub(crate) fn get(&self, id: &ProviderId) -> Option<&Arc<Provider>> {
        self.0.iter().find(|provider| provider.info.id == *id)
    }

    /// Every provider, in the order of the pages.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.0.iter()
    }

    /// The ids of all providers, in the order of the pages.
    pub fn ids(&self) -> impl Iterator<Item = &ProviderId> {
        self.0.iter().map(|provider| &provider.info.id)
    }

    /// How often keys are checked whose owners have chosen nothing, by provider; where it says nothing, every day.
    pub fn check_every(&self) -> BTreeMap<ProviderId, Every> {
        let chosen = |provider: &Arc<Provider>| Some((provider.info.id.clone(), provider.file.check_every?));
        self.0.iter().filter_map(chosen).collect()
    }

    /// Lets a test change a provider.
    #[cfg(test)]
    pub(crate) fn edit(&mut self, id: &ProviderId, change: impl FnOnce(&mut ProviderFile)) {
        let provider = self.0.iter_mut().find(|provider| provider.info.id == *id);
        change(&mut provider.and_then(Arc::get_mut).unwrap().file);
    }

    /// The files that come with Keyward, read once for all tests.
    #[cfg(test)]
    pub(crate) fn shared() -> &'static Self {
        static SHARED: std::sync::LazyLock<Catalogue> =
            std::sync::LazyLock::new(|| Catalogue::embedded().unwrap());
        &SHARED
    }
}

/// Whoever writes these files decides where keys go, so not everybody may.
fn private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    if fs::metadata(path)?.permissions().mode() & 0o002 == 0 {
        return Ok(());
    }
    Err(io::Error::other(
        "everybody on this machine may write to it, and so decide where keys go (chmod o-w)",
    ))
}

/// The `*.toml` files of a folder, by name.
fn own_files(folder: &Path) -> Result<Vec<PathBuf>, CatalogueError> {
    let unusable = |error| CatalogueError::Unusable { path: folder.to_owned(), error };
    private(folder).map_err(unusable)?;
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unusable)? {
        let path = entry.map_err(unusable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

impl Provider {
    /// What a credential with these non-secret fields is bound to: the realm of its region, or the address that
    /// was typed.
    pub(crate) fn binding(&self, config: &Value) -> Option<String> {
        match &self.file.endpoint {
            Some(rule) => Some(Origin::typed(config.get(&rule.field)?.as_str()?)?.canonical()),
            None => self.realm(config).map(|realm| realm.binding.clone()),
        }
    }

    /// The realm that a credential's non-secret fields select.
    pub(crate) fn realm(&self, config: &Value) -> Option<&Realm> {
        let region = config.get("region").and_then(Value::as_str);
        self.file.realms.iter().find(|realm| realm.region.as_deref() == region)
    }
}

fn info(file: &ProviderFile, by_operator: bool) -> ProviderInfo {
    let uses = |service: &ServiceId| service.requirements().iter().any(|r| *r.provider == file.id);
    ProviderInfo {
        id: file.id.clone(),
        name: file.name.clone(),
        monogram: file.monogram.clone(),
        category: file.category,
        summary: file.summary.clone(),
        noun: file.noun.clone(),
        forms: file.forms.iter().map(Form::info).collect(),
        steps: file.steps.clone(),
        least_privilege: file.least_privilege.clone(),
        check_cost: file.check_cost(),
        links: file.links.clone(),
        by_operator,
        used_by: ServiceId::ALL.into_iter().filter(uses).collect(),
        base_url_override: None,
    }
}

#[cfg(test)]
mod tests;
