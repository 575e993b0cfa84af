//! Voice Cloning. Only what was cloned is told without a key.

use axum::{
    Json,
    body::Body as Answer,
    extract::{Multipart, State},
    response::{IntoResponse, Response},
};
use http::{HeaderName, StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    Body, Given, Granted, List, PathId, Protected, Who, read,
    samples::{self, Turn, VoiceForm},
};
use crate::{
    api::context::UseCases,
    model::{
        error::{AppError, FieldError},
        ids::{CloneId, VoiceId},
        service::ServiceId,
        voices::{
            CloneView, ClonedVoice, SpeechInput, StudioView, VoiceInput, VoiceKind, VoiceQuery, VoiceView,
        },
    },
    server::{middleware::SOUND_POLICY, problem::Problem},
    services::voices::Sound,
};

/// Routes that spend the key of Voice Cloning.
pub(super) struct VoiceCloning;

impl Protected for VoiceCloning {
    const SERVICE: ServiceId = ServiceId::VoiceCloning;
}

/// What speech cost, in characters of the plan.
const COST: HeaderName = HeaderName::from_static("character-cost");

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct VoicesQuery {
    /// Words in name, description or labels.
    #[serde(default)]
    #[param(required = false, max_length = 100)]
    search: String,
    /// Which voices: all of them unless given.
    #[param(value_type = String, required = false, pattern = "^(all|own|ready_made)$", example = "own")]
    kind: Option<String>,
    /// The `next` of the part before.
    #[param(value_type = String, required = false, min_length = 1, max_length = 512, pattern = "^[!-~]+$")]
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ClonesQuery {
    /// The `next` of the part before.
    #[param(value_type = CloneId, required = false)]
    cursor: Option<String>,
}

/// List the voices of the account
///
/// Asks ElevenLabs anew each time, which costs nothing.
#[utoipa::path(
    get,
    path = "/api/services/voice-cloning/voices",
    operation_id = "list_voices",
    tag = "Voice Cloning",
    params(VoicesQuery),
    responses((status = 200, description = "At most 20 voices.", body = List<VoiceView>)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!([
        "bad-request", "invalid-input", "missing-api-keys", "provider-refused", "rate-limited", "platform-limit",
        "provider-unreachable"
    ])))
)]
pub(super) async fn list(
    State(app): State<UseCases>,
    granted: Granted<VoiceCloning>,
    query: Given<VoicesQuery>,
) -> Result<Json<List<VoiceView>>, Problem> {
    let VoicesQuery { search, kind, cursor } = read(query)?;
    let kind = kind.map(|kind| kind.parse::<VoiceKind>()).transpose();
    let kind = kind.map_err(|_| AppError::field("kind", FieldError::Malformed))?.unwrap_or_default();
    let page = app.voices.list(&granted.0, &VoiceQuery { search, kind, cursor }).await?;
    Ok(Json(List { items: page.items, next: page.next }))
}

/// Clone a voice from samples
///
/// The samples are sent to ElevenLabs and not kept. The consent is: word for word, with the time, before anything is
/// sent. Kinds of samples: MP3, WAV, M4A, FLAC, OGG, WebM.
#[utoipa::path(
    post,
    path = "/api/services/voice-cloning/voices",
    operation_id = "clone_voice",
    tag = "Voice Cloning",
    request_body(content = VoiceForm, content_type = "multipart/form-data"),
    responses((
        status = 201,
        description = "The voice is made.",
        body = ClonedVoice,
        links(
            ("speak" = (operation_id = "speak", parameters(("id" = "$response.body#/id")))),
            ("delete" = (operation_id = "delete_voice", parameters(("id" = "$response.body#/id")))),
        ),
    )),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!([
        "invalid-input", "missing-api-keys", "not-found", "provider-refused", "rate-limited", "platform-limit",
        "provider-unreachable"
    ])))
)]
pub(super) async fn clone_voice(
    State(app): State<UseCases>,
    granted: Granted<VoiceCloning>,
    form: Result<Multipart, axum::extract::multipart::MultipartRejection>,
) -> Result<Response, Problem> {
    let turn = Turn::of(granted.0.user())?;
    let (draft, files) = samples::read(form).await?;
    let voice = app.voices.clone_voice(&granted.0, &draft, files, turn).await?;
    Ok((StatusCode::CREATED, Json(voice)).into_response())
}

