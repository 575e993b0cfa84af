//! The installation's own secrets: given explicitly, or made once and kept in the data directory.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{Config, reader::Reader};

const ENCRYPTION: &str = "API_KEY_ENCRYPTION_SECRET";
const JWT: &str = "JWT_SECRET";

/// Fewer characters can be guessed.
const SHORTEST: usize = 32;

/// A KEK ring of hundreds of keys is smaller than this many bytes.
const LARGEST_FILE: u64 = 64 * 1024;

/// Reads the KEK ring and the JWT key, both of which an installation for others must be given.
pub(super) fn read_explicit(
    reader: &mut Reader<'_>,
    loopback: bool,
) -> (Option<SecretString>, Option<SecretString>) {
    let ring = reader.secret(ENCRYPTION);
    let jwt = read_token(reader, JWT);
    if !loopback {
        for name in [ENCRYPTION, JWT] {
            if !reader.is_given(name) {
                reader.problem(
                    name,
                    "is not set, and PUBLIC_URL is not a loopback address",
                    format!(
                        "Run `keyward keys generate` and put the result into a file that {name}_FILE names"
                    ),
                );
            }
        }
    }
    if let (Some(ring), Some(jwt)) = (&ring, &jwt) {
        // EXPOSE: compared here only; nothing of either is kept.
        let (ring, jwt) = (ring.expose_secret(), jwt.expose_secret());
        if ring.lines().any(|line| line.trim() == jwt) {
            reader.problem(
                JWT,
                format!("is the same as {ENCRYPTION}"),
                "Make one of its own: whoever holds the one must not hold the other",
            );
        }
    }
    (ring, jwt)
}

/// Reads a secret that must not be guessable.
fn read_token(reader: &mut Reader<'_>, name: &str) -> Option<SecretString> {
    let secret = reader.secret(name)?;
    // EXPOSE: only counted.
    let strong = is_strong(secret.expose_secret());
    if !strong {
        too_easy(reader, name);
    }
    strong.then_some(secret)
}

/// Reads up to two tokens, one to a line or with a comma between them: while one is being exchanged, the old
/// and the new one both count.
pub(super) fn read_tokens(reader: &mut Reader<'_>, name: &str) -> Vec<SecretString> {
    let Some(secret) = reader.secret(name) else { return Vec::new() };
    // EXPOSE: taken apart and counted.
    let text = secret.expose_secret();
    let tokens: Vec<_> = text
        .split(|c: char| c == ',' || c.is_whitespace())
        .filter(|token| !token.is_empty())
        .map(SecretString::from)
        .collect();
    if tokens.len() > 2 {
        reader.problem(name, "holds more than two tokens", "Keep the new one and, for a while, the old one");
        return Vec::new();
    }
    // EXPOSE: only counted.
    if !tokens.iter().all(|token| is_strong(token.expose_secret())) {
        too_easy(reader, name);
        return Vec::new();
    }
    tokens
}

/// At least 32 characters, not all alike.
fn is_strong(text: &str) -> bool {
    let mut kinds: Vec<char> = text.chars().collect();
    let count = kinds.len();
    kinds.sort_unstable();
    kinds.dedup();
    count >= SHORTEST && kinds.len() >= 8
}

fn too_easy(reader: &mut Reader<'_>, name: &str) {
    reader.problem(
        name,
        format!("is too easy to guess: {SHORTEST} characters are the least, and not a repeated few"),
        "Make one with `openssl rand -base64 32`",
    );
}

/// Why a secret file cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It could not be read.
    #[error("cannot be read: {0}")]
    Io(io::ErrorKind),
    /// It is a directory, a pipe or a device.
    #[error("is not a regular file")]
    NotAFile,
    /// Others on the machine may read it.
    #[error("may be read by others on this machine")]
    OpenToOthers,
    /// It is not UTF-8.
    #[error("is not UTF-8 text")]
    NotText,
    /// It holds nothing.
    #[error("is empty")]
    Empty,
    /// It is not a secret of any kind.
    #[error("is larger than 64 KiB")]
    TooLarge,
}

impl FileError {
    pub(super) fn wrong(self) -> String {
        format!("names a file that {self}")
    }

    /// What to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Io(io::ErrorKind::NotFound) => "Create the file, or correct the path",
            Self::Io(_) => "Make it readable by the user that runs Keyward",
            Self::OpenToOthers => "Take the rights of group and others away: chmod 600",
            Self::NotAFile | Self::NotText | Self::Empty | Self::TooLarge => {
                "Put the secret into it, as text"
            }
        }
    }
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind())
    }
}

/// Reads a secret file, without the white space around its text. Refused when group or others may read it.
pub fn read_secret_file(path: &Path) -> Result<SecretString, FileError> {
    // Asked before opening: opening a pipe would wait for its other end.
    if !fs::metadata(path)?.is_file() {
        return Err(FileError::NotAFile);
    }
    let file = File::open(path)?;
    let facts = file.metadata()?;
    if facts.mode() & 0o077 != 0 {
        return Err(FileError::OpenToOthers);
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(FileError::TooLarge);
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| FileError::NotText)?.trim();
    if text.is_empty() { Err(FileError::Empty) } else { Ok(SecretString::from(text)) }
}

