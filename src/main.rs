//! The program.

use std::{process::ExitCode, sync::Arc};

use clap::Parser;
use keyward::{
    cli::{self, Cli, Command},
    clock::{Clock, SystemClock},
    config::{Config, Purpose, process_variables, read_secret_file},
    model::provider::FormInfo,
    process,
    providers::{self, Catalogue, Spending},
    server::{
        boot::{self, BootError, Installation},
        docs::Document,
        serve::Shutdown,
        trial::{self, Trial},
    },
    simulator,
    store::Role,
    telemetry,
    vault::KekRing,
};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;
use zeroizing_alloc::ZeroAlloc;

/// Freed memory is wiped: a key that has passed through must not stay behind in it.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<mimalloc::MiMalloc> = ZeroAlloc(mimalloc::MiMalloc);

/// The settings are wrong or do not fit the database (`EX_CONFIG` of sysexits.h).
const NOT_CONFIGURED: u8 = 78;

/// How a command ended that could be carried out.
enum Done {
    Well,
    /// It has found something wrong.
    Badly,
}

fn main() -> ExitCode {
    let command = Cli::parse().into_command();
    if matches!(command, Command::Serve(_)) {
        process::give_memory_back();
    }
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("The runtime cannot be started: {error}"))
        .and_then(|runtime| runtime.block_on(carry_out(command)));
    match done {
        Ok(Done::Well) => ExitCode::SUCCESS,
        Ok(Done::Badly) => ExitCode::FAILURE,
        Err(message) => {
            complain(&message);
            ExitCode::from(NOT_CONFIGURED)
        }
    }
}

#[expect(clippy::print_stderr, reason = "the last words of a program that does not start")]
fn complain(message: &str) {
    eprintln!("keyward: {message}");
}

#[expect(clippy::print_stdout, reason = "the answer of a command goes to standard output")]
fn answer(text: &str) {
    println!("{text}");
}

async fn carry_out(command: Command) -> Result<Done, String> {
    // Nothing that speaks TLS works without it; a second call finds it installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match command {
        Command::Serve(serve) => {
            let purpose = if serve.demo { Purpose::Demo } else { Purpose::Production };
            let mut config = settings(purpose)?;
            telemetry::init(&config.log_filter, config.log_format).map_err(text)?;
            if let Err(error) = process::keep_memory_private() {
                tracing::warn!(%error, "core dumps could not be switched off");
            }
            let shutdown = Shutdown::on_signals().map_err(BootError::Signals).map_err(text)?;
            if serve.demo {
                boot::simulate(&mut config, shutdown.now.clone()).await.map_err(text)?;
            }
            let installation = install(&config, purpose, shutdown.stop.clone()).await?;
            boot::run(installation, &config, shutdown).await.map_err(text)?;
        }
        Command::Migrate => {
            let config = settings(Purpose::Production)?;
            install_quietly(&config).await?.state.store.close().await;
            answer("The database is up to date.");
        }
        Command::Doctor => {
            let config = settings(Purpose::Production)?;
            let report = boot::examine(&config).await.map_err(text)?;
            answer(&report);
        }
        Command::Keys(cli::Keys::Generate) => {
            let key = KekRing::generate().map_err(text)?;
            // EXPOSE: printing it is what the command is for.
            answer(key.expose_secret());
        }
        Command::User(cli::User::Invite) => {
            let config = settings(Purpose::Production)?;
            let installation = install_quietly(&config).await?;
            let code = installation.state.use_cases.accounts.invite(Role::User).await.map_err(text)?;
            answer(&format!("{}/register?code={code}", config.public_url.origin()));
        }
        Command::User(cli::User::Operator(cli::Operator { email, withdraw })) => {
            let installation = install_quietly(&settings(Purpose::Production)?).await?;
            let role = if withdraw { Role::User } else { Role::Operator };
            if !installation.state.use_cases.accounts.give_role(&email, role).await.map_err(text)? {
                answer("Nobody has an account with this address.");
                return Ok(Done::Badly);
            }
            answer(if withdraw { "No operator any more." } else { "An operator from now on." });
        }
        Command::Provider(cli::Provider::List(list)) => {
            let folder = settings(Purpose::Production)?.providers_dir;
            let catalogue = Catalogue::read(folder.as_deref()).map_err(text)?;
            let lines = if list.matrix { providers::matrix(&catalogue) } else { providers::list(&catalogue) };
            answer(&lines.join("\n"));
        }
        Command::Provider(cli::Provider::Schema) => answer(&providers::json_schema()),
        Command::Provider(cli::Provider::Test(test)) => return try_provider(&test).await,
        Command::Openapi => answer(Document::get().text.trim_end()),
        Command::Simulate(simulate) => {
            let listener = tokio::net::TcpListener::bind(simulate.addr).await.map_err(text)?;
            let shutdown = Shutdown::on_signals().map_err(text)?;
            let addr = listener.local_addr().map_err(text)?;
            answer(&format!("The provider simulator listens on http://{addr}"));
            simulator::serve(listener, shutdown.stop).await.map_err(text)?;
        }
    }
    Ok(Done::Well)
}

