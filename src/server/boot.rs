//! Starting: settings, database, secrets, rooms; and refusing to start, before anything is touched,
//! when they do not fit together.

mod error;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use leptos::config::{LeptosOptions, get_config_from_str};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use self::error::BootError;
use super::{
    middleware::Site,
    router,
    serve::{Drained, ServeSettings, Shutdown, serve},
    state::{AppState, Operations, Stopping},
};
use crate::{
    account::{Accounts, JwtKey, Limiter, MediaKey, SystemTokens, credentials},
    api::context::UseCases,
    clock::Clock,
    config::{Config, Purpose, SiteDefaults, read_secret_file},
    jobs::{self, EventWatch, Messages, Recheck, Worker},
    keys::{Checking, Keys},
    model::{ids::ProviderId, page::DemoKey, provider::provider_name, schedule::Schedules, time::Timestamp},
    monitor::{Ledger, PlatformKeys},
    notices::{Mailer, Notices, Ways},
    operator::Overview,
    providers::{Catalogue, Collector, EgressSettings, Outgoing, Providers},
    services::{
        Dispatch, Services, analytics::Analytics, calling::Calling, scraper::Scraper, voices::Voices,
    },
    simulator,
    store::{InstanceSecret, Store},
    telemetry::{metrics::Metrics, traces::Traces},
    vault::{AuditKey, INSTANCE, KekId, KekRing, Vault},
};

/// All rooms, ready to serve.
pub struct Installation {
    /// What the routes share.
    pub state: AppState,
    /// What the middleware has to know.
    pub site: Site,
    /// The loop that checks due keys; it does not run yet.
    pub recheck: Recheck,
    /// What works on jobs; it does not run yet.
    pub worker: Worker,
    /// The loop that sends what users are told; it does not run yet.
    pub messages: Messages,
    /// Where spans go.
    pub traces: Traces,
    /// The one clock.
    pub clock: Arc<dyn Clock>,
    /// What the operator must know.
    pub warnings: Vec<String>,
}

/// Puts the rooms together over the configured database. Touches nothing when it refuses.
pub async fn install(
    config: &Config,
    purpose: Purpose,
    clock: Arc<dyn Clock>,
    stopping: CancellationToken,
) -> Result<Installation, BootError> {
    let demo = purpose == Purpose::Demo;
    let catalogue = Catalogue::read(config.providers_dir.as_deref())?;
    let outbound = outbound(&config.provider_base_urls, config, &catalogue)?;
    make_private_dir(&config.data_dir)?;
    let store = Store::open(config.database_url.reveal()).await?;
    let installed = assemble(config, demo, (catalogue, outbound), store.clone(), clock, stopping).await;
    if installed.is_err() {
        store.close().await;
    }
    installed
}

