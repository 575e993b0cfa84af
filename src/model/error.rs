//! The one error that crosses the wire: a code, and names of fields. Never a submitted value, never a
//! provider's text, never an internal cause.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    access::AccessDecision,
    calling,
    ids::ProviderId,
    notice::CHANNELS_MAX,
    scraper::{OPEN_MAX, SAVED_MAX},
    status::{KeyStatus, Reason},
    token::{Scope, TOKENS_MAX},
};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $code:literal $status:literal $title:literal;)*) => {
        /// What went wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ErrorCode {$(
            $(#[$doc])*
            #[serde(rename = $code)]
            $name,
        )*}

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code on the wire; also the last part of the problem's `type`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),* }
            }

            /// The problem in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

codes! {
    /// The request could not be read.
    BadRequest "bad-request" 400 "The request could not be read";
    /// More than one credential on a request.
    AmbiguousCredentials "ambiguous-credentials" 400 "More than one credential was sent";
    /// Not signed in.
    Unauthenticated "unauthenticated" 401 "Sign in first";
    /// E-mail address or password is wrong.
    WrongLogin "wrong-login" 401 "E-mail address or password is wrong";
    /// Not allowed.
    Forbidden "forbidden" 403 "This is not allowed";
    /// A personal API token that may not do this.
    InsufficientScope "insufficient-scope" 403 "This token may not do that";
    /// Sent from another site.
    CrossSite "cross-site" 403 "The request came from another site";
    /// Registration is closed.
    RegistrationClosed "registration-closed" 403 "Registration is closed";
    /// The service lacks keys.
    MissingApiKeys "missing-api-keys" 403 "This service needs API keys";
    /// No such thing, or not the caller's.
    NotFound "not-found" 404 "There is nothing here";
    /// The address exists, the method does not.
    MethodNotAllowed "method-not-allowed" 405 "This method is not allowed here";
    /// The e-mail address is taken.
    EmailTaken "email-taken" 409 "This e-mail address already has an account";
    /// A key is stored already.
    KeyExists "key-exists" 409 "A key is stored already";
    /// Changed by somebody else meanwhile.
    Conflict "conflict" 409 "It was changed meanwhile";
    /// As many searches as one user may have at the same time are running or waiting.
    TooManySearches "too-many-searches" 409 "Too many searches are waiting";
    /// As many calls as one user may have at the same time are waiting or under way.
    TooManyCalls "too-many-calls" 409 "Too many calls are waiting";
    /// As many tokens as one user may have are alive.
    TooManyTokens "too-many-tokens" 409 "There are too many tokens";
    /// As many searches as one user may keep under a name are kept.
    TooManySaved "too-many-saved" 409 "There are too many saved searches";
    /// As many places as one user may have are told of notices.
    TooManyChannels "too-many-channels" 409 "There are too many places";
    /// The body is too large.
    TooLarge "too-large" 413 "The request is too large";
    /// The body has the wrong type.
    UnsupportedMediaType "unsupported-media-type" 415 "The body has the wrong content type";
    /// The host is not this installation's.
    MisdirectedHost "misdirected-host" 421 "This installation answers to another address";
    /// Fields are wrong.
    InvalidInput "invalid-input" 422 "Some fields need another look";
    /// An `Idempotency-Key` that named something else before.
    IdempotencyKeyReused "idempotency-key-reused" 422 "The Idempotency-Key has named another order";
    /// The provider did not do what it was asked.
    ProviderRefused "provider-refused" 422 "The provider did not do it";
    /// The provider did not accept the key.
    InvalidApiKey "invalid-api-key" 422 "The provider did not accept this key";
    /// Too many requests.
    RateLimited "rate-limited" 429 "Too many attempts";
    /// The day's share of the installation's own key is used up.
    PlatformLimit "platform-limit" 429 "The installation's key is used up for today";
    /// Something broke here.
    Internal "internal" 500 "Something went wrong on our side";
    /// The provider could not be asked.
    ProviderUnreachable "provider-unreachable" 503 "The provider could not be reached";
    /// The installation is too busy.
    Busy "busy" 503 "The installation is busy";
    /// The server was not reached, or its answer was cut off. Only the browser makes this one.
    Transport "transport" 503 "No connection to Keyward";
}

// By hand: the derive does not see a name that a macro passes on to serde.
#[cfg(feature = "ssr")]
impl utoipa::PartialSchema for ErrorCode {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .enum_values(Some(Self::ALL.iter().map(|code| code.code())))
            .description(Some("What went wrong."))
            .into()
    }
}

#[cfg(feature = "ssr")]
impl utoipa::ToSchema for ErrorCode {}