/// The secrets the server runs with.
#[derive(Debug)]
pub struct Secrets {
    /// The KEK ring, one key per line.
    pub encryption: SecretString,
    /// The key that signs JWTs.
    pub jwt: SecretString,
    /// What the operator must know: secrets were made just now.
    pub notice: Option<String>,
}

/// Why there are no secrets to run with.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// A file of the data directory cannot be used.
    #[error("{path} {error}. {remedy}.", path = .path.display(), remedy = .error.remedy())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: FileError,
    },
    /// The database was used with a KEK that is not here. A new one would open nothing.
    #[error(
        "The database holds keys sealed under the encryption secret with the fingerprint {fingerprint}, and {path} does not exist. Restore that file from its backup, or set API_KEY_ENCRYPTION_SECRET_FILE. Nothing was changed.",
        path = .path.display()
    )]
    Lost {
        /// Where the secret should be.
        path: PathBuf,
        /// Which one is needed.
        fingerprint: String,
    },
    /// The system has no random numbers.
    #[error("No random numbers are to be had from the system")]
    NoRandomness,
}

impl Config {
    /// The secrets to run with: the explicit ones, else those of the data directory, else new ones.
    ///
    /// A KEK is made, by `new_kek`, only while the database holds no KEK `fingerprint`; anything else
    /// would orphan what is stored. [`Config::read`] has seen to it that an installation for others
    /// comes with explicit secrets.
    pub fn secrets(
        &self,
        fingerprint: Option<&str>,
        new_kek: impl FnOnce() -> Option<SecretString>,
    ) -> Result<Secrets, SecretsError> {
        if let (Some(encryption), Some(jwt)) = (&self.encryption_secret, &self.jwt_secret) {
            return Ok(Secrets { encryption: encryption.clone(), jwt: jwt.clone(), notice: None });
        }
        let dir = self.data_dir.join("secrets");
        let store =
            SecretStore::open(&dir).map_err(|error| SecretsError::File { path: dir.clone(), error })?;
        let (encryption, made) = match &self.encryption_secret {
            Some(given) => (given.clone(), false),
            None => store.read_or_make("kek", || {
                if let Some(fingerprint) = fingerprint {
                    let fingerprint = fingerprint.to_owned();
                    return Err(SecretsError::Lost { path: dir.join("kek"), fingerprint });
                }
                new_kek().ok_or(SecretsError::NoRandomness)
            })?,
        };
        let jwt = match &self.jwt_secret {
            Some(given) => given.clone(),
            // A lost JWT key ends tokens that live for minutes; a new one does no harm.
            None => store.read_or_make("jwt", random_secret)?.0,
        };
        let notice = made.then(|| {
            format!(
                "New secrets were made in {}. Back this up apart from the database: without it no stored key can be opened again.",
                dir.display()
            )
        });
        Ok(Secrets { encryption, jwt, notice })
    }
}

/// The directory of generated secrets, locked against another process that starts at the same time.
struct SecretStore<'a> {
    dir: &'a Path,
    _lock: File,
}

impl<'a> SecretStore<'a> {
    fn open(dir: &'a Path) -> Result<Self, FileError> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        let lock = private_file().open(dir.join(".lock"))?;
        lock.lock()?;
        Ok(Self { dir, _lock: lock })
    }

    /// The secret called `name`, and whether `make` has just made it.
    fn read_or_make(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<SecretString, SecretsError>,
    ) -> Result<(SecretString, bool), SecretsError> {
        let path = self.dir.join(name);
        match read_secret_file(&path) {
            Ok(secret) => Ok((secret, false)),
            Err(FileError::Io(io::ErrorKind::NotFound)) => {
                let secret = make()?;
                self.write(name, &secret)
                    .map_err(|error| SecretsError::File { path, error: error.into() })?;
                Ok((secret, true))
            }
            Err(error) => Err(SecretsError::File { path, error }),
        }
    }

    /// Writes so that after a power cut either the whole file is there or none.
    fn write(&self, name: &str, secret: &SecretString) -> io::Result<()> {
        let temporary = self.dir.join(format!(".{name}.new"));
        let mut file = private_file().open(&temporary)?;
        // EXPOSE: the file is the secret's place.
        file.write_all(secret.expose_secret().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&temporary, self.dir.join(name))?;
        File::open(self.dir)?.sync_all()
    }
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
}

/// 32 random bytes as text.
fn random_secret() -> Result<SecretString, SecretsError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).map_err(|_| SecretsError::NoRandomness)?;
    Ok(SecretString::from(BASE64_URL_SAFE_NO_PAD.encode(bytes.as_slice())))
}
