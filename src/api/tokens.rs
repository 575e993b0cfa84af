//! Personal API tokens.

use std::collections::HashMap;

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::context::*;
use super::wire::Rpc;
use crate::model::{error::AppError, ids::TokenId, token::IssuedToken};
#[cfg(feature = "ssr")]
use crate::model::{
    error::{ErrorCode, FieldError},
    token::{Scope, TokenRequest},
};

/// Makes a token. Refused to a plain form post: the answer to one is a redirect, which has no place for the
/// token, and it would be lost. `scopes` holds the codes of those that were ticked.
#[server(prefix = "/api/rpc", endpoint = "issue_token", protocol = Rpc)]
pub async fn issue_token(
    name: String,
    #[server(default)] scopes: HashMap<String, String>,
    #[server(default)] days: Option<u32>,
) -> Result<IssuedToken, AppError> {
    let issued = async {
        let who = principal().await?;
        if posted_plainly()? {
            return Err(AppError::new(ErrorCode::BadRequest));
        }
        let scopes = scopes.keys().map(|code| code.parse::<Scope>()).collect::<Result<_, _>>();
        let scopes = scopes.map_err(|_| AppError::field("scopes", FieldError::Unknown))?;
        let request = TokenRequest { name, scopes, expires_in_days: days };
        use_cases()?.accounts.issue_token(&who, request).await
    };
    issued.await
}

/// Revokes a token.
#[server(prefix = "/api/rpc", endpoint = "revoke_token", protocol = Rpc)]
pub async fn revoke_token(id: TokenId) -> Result<(), AppError> {
    let who = principal().await?;
    use_cases()?.accounts.revoke_token(&who, id).await
}
