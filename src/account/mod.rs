//! Accounts: register, log in, sessions, passwords, tokens.

pub mod credentials;
mod jwt;
mod limits;
mod media;
mod origin;
mod password;
mod system;
mod token;
mod tokens;

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;

pub use jwt::JwtKey;
pub use limits::{Limit, Limiter, network};
pub use media::{LISTEN, Media, MediaKey};
pub use origin::{ClientAddr, Origin, RequestUser};
pub use password::Passwords;
pub use system::SystemTokens;
pub use token::{ApiToken, SessionToken, code, hash_text, random};

use crate::{
    account::credentials::Presented,
    clock::Clock,
    config::Registration,
    model::{
        error::{AppError, ErrorCode, FieldError},
        ids::{SessionId, UserId},
        input,
        page::{AccountPage, SessionView},
        time::Timestamp,
    },
    store::{Means, NewSession, NewUser, Principal, Role, SecurityEvent, Standing, Store, StoreError},
    vault::AuditKey,
};

/// A session ends when it is not used for this long.
const IDLE: Duration = Duration::from_secs(12 * 3600);
/// A session ends after this long in any case.
const ABSOLUTE: Duration = Duration::from_secs(14 * 24 * 3600);
/// The use of a session is noted this often at the most, to spare the database.
const TOUCH: Duration = Duration::from_secs(5 * 60);
/// A page is put together in less than this.
const RENDERING: Duration = Duration::from_secs(10);
/// An invitation is good for this long.
const INVITATION: Duration = Duration::from_secs(7 * 24 * 3600);

/// A session that has just begun.
#[derive(Debug)]
pub struct Begun {
    /// Who.
    pub user: UserId,
    /// The address.
    pub email: String,
    /// The session.
    pub session: SessionId,
    /// The user's epoch.
    pub epoch: i64,
    /// The token, to be handed to the client once.
    pub token: SessionToken,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// Turns a failure of the store into the wire error, with the cause in the log under a reference.
pub fn internal(error: &StoreError) -> AppError {
    if error.is_transient() {
        tracing::warn!(%error, "the database is busy or away");
        return AppError::new(ErrorCode::Busy);
    }
    let reference = uuid::Uuid::new_v4().simple().to_string()[..12].to_owned();
    tracing::error!(%error, reference, "a request failed");
    AppError { reference: Some(reference), ..AppError::new(ErrorCode::Internal) }
}

/// The use cases of accounts.
pub struct Accounts {
    store: Store,
    passwords: Passwords,
    limiter: Limiter,
    registration: Registration,
    jwt: JwtKey,
    audit: Arc<AuditKey>,
    clock: Arc<dyn Clock>,
}

impl Accounts {
    /// The use cases over `store`.
    pub fn new(
        store: Store,
        limiter: Limiter,
        registration: Registration,
        jwt: JwtKey,
        audit: Arc<AuditKey>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, passwords: Passwords::new(), limiter, registration, jwt, audit, clock }
    }

    /// Whether registering takes a code.
    pub fn needs_code(&self) -> bool {
        self.registration != Registration::Open
    }

    /// Makes an account and begins its first session.
    pub async fn register(
        &self,
        email: &str,
        password: SecretString,
        code: Option<&str>,
        origin: &Origin,
    ) -> Result<Begun, AppError> {
        let mut errors = std::collections::BTreeMap::new();
        let email = input::email(email).unwrap_or_else(|error| {
            errors.insert("email".to_owned(), error);
            String::new()
        });
        if let Err(error) = password::check_new(&password) {
            errors.insert("password".to_owned(), error);
        }
        AppError::fields(errors)?;
        let code = code.map(str::trim).filter(|code| !code.is_empty());
        if !self.admits(code.is_some()).await? {
            return Err(AppError::new(ErrorCode::RegistrationClosed));
        }
        self.limiter.check(Limit::Register, &[&limits::network(origin.address)]).await?;

        let hash = self.passwords.hash(password).await?;
        let user = NewUser {
            id: UserId::generate(),
            email: &email,
            password_hash: &hash,
            invitation: code.map(token::hash_text),
        };
        match self.store.insert_user(&user, &self.audit, self.clock.now()).await {
            Ok(Some(_)) => self.begin(user.id, email, 0, origin).await,
            Ok(None) => Err(AppError::field("code", FieldError::Wrong)),
            Err(StoreError::Duplicate) => Err(AppError::new(ErrorCode::EmailTaken)),
            Err(error) => Err(internal(&error)),
        }
    }

    /// Whether somebody with or without a code may try to register. A closed installation still takes
    /// its very first account, with the operator's code.
    async fn admits(&self, with_code: bool) -> Result<bool, AppError> {
        match self.registration {
            Registration::Open => Ok(true),
            Registration::Invite => Ok(with_code),
            Registration::Closed => Ok(with_code && !self.store.has_users().await.map_err(|e| internal(&e))?),
        }
    }

