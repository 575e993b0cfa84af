//! Errors as problem details (RFC 9457, `application/problem+json`).

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::model::{
    access::{AccessDecision, Block, Verdict},
    error::{AppError, ErrorCode, FieldError},
    ids::ProviderId,
    service::ServiceId,
    status::{KeyStatus, Reason},
    token::Scope,
};

/// Finds the name of a provider.
pub type ProviderNames = Arc<dyn Fn(&ProviderId) -> Option<String> + Send + Sync>;

/// An error on its way out. Handlers return it; [`super::middleware`] writes it once more with the
/// names of providers and the request's id, which a handler need not know.
///
/// The document of an error without field errors reads back as an [`AppError`], so the browser
/// understands refusals of the middleware in front of a server function, too.
#[derive(Debug, Clone)]
pub struct Problem(pub AppError);

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        Self(error)
    }
}

impl From<ErrorCode> for Problem {
    fn from(code: ErrorCode) -> Self {
        Self(AppError::new(code))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.document(&|_| None);
        response.extensions_mut().insert(self);
        response
    }
}

impl Problem {
    /// The answer as a problem document.
    pub fn document(&self, names: &dyn Fn(&ProviderId) -> Option<String>) -> Response {
        let mut response = Json(Document::of(&self.0, names)).into_response();
        let problem = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, problem);
        self.dress(response)
    }

    /// The problem document itself.
    pub fn value(&self, names: &dyn Fn(&ProviderId) -> Option<String>) -> serde_json::Value {
        serde_json::json!(Document::of(&self.0, names))
    }

    /// The answer as two paragraphs of plain text, for a person who opened an address by hand.
    pub fn text(&self, names: &dyn Fn(&ProviderId) -> Option<String>) -> Response {
        self.dress(format!("{}\n\n{}\n", self.0.code.title(), detail(&self.0, names)).into_response())
    }

    fn dress(&self, mut response: Response) -> Response {
        *response.status_mut() =
            StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let Some(seconds) = self.0.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if self.0.code == ErrorCode::Unauthenticated {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Problem details (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Document<'a> {
    /// The address of the paragraph about this code.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference")]
    kind: String,
    /// The problem in a few words, the same for every problem of this code.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened and what to do.
    detail: String,
    /// What went wrong, for programs.
    code: ErrorCode,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    errors: BTreeMap<&'a str, FieldProblem>,
    /// The provider it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a ProviderId>,
    /// What the provider said of a candidate.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_status: Option<KeyStatus>,
    /// Why the provider said so, or why it could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// Seconds until the next attempt is worth it.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// The scope that the token would need.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
    /// The id under which the log holds the cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    /// Of a closed service: the title once more.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    /// The closed service.
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<ServiceId>,
    /// The providers that the closed service needs and of which nothing is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_providers: Option<Vec<&'a ProviderId>>,
    /// All providers that keep the service closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked_providers: Option<Vec<BlockedProvider<'a>>>,
    /// The page where people set up what is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri-reference")]
    setup_url: Option<String>,
}

/// What is wrong with one field.
#[derive(Serialize, ToSchema)]
struct FieldProblem {
    /// For programs.
    code: FieldError,
    /// For people.
    message: String,
}

/// A provider that keeps a service closed.
#[derive(Serialize, ToSchema)]
struct BlockedProvider<'a> {
    /// The provider.
    id: &'a ProviderId,
    /// The status of its stored key.
    status: KeyStatus,
    /// Why it does not serve the service.
    reason: Block,
    /// The same for people.
    message: String,
}

impl<'a> Document<'a> {
    fn of(error: &'a AppError, names: &dyn Fn(&ProviderId) -> Option<String>) -> Self {
        let errors = error.errors.iter().map(|(field, &code)| {
            (field.as_str(), FieldProblem { code, message: code.sentence(&label(field)) })
        });
        let decision = error.decision.as_deref();
        let blocked_providers = decision.map(|decision| blocked_providers(decision, names));
        let missing_providers = blocked_providers.as_ref().map(|all| {
            all.iter().filter(|blocked| blocked.reason == Block::Missing).map(|blocked| blocked.id).collect()
        });
        Self {
            kind: format!("/problems/{}", error.code.code()),
            title: error.code.title(),
            status: error.code.status(),
            detail: detail(error, names),
            code: error.code,
            errors: errors.collect(),
            provider: error.provider.as_ref(),
            key_status: error.key_status,
            reason: error.reason,
            retry_after: error.retry_after,
            scope: error.scope,
            reference: error.reference.as_deref(),
            error: decision.map(|_| error.code.title()),
            service: decision.map(|decision| decision.service),
            missing_providers,
            blocked_providers,
            setup_url: decision.map(|decision| decision.service.setup_path()),
        }
    }
}

/// The providers that keep a service closed.
fn blocked_providers<'a>(
    decision: &'a AccessDecision,
    names: &dyn Fn(&ProviderId) -> Option<String>,
) -> Vec<BlockedProvider<'a>> {
    let blocking = decision.blocking().filter_map(|verdict| match verdict.verdict {
        Verdict::Blocked { block, .. } => Some(BlockedProvider {
            id: &verdict.provider,
            status: verdict.status,
            reason: block,
            message: verdict.sentence(&name_of(&verdict.provider, names)),
        }),
        Verdict::Ready { .. } => None,
    });
    blocking.collect()
}

