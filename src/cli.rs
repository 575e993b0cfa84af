//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

/// Keyward: every user brings their own API keys.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "keyward", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

impl Cli {
    /// The command to run; `serve` when none was named.
    pub fn into_command(self) -> Command {
        self.command.unwrap_or_else(|| Command::Serve(Serve::default()))
    }
}

/// What the program can do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the server (the default)
    Serve(Serve),
    /// Bring the database up to date, then stop
    Migrate,
    /// Check settings, secrets and database, change nothing, and say what is wrong
    Doctor,
    /// Encryption secrets
    #[command(subcommand)]
    Keys(Keys),
    /// The people of this installation
    #[command(subcommand)]
    User(User),
    /// The providers of the catalogue
    #[command(subcommand)]
    Provider(Provider),
    /// Print the description of the REST interface (OpenAPI 3.1)
    Openapi,
    /// Run the provider simulator, which accepts its own test keys only
    Simulate(Simulate),
}

/// How to run the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Serve {
    /// Use a database of its own and the provider simulator, on this machine only
    #[arg(long)]
    pub demo: bool,
}

/// What to do with encryption secrets.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Keys {
    /// Print a new encryption secret, fit for the file that API_KEY_ENCRYPTION_SECRET_FILE names
    Generate,
}

/// What to do for people.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum User {
    /// Print an invitation, good for one registration within seven days
    Invite,
    /// Make somebody with an account an operator, who sees how the installation does
    Operator(Operator),
}

/// Who becomes an operator, or is none any more.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Operator {
    /// The e-mail address of the account
    pub email: String,
    /// Take the role away instead
    #[arg(long)]
    pub withdraw: bool,
}

/// What to tell of providers.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Provider {
    /// List them, with what each needs
    List(List),
    /// Try a catalogue file: ask its provider about a real key, a made-up one and perhaps a limited one
    Test(Test),
    /// Print the JSON Schema of catalogue files, for editors
    Schema,
}

/// What to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct List {
    /// Every documented answer, and what a check makes of it
    #[arg(long)]
    pub matrix: bool,
}

/// What to try, and how.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Test {
    /// The file, or the id of a provider that comes with Keyward
    pub file: PathBuf,
    /// A TOML file, readable for you alone, with the fields of a key in the tables "real" and perhaps "limited";
    /// without it you are asked for them
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// The form of the provider to be asked for, by its id
    #[arg(long, conflicts_with = "keys")]
    pub form: Option<String>,
    /// Make calls that cost money too, where nothing else can tell
    #[arg(long)]
    pub billed: bool,
}

/// Where to simulate.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Simulate {
    /// The loopback address to listen on; with port 0, a free one, which is printed
    #[arg(long, default_value = "127.0.0.1:4010", value_parser = loopback)]
    pub addr: SocketAddr,
}

fn loopback(text: &str) -> Result<SocketAddr, &'static str> {
    let addr: SocketAddr = text.parse().map_err(|_| "write an address and port, such as 127.0.0.1:4010")?;
    if addr.ip().is_loopback() { Ok(addr) } else { Err("the simulator listens on loopback only") }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Command, clap::error::ErrorKind> {
        let words = std::iter::once("keyward").chain(line.split_whitespace());
        Cli::try_parse_from(words).map(Cli::into_command).map_err(|error| error.kind())
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_is_understood() {
        let simulate = |addr: &str| Command::Simulate(Simulate { addr: addr.parse().unwrap() });
        for (line, command) in [
            ("", Command::Serve(Serve { demo: false })),
            ("serve", Command::Serve(Serve { demo: false })),
            ("serve --demo", Command::Serve(Serve { demo: true })),
            ("migrate", Command::Migrate),
            ("doctor", Command::Doctor),
            ("keys generate", Command::Keys(Keys::Generate)),
            ("user invite", Command::User(User::Invite)),
            (
                "user operator ana@example.org",
                Command::User(User::Operator(Operator {
                    email: "ana@example.org".to_owned(),
                    withdraw: false,
                })),
            ),
            ("provider list", Command::Provider(Provider::List(List { matrix: false }))),
            ("provider list --matrix", Command::Provider(Provider::List(List { matrix: true }))),
            ("provider schema", Command::Provider(Provider::Schema)),
            (
                "provider test acme.toml --keys k.toml",
                Command::Provider(Provider::Test(Test {
                    file: "acme.toml".into(),
                    keys: Some("k.toml".into()),
                    form: None,
                    billed: false,
                })),
            ),
            ("openapi", Command::Openapi),
            ("simulate", simulate("127.0.0.1:4010")),
            ("simulate --addr [::1]:5000", simulate("[::1]:5000")),
        ] {
            assert_eq!(parse(line), Ok(command), "{line}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        use clap::error::ErrorKind;
        for (line, kind) in [
            ("serv", ErrorKind::InvalidSubcommand),
            ("migrate now", ErrorKind::UnknownArgument),
            ("migrate --demo", ErrorKind::UnknownArgument),
            ("keys", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            ("simulate --addr 0.0.0.0:4010", ErrorKind::ValueValidation),
            ("simulate --addr here", ErrorKind::ValueValidation),
            ("provider test", ErrorKind::MissingRequiredArgument),
            // A key never stands on the command line.
            ("provider test acme.toml --key k", ErrorKind::UnknownArgument),
            ("provider test acme.toml k", ErrorKind::UnknownArgument),
        ] {
            assert_eq!(parse(line), Err(kind), "{line}");
        }
    }
}