/// What is wrong with one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FieldError {
    /// Nothing was given.
    Required,
    /// Too few characters.
    TooShort,
    /// Too many characters.
    TooLong,
    /// Not of the expected form.
    Malformed,
    /// Outside the allowed range.
    OutOfRange,
    /// The form has no such field.
    Unknown,
    /// Control characters or line breaks.
    ControlCharacters,
    /// It is not the current value.
    Wrong,
    /// The value is too common to be safe.
    TooCommon,
    /// A key that manages an organisation, which no service can use.
    AdminKey,
    /// A token of a subscription for people, which is not for programs.
    SubscriptionToken,
    /// Not the address of a server to which keys may be sent.
    NotAnEndpoint,
    /// Another thing of the user's has it.
    Taken,
    /// Coordinates, where only a name is understood.
    NotByCoordinates,
    /// No telephone number that can be called.
    NoPhoneNumber,
    /// A telephone number that does not say which country it is in.
    NoCountry,
    /// What Twilio has to fetch, where it cannot reach the installation.
    OutOfReach,
    /// No time zone.
    NoZone,
    /// Not an address to which messages may be sent.
    NotAReceiver,
    /// The installation sends no e-mail.
    NoMail,
    /// The mail server did not take the message.
    MailRefused,
    /// Hours that end when they begin.
    SameHour,
}

impl FieldError {
    /// One sentence for people, for the field called `label`.
    pub fn sentence(self, label: &str) -> String {
        match self {
            Self::Required => format!("{label} is missing."),
            Self::TooShort => format!("{label} is too short."),
            Self::TooLong => format!("{label} is too long."),
            Self::Malformed => format!("{label} does not have the right form."),
            Self::OutOfRange => format!("{label} is outside the allowed range."),
            Self::Unknown => format!("{label} is not a field of this form."),
            Self::ControlCharacters => format!("{label} contains line breaks or control characters."),
            Self::Wrong => format!("{label} is not right."),
            Self::TooCommon => format!("{label} is among the most common ones. Choose another."),
            Self::AdminKey => {
                "This is an admin key. It manages the organisation and can do nothing that the services need; make an ordinary key.".to_owned()
            }
            Self::NotAnEndpoint => format!(
                "{label} must be an https address of a server of yours at this provider, such as https://name.example.com, and end with the host's name."
            ),
            Self::Taken => format!("{label} is taken already. Choose another."),
            Self::NotByCoordinates => format!(
                "{label} must be the name of a place, or empty: the web is not searched around coordinates."
            ),
            Self::NoPhoneNumber => format!(
                "{label} is not a telephone number that can be called. Write it with its country code, such as +49 30 901820."
            ),
            Self::NoCountry => format!(
                "{label} does not say which country it is in. Begin with + and the country code, or choose the country."
            ),
            Self::OutOfReach => format!(
                "{label} has to be fetched by Twilio, which does not reach this installation. The operator sets PUBLIC_URL to its public address."
            ),
            Self::NoZone => format!("{label} is not the name of a time zone, such as Europe/Berlin."),
            Self::NotAReceiver => format!(
                "{label} must be an https address on the public internet, as the service shows it."
            ),
            Self::MailRefused => "The mail server did not take the message. Try again later, or tell the operator.".to_owned(),
            Self::SameHour => format!("{label} must be another hour than the one in which they begin."),
            Self::NoMail => "This installation sends no e-mail. Its operator can set up a mail server for it.".to_owned(),
            Self::SubscriptionToken => {
                "This is the token of a subscription, which is for people only. Make an API key.".to_owned()
            }
        }
    }
}

/// The error of server functions and REST alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppError {
    /// What went wrong.
    pub code: ErrorCode,
    /// What is wrong with which field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, FieldError>,
    /// The provider it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderId>,
    /// What the provider said of a candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_status: Option<KeyStatus>,
    /// Why the provider said so, or why it could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What a token would have to be allowed; none where tokens are never enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// The decision that blocked a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Box<AccessDecision>>,
    /// Seconds until the next attempt is worth it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The id under which the log holds the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

impl AppError {
    /// An error of this code, without details.
    pub fn new(code: ErrorCode) -> Self {
        Self {
            code,
            errors: BTreeMap::new(),
            provider: None,
            key_status: None,
            reason: None,
            scope: None,
            decision: None,
            retry_after: None,
            reference: None,
        }
    }

    /// [`ErrorCode::InvalidInput`] for one field.
    pub fn field(name: impl Into<String>, error: FieldError) -> Self {
        Self { errors: BTreeMap::from([(name.into(), error)]), ..Self::new(ErrorCode::InvalidInput) }
    }

    /// [`ErrorCode::InvalidInput`] for these fields, or `Ok` when there are none.
    pub fn fields(errors: BTreeMap<String, FieldError>) -> Result<(), Self> {
        if errors.is_empty() { Ok(()) } else { Err(Self { errors, ..Self::new(ErrorCode::InvalidInput) }) }
    }

    /// The provider's verdict on a credential that was refused, or could not be checked.
    pub fn refused(code: ErrorCode, provider: ProviderId, status: Option<KeyStatus>, reason: Reason) -> Self {
        Self { provider: Some(provider), key_status: status, reason: Some(reason), ..Self::new(code) }
    }

    /// A blocked service.
    pub fn blocked(decision: AccessDecision) -> Self {
        Self { decision: Some(Box::new(decision)), ..Self::new(ErrorCode::MissingApiKeys) }
    }