    /// Begins a session for whoever knows the password. An unknown address takes as long as a wrong
    /// password and gets the same answer.
    pub async fn log_in(
        &self,
        email: &str,
        password: SecretString,
        origin: &Origin,
    ) -> Result<Begun, AppError> {
        let email = input::email(email).map_err(|error| AppError::field("email", error))?;
        self.limiter.check(Limit::LogIn, &["address", &limits::network(origin.address)]).await?;
        self.limiter.check(Limit::LogIn, &["account", &email]).await?;
        let user = self.store.user_by_email(&email).await.map_err(|e| internal(&e))?;
        let hash = user.as_ref().map(|user| user.password_hash.as_str());
        let verified = self.passwords.verify(password, hash).await?;
        match user {
            Some(user) if verified.matches && !user.disabled => {
                if let Some(renewed) = verified.renewed {
                    let stored = self.store.rehash_password(user.id, &user.password_hash, &renewed).await;
                    stored.map_err(|e| internal(&e))?;
                }
                self.begin(user.id, user.email, user.epoch, origin).await
            }
            Some(user) => {
                let entry = SecurityEvent::new(user.id, "account.log_in_failed", origin.address);
                self.store.audit(&entry, &self.audit, self.clock.now()).await.map_err(|e| internal(&e))?;
                Err(AppError::new(ErrorCode::WrongLogin))
            }
            None => Err(AppError::new(ErrorCode::WrongLogin)),
        }
    }

    async fn begin(
        &self,
        user: UserId,
        email: String,
        epoch: i64,
        origin: &Origin,
    ) -> Result<Begun, AppError> {
        let now = self.clock.now();
        let token = SessionToken::generate()?;
        let session = SessionId::generate();
        let expires_at = now.plus(ABSOLUTE);
        let user_agent: String = origin.user_agent.chars().filter(|c| !c.is_control()).take(200).collect();
        let row = NewSession {
            id: session,
            user,
            epoch,
            token_hash: token.hash(),
            user_agent: &user_agent,
            address: &origin.address.to_string(),
            expires_at,
        };
        self.store.insert_session(&row, &self.audit, now).await.map_err(|e| internal(&e))?;
        Ok(Begun { user, email, session, epoch, token, expires_at })
    }

    /// A short-lived token for API clients, bound to the session and the user's epoch.
    pub fn issue_jwt(&self, begun: &Begun) -> Result<SecretString, AppError> {
        self.jwt.issue(begun.user, begun.session, begun.epoch, self.clock.now())
    }

    /// Who is asking, if anybody proves to be somebody.
    pub async fn authenticate(&self, presented: &Presented) -> Result<Option<Principal>, AppError> {
        let principal = self.identify(presented).await?;
        if let Some(principal) = &principal {
            self.touch(principal, self.clock.now()).await?;
        }
        Ok(principal)
    }

    /// The same, without that counting as a use of the session.
    pub async fn identify(&self, presented: &Presented) -> Result<Option<Principal>, AppError> {
        let now = self.clock.now();
        let idle_since = now.minus(IDLE);
        let principal = match presented {
            Presented::Nothing => return Ok(None),
            Presented::Session(token) => self.store.principal_by_token(&token.hash(), now, idle_since).await,
            Presented::ApiToken(token) => self.store.principal_by_api_token(&token.hash(), now).await,
            Presented::Bearer(token) => match self.jwt.verify(token, now) {
                Some(claims) => {
                    self.store
                        .principal_by_session(claims.session, claims.user, claims.epoch, now, idle_since)
                        .await
                }
                None => return Ok(None),
            },
        };
        principal.map_err(|e| internal(&e))
    }

    /// Who is asking, and how their credentials stand. With a session cookie that is one statement.
    pub async fn authenticate_with_credentials(
        &self,
        presented: &Presented,
    ) -> Result<Option<Standing>, AppError> {
        let Presented::Session(token) = presented else {
            let Some(principal) = self.authenticate(presented).await? else { return Ok(None) };
            let credentials = self.store.credential_states(principal.user).await.map_err(|e| internal(&e))?;
            return Ok(Some(Standing { principal, credentials }));
        };
        let now = self.clock.now();
        let standing = self.store.standing_by_token(&token.hash(), now, now.minus(IDLE)).await;
        let standing = standing.map_err(|e| internal(&e))?;
        if let Some(standing) = &standing {
            self.touch(&standing.principal, now).await?;
        }
        Ok(standing)
    }

    /// Notes now and then that a session or token is in use.
    async fn touch(&self, principal: &Principal, now: Timestamp) -> Result<(), AppError> {
        if now.since(principal.last_seen_at) <= TOUCH {
            return Ok(());
        }
        let noted = match principal.means {
            Means::Session(session) => self.store.touch_session(principal.user, session, now).await,
            Means::Token { id, .. } => self.store.touch_token(principal.user, id, now).await,
        };
        noted.map_err(|e| internal(&e))
    }

    /// The number of the user's last event that a page which is being put together now shows for certain.
    pub async fn seen(&self, user: UserId) -> Result<i64, AppError> {
        let seen = self.store.last_event_before(user, self.clock.now().minus(RENDERING)).await;
        seen.map_err(|e| internal(&e))
    }

