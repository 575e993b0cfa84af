//! Reading requests without ever quoting them.

use std::str::FromStr;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::QueryRejection};
use bytes::Bytes;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::{
    model::{
        error::{AppError, ErrorCode},
        ids::InvalidId,
    },
    server::problem::Problem,
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

/// A query string; what cannot be read is a bad request.
pub(in crate::server) type Given<T> = Result<Query<T>, QueryRejection>;

/// Reads a query string.
pub(in crate::server) fn read<T>(query: Given<T>) -> Result<T, AppError> {
    query.map(|Query(query)| query).map_err(|_| AppError::new(ErrorCode::BadRequest))
}
