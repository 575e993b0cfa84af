//! The database's address.

use std::{fmt, path::Path};

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::reader::Reader;

/// The address of the database. It may hold a password, so it prints without user and parameters.
#[derive(Clone)]
pub struct DatabaseUrl {
    engine: Engine,
    url: SecretString,
    shown: String,
}

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl DatabaseUrl {
    /// Reads `sqlite:…` or `postgres:…`.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(':')?;
        let (engine, shown) = match scheme {
            "sqlite" => (Engine::Sqlite, format!("sqlite:{}", rest.split('?').next().unwrap_or_default())),
            "postgres" | "postgresql" => {
                let url = Url::parse(text).ok()?;
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                (
                    Engine::Postgres,
                    format!("postgres://{}{port}{}", url.host_str().unwrap_or_default(), url.path()),
                )
            }
            _ => return None,
        };
        Some(Self { engine, url: SecretString::from(text), shown })
    }

    /// The engine.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The whole address, with what it may hold of a password.
    pub fn reveal(&self) -> &str {
        // EXPOSE: the store hands it to the driver.
        self.url.expose_secret()
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({})", self.shown)
    }
}

/// Reads `DATABASE_URL`; without it a SQLite file in the data directory.
pub(super) fn read(reader: &mut Reader<'_>, data_dir: &Path) -> DatabaseUrl {
    const NAME: &str = "DATABASE_URL";
    let file = format!("sqlite:{}", data_dir.join("keyward.db").display());
    let default = DatabaseUrl { engine: Engine::Sqlite, url: SecretString::from(file.as_str()), shown: file };
    let Some(text) = reader.text(NAME) else { return default };
    DatabaseUrl::parse(text).unwrap_or_else(|| {
        reader.problem(
            NAME,
            "is not the address of a database that Keyward can use",
            "Write sqlite:path/to/file.db or postgres://user:password@host/name",
        );
        default
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_prints_without_user_password_and_parameters() {
        for (text, engine, shown) in [
            (
                "postgres://kw:s3cret@db:5433/keys?sslmode=require&password=s3cret",
                Engine::Postgres,
                "postgres://db:5433/keys",
            ),
            ("postgresql:///keys?host=/run/s3cret", Engine::Postgres, "postgres:///keys"),
            ("sqlite:/var/lib/keyward.db?key=s3cret", Engine::Sqlite, "sqlite:/var/lib/keyward.db"),
            ("sqlite::memory:", Engine::Sqlite, "sqlite::memory:"),
        ] {
            let url = DatabaseUrl::parse(text).unwrap();
            assert_eq!((url.engine(), url.to_string().as_str()), (engine, shown));
            assert_eq!(format!("{url:?}"), format!("DatabaseUrl({shown})"));
            assert_eq!(url.reveal(), text);
        }
    }

    #[test]
    fn other_engines_are_refused() {
        for text in ["", "keyward.db", "mysql://db/keys", "postgres://[db"] {
            assert!(DatabaseUrl::parse(text).is_none(), "{text}");
        }
    }
}