async fn assemble(
    config: &Config,
    demo: bool,
    (catalogue, outbound): (Catalogue, EgressSettings),
    store: Store,
    clock: Arc<dyn Clock>,
    stopping: CancellationToken,
) -> Result<Installation, BootError> {
    let (known, in_use) = if store.is_new().await? {
        (Vec::new(), Vec::new())
    } else {
        (store.kek_checks().await?, store.kek_ids_in_use().await?)
    };
    if !known.is_empty() {
        refuse_mixed_demo(&store, demo).await?;
    }
    // What wraps the DEKs is needed; before the first DEK, whatever the database was started with.
    let needed = in_use.first().copied().or_else(|| known.last().map(|(id, _)| *id)).map(|id| id.to_string());
    let secrets = config.secrets(needed.as_deref(), || KekRing::generate().ok())?;
    let vault = Arc::new(Vault::new(KekRing::parse(&secrets.encryption)?));
    if needed.is_some() {
        refuse_wrong_kek(&store, &vault, &known).await?;
    }

    store.migrate().await?;
    let now = clock.now();
    let installation = store.note_start(demo, config.check_keys, now).await?;
    for id in vault.ring().ids() {
        if known.iter().all(|(known, _)| *known != id) {
            store.add_kek_check(id, &vault.make_check(id)?, now).await?;
        }
    }
    let audit = Arc::new(audit_key(&store, &vault, clock.as_ref()).await?);

    let metrics = Arc::new(Metrics::new(now.seconds()));
    let traces = traces(config)?;
    let platform = Arc::new(PlatformKeys::default());
    let schedules = Schedules { bounds: config.check_every, by_provider: catalogue.check_every() };
    let ledger = Ledger::new(store.clone(), platform.clone(), metrics.clone(), clock.clone());
    let ledger = Arc::new(ledger.scheduled(schedules.clone()).traced(traces.clone()));
    let ways = ways(config, &outbound)?;
    let providers = Arc::new(Providers::new(catalogue, outbound, vault.clone(), ledger, clock.clone())?);
    let limiter = Limiter::new(store.clone(), config.limits, clock.clone());
    let accounts = Arc::new(Accounts::new(
        store.clone(),
        limiter.clone(),
        config.registration,
        JwtKey::new(&jwt_key(&secrets.jwt)),
        audit.clone(),
        clock.clone(),
    ));
    supply_platform_keys(config, &providers, (&platform, &schedules), now)?;
    let checking =
        Checking { enabled: config.check_keys, on_since: installation.checking_on_since, schedules };
    let keys = Keys::new(
        store.clone(),
        vault.clone(),
        providers.clone(),
        limiter.clone(),
        audit.clone(),
        clock.clone(),
        checking,
    );
    let keys = Arc::new(keys.supplied_with(platform).traced(traces.clone()));
    if !config.check_keys {
        keys.forget_outages().await;
    }
    let dispatch = Arc::new(Dispatch::default());
    let scraper =
        Scraper::new(store.clone(), keys.clone(), providers.clone(), clock.clone(), dispatch.clone());
    let scraper = Arc::new(scraper);
    let voices = Arc::new(Voices::new(store.clone(), keys.clone(), providers.clone(), clock.clone()));
    let calling = Calling::new(
        (store.clone(), keys.clone(), providers.clone()),
        clock.clone(),
        dispatch.clone(),
        voices.clone(),
        MediaKey::new(&jwt_key(&secrets.jwt)),
        report_origin(config),
    );
    let calling = Arc::new(calling);
    let services = Arc::new(Services { scraper: scraper.clone(), calling: calling.clone() });
    let worker = Worker::new(store.clone(), clock.clone(), services, dispatch, stopping.clone());
    let worker = worker.traced(traces.clone());

    let warnings = config.warnings.iter().cloned().chain(secrets.notice).collect();
    let secure = config.public_url.is_https();
    let demo_keys = demo.then(|| simulator::test_keys().into_iter().map(demo_key).collect());
    let analytics = Arc::new(Analytics::new(store.clone(), clock.clone()));
    let notices = Notices::new(store.clone(), keys.clone(), (vault, audit), limiter, clock.clone(), ways);
    let notices = Arc::new(notices);
    let messages = Messages::new(notices.clone());
    let overview = Arc::new(Overview::new(store.clone(), keys.clone(), clock.clone()));
    let use_cases = UseCases {
        accounts,
        keys: keys.clone(),
        scraper,
        calling,
        voices,
        analytics,
        notices,
        overview,
        secure,
        demo: demo_keys,
    };
    let names: Vec<_> = providers.infos().into_iter().map(|info| (info.id, info.name)).collect();
    let site = Site::new(
        config,
        credentials::cookie_name(secure),
        Arc::new(move |id| {
            let known = names.iter().find(|(known, _)| known == id);
            Some(known.map_or_else(|| provider_name(id), |(_, name)| name.clone()))
        }),
        metrics.clone(),
        traces.clone(),
    );
    let mut leptos = site_options()?;
    leptos.site_root = config.site_root.to_string_lossy().into();
    leptos.site_addr = config.site_addr;
    let operations = Arc::new(Operations {
        system: SystemTokens::new(&config.system_tokens),
        metrics_tokens: SystemTokens::new(&config.metrics_tokens),
        metrics,
    });
    let events = Arc::new(EventWatch::new(store.clone(), clock.clone()));
    let stopping = Stopping(stopping);
    let state = AppState { use_cases, leptos, store, events, stopping, operations };
    let recheck = Recheck::new(keys, config.check_keys);
    Ok(Installation { state, site, recheck, worker, messages, traces, clock, warnings })
}

/// How what users are told leaves.
fn ways(config: &Config, outbound: &EgressSettings) -> Result<Ways, BootError> {
    let outgoing = Outgoing::new(outbound, &config.notify_origins);
    Ok(Ways {
        outgoing: outgoing.map_err(|error| BootError::Outbound(vec![error]))?,
        mailer: config.mail.as_ref().map(|mail| Mailer::new(mail, config.public_url.host())).transpose()?,
        site: config.public_url.origin().to_owned(),
    })
}

/// The way to the collector of traces, if there is to be one.
fn traces(config: &Config) -> Result<Traces, BootError> {
    let Some(to) = &config.traces else { return Ok(Traces::default()) };
    let collector = Collector::new(to.endpoint.clone()).map_err(|_| BootError::Collector)?;
    Ok(Traces::to(to.endpoint.as_str(), &to.service_name, collector)?)
}

