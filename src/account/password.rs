//! Passwords: Argon2id behind a semaphore, because every hash takes 19 MiB and a core.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::model::{
    error::{AppError, ErrorCode, FieldError},
    input,
};

/// Memory in KiB, passes and lanes: OWASP ASVS 5.0, appendix C.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A hash of no password, with today's parameters: an unknown account costs as much as a known one.
const DUMMY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$a2V5d2FyZC1kdW1teS1zYWx0$/yLVvhWQlXZHtR6FbU1xhiTYO6IwOK1u+2CKOQfZVwY";

/// How long a request waits for its turn before it is turned away.
const PATIENCE: Duration = Duration::from_secs(5);

/// The result of a verification.
pub struct Verified {
    /// The password is right.
    pub matches: bool,
    /// The same password's hash with today's parameters, if the stored one has older ones.
    pub renewed: Option<String>,
}

/// Hashes and verifies passwords, as many at once as the machine has cores.
pub struct Passwords {
    turns: Arc<Semaphore>,
}

/// Checks a password that somebody chooses.
pub(super) fn check_new(password: &SecretString) -> Result<(), FieldError> {
    // EXPOSE: its length and commonness are checked.
    input::new_password(password.expose_secret())
}

fn hasher() -> Result<Argon2<'static>, AppError> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| AppError::new(ErrorCode::Internal))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_now(password: &SecretString) -> Result<String, AppError> {
    // EXPOSE: to hash it.
    let hash = hasher()?.hash_password(password.expose_secret().as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|_| AppError::new(ErrorCode::Internal))
}

fn has_todays_parameters(hash: &PasswordHash) -> bool {
    Params::try_from(hash).is_ok_and(|p| (p.m_cost(), p.t_cost(), p.p_cost()) == (MEMORY_KIB, PASSES, LANES))
}

impl Passwords {
    /// With one turn per core.
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { turns: Arc::new(Semaphore::new(cores)) }
    }

    /// The PHC string of a new password.
    pub async fn hash(&self, password: SecretString) -> Result<String, AppError> {
        self.take_turn(move || hash_now(&password)).await
    }

    /// Whether `password` is the one of `hash`; without a hash it takes as long and is wrong.
    pub async fn verify(&self, password: SecretString, hash: Option<&str>) -> Result<Verified, AppError> {
        let known = hash.is_some();
        let text = hash.unwrap_or(DUMMY).to_owned();
        self.take_turn(move || {
            let parsed = PasswordHash::new(&text).map_err(|_| AppError::new(ErrorCode::Internal))?;
            // EXPOSE: to compare it.
            let right = hasher()?.verify_password(password.expose_secret().as_bytes(), &parsed).is_ok();
            let matches = known && right;
            let renewed =
                (matches && !has_todays_parameters(&parsed)).then(|| hash_now(&password)).transpose()?;
            Ok(Verified { matches, renewed })
        })
        .await
    }

    async fn take_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, AppError> {
        let busy = || AppError { retry_after: Some(5), ..AppError::new(ErrorCode::Busy) };
        let turn = tokio::time::timeout(PATIENCE, self.turns.clone().acquire_owned()).await;
        let turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        })
        .await
        .map_err(|_| AppError::new(ErrorCode::Internal))?
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_verifies_against_its_own_hash_only() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.verify("correct horse".into(), Some(&hash)).await.unwrap().matches);
        assert!(!passwords.verify("correct horsf".into(), Some(&hash)).await.unwrap().matches);
        assert!(!passwords.verify("correct horse".into(), None).await.unwrap().matches);
    }

    #[tokio::test]
    async fn more_hashes_than_turns_are_turned_away_and_not_kept_for_ever() {
        let passwords = Passwords { turns: Arc::new(Semaphore::new(1)) };
        let first = passwords.turns.clone().acquire_owned().await.unwrap();
        let started = tokio::time::Instant::now();
        let (second, third) =
            tokio::join!(passwords.hash("correct horse".into()), passwords.verify("x".into(), None));
        for error in [second.unwrap_err(), third.map(|_| ()).unwrap_err()] {
            assert_eq!((error.code, error.retry_after), (ErrorCode::Busy, Some(5)));
        }
        assert!(started.elapsed() >= PATIENCE);
        drop(first);
        passwords.hash("correct horse".into()).await.unwrap();
        assert_eq!(passwords.turns.available_permits(), 1, "a turn is given back");
    }

    #[tokio::test]
    async fn the_hash_of_nobody_costs_what_todays_hashes_cost() {
        assert!(has_todays_parameters(&PasswordHash::new(DUMMY).unwrap()));
    }
}
