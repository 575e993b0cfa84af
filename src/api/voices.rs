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

/// A part of the account's voices.
#[server(name = ListVoices, prefix = "/api/rpc", endpoint = "voices", protocol = Rpc)]
pub async fn voices(
    #[server(default)] search: String,
    #[server(default)] kind: VoiceKind,
    #[server(default)] cursor: Option<String>,
) -> Result<VoicePage, AppError> {
    let (app, grant) = granted().await?;
    app.voices.list(&grant, &VoiceQuery { search, kind, cursor }).await
}

/// The models and the plan.
#[server(name = ReadStudio, prefix = "/api/rpc", endpoint = "voice_studio", protocol = Rpc)]
pub async fn voice_studio() -> Result<StudioView, AppError> {
    let (app, grant) = granted().await?;
    app.voices.studio(&grant).await
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