/// Where Twilio can report to. Nowhere on loopback, unless the operator has put something of this machine in Twilio's
/// place and said under which address Keyward is found.
fn report_origin(config: &Config) -> Option<String> {
    let replaced = config.provider_base_urls.contains_key(&ProviderId::TWILIO);
    let reachable = !config.public_url.is_loopback() || (config.public_url_given && replaced);
    reachable.then(|| config.public_url.origin().to_owned())
}

/// The settings of the site's files: `Leptos.toml`, which is part of the program, and `LEPTOS_*`
/// variables, which win over it.
fn site_options() -> Result<LeptosOptions, BootError> {
    get_config_from_str(include_str!("../../Leptos.toml")).map_err(|_| BootError::Site)
}

/// Where the site listens and lies unless the settings say otherwise. Files in `site` beside the
/// program win over those of a checkout.
pub fn site_defaults() -> Result<SiteDefaults, BootError> {
    let options = site_options()?;
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join("site")));
    let root = beside.filter(|site| site.is_dir()).unwrap_or_else(|| PathBuf::from(&*options.site_root));
    Ok(SiteDefaults { addr: options.site_addr, root })
}

/// Serves an installation until a signal or `shutdown` ends it.
pub async fn run(
    installation: Installation,
    config: &Config,
    shutdown: Shutdown,
) -> Result<Drained, BootError> {
    let address = config.site_addr;
    let listener = TcpListener::bind(address).await.map_err(|error| BootError::Listen { address, error })?;
    for warning in &installation.warnings {
        tracing::warn!("{warning}");
    }
    let code = installation.state.use_cases.accounts.first_operator_code().await;
    if let Some(code) = code.map_err(|_| BootError::FirstCode)? {
        print_first_code(&code);
    }
    tracing::info!(url = config.public_url.origin(), database = ?config.database_url.engine(), "Keyward is ready");
    let Installation { state, site, recheck, worker, messages, traces, clock, .. } = installation;
    let store = state.store.clone();
    let (recheck, events, worker) = (Arc::new(recheck), Arc::clone(&state.events), Arc::new(worker));
    let messages = Arc::new(messages);
    let jobs = jobs::spawn(recheck, events, messages, worker.clone(), store.clone(), clock, &shutdown.stop);
    let (draining, now) = (worker.clone(), shutdown.now.clone());
    let stopped = shutdown.stop.clone();
    // Beside the requests under way: both together keep the promise of when the server has stopped.
    let drain = tokio::spawn(async move {
        stopped.cancelled().await;
        draining.drain(&now).await;
    });
    let settings = ServeSettings::new(config.public_url.is_loopback());
    let drained = serve(listener, router(state, site), settings, shutdown).await;
    if drain.await.is_err() {
        tracing::error!("the jobs could not be given back; their leases will end");
    }
    jobs.finish().await;
    store.close().await;
    traces.finish().await;
    Ok(drained)
}

/// The code goes to the terminal of whoever starts the server, not into the log.
#[expect(clippy::print_stdout, reason = "shown once, and never to be kept in a log")]
fn print_first_code(code: &str) {
    println!("Nobody has an account yet. Whoever registers with this code becomes the operator: {code}");
}

/// Looks whether the server would start, and changes nothing. Answers what was found, a line each.
pub async fn examine(config: &Config) -> Result<String, BootError> {
    let catalogue = Catalogue::read(config.providers_dir.as_deref())?;
    outbound(&config.provider_base_urls, config, &catalogue)?;
    let mut lines = vec![format!("Settings: fine. Browsers use {}.", config.public_url.origin())];
    lines.extend(config.warnings.iter().cloned());
    let sqlite_file = config.database_url.reveal().strip_prefix("sqlite:").map(|file| {
        let file = file.strip_prefix("//").unwrap_or(file);
        file.split('?').next().unwrap_or_default()
    });
    if sqlite_file.is_some_and(|file| !std::path::Path::new(file).exists()) {
        lines.push("Database: not made yet; the first start makes it.".to_owned());
        return Ok(lines.join("\n"));
    }
    let store = Store::open(config.database_url.reveal()).await?;
    if store.is_new().await? {
        lines.push("Database: reachable and empty; the first start fills it.".to_owned());
        return Ok(lines.join("\n"));
    }
    lines.push(format!("Database: reachable ({:?}).", config.database_url.engine()));
    let known = store.kek_checks().await?;
    let secret = match &config.encryption_secret {
        Some(secret) => secret.clone(),
        None => read_secret_file(&config.data_dir.join("secrets/kek")).map_err(|_| BootError::NoSecret)?,
    };
    let vault = Vault::new(KekRing::parse(&secret)?);
    refuse_wrong_kek(&store, &vault, &known).await?;
    lines.push(format!("Encryption secret: it fits the database; fingerprint {}.", vault.ring().primary()));
    store.close().await;
    Ok(lines.join("\n"))
}

