//! Calling Operations. Placing a call, ending one that Twilio has, and asking for the account spend the key, so they ask
//! whether the service is open; the history works without a key.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::context::*;
use super::wire::Rpc;
use crate::model::{
    calling::{AccountView, CallList, CallView, Group, RecordingLink},
    error::AppError,
    ids::CallId,
    time::Timestamp,
};
#[cfg(feature = "ssr")]
use crate::{
    model::{
        calling::{CallFilter, CallInput},
        error::ErrorCode,
        service::ServiceId,
    },
    services::Once,
};

/// What there is to call with; nothing while the service is closed, which is no error.
#[server(name = AskCallingAccount, prefix = "/api/rpc", endpoint = "calling_account", protocol = Rpc)]
pub async fn calling_account() -> Result<Option<AccountView>, AppError> {
    let who = principal().await?;
    let app = use_cases()?;
    match app.keys.require(who.user, ServiceId::Calling).await {
        Ok(grant) => app.calling.account(&grant).await.map(Some),
        Err(error) if error.code == ErrorCode::MissingApiKeys => Ok(None),
        Err(error) => Err(error),
    }
}

/// Places a call and leads to its page.
#[server(prefix = "/api/rpc", endpoint = "place_call", protocol = Rpc)]
pub async fn place_call(
    to: String,
    #[server(default)] country: String,
    from: String,
    message: String,
    #[server(default)] language: String,
    #[server(default)] record: Option<String>,
    #[server(default)] once: String,
) -> Result<CallId, AppError> {
    let placed = async {
        let who = principal().await?;
        let app = use_cases()?;
        let grant = app.keys.require(who.user, ServiceId::Calling).await?;
        // A box that is not ticked is not sent.
        let record = record.is_some();
        let input = CallInput { to, country, from, message, language, record };
        app.calling.place(&grant, &input, &Once::form(once)).await
    };
    let call = placed.await?;
    go_on(None, &call.path());
    Ok(call.id)
}

/// How a call stands.
#[server(name = ReadCall, prefix = "/api/rpc", endpoint = "call", protocol = Rpc)]
pub async fn call(id: CallId) -> Result<CallView, AppError> {
    let who = principal().await?;
    use_cases()?.calling.get(who.user, id).await
}

/// The history, the latest call first, those before `cursor` if given.
#[server(name = ListCalls, prefix = "/api/rpc", endpoint = "calls", protocol = Rpc)]
pub async fn calls(
    #[server(default)] cursor: Option<CallId>,
    #[server(default)] number: String,
    #[server(default)] group: Option<Group>,
    #[server(default)] since: Option<Timestamp>,
    #[server(default)] until: Option<Timestamp>,
) -> Result<CallList, AppError> {
    let who = principal().await?;
    use_cases()?.calling.list(who.user, &CallFilter { number, group, since, until }, cursor).await
}

/// Ends a call.
#[server(prefix = "/api/rpc", endpoint = "hang_up_call", protocol = Rpc)]
pub async fn hang_up_call(id: CallId) -> Result<CallView, AppError> {
    let who = principal().await?;
    use_cases()?.calling.hang_up(who.user, id).await
}

/// The recordings of a call, each with an address under which it can be heard for a few minutes.
#[server(prefix = "/api/rpc", endpoint = "call_recordings", protocol = Rpc)]
pub async fn call_recordings(id: CallId) -> Result<Vec<RecordingLink>, AppError> {
    let who = principal().await?;
    let app = use_cases()?;
    let grant = app.keys.require(who.user, ServiceId::Calling).await?;
    app.calling.recordings(&grant, id).await
}

/// Deletes a call from the history and leads back to it.
#[server(prefix = "/api/rpc", endpoint = "delete_call", protocol = Rpc)]
pub async fn delete_call(id: CallId) -> Result<(), AppError> {
    let who = principal().await?;
    use_cases()?.calling.delete(who.user, id).await?;
    go_on(None, crate::model::service::ServiceId::Calling.path());
    Ok(())
}
