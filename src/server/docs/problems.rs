//! How each operation can fail, with an example of every code.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::{PartialSchema, ToSchema};

use crate::{
    model::{
        access::{Policy, decide},
        error::{AppError, ErrorCode, FieldError},
        ids::ProviderId,
        provider::provider_name,
        service::ServiceId,
        status::{KeyStatus, Reason},
        token::Scope,
    },
    server::problem::{Document, Problem},
};

/// Adds the types that only errors have.
pub(super) fn add_schemas(document: &mut Value) {
    let mut schemas = vec![(Document::name().into_owned(), Document::schema())];
    Document::schemas(&mut schemas);
    for (name, schema) in schemas {
        let known = &mut document["components"]["schemas"][name];
        if known.is_null() {
            *known = json!(schema);
        }
    }
    document["components"]["schemas"]["Problem"]["examples"] = json!([example(ErrorCode::InvalidApiKey)]);
}

/// Adds an answer for each status that one of the codes has.
pub(super) fn add_responses(operation: &mut Value, codes: Vec<ErrorCode>) {
    let mut by_status: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for code in codes {
        let same = by_status.entry(code.status()).or_default();
        if !same.contains(&code) {
            same.push(code);
        }
    }
    for (status, codes) in by_status {
        let words: Vec<_> =
            codes.iter().map(|code| format!("`{}`: {}.", code.code(), code.title())).collect();
        let names: Vec<_> = codes.iter().map(|code| code.code()).collect();
        let examples: serde_json::Map<_, _> = codes
            .iter()
            .map(|code| (code.code().to_owned(), json!({"summary": code.title(), "value": example(*code)})))
            .collect();
        let response = &mut operation["responses"][status.to_string()];
        let said = response["description"].as_str().map(|said| format!("{said} ")).unwrap_or_default();
        response["description"] = json!(said + &words.join(" "));
        response["content"]["application/problem+json"] = json!({
            "schema": {
                "$ref": "#/components/schemas/Problem",
                "properties": {"code": {"enum": names}, "status": {"const": status}},
            },
            "examples": examples,
        });
        if let Some((name, description)) = header(status) {
            response["headers"][name] = json!({"description": description, "schema": {"type": "string"}});
        }
    }
}

/// The header that belongs to a status.
fn header(status: u16) -> Option<(&'static str, &'static str)> {
    match status {
        401 => Some(("WWW-Authenticate", "How to prove who asks.")),
        429 => Some(("Retry-After", "Seconds until the next attempt is worth it.")),
        _ => None,
    }
}

/// The document of a problem with this code, filled in as it can be.
pub(super) fn example(code: ErrorCode) -> Value {
    let error = AppError::new(code);
    let serpapi = Some(ProviderId::SERPAPI);
    let error = match code {
        ErrorCode::InvalidInput => AppError::field("provider", FieldError::Required),
        ErrorCode::InvalidApiKey => {
            AppError::refused(code, ProviderId::SERPAPI, Some(KeyStatus::Invalid), Reason::Rejected)
        }
        ErrorCode::ProviderUnreachable => {
            AppError::refused(code, ProviderId::SERPAPI, None, Reason::Unreachable)
        }
        ErrorCode::ProviderRefused => {
            AppError::refused(code, ProviderId::ELEVENLABS, None, Reason::QuotaUsedUp)
        }
        ErrorCode::KeyExists | ErrorCode::Conflict => AppError { provider: serpapi, ..error },
        ErrorCode::MissingApiKeys => {
            AppError::blocked(decide(ServiceId::DataScraper, &[], Policy { unverified_counts: false }))
        }
        ErrorCode::InsufficientScope => AppError::insufficient_scope(Some(Scope::KeysWrite)),
        ErrorCode::RateLimited => AppError::rate_limited(90),
        ErrorCode::Internal => AppError { reference: Some("5f0c6f1d9a3e".to_owned()), ..error },
        _ => error,
    };
    Problem(error).value(&|provider| Some(provider_name(provider)))
}

/// When a problem appears, and what helps.
pub(super) fn remedy(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::BadRequest => {
            "The body is no JSON, has an unknown field or a value of the wrong kind; or the query string has."
        }
        ErrorCode::AmbiguousCredentials => {
            "Send either the session cookie or an Authorization header, and each once."
        }
        ErrorCode::Unauthenticated => "Nothing proves who asks, or what does has expired. Log in again.",
        ErrorCode::WrongLogin => "No account has this address and password.",
        ErrorCode::Forbidden => "Whoever asks may not do this.",
        ErrorCode::InsufficientScope => {
            "`scope` is what the personal API token would need. Without it, tokens are no way to do this: it takes a session."
        }
        ErrorCode::TooManySaved => "Delete a saved search that is not needed any more.",
        ErrorCode::TooManyTokens => "Revoke a token that is not used any more.",
        ErrorCode::PlatformLimit => {
            "The installation's own key may be used only so often a day. Store a key of your own, or wait until midnight (UTC)."
        }
        ErrorCode::CrossSite => {
            "A browser sent the session cookie from a page of another site. Programs send a token instead of the cookie."
        }
        ErrorCode::RegistrationClosed => "The installation takes new accounts by invitation, or not at all.",
        ErrorCode::MissingApiKeys => {
            "The service is closed. `blocked_providers` says why for each provider, `setup_url` is the page that helps."
        }
        ErrorCode::NotFound => "It does not exist, or it is not yours.",
        ErrorCode::MethodNotAllowed => "The header `Allow` names the methods of this address.",
        ErrorCode::EmailTaken => "Log in instead.",
        ErrorCode::KeyExists => "Replace the stored key instead.",
        ErrorCode::Conflict => {
            "Somebody changed the same thing at the same time. Read it again, then decide."
        }
        ErrorCode::TooManySearches => "Wait until some of them have ended, or stop some.",
        ErrorCode::TooManyCalls => "Wait until some of them have ended, or hang up.",
        ErrorCode::IdempotencyKeyReused => {
            "An order with this `Idempotency-Key` was taken on within the last day, with other content. Nothing was ordered now."
        }
        ErrorCode::TooLarge => {
            "A body may have 64 KiB; a form with samples of a voice 25 MiB, and each of them 10 MiB."
        }
        ErrorCode::UnsupportedMediaType => {
            "Send `Content-Type: application/json`, once; for a form with files `multipart/form-data`."
        }
        ErrorCode::MisdirectedHost => {
            "On loopback, Keyward answers to its own address only. The operator sets PUBLIC_URL."
        }
        ErrorCode::InvalidInput => "`errors` names each wrong field, with a code and a sentence.",
        ErrorCode::InvalidApiKey => {
            "The provider rejected the key; `key_status` and `reason` say how. Nothing was stored."
        }
        ErrorCode::ProviderRefused => {
            "The provider did not do what was asked; `reason` says why. A `key_status` says that it is because of the key."
        }
        ErrorCode::RateLimited => "Wait as many seconds as `retry_after` and the header Retry-After say.",
        ErrorCode::Internal => {
            "Tell whoever runs the installation the `reference`: the log has the cause under it."
        }
        ErrorCode::ProviderUnreachable => {
            "The provider could not be asked, so nothing was changed. `retry_after` says when it is worth another try, where that is known."
        }
        ErrorCode::Busy => "The database or the password check is busy. Try again in a moment.",
        ErrorCode::Transport => "Only Keyward's own pages say this: the server was not reached.",
    }
}