/// Rename a voice
#[utoipa::path(
    put,
    path = "/api/services/voice-cloning/voices/{id}",
    operation_id = "rename_voice",
    tag = "Voice Cloning",
    params(("id" = VoiceId, Path, description = "The voice.")),
    request_body(content = VoiceInput, example = json!({"name": "Reception", "description": "For the front desk."})),
    responses((status = 204, description = "The voice is called so.")),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!([
        "invalid-input", "missing-api-keys", "not-found", "provider-refused", "rate-limited", "platform-limit",
        "provider-unreachable"
    ])))
)]
pub(super) async fn rename(
    State(app): State<UseCases>,
    granted: Granted<VoiceCloning>,
    PathId(id): PathId<VoiceId>,
    Body(input): Body<VoiceInput>,
) -> Result<StatusCode, Problem> {
    app.voices.rename(&granted.0, &id, &input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete a voice
///
/// It is deleted at ElevenLabs, for good.
#[utoipa::path(
    delete,
    path = "/api/services/voice-cloning/voices/{id}",
    operation_id = "delete_voice",
    tag = "Voice Cloning",
    params(("id" = VoiceId, Path, description = "The voice.")),
    responses((status = 204, description = "The voice is deleted.")),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!([
        "missing-api-keys", "not-found", "provider-refused", "rate-limited", "platform-limit", "provider-unreachable"
    ])))
)]
pub(super) async fn delete(
    State(app): State<UseCases>,
    granted: Granted<VoiceCloning>,
    PathId(id): PathId<VoiceId>,
) -> Result<StatusCode, Problem> {
    app.voices.delete(&granted.0, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Listen to a voice
///
/// Its preview, which costs nothing. It is fetched anew each time.
#[utoipa::path(
    get,
    path = "/api/services/voice-cloning/voices/{id}/preview",
    operation_id = "preview_voice",
    tag = "Voice Cloning",
    params(("id" = VoiceId, Path, description = "The voice.")),
    responses((
        status = 200,
        description = "Sound.",
        content((String = "audio/mpeg"), (String = "audio/wav"), (String = "audio/ogg"), (String = "audio/mp4")),
    )),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!([
        "missing-api-keys", "not-found", "provider-refused", "rate-limited", "platform-limit", "provider-unreachable"
    ])))
)]
pub(super) async fn preview(
    State(app): State<UseCases>,
    granted: Granted<VoiceCloning>,
    PathId(id): PathId<VoiceId>,
) -> Result<Response, Problem> {
    Ok(sound(app.voices.preview(&granted.0, &id).await?))
}

/// Speak a text
///
/// The sound comes as ElevenLabs makes it, and is not kept. It costs characters of the plan: the header
/// `Character-Cost` tells how many.
#[utoipa::path(
    post,
    path = "/api/services/voice-cloning/voices/{id}/speech",
    operation_id = "speak",
    tag = "Voice Cloning",
    params(("id" = VoiceId, Path, description = "The voice.")),
    request_body(content = SpeechInput, example = json!({"text": "Good morning.", "model": "eleven_flash_v2_5", "stability": 50})),
    responses((
        status = 200,
        description = "Sound.",
        content((String = "audio/mpeg"), (String = "audio/pcm"), (String = "audio/basic")),
        headers(("Character-Cost" = i64, description = "What it cost, in characters of the plan.")),
    )),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!([
        "invalid-input", "missing-api-keys", "not-found", "provider-refused", "rate-limited", "platform-limit",
        "provider-unreachable"
    ])))
)]
pub(super) async fn speak(
    State(app): State<UseCases>,
    granted: Granted<VoiceCloning>,
    PathId(id): PathId<VoiceId>,
    Body(input): Body<SpeechInput>,
) -> Result<Response, Problem> {
    Ok(sound(app.voices.speak(&granted.0, &id, &input).await?))
}

/// Read models and plan
///
/// What speech costs with each model, and what is left of the plan. `null` is what the key may not read.
#[utoipa::path(
    get,
    path = "/api/services/voice-cloning/studio",
    operation_id = "read_studio",
    tag = "Voice Cloning",
    responses((status = 200, description = "The models and the plan.", body = StudioView)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!([
        "missing-api-keys", "provider-refused", "rate-limited", "platform-limit", "provider-unreachable"
    ])))
)]
pub(super) async fn studio(
    State(app): State<UseCases>,
    granted: Granted<VoiceCloning>,
) -> Result<Json<StudioView>, Problem> {
    Ok(Json(app.voices.studio(&granted.0).await?))
}

/// List what was cloned, the latest first
///
/// Who declared what, and when. It takes no key at ElevenLabs.
#[utoipa::path(
    get,
    path = "/api/services/voice-cloning/clones",
    operation_id = "list_clones",
    tag = "Voice Cloning",
    params(ClonesQuery),
    responses((status = 200, description = "At most 20 clones.", body = List<CloneView>)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["bad-request", "invalid-input"])))
)]
pub(super) async fn clones(
    State(app): State<UseCases>,
    Who(who): Who,
    query: Given<ClonesQuery>,
) -> Result<Json<List<CloneView>>, Problem> {
    let before = read(query)?.cursor.map(|cursor| cursor.parse::<CloneId>()).transpose();
    let before = before.map_err(|_| AppError::field("cursor", FieldError::Malformed))?;
    let clones = app.voices.clones(who.user, before).await?;
    Ok(Json(List { items: clones.items, next: clones.next.map(|id| id.to_string()) }))
}

/// Hands sound on as it comes.
fn sound(sound: Sound) -> Response {
    let Sound { name, media_type, stream } = sound;
    let policy = [(header::CONTENT_SECURITY_POLICY, SOUND_POLICY)];
    let headers: [(HeaderName, String); 3] = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        // The name has no character that would need quoting.
        (header::CONTENT_DISPOSITION, format!("inline; filename=\"{name}\"")),
        (COST, stream.units.to_string()),
    ];
    let pieces = futures::stream::unfold(stream, async |mut stream| Some((stream.next().await?, stream)));
    (policy, headers, Answer::from_stream(pieces)).into_response()
}
