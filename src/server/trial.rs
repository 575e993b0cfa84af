//! `keyward provider test`: one catalogue file, tried on a real key.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use async_trait::async_trait;
use secrecy::ExposeSecret;

use super::boot::{self, BootError};
use crate::{
    clock::SystemClock,
    config::{Config, FileError, read_secret_file},
    model::{ids::ProviderId, provider::ProviderInfo},
    providers::{
        Catalogue, CatalogueError, Fields, Findings, Providers, Spending, TrialError, UsageEvent,
        UsageObserver,
    },
    vault::{KekRing, RingError, Vault, VaultError},
};

/// Why a file could not be tried.
#[derive(Debug, thiserror::Error)]
pub enum TryError {
    /// The file is wrong.
    #[error("{0}")]
    Catalogue(#[from] CatalogueError),
    /// The settings of outbound calls are wrong.
    #[error("{0}")]
    Settings(#[from] BootError),
    /// The file of keys cannot be used. Holds nothing of it.
    #[error("The file of keys {0}")]
    Keys(String),
    /// The keys do not fit.
    #[error("{0}")]
    Trial(#[from] TrialError),
    /// No key ring can be made.
    #[error("{0}")]
    Ring(#[from] RingError),
    /// No key can be made.
    #[error("{0}")]
    Vault(#[from] VaultError),
}

/// The keys to try a file on.
pub struct Keys {
    /// One that works.
    pub real: Fields,
    /// One that lacks something.
    pub limited: Option<Fields>,
}

/// Reads `[real]` and `[limited]` from a file that only its owner may read.
///
/// # Errors
/// The file cannot be read, is open to others, or does not hold these tables. No value is repeated.
pub fn read_keys(path: &Path) -> Result<Keys, TryError> {
    let unusable = |error: FileError| TryError::Keys(format!("{error}. {}.", error.remedy()));
    let text = read_secret_file(path).map_err(unusable)?;
    // EXPOSE: to read the fields out of it. The parser's own words quote the file, so they stay behind.
    let tables: Result<BTreeMap<String, Fields>, _> = toml::from_str(text.expose_secret());
    let wrong = || {
        TryError::Keys(
            "must hold a table [real], and may hold [limited], with the fields of the form as texts."
                .to_owned(),
        )
    };
    let mut tables = tables.map_err(|_| wrong())?;
    let (real, limited) = (tables.remove("real"), tables.remove("limited"));
    match real {
        Some(real) if tables.is_empty() => Ok(Keys { real, limited }),
        _ => Err(wrong()),
    }
}

/// A catalogue file, read and checked, ready to be tried.
pub struct Trial {
    providers: Providers,
    provider: ProviderId,
}

impl Trial {
    /// Reads the file beside Keyward's own ones, or takes the one of Keyward's own that has this id. Requests go
    /// where they would go from the server: the settings' proxy and addresses hold.
    ///
    /// # Errors
    /// The file is wrong, or the settings are.
    pub fn new(config: &Config, file: &Path) -> Result<Self, TryError> {
        let mut catalogue = Catalogue::read(None)?;
        let known = file.to_str().and_then(|id| catalogue.ids().find(|known| known.as_str() == id).cloned());
        let provider = match known {
            Some(id) => id,
            None => catalogue.add_file(file)?,
        };
        // Addresses of the operator's other providers are not this trial's business.
        let mut config_urls = config.provider_base_urls.clone();
        config_urls.retain(|id, _| *id == provider);
        let settings = boot::outbound(&config_urls, config, &catalogue)?;
        let vault = Arc::new(Vault::new(KekRing::parse(&KekRing::generate()?)?));
        let providers = Providers::new(catalogue, settings, vault, Arc::new(Nobody), Arc::new(SystemClock))?;
        Ok(Self { providers, provider })
    }

    /// What the provider's forms ask for.
    pub fn info(&self) -> Option<&ProviderInfo> {
        self.providers.info(&self.provider)
    }

    /// Asks the provider about the keys and about one that is made up.
    ///
    /// # Errors
    /// The keys do not fit the forms.
    pub async fn run(&self, keys: Keys, spending: Spending) -> Result<Findings, TryError> {
        Ok(self.providers.try_out(&self.provider, keys.real, keys.limited, spending).await?)
    }
}

/// A trial is nobody's usage.
struct Nobody;

#[async_trait]
impl UsageObserver for Nobody {
    async fn observe(&self, _: UsageEvent) {}
}
