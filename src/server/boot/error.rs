//! Why the server does not start.

use std::{io, path::PathBuf};

use crate::{
    config::SecretsError,
    model::{error::AppError, ids::ProviderId},
    notices::MailError,
    providers::{CatalogueError, SettingError},
    store::StoreError,
    telemetry::traces::TracesError,
    vault::{KekId, RingError, Undecryptable, VaultError},
};

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The data directory cannot be made.
    #[error("The data directory {} cannot be used: {error}", path.display())]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        error: io::Error,
    },
    /// The database cannot be used.
    #[error("The database cannot be used: {0}")]
    Store(#[from] StoreError),
    /// The secrets cannot be had.
    #[error("{0}")]
    Secrets(#[from] SecretsError),
    /// There is a database, and no secret that would open it.
    #[error(
        "The database exists, and its encryption secret is neither in API_KEY_ENCRYPTION_SECRET nor in the data directory."
    )]
    NoSecret,
    /// The KEK ring cannot be read.
    #[error("The encryption secret cannot be used: {0}")]
    Ring(#[from] RingError),
    /// The database was used with a KEK that is not in the ring.
    #[error(
        "The database holds keys sealed under the encryption secret with the fingerprint {needed}, and the given one has the fingerprint {given}. Start with the right one; nothing was changed."
    )]
    WrongKek {
        /// What the database needs.
        needed: KekId,
        /// What is primary in the ring.
        given: KekId,
    },
    /// The recorded check does not open under the KEK of that fingerprint.
    #[error(
        "The database's check for the encryption secret {0} is damaged. Restore the database; nothing was changed."
    )]
    DamagedCheck(KekId),
    /// A demonstration's database without the simulator, or the reverse.
    #[error("{0}")]
    Demo(&'static str),
    /// The vault does not work.
    #[error("The vault does not work: {0}")]
    Vault(#[from] VaultError),
    /// The installation's own secret does not open.
    #[error("The installation's audit key cannot be opened. Restore the database or the encryption secret.")]
    AuditKey(#[from] Undecryptable),
    /// The settings of outbound calls are wrong.
    #[error("The settings are not usable:{}", lines(.0))]
    Outbound(Vec<SettingError>),
    /// The settings of e-mail are wrong.
    #[error("{0}")]
    Mail(#[from] MailError),
    /// One of the operator's own keys does not fit the catalogue.
    #[error("KEYWARD_PLATFORM_KEYS_FILE names a file whose part [{provider}] cannot be used: {wrong}")]
    PlatformKey {
        /// The provider.
        provider: ProviderId,
        /// What is wrong with which field.
        wrong: String,
    },
    /// The catalogue is wrong.
    #[error("The catalogue of providers is wrong: {0}")]
    Catalogue(#[from] CatalogueError),
    /// There is no way to the collector of traces.
    #[error("{0}")]
    Traces(#[from] TracesError),
    /// The client that sends them cannot be made.
    #[error("The client that sends traces cannot be made")]
    Collector,
    /// The settings of the site's files are wrong.
    #[error("The LEPTOS_ settings of the site's files are wrong")]
    Site,
    /// The address is taken or not ours.
    #[error("Keyward cannot listen on {address}: {error}")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// The signals cannot be watched.
    #[error("The signals to stop cannot be watched: {0}")]
    Signals(io::Error),
    /// Something of the account room failed while starting.
    #[error("The first account's code cannot be made")]
    FirstCode,
}

impl BootError {
    pub(super) fn platform_key(provider: &ProviderId, error: &AppError) -> Self {
        let fields: Vec<_> = error.errors.iter().map(|(field, error)| error.sentence(field)).collect();
        let wrong =
            if fields.is_empty() { "there is no such provider.".to_owned() } else { fields.join(" ") };
        Self::PlatformKey { provider: provider.clone(), wrong }
    }
}

fn lines(problems: &[SettingError]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}
