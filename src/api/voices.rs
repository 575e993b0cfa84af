//! Voice Cloning. All but the list of clones spends the key, so it asks whether the service is open. Sound and samples
//! travel by REST: they are no JSON.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::context::*;
use super::wire::Rpc;
use crate::model::{
    error::AppError,
    ids::{CloneId, VoiceId},
    voices::{CloneList, StudioView, VoiceKind, VoicePage},
};
#[cfg(feature = "ssr")]
use crate::{
    keys::Grant,
    model::{
        error::ErrorCode,
        service::ServiceId,
        voices::{VoiceInput, VoiceQuery},
    },
};

#[cfg(feature = "ssr")]
async fn granted() -> Result<(UseCases, Grant), AppError> {
    let who = principal().await?;
    let app = use_cases()?;
    let grant = app.keys.require(who.user, ServiceId::VoiceCloning).await?;
    Ok((app, grant))
}

/// The same, or nothing while the service is closed: a page that is closed has nothing to read, which is no error.
#[cfg(feature = "ssr")]
async fn granted_if_open() -> Result<Option<(UseCases, Grant)>, AppError> {
    match granted().await {
        Err(error) if error.code == ErrorCode::MissingApiKeys => Ok(None),
        answer => answer.map(Some),
    }
}

/// A part of the account's voices; nothing while the service is closed.
#[server(name = ListVoices, prefix = "/api/rpc", endpoint = "voices", protocol = Rpc)]
pub async fn voices(
    #[server(default)] search: String,
    #[server(default)] kind: VoiceKind,
    #[server(default)] cursor: Option<String>,
) -> Result<Option<VoicePage>, AppError> {
    let Some((app, grant)) = granted_if_open().await? else { return Ok(None) };
    app.voices.list(&grant, &VoiceQuery { search, kind, cursor }).await.map(Some)
}

/// The models and the plan; nothing while the service is closed.
#[server(name = ReadStudio, prefix = "/api/rpc", endpoint = "voice_studio", protocol = Rpc)]
pub async fn voice_studio() -> Result<Option<StudioView>, AppError> {
    let Some((app, grant)) = granted_if_open().await? else { return Ok(None) };
    app.voices.studio(&grant).await.map(Some)
}

/// Calls a voice something else, and leads back to the list.
#[server(prefix = "/api/rpc", endpoint = "rename_voice", protocol = Rpc)]
pub async fn rename_voice(
    id: VoiceId,
    name: String,
    #[server(default)] description: String,
) -> Result<(), AppError> {
    let (app, grant) = granted().await?;
    app.voices.rename(&grant, &id, &VoiceInput { name, description }).await?;
    go_on(None, ServiceId::VoiceCloning.path());
    Ok(())
}

/// Deletes a voice, and leads back to the list.
#[server(prefix = "/api/rpc", endpoint = "delete_voice", protocol = Rpc)]
pub async fn delete_voice(id: VoiceId) -> Result<(), AppError> {
    let (app, grant) = granted().await?;
    app.voices.delete(&grant, &id).await?;
    go_on(None, ServiceId::VoiceCloning.path());
    Ok(())
}

/// What was cloned, the latest first, those before `cursor` if given.
#[server(name = ListClones, prefix = "/api/rpc", endpoint = "voice_clones", protocol = Rpc)]
pub async fn voice_clones(#[server(default)] cursor: Option<CloneId>) -> Result<CloneList, AppError> {
    let who = principal().await?;
    use_cases()?.voices.clones(who.user, cursor).await
}