/// Tries a catalogue file, on keys from a file or from the terminal; never from the command line, which other
/// users of the machine see.
async fn try_provider(test: &cli::Test) -> Result<Done, String> {
    let trial = Trial::new(&settings(Purpose::Production)?, &test.file).map_err(text)?;
    let keys = match &test.keys {
        Some(file) => trial::read_keys(file).map_err(text)?,
        None => ask_for_keys(&trial, test.form.as_deref())?,
    };
    let spending = Spending::from(test.billed);
    let findings = trial.run(keys, spending).await.map_err(text)?;
    answer(&findings.to_string());
    Ok(if findings.passed() { Done::Well } else { Done::Badly })
}

fn ask_for_keys(trial: &Trial, form: Option<&str>) -> Result<trial::Keys, String> {
    let forms = trial.info().map(|info| info.forms.as_slice()).unwrap_or_default();
    let chosen = match form {
        Some(id) => forms.iter().find(|form| form.id == id),
        None => forms.first(),
    };
    let form = chosen.ok_or("The provider has no such form.")?;
    let real = ask_for_fields(form)?;
    let question = "Is there a key that lacks some permission, to try as well? (yes, or leave it empty)";
    let has_limited = process::ask(question, false).map_err(text)?;
    // EXPOSE: the answer to a question, and no secret.
    let limited = match has_limited.expose_secret().to_lowercase().as_str() {
        "yes" | "y" => Some(ask_for_fields(form)?),
        _ => None,
    };
    Ok(trial::Keys { real, limited })
}

fn ask_for_fields(form: &FormInfo) -> Result<providers::Fields, String> {
    let mut fields = providers::Fields::new();
    for field in &form.fields {
        let choices: Vec<_> = field.choices.iter().map(|choice| choice.value.as_str()).collect();
        let choices = if choices.is_empty() { String::new() } else { format!(" ({})", choices.join(", ")) };
        let optional = if field.optional { ", may be left empty" } else { "" };
        let value =
            process::ask(&format!("{}{choices}{optional}", field.label), field.secret).map_err(text)?;
        fields.insert(field.name.clone(), value);
    }
    Ok(fields)
}

/// Every setting, or everything that is wrong with them.
fn settings(purpose: Purpose) -> Result<Config, String> {
    let variables = process_variables().map_err(text)?;
    let site = boot::site_defaults().map_err(text)?;
    Config::read(&variables, read_secret_file, purpose, site).map_err(text)
}

/// Puts the rooms together for a command that does not serve; what the operator must know is said at once.
async fn install_quietly(config: &Config) -> Result<Installation, String> {
    let installation = install(config, Purpose::Production, CancellationToken::new()).await?;
    for warning in &installation.warnings {
        complain(warning);
    }
    Ok(installation)
}

async fn install(config: &Config, purpose: Purpose, stop: CancellationToken) -> Result<Installation, String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    boot::install(config, purpose, clock, stop).await.map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
