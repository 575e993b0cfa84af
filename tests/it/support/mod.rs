//! An installation for one test.

mod client;
mod database;
mod description;
mod event_stream;
mod process;
mod receiver;
mod smtp;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

pub use client::{Answer, Client};
pub use database::{Engine, Sql, literal};
pub use description::fits;
pub use event_stream::EventStream;
pub use process::{Process, Refusal};
pub use receiver::{NEVER, Received, Receiver};
pub use smtp::MailServer;

use axum::Router;
use keyward::{
    clock::{Clock, ManualClock},
    config::{Config, Purpose, SiteDefaults, read_secret_file},
    jobs::{Messages, Recheck, Worker},
    model::time::Timestamp,
    providers::Catalogue,
    server::{boot, router, state::AppState},
    simulator,
    telemetry::traces::Traces,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Runs an async test on both engines: `name::sqlite` and, where a PostgreSQL server was given by
/// `KEYWARD_TEST_POSTGRES`, `name::postgres`.
macro_rules! both {
    ($(async fn $name:ident($app:ident: $kind:ty) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn test($app: $kind) $body

            #[test]
            fn sqlite() {
                $crate::support::run(async {
                    test(<$kind>::start($crate::support::Engine::Sqlite).await).await;
                });
            }

            #[test]
            fn postgres() {
                if $crate::support::Engine::postgres_is_given() {
                    $crate::support::run(async {
                        test(<$kind>::start($crate::support::Engine::Postgres).await).await;
                    });
                }
            }
        }
    )*};
}
pub(crate) use both;

/// Runs one test, on threads of its own.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(async {
        let end = tokio::time::timeout(Duration::from_secs(300), test).await;
        assert!(end.is_ok(), "the test hangs");
    });
}

/// The limits that would end tests before they are through, as `KEYWARD_LIMIT_…`.
const LIMITS: [&str; 6] = [
    "LOGIN_PER_MINUTE",
    "REGISTER_PER_HOUR",
    "KEYS_PER_USER_PER_HOUR",
    "KEYS_PER_ADDRESS_PER_HOUR",
    "KEYS_PER_HOUR",
    "CHECKS_PER_USER_PER_HOUR",
];

/// The time at which every test begins.
pub const START: Timestamp = Timestamp::from_seconds(1_795_000_000);

/// A running installation with its simulator.
pub struct App {
    pub clock: Arc<ManualClock>,
    pub state: AppState,
    pub recheck: Recheck,
    pub worker: Arc<Worker>,
    pub messages: Messages,
    pub traces: Traces,
    pub sql: Sql,
    pub simulator: SocketAddr,
    pub variables: BTreeMap<String, String>,
    router: Router,
    pub dir: TempDir,
    _loops: DropGuard,
    _simulator: DropGuard,
}

impl App {
    /// With generous limits.
    pub async fn start(engine: Engine) -> Self {
        Self::start_with(engine, &[]).await
    }

    /// With these settings besides.
    pub async fn start_with(engine: Engine, settings: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sql = Sql::new(engine, dir.path()).await;
        let mut variables: BTreeMap<String, String> = BTreeMap::new();
        let mut set = |name: &str, value: &str| drop(variables.insert(name.to_owned(), value.to_owned()));
        set("DATABASE_URL", &sql.url);
        set("KEYWARD_DATA_DIR", dir.path().join("data").to_str().unwrap());
        for limit in LIMITS {
            set(&format!("KEYWARD_LIMIT_{limit}"), "100000");
        }
        for (name, value) in settings {
            set(name, value);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let simulator = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(simulator::serve(listener, stop.clone()));
        Self::over(variables, sql, simulator, dir, stop.drop_guard()).await
    }

    async fn over(
        variables: BTreeMap<String, String>,
        sql: Sql,
        simulator: SocketAddr,
        dir: TempDir,
        stop: DropGuard,
    ) -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let installed = install(&variables, simulator, clock.clone()).await.unwrap();
        sql.follow(installed.state.store.clone());
        let events = installed.state.events.clone();
        let worker = Arc::new(installed.worker);
        let (stop_loops, working) = (CancellationToken::new(), worker.clone());
        tokio::spawn(stop_loops.clone().run_until_cancelled_owned(async move { events.run().await }));
        tokio::spawn(stop_loops.clone().run_until_cancelled_owned(async move { working.run().await }));
        Self {
            clock,
            router: router(installed.state.clone(), installed.site),
            state: installed.state,
            recheck: installed.recheck,
            messages: installed.messages,
            worker,
            traces: installed.traces,
            sql,
            simulator,
            variables,
            dir,
            _loops: stop_loops.drop_guard(),
            _simulator: stop,
        }
    }

