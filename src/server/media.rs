//! Sounds, handed on from a provider as they come. Not part of the description: the addresses are signed, and given out
//! by the routes that are.

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use futures::stream;
use http::header;

use super::{middleware::SOUND_POLICY, problem::Problem, state::AppState};
use crate::api::context::UseCases;

/// The addresses of sounds.
pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/media/recordings/{link}", get(recording)).route("/media/speech/{link}", get(speech))
}

async fn recording(State(app): State<UseCases>, Path(link): Path<String>) -> Result<Response, Problem> {
    let sound = app.calling.sound(&link).await?;
    let policy = [(header::CONTENT_SECURITY_POLICY, SOUND_POLICY)];
    let headers = [(header::CONTENT_TYPE, sound.media_type.clone())];
    let pieces = stream::unfold(sound, |mut sound| async move { Some((sound.next().await?, sound)) });
    Ok((policy, headers, Body::from_stream(pieces)).into_response())
}

/// For Twilio, when somebody answers.
async fn speech(State(app): State<UseCases>, Path(link): Path<String>) -> Result<Response, Problem> {
    let sound = app.calling.speech(&link).await?;
    let headers = [(header::CONTENT_SECURITY_POLICY, SOUND_POLICY)];
    Ok((headers, [(header::CONTENT_TYPE, "audio/mpeg")], sound).into_response())
}
