//! Reading requests without ever quoting them.

use std::str::FromStr;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::QueryRejection};
use bytes::Bytes;
use http::request::Parts;
use serde::de::DeserializeOwned;
use utoipa::{
    IntoParams,
    openapi::{
        Required,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
    },
};

use crate::{
    model::{
        error::{AppError, ErrorCode},
        ids::InvalidId,
    },
    server::problem::Problem,
    services::{NAME_MAX, Once},
};

/// A JSON body. What cannot be read is a bad request; serde's words, which quote values, stay behind.
pub(in crate::server) struct Body<T>(pub(in crate::server) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bad = || Problem(AppError::new(ErrorCode::BadRequest));
        let bytes = Bytes::from_request(request, state).await.map_err(|_| bad())?;
        serde_json::from_slice(&bytes).map(Self).map_err(|_| bad())
    }
}

/// The one parameter of a path; what is no id names nothing.
pub(in crate::server) struct PathId<T>(pub(in crate::server) T);

impl<S: Send + Sync, T: FromStr<Err = InvalidId>> FromRequestParts<S> for PathId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let missing = || Problem(AppError::new(ErrorCode::NotFound));
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| missing())?;
        text.parse().map(Self).map_err(|_| missing())
    }
}

/// The name by which an order that is sent again is recognised: the header `Idempotency-Key`, if there is one.
///
/// Source: <https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header>. Its quotes are part of the
/// name here, since most clients send none.
pub(in crate::server) struct IdempotencyKey(pub(in crate::server) Once);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut sent = parts.headers.get_all("idempotency-key").iter();
        match (sent.next(), sent.next()) {
            (None, _) => Ok(Self(Once::No)),
            (Some(name), None) => Ok(Self(Once::key(name.as_bytes())?)),
            (Some(_), Some(_)) => Err(ErrorCode::BadRequest.into()),
        }
    }
}

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let name = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(NAME_MAX))
            .pattern(Some("^[!-~]+$"));
        let parameter = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(
                "A name for this order, such as a UUID. The same order under the same name within a day is answered \
                 with what the first one became, as it stands now, and costs nothing.",
            ))
            .schema(Some(name));
        vec![parameter.build()]
    }
}

/// A query string; what cannot be read is a bad request.
pub(in crate::server) type Given<T> = Result<Query<T>, QueryRejection>;

/// Reads a query string.
pub(in crate::server) fn read<T>(query: Given<T>) -> Result<T, AppError> {
    query.map(|Query(query)| query).map_err(|_| AppError::new(ErrorCode::BadRequest))
}
