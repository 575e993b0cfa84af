//! Who asks, and whether the service they ask is open.

use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;

use crate::{
    account::{ClientAddr, RequestUser, credentials::Presented},
    api::context::UseCases,
    keys::{Caller, Grant},
    model::{
        error::{AppError, ErrorCode},
        service::ServiceId,
        token::Scope,
    },
    server::problem::Problem,
    store::{Principal, Standing},
};

/// Whoever proves to be somebody, by whatever means; visitors get 401.
async fn principal<S>(parts: &Parts, state: &S) -> Result<Principal, AppError>
where
    UseCases: FromRef<S>,
{
    let who = UseCases::from_ref(state).authenticate(&parts.headers).await?;
    let who = who.ok_or_else(|| AppError::new(ErrorCode::Unauthenticated))?;
    note(parts, &who);
    Ok(who)
}

/// What a route lets pass: each is an extractor of its own, so that no handler can forget to ask.
macro_rules! passes {
    ($($(#[$doc:meta])* $name:ident: $test:expr;)*) => {$(
        $(#[$doc])*
        pub(in crate::server) struct $name(pub(in crate::server) Principal);

        impl<S> FromRequestParts<S> for $name
        where
            S: Send + Sync,
            UseCases: FromRef<S>,
        {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
                let who = principal(parts, state).await?;
                let test: fn(&Principal) -> Result<(), AppError> = $test;
                test(&who)?;
                Ok(Self(who))
            }
        }
    )*};
}

passes! {
    /// Sessions, and tokens that may read.
    Who: |who| who.may(Scope::Read);
    /// Sessions, and tokens that may use services.
    ServicesUser: |who| who.may(Scope::ServicesUse);
    /// Sessions only: the account itself is no business of tokens.
    Person: |who| who.session().map(drop);
}

/// Sessions, and tokens that may read, without that counting as a use of the session: a page that is left open
/// must not keep its session alive. Carries the proof, to be looked at again later.
pub(in crate::server) struct Onlooker {
    pub(in crate::server) who: Principal,
    pub(in crate::server) presented: Presented,
}

impl<S> FromRequestParts<S> for Onlooker
where
    S: Send + Sync,
    UseCases: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let app = UseCases::from_ref(state);
        let presented = app.presented(&parts.headers)?;
        let who = app.accounts.identify(&presented).await?;
        let who = who.ok_or_else(|| AppError::new(ErrorCode::Unauthenticated))?;
        note(parts, &who);
        who.may(Scope::Read)?;
        Ok(Self { who, presented })
    }
}

/// Sessions, and tokens that may write keys.
impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    UseCases: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let who = principal(parts, state).await?;
        who.may(Scope::KeysWrite)?;
        let address =
            parts.extensions.get::<ClientAddr>().ok_or_else(|| AppError::new(ErrorCode::Internal))?;
        Ok(Self { user: who.user, address: address.0 })
    }
}

/// Whoever proves to be somebody, with how their credentials stand, if they may do what `scope` says.
async fn standing<S>(parts: &Parts, state: &S, scope: Scope) -> Result<Standing, AppError>
where
    UseCases: FromRef<S>,
{
    let standing = UseCases::from_ref(state).authenticate_with_credentials(&parts.headers).await?;
    let standing = standing.ok_or_else(|| AppError::new(ErrorCode::Unauthenticated))?;
    note(parts, &standing.principal);
    standing.principal.may(scope)?;
    Ok(standing)
}

/// Sessions, and tokens that may read, with how their user's credentials stand.
pub(in crate::server) struct WithCredentials(pub(in crate::server) Standing);

impl<S> FromRequestParts<S> for WithCredentials
where
    S: Send + Sync,
    UseCases: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self(standing(parts, state, Scope::Read).await?))
    }
}

/// Names the user in the request's log line.
fn note(parts: &Parts, who: &Principal) {
    if let Some(log) = parts.extensions.get::<RequestUser>() {
        log.note(who.user);
    }
}

/// A service whose routes spend keys.
pub(in crate::server) trait Protected {
    /// The service.
    const SERVICE: ServiceId;
}

/// The permission to spend the caller's keys on the service `S`, for sessions and tokens that may use
/// services; a closed service answers 403 and says how to open it.
pub(in crate::server) struct Granted<S>(pub(in crate::server) Grant, PhantomData<S>);

impl<T: Protected, S> FromRequestParts<S> for Granted<T>
where
    S: Send + Sync,
    UseCases: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let who = standing(parts, state, Scope::ServicesUse).await?;
        let keys = UseCases::from_ref(state).keys;
        let grant = keys.require_with(who.principal.user, T::SERVICE, &who.credentials).await?;
        Ok(Self(grant, PhantomData))
    }
}
