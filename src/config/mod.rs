//! The settings, read once at start. [`Config::read`] is a pure function of the environment and of
//! the secret files it names; it reports everything that is wrong at once, and never a value.

mod address;
mod database;
mod mail;
mod names;
mod platform;
mod problem;
mod reader;
mod secrets;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

use crate::{
    model::{
        ids::ProviderId,
        schedule::{Bounds, Every},
    },
    telemetry::LogFormat,
};

pub use self::{
    address::PublicUrl,
    database::{DatabaseUrl, Engine},
    mail::{MailSecurity, MailSettings},
    platform::PlatformKeys,
    problem::{Problem, Problems},
    secrets::{FileError, Secrets, SecretsError, read_secret_file},
};
use self::{names::unknown_names, reader::Reader};

/// Every setting of the server.
#[derive(Debug)]
pub struct Config {
    /// The database.
    pub database_url: DatabaseUrl,
    /// The KEK ring, when it was given explicitly.
    pub encryption_secret: Option<SecretString>,
    /// The key that signs JWTs, when it was given explicitly.
    pub jwt_secret: Option<SecretString>,
    /// The tokens of other back ends that ask about access; none closes that way in.
    pub system_tokens: Vec<SecretString>,
    /// The tokens that read the metrics; none closes that way in.
    pub metrics_tokens: Vec<SecretString>,
    /// Keys are checked on store and by schedule.
    pub check_keys: bool,
    /// How often users may have their keys checked.
    pub check_every: Bounds,
    /// The operator's own keys, which stand in where a user has none.
    pub platform_keys: PlatformKeys,
    /// The address that browsers and webhooks use.
    pub public_url: PublicUrl,
    /// It was set, and does not follow from where the server listens.
    pub public_url_given: bool,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Who may register.
    pub registration: Registration,
    /// Where the installation keeps its files.
    pub data_dir: PathBuf,
    /// The folder of the operator's own catalogue files.
    pub providers_dir: Option<PathBuf>,
    /// Replaced addresses of providers, as given; `providers` judges them.
    pub provider_base_urls: BTreeMap<ProviderId, String>,
    /// The proxy of all outbound calls. Secret because it may hold a password.
    pub egress_proxy: Option<SecretString>,
    /// Origins inside to which users may have notices sent; `providers` judges them.
    pub notify_origins: Vec<String>,
    /// How e-mail is sent, if it is.
    pub mail: Option<MailSettings>,
    /// Where the server listens.
    pub site_addr: SocketAddr,
    /// Where the built site lies.
    pub site_root: PathBuf,
    /// Which events are logged: the syntax of `tracing_subscriber::EnvFilter`.
    pub log_filter: String,
    /// How events are written.
    pub log_format: LogFormat,
    /// Where traces go, if anywhere.
    pub traces: Option<TracesTo>,
    /// Attempts per person, address and installation.
    pub limits: Limits,
    /// Variables that look like settings and are none: one sentence each.
    pub warnings: Vec<String>,
}

/// A collector of traces, which takes OTLP over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracesTo {
    /// The address, to the end.
    pub endpoint: Url,
    /// The name under which this installation is found there.
    pub service_name: String,
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Everyone.
    Open,
    /// Whoever holds an invitation.
    Invite,
    /// Nobody.
    Closed,
}

/// How often something may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Log-ins per minute, for each account and for each address.
    pub login_per_minute: NonZeroU32,
    /// Registrations per hour and address.
    pub register_per_hour: NonZeroU32,
    /// New, replaced or candidate keys per hour and user.
    pub keys_per_user_per_hour: NonZeroU32,
    /// New, replaced or candidate keys per hour and address.
    pub keys_per_address_per_hour: NonZeroU32,
    /// New, replaced or candidate keys per hour in the whole installation.
    pub keys_per_hour: NonZeroU32,
    /// Checks of stored keys that one user asks for, per hour.
    pub checks_per_user_per_hour: NonZeroU32,
    /// Calls that one user makes with the operator's keys, per day (UTC).
    pub platform_calls_per_user_per_day: NonZeroU32,
}

/// What the server is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Real keys.
    Production,
    /// The simulator's test keys: a data directory of its own, and loopback only.
    Demo,
}

/// What the site settings are without a variable; `Leptos.toml` holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteDefaults {
    /// Where the server listens.
    pub addr: SocketAddr,
    /// Where the built site lies.
    pub root: PathBuf,
}