    /// Ends the session that is asking.
    pub async fn log_out(&self, who: &Principal) -> Result<(), AppError> {
        self.end_session(who, who.session()?).await
    }

    /// The caller's account, with the live sessions.
    pub async fn page(&self, who: &Principal) -> Result<AccountPage, AppError> {
        let (own, now) = (who.session()?, self.clock.now());
        let rows = self.store.sessions(who.user, now, now.minus(IDLE)).await.map_err(|e| internal(&e))?;
        let known = |text: String| (!text.is_empty()).then_some(text);
        let sessions = rows
            .into_iter()
            .map(|row| SessionView {
                id: row.id,
                current: row.id == own,
                created_at: row.created_at,
                last_seen_at: row.last_seen_at,
                user_agent: known(row.user_agent),
                address: known(row.address),
            })
            .collect();
        let tokens = self.tokens(who).await?;
        Ok(AccountPage { email: who.email.clone(), sessions, tokens })
    }

    /// The application's time, for the age of cookies.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Ends one of the caller's sessions.
    pub async fn end_session(&self, who: &Principal, session: SessionId) -> Result<(), AppError> {
        who.session()?;
        let ended = self.store.end_session(who.user, session, &self.audit, self.clock.now()).await;
        if ended.map_err(|e| internal(&e))? { Ok(()) } else { Err(AppError::new(ErrorCode::NotFound)) }
    }

    /// Ends all of the caller's sessions but the one that is asking.
    pub async fn end_other_sessions(&self, who: &Principal) -> Result<u64, AppError> {
        let own = who.session()?;
        let ended = self.store.end_other_sessions(who.user, own, &self.audit, self.clock.now()).await;
        ended.map_err(|e| internal(&e))
    }

    /// Changes the caller's password. Ends every session and token, and begins a new session for the
    /// caller.
    pub async fn change_password(
        &self,
        who: &Principal,
        current: SecretString,
        new: SecretString,
        origin: &Origin,
    ) -> Result<Begun, AppError> {
        who.session()?;
        password::check_new(&new).map_err(|error| AppError::field("new", error))?;
        self.limiter.check(Limit::LogIn, &["account", &who.email]).await?;
        let user = self.store.user(who.user).await.map_err(|e| internal(&e))?;
        let user = user.ok_or_else(|| AppError::new(ErrorCode::Unauthenticated))?;
        if !self.passwords.verify(current, Some(&user.password_hash)).await?.matches {
            return Err(AppError::field("current", FieldError::Wrong));
        }
        let hash = self.passwords.hash(new).await?;
        let changed = self
            .store
            .change_password(who.user, &user.password_hash, &hash, &self.audit, self.clock.now())
            .await
            .map_err(|e| internal(&e))?;
        let epoch = changed.ok_or_else(|| AppError::new(ErrorCode::Conflict))?;
        self.begin(who.user, user.email, epoch, origin).await
    }

    /// Checks the chain of a user's security events: the number of lines, or the first that is wrong.
    pub async fn verify_audit(&self, user: UserId) -> Result<Result<i64, i64>, AppError> {
        self.store.verify_audit(user, &self.audit).await.map_err(|e| internal(&e))
    }

    /// A new invitation's code, to be shown once.
    pub async fn invite(&self, role: Role) -> Result<String, AppError> {
        let code = token::invitation_code()?;
        let now = self.clock.now();
        self.store
            .insert_invitation(&token::hash_text(&code), role, now, now.plus(INVITATION))
            .await
            .map_err(|e| internal(&e))?;
        Ok(code)
    }

    /// Passes operators, by their sessions.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for everybody else, [`ErrorCode::InsufficientScope`] for tokens, of operators too.
    pub async fn operator(&self, who: &Principal) -> Result<(), AppError> {
        who.session()?;
        match self.is_operator(who.user).await? {
            true => Ok(()),
            false => Err(AppError::new(ErrorCode::Forbidden)),
        }
    }

    /// Whether a user runs the installation.
    pub async fn is_operator(&self, user: UserId) -> Result<bool, AppError> {
        let role = self.store.role(user).await.map_err(|e| internal(&e))?;
        Ok(role == Some(Role::Operator))
    }

    /// Makes the user with this address an operator, or an ordinary user again. Answers whether there is one.
    pub async fn give_role(&self, email: &str, role: Role) -> Result<bool, AppError> {
        let Ok(email) = input::email(email) else { return Ok(false) };
        self.store.give_role(&email, role, &self.audit, self.clock.now()).await.map_err(|e| internal(&e))
    }

    /// While nobody has an account: a new code that makes the first one the operator's. Codes printed
    /// by earlier starts are withdrawn.
    pub async fn first_operator_code(&self) -> Result<Option<String>, AppError> {
        if self.store.has_users().await.map_err(|e| internal(&e))? {
            return Ok(None);
        }
        self.store.delete_invitations(Role::Operator).await.map_err(|e| internal(&e))?;
        self.invite(Role::Operator).await.map(Some)
    }
}