fn demo_key(key: simulator::TestKey) -> DemoKey {
    DemoKey {
        provider: key.provider,
        label: key.label.to_owned(),
        fields: key.fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        shows: key.shows.to_owned(),
    }
}

/// Checks the fields of the operator's own keys against the catalogue, and puts them to use.
fn supply_platform_keys(
    config: &Config,
    providers: &Providers,
    (platform, schedules): (&PlatformKeys, &Schedules),
    now: Timestamp,
) -> Result<(), BootError> {
    for (provider, fields) in &config.platform_keys.0 {
        let candidate = providers.prepare(provider, fields.clone());
        let candidate = candidate.map_err(|error| BootError::platform_key(provider, &error))?;
        platform.supply(candidate, schedules.of(provider, None), now);
    }
    Ok(())
}

pub(super) fn outbound(
    base_urls: &BTreeMap<ProviderId, String>,
    config: &Config,
    catalogue: &Catalogue,
) -> Result<EgressSettings, BootError> {
    EgressSettings::new(catalogue, base_urls, config.egress_proxy.as_ref()).map_err(BootError::Outbound)
}

/// Starts the simulator on a free loopback port and points every provider at it.
pub async fn simulate(config: &mut Config, stop: CancellationToken) -> Result<(), BootError> {
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let listen = |error| BootError::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let origin = format!("http://{}", listener.local_addr().map_err(listen)?);
    tokio::spawn(async move {
        if let Err(error) = simulator::serve(listener, stop).await {
            tracing::error!(%error, "the simulator stopped");
        }
    });
    // All of them, also those the simulator does not know: no key of a demonstration reaches a real provider.
    for provider in Catalogue::read(config.providers_dir.as_deref())?.ids() {
        config.provider_base_urls.insert(provider.clone(), format!("{origin}/{provider}"));
    }
    Ok(())
}

async fn refuse_mixed_demo(store: &Store, demo: bool) -> Result<(), BootError> {
    match store.installation().await? {
        Some(known) if known.demo && !demo => Err(BootError::Demo(
            "This database belongs to a demonstration. Start it with --demo, or name another database.",
        )),
        Some(known) if !known.demo && demo => Err(BootError::Demo(
            "This database holds real keys, and the demonstration works with a simulator. Name another database.",
        )),
        _ => Ok(()),
    }
}

async fn refuse_wrong_kek(store: &Store, vault: &Vault, known: &[(KekId, Vec<u8>)]) -> Result<(), BootError> {
    let ring = vault.ring();
    for needed in store.kek_ids_in_use().await? {
        if !ring.ids().contains(&needed) {
            return Err(BootError::WrongKek { needed, given: ring.primary() });
        }
    }
    for (id, check) in known.iter().filter(|(id, _)| ring.ids().contains(id)) {
        vault.verify_check(*id, check).map_err(|_| BootError::DamagedCheck(*id))?;
    }
    Ok(())
}

/// The key of the audit chains, made at the first start.
async fn audit_key(store: &Store, vault: &Vault, clock: &dyn Clock) -> Result<AuditKey, BootError> {
    const NAME: &str = "audit";
    let dek = match store.current_dek(INSTANCE).await? {
        Some(dek) => dek,
        None => store.insert_dek(INSTANCE, &vault.new_dek(INSTANCE)?, clock.now()).await?,
    };
    let secret = match store.instance_secret(NAME).await? {
        Some(secret) => secret,
        None => {
            let fresh = InstanceSecret { dek_id: dek.id.0, sealed: vault.new_audit_key(&dek)? };
            store.insert_instance_secret(NAME, &fresh, clock.now()).await?
        }
    };
    Ok(vault.open_audit_key(&dek, &secret.sealed)?)
}

/// The signing key is the secret's text: at least 32 characters, which the settings have checked.
fn jwt_key(secret: &SecretString) -> secrecy::SecretSlice<u8> {
    // EXPOSE: it becomes the signing key.
    secret.expose_secret().as_bytes().to_vec().into()
}

fn make_private_dir(path: &std::path::Path) -> Result<(), BootError> {
    use std::os::unix::fs::DirBuilderExt;

    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| BootError::DataDir { path: path.to_owned(), error })
}