impl Config {
    /// Reads the settings from `variables`. `read_file` reads the file behind a `…_FILE` variable;
    /// outside tests it is [`read_secret_file`].
    pub fn read(
        variables: &BTreeMap<String, String>,
        read_file: impl Fn(&Path) -> Result<SecretString, FileError>,
        purpose: Purpose,
        site: SiteDefaults,
    ) -> Result<Self, Problems> {
        let mut reader = Reader::new(variables, &read_file);
        let site_addr = reader.parse("LEPTOS_SITE_ADDR", "an address and port, such as 127.0.0.1:3000");
        let site_addr = site_addr.unwrap_or(site.addr);
        let public_url_given = reader.text("PUBLIC_URL").is_some();
        let public_url = address::read(&mut reader, site_addr);
        let loopback = public_url.is_loopback();
        if purpose == Purpose::Demo && !loopback {
            reader.problem(
                "PUBLIC_URL",
                "is not a loopback address, and the demo runs on loopback only",
                "Leave it out, or start without --demo",
            );
        }

        let data_dir = reader.text("KEYWARD_DATA_DIR").map_or_else(|| PathBuf::from("data"), PathBuf::from);
        let data_dir = if purpose == Purpose::Demo { data_dir.join("demo") } else { data_dir };
        let (encryption_secret, jwt_secret) = secrets::read_explicit(&mut reader, loopback);
        let limits = Limits::read(&mut reader);
        let registration = reader
            .choice(
                "KEYWARD_REGISTRATION",
                &[
                    ("open", Registration::Open),
                    ("invite", Registration::Invite),
                    ("closed", Registration::Closed),
                ],
            )
            .unwrap_or(if loopback { Registration::Open } else { Registration::Invite });
        let mut warnings = unknown_names(variables);
        let platform_keys = platform::read(&mut reader, purpose, registration, &mut warnings);

        let config = Self {
            database_url: database::read(&mut reader, &data_dir),
            encryption_secret,
            jwt_secret,
            system_tokens: secrets::read_tokens(&mut reader, "SYSTEM_API_TOKEN"),
            metrics_tokens: secrets::read_tokens(&mut reader, "METRICS_TOKEN"),
            platform_keys,
            check_keys: reader.switch("ENABLE_API_KEY_VALIDATION").unwrap_or(true),
            check_every: check_every(&mut reader),
            trusted_proxies: reader.networks("KEYWARD_TRUSTED_PROXIES"),
            registration,
            data_dir,
            providers_dir: reader.text("KEYWARD_PROVIDERS_DIR").map(PathBuf::from),
            provider_base_urls: reader.provider_base_urls(),
            egress_proxy: reader.proxy("KEYWARD_EGRESS_PROXY"),
            notify_origins: reader.list("KEYWARD_NOTIFY_ORIGINS"),
            mail: mail::read(&mut reader),
            site_addr,
            site_root: reader.text("LEPTOS_SITE_ROOT").map_or(site.root, PathBuf::from),
            log_filter: reader.log_filter("KEYWARD_LOG").unwrap_or_else(|| "info".to_owned()),
            log_format: reader
                .choice("KEYWARD_LOG_FORMAT", &[("text", LogFormat::Text), ("json", LogFormat::Json)])
                .unwrap_or(LogFormat::Text),
            traces: reader.collector("OTEL_EXPORTER_OTLP_ENDPOINT").map(|endpoint| TracesTo {
                endpoint,
                service_name: reader.text("OTEL_SERVICE_NAME").unwrap_or("keyward").to_owned(),
            }),
            limits,
            public_url,
            public_url_given,
            warnings,
        };
        reader.finish(config)
    }
}

/// The bounds within which users choose how often their keys are checked.
fn check_every(reader: &mut Reader<'_>) -> Bounds {
    let words = Every::ALL.map(|every| (every.code(), every));
    let shortest = reader.choice("KEYWARD_CHECK_EVERY_MIN", &words).unwrap_or(Every::Hour);
    let longest = reader.choice("KEYWARD_CHECK_EVERY_MAX", &words).unwrap_or(Every::Week);
    Bounds::new(shortest, longest).unwrap_or_else(|| {
        reader.problem(
            "KEYWARD_CHECK_EVERY_MAX",
            "is shorter than KEYWARD_CHECK_EVERY_MIN",
            "Exchange them, or leave one out",
        );
        Bounds::default()
    })
}

impl Limits {
    /// What holds without variables.
    pub const DEFAULT: Self = Self {
        login_per_minute: at_least_one(10),
        register_per_hour: at_least_one(20),
        keys_per_user_per_hour: at_least_one(20),
        keys_per_address_per_hour: at_least_one(60),
        keys_per_hour: at_least_one(1_000),
        checks_per_user_per_hour: at_least_one(120),
        platform_calls_per_user_per_day: at_least_one(100),
    };

    fn read(reader: &mut Reader<'_>) -> Self {
        let mut limit = |name, default| reader.parse(name, "a whole number of at least 1").unwrap_or(default);
        let default = Self::DEFAULT;
        Self {
            login_per_minute: limit("KEYWARD_LIMIT_LOGIN_PER_MINUTE", default.login_per_minute),
            register_per_hour: limit("KEYWARD_LIMIT_REGISTER_PER_HOUR", default.register_per_hour),
            keys_per_user_per_hour: limit(
                "KEYWARD_LIMIT_KEYS_PER_USER_PER_HOUR",
                default.keys_per_user_per_hour,
            ),
            keys_per_address_per_hour: limit(
                "KEYWARD_LIMIT_KEYS_PER_ADDRESS_PER_HOUR",
                default.keys_per_address_per_hour,
            ),
            keys_per_hour: limit("KEYWARD_LIMIT_KEYS_PER_HOUR", default.keys_per_hour),
            checks_per_user_per_hour: limit(
                "KEYWARD_LIMIT_CHECKS_PER_USER_PER_HOUR",
                default.checks_per_user_per_hour,
            ),
            platform_calls_per_user_per_day: limit(
                "KEYWARD_LIMIT_PLATFORM_CALLS_PER_USER_PER_DAY",
                default.platform_calls_per_user_per_day,
            ),
        }
    }
}

const fn at_least_one(count: u32) -> NonZeroU32 {
    match NonZeroU32::new(count) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}

/// The variables of this process. A value that is not UTF-8 cannot be a setting and is an error.
pub fn process_variables() -> Result<BTreeMap<String, String>, Problems> {
    let mut variables = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, value) in std::env::vars_os() {
        // A name that is not UTF-8 is none of ours.
        let Ok(name) = name.into_string() else { continue };
        match value.into_string() {
            Ok(value) => drop(variables.insert(name, value)),
            Err(_) if names::is_setting(&name) => {
                problems.push(Problem::new(&name, "is not UTF-8 text", "Write it as plain text"));
            }
            Err(_) => {}
        }
    }
    if problems.is_empty() { Ok(variables) } else { Err(Problems(problems)) }
}