    /// Stops, gives its jobs back, and starts again over the same database, perhaps with other settings.
    pub async fn restarted(self, settings: &[(&str, &str)]) -> Self {
        let Self { mut variables, sql, simulator, dir, _simulator, state, clock, worker, .. } = self;
        worker.drain(&CancellationToken::new()).await;
        state.store.close().await;
        for (name, value) in settings {
            variables.insert((*name).to_owned(), (*value).to_owned());
        }
        let now = clock.now();
        let app = Self::over(variables, sql, simulator, dir, _simulator).await;
        app.clock.set(now);
        app
    }

    /// A second node over the same database, with the same settings.
    pub async fn second_node(&self) -> Self {
        let sql = Sql::at(self.sql.engine, self.sql.url.clone());
        let (dir, simulator) = (tempfile::tempdir().unwrap(), CancellationToken::new());
        let node = Self::over(self.variables.clone(), sql, self.simulator, dir, simulator.drop_guard()).await;
        node.clock.set(self.now());
        node
    }

    /// What the installation's clock shows.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Answers on the network as well.
    pub fn serve(&self, listener: TcpListener) {
        let router = self.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
    }

    /// A browser without a session.
    pub fn visitor(&self) -> Client {
        let mut client = Client::new(self.router.clone());
        if let Some(host) = self.variables.get("PUBLIC_URL").and_then(|url| url.strip_prefix("http://")) {
            client.host = host.to_owned();
        }
        client
    }

    /// A browser with the session of a new user.
    pub async fn user(&self, name: &str) -> Client {
        let mut client = self.visitor();
        let body = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
        client.post("/api/auth/register", &body).await.expect(201);
        client
    }

    /// A browser with a new session of that user.
    pub async fn log_in(&self, name: &str) -> Client {
        let mut client = self.visitor();
        let body = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
        client.post("/api/auth/login", &body).await.expect(200);
        client
    }

    /// Time passes, and the checks that are due then are made; and where one of them leaves a doubt, the second look
    /// that follows 20 to 24 seconds later.
    pub async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        while self.recheck.check_due().await > 0 {}
        let look = |seconds| self.now().plus(Duration::from_secs(seconds)).0;
        let doubted = "SELECT COUNT(*) FROM user_api_keys WHERE suspect AND next_check_at BETWEEN";
        if self.sql.number(&format!("{doubted} {} AND {}", look(20), look(24))).await > 0 {
            self.clock.advance(Duration::from_secs(24));
            while self.recheck.check_due().await > 0 {}
        }
    }

    /// One of the simulator's test keys, as the body of a request.
    pub fn test_key(provider: &str, id: &str) -> Value {
        let key = simulator::test_keys()
            .into_iter()
            .find(|key| key.provider.as_str() == provider && key.id == id)
            .unwrap_or_else(|| panic!("the simulator has no key {provider}/{id}"));
        key.fields.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect()
    }

    /// Tells the simulator something.
    pub async fn control(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        client::control(self.simulator, method, path, body).await
    }
}

/// Why an installation with these settings does not start.
pub async fn refused(variables: BTreeMap<String, String>) -> String {
    let site = SiteDefaults { addr: ([127, 0, 0, 1], 3000).into(), root: "public".into() };
    let config = match Config::read(&variables, read_secret_file, Purpose::Production, site) {
        Ok(config) => config,
        Err(problems) => return problems.to_string(),
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock = Arc::new(ManualClock::new(START));
    match boot::install(&config, Purpose::Production, clock, CancellationToken::new()).await {
        Ok(_) => panic!("it starts"),
        Err(error) => error.to_string(),
    }
}

/// Puts the rooms together as the program does, with the simulator in the providers' place.
pub async fn install(
    variables: &BTreeMap<String, String>,
    simulator: SocketAddr,
    clock: Arc<dyn Clock>,
) -> Result<boot::Installation, boot::BootError> {
    install_for(Purpose::Production, variables, simulator, clock).await
}

/// The same, also for a demonstration.
pub async fn install_for(
    purpose: Purpose,
    variables: &BTreeMap<String, String>,
    simulator: SocketAddr,
    clock: Arc<dyn Clock>,
) -> Result<boot::Installation, boot::BootError> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let site = SiteDefaults { addr: ([127, 0, 0, 1], 3000).into(), root: "public".into() };
    let mut config = Config::read(variables, read_secret_file, purpose, site).unwrap();
    // Every provider, also those the simulator does not know: no test asks a real one.
    let catalogue = Catalogue::read(config.providers_dir.as_deref())?;
    for provider in catalogue.ids() {
        config.provider_base_urls.insert(provider.clone(), format!("http://{simulator}/{provider}"));
    }
    boot::install(&config, purpose, clock, CancellationToken::new()).await
}

/// The password of every test user.
pub const PASSWORD: &str = "correct horse battery";

pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3600);
pub const DAY: Duration = Duration::from_secs(24 * 3600);