    /// A personal API token that would need this scope, or that is no way to do this at all.
    pub fn insufficient_scope(scope: Option<Scope>) -> Self {
        Self { scope, ..Self::new(ErrorCode::InsufficientScope) }
    }

    /// Too many attempts; try again after `seconds`.
    pub fn rate_limited(seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..Self::new(ErrorCode::RateLimited) }
    }

    /// The provider wants to be left alone for `wait`.
    pub fn asked_to_wait(provider: ProviderId, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self { provider: Some(provider), reason: Some(Reason::RateLimited), ..Self::rate_limited(seconds) }
    }

    /// The same wait, for a limit on the installation's own keys.
    pub fn as_platform_limit(self) -> Self {
        Self {
            code: if self.code == ErrorCode::RateLimited { ErrorCode::PlatformLimit } else { self.code },
            ..self
        }
    }

    /// What happened and what to do, in a sentence or two. `provider` names the provider, if one is concerned.
    pub fn detail(&self, provider: Option<&str>) -> String {
        let provider = provider.unwrap_or("The provider");
        match self.code {
            ErrorCode::InvalidApiKey => {
                let reason = self.reason.unwrap_or(Reason::Rejected).sentence(provider);
                format!("{reason} The key was not stored.")
            }
            ErrorCode::ProviderRefused => {
                let reason = self.reason.unwrap_or(Reason::UnexpectedAnswer);
                let unknown = matches!(reason, Reason::TimedOut | Reason::Unreachable | Reason::UnexpectedAnswer);
                let rest = if unknown { " Whether it was done all the same is not known: look before you try again." } else { "" };
                format!("{}{rest}", reason.sentence(provider))
            }
            ErrorCode::ProviderUnreachable => {
                let reason = self.reason.unwrap_or(Reason::Unreachable).sentence(provider);
                format!("{reason} Nothing was changed; try again in a moment.")
            }
            ErrorCode::KeyExists => {
                format!("A key for {provider} is stored already. Replace it instead; the old one stays until the new one is accepted.")
            }
            ErrorCode::RateLimited => {
                let what = match self.reason {
                    Some(reason) => reason.sentence(provider),
                    None => "Too many attempts.".to_owned(),
                };
                format!("{what} Try again {}.", in_time(self.retry_after))
            }
            ErrorCode::PlatformLimit => Reason::PlatformLimit.sentence(provider),
            ErrorCode::TooManySearches => {
                format!("{OPEN_MAX} searches are waiting already. Wait until some have ended, or stop some.")
            }
            ErrorCode::TooManyCalls => format!(
                "{} calls are waiting or under way already. Wait until some have ended.",
                calling::OPEN_MAX
            ),
            ErrorCode::IdempotencyKeyReused => {
                "This Idempotency-Key was used for an order with other content. Send each order with a key of its own.".to_owned()
            }
            ErrorCode::InsufficientScope => match self.scope {
                Some(scope) => format!("The token would need the scope {scope}. Make one that has it."),
                None => "Tokens cannot do this. Sign in and do it on the account page.".to_owned(),
            },
            ErrorCode::TooManySaved => {
                format!("You have {SAVED_MAX} saved searches already. Delete one that you do not need any more.")
            }
            ErrorCode::TooManyChannels => {
                format!("You have {CHANNELS_MAX} places already. Remove one that is not needed any more.")
            }
            ErrorCode::TooManyTokens => {
                format!("You have {TOKENS_MAX} tokens already. Revoke one that is not used any more.")
            }
            ErrorCode::WrongLogin => {
                "E-mail address or password is wrong. Check both, or create an account.".to_owned()
            }
            ErrorCode::Unauthenticated => "Sign in, then try again.".to_owned(),
            ErrorCode::RegistrationClosed => {
                "This installation takes new accounts by invitation only. Ask whoever runs it.".to_owned()
            }
            ErrorCode::CrossSite => {
                "The request seems to come from another site, so it was not carried out. Open Keyward at its own address and try again.".to_owned()
            }
            ErrorCode::MisdirectedHost => {
                "This installation answers to another address. Its operator sets it with PUBLIC_URL.".to_owned()
            }
            ErrorCode::Internal => match &self.reference {
                Some(reference) => format!("Something went wrong on our side. The log has it as {reference}."),
                None => "Something went wrong on our side.".to_owned(),
            },
            ErrorCode::Busy => "The installation is busy. Try again in a moment.".to_owned(),
            ErrorCode::Transport => {
                "No answer from Keyward. Check your network. What you typed is still here; look whether it arrived before you send it again.".to_owned()
            }
            ErrorCode::MissingApiKeys => "Set up the keys it needs, then try again.".to_owned(),
            ErrorCode::AmbiguousCredentials => {
                "Send either the session cookie or an Authorization header, not both.".to_owned()
            }
            other => format!("{}.", other.title()),
        }
    }
}

fn in_time(seconds: Option<u64>) -> String {
    match seconds {
        Some(seconds) if seconds > 90 => format!("in {} minutes", seconds.div_ceil(60)),
        Some(seconds) => format!("in {seconds} seconds"),
        None => "later".to_owned(),
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.title())
    }
}

impl std::error::Error for AppError {}