fn name_of(provider: &ProviderId, names: &dyn Fn(&ProviderId) -> Option<String>) -> String {
    names(provider).unwrap_or_else(|| provider.to_string())
}

/// What happened and what to do; for a closed service first what is wrong with each provider.
fn detail(error: &AppError, names: &dyn Fn(&ProviderId) -> Option<String>) -> String {
    let name = error.provider.as_ref().map(|provider| name_of(provider, names));
    let detail = error.detail(name.as_deref());
    let Some(decision) = &error.decision else { return detail };
    let mut sentences: Vec<_> =
        decision.blocking().map(|verdict| verdict.sentence(&name_of(&verdict.provider, names))).collect();
    sentences.push(detail);
    sentences.join(" ")
}

/// A field's name as the beginning of a sentence: `api_key` becomes `Api key`.
fn label(field: &str) -> String {
    let mut letters = field.chars().map(|c| if c == '_' { ' ' } else { c });
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::access::{Policy, decide};

    fn names(provider: &ProviderId) -> Option<String> {
        (*provider == ProviderId::SERPAPI).then(|| "SerpAPI".to_owned())
    }

    async fn sent(response: Response) -> Value {
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn a_closed_service_says_what_is_missing_and_where_to_set_it_up() {
        let policy = Policy { unverified_counts: false };
        let error = AppError::blocked(decide(ServiceId::DataScraper, &[], policy));
        let response = Problem(error).document(&names);
        assert_eq!(response.status(), 403);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(
            sent(response).await,
            json!({
                "type": "/problems/missing-api-keys",
                "title": "This service needs API keys",
                "status": 403,
                "detail": "SerpAPI is not set up. Set up the keys it needs, then try again.",
                "code": "missing-api-keys",
                "error": "This service needs API keys",
                "service": "data-scraper",
                "missing_providers": ["serpapi"],
                "blocked_providers": [
                    {"id": "serpapi", "status": "missing", "reason": "missing", "message": "SerpAPI is not set up."}
                ],
                "setup_url": "/settings/api-keys?service=data-scraper&next=/services/data-scraper",
            })
        );
    }

    #[tokio::test]
    async fn a_refused_key_names_provider_status_and_reason() {
        let error = AppError::refused(
            ErrorCode::InvalidApiKey,
            ProviderId::SERPAPI,
            Some(KeyStatus::Invalid),
            Reason::Rejected,
        );
        let document = sent(Problem(error).document(&names)).await;
        assert_eq!(document["status"], 422);
        assert_eq!(document["provider"], "serpapi");
        assert_eq!(document["key_status"], "invalid");
        assert_eq!(document["reason"], "rejected");
        assert!(document["detail"].as_str().unwrap().starts_with("SerpAPI did not accept this key."));
    }

    #[tokio::test]
    async fn fields_have_a_code_and_a_sentence() {
        let error = AppError::field("api_key", FieldError::Required);
        let document = sent(Problem(error).document(&names)).await;
        assert_eq!(
            document["errors"],
            json!({"api_key": {"code": "required", "message": "Api key is missing."}})
        );
    }

    #[tokio::test]
    async fn limits_and_log_in_have_their_headers() {
        let limited = Problem(AppError::rate_limited(90)).into_response();
        assert_eq!(
            (limited.status().as_u16(), &limited.headers()[header::RETRY_AFTER]),
            (429, &"90".parse().unwrap())
        );
        let anonymous = Problem::from(ErrorCode::Unauthenticated).into_response();
        assert_eq!(anonymous.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }

    #[tokio::test]
    async fn every_error_without_fields_reads_back_as_itself() {
        for &code in ErrorCode::ALL {
            let error = AppError {
                provider: Some(ProviderId::TWILIO),
                key_status: Some(KeyStatus::Suspended),
                reason: Some(Reason::AccountSuspended),
                retry_after: Some(7),
                reference: Some("r".to_owned()),
                ..AppError::new(code)
            };
            let response = Problem(error.clone()).into_response();
            assert_eq!(response.status().as_u16(), code.status());
            assert_eq!(serde_json::from_value::<AppError>(sent(response).await).unwrap(), error);
        }
    }
}
