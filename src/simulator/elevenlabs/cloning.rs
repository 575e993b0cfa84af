//! Instant cloning, and changes of what was cloned.

use std::collections::HashSet;

use axum::{
    Json,
    extract::{Path, Request, State as Shared},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    admit, error, invalid, paid_plan_required,
    studio::{Sample, Studio, Voice},
    voice_not_found,
};
use crate::simulator::{
    Simulator,
    audio::Recording,
    state::now,
    upload::{File, Upload},
};

/// The largest sample, in bytes.
const LARGEST: usize = 10 << 20;
/// Samples of one voice.
const MOST: usize = 25;
/// Characters in a name.
const LONGEST_NAME: usize = 100;

/// Clones a voice from samples.
pub async fn add(Shared(simulator): Shared<Simulator>, request: Request) -> Response {
    let (headers, uri) = (request.headers().clone(), request.uri().clone());
    let place = match admit(&simulator, &headers, &uri, "create_instant_voice_clone").await {
        Ok(place) => place,
        Err(refusal) => return refusal,
    };
    let form = Upload::of(request).await.unwrap_or_default();
    let mut state = simulator.lock();
    let wish = match permitted(&state.accounts[place].studio).and_then(|()| Wish::of(&form)) {
        Ok(wish) if wish.files.is_empty() => return missing_files(&form),
        Ok(wish) => wish,
        Err(refusal) => return refusal,
    };
    let id = state.fresh()[..20].to_owned();
    let samples = wish.samples(&id);
    let studio = &mut state.accounts[place].studio;
    studio.edits += 1;
    studio.voices.push(Voice {
        id: id.clone(),
        name: wish.name,
        category: "cloned",
        description: wish.description,
        labels: wish.labels.unwrap_or_default(),
        samples,
        created: Some(now().seconds()),
    });
    Json(json!({ "voice_id": id, "requires_verification": false })).into_response()
}

/// Changes a voice of the account's own. Samples are added to those it has.
pub async fn edit(
    Shared(simulator): Shared<Simulator>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let (headers, uri) = (request.headers().clone(), request.uri().clone());
    let place = match admit(&simulator, &headers, &uri, "voices_write").await {
        Ok(place) => place,
        Err(refusal) => return refusal,
    };
    let form = Upload::of(request).await.unwrap_or_default();
    let wish = match Wish::of(&form) {
        Ok(wish) => wish,
        Err(refusal) => return refusal,
    };
    let mut state = simulator.lock();
    let studio = &mut state.accounts[place].studio;
    let Some(voice) = studio.own_mut(&id) else { return voice_not_found(&id) };
    let samples = wish.samples(&format!("{id}/{}", voice.samples.len()));
    voice.name = wish.name;
    voice.description = wish.description.or(voice.description.take());
    voice.labels = wish.labels.unwrap_or_else(|| std::mem::take(&mut voice.labels));
    voice.samples.extend(samples);
    studio.edits += 1;
    Json(json!({ "status": "ok" })).into_response()
}

/// Whether the plan includes cloning and has a slot left.
fn permitted(studio: &Studio) -> Result<(), Response> {
    if !studio.clones() {
        return Err(paid_plan_required(
            "Your subscription does not include instant voice cloning. Please upgrade your subscription.",
        ));
    }
    let (used, slots) = (studio.voices.len(), studio.slots);
    if used >= slots {
        let message = format!(
            "You have reached your maximum amount of custom voices ({used} / {slots}). You can upgrade your subscription to increase your custom voice limit."
        );
        return Err(error(StatusCode::BAD_REQUEST, "voice_limit_reached", &message));
    }
    Ok(())
}

/// A file that came as text is another mistake than none.
fn missing_files(form: &Upload) -> Response {
    if form.text("files").is_some() {
        invalid(["body", "files"], "value_error", "Expected UploadFile, received: <class 'str'>")
    } else {
        invalid(["body", "files"], "missing", "Field required")
    }
}

/// What a form asks for.
struct Wish<'f> {
    name: String,
    description: Option<String>,
    labels: Option<Map<String, Value>>,
    files: Vec<&'f File>,
}

impl<'f> Wish<'f> {
    fn of(form: &'f Upload) -> Result<Self, Response> {
        let Some(name) = form.text("name") else {
            return Err(invalid(["body", "name"], "missing", "Field required"));
        };
        if name.is_empty() || name.chars().count() > LONGEST_NAME {
            let message = "The voice name must have between 1 and 100 characters.";
            return Err(error(StatusCode::BAD_REQUEST, "invalid_voice_name", message));
        }
        let labels = match form.text("labels").map(serde_json::from_str::<Value>) {
            None | Some(Ok(Value::Null)) => None,
            Some(Ok(Value::Object(labels))) if labels.values().all(Value::is_string) => Some(labels),
            Some(_) => {
                let message = "Labels must be a JSON object of texts.";
                return Err(error(StatusCode::BAD_REQUEST, "invalid_labels", message));
            }
        };
        let files: Vec<&File> =
            form.files.iter().filter(|file| matches!(file.part.as_str(), "files" | "files[]")).collect();
        check(&files)?;
        Ok(Self {
            name: name.to_owned(),
            description: form.text("description").map(str::to_owned),
            labels,
            files,
        })
    }

    /// The samples, with ids made from `seed`.
    fn samples(&self, seed: &str) -> Vec<Sample> {
        let sample = |(place, file): (usize, &&File)| Sample {
            id: digest(format!("{seed}/{place}").as_bytes())[..20].to_owned(),
            name: file.name.clone(),
            kind: file.kind.clone().unwrap_or_else(|| "application/octet-stream".to_owned()),
            size: file.bytes.len(),
            hash: digest(&file.bytes)[..32].to_owned(),
        };
        self.files.iter().enumerate().map(sample).collect()
    }
}

fn check(files: &[&File]) -> Result<(), Response> {
    let refuse = |name: &str, message: &str| Err(error(StatusCode::BAD_REQUEST, name, message));
    if files.len() > MOST {
        return refuse("too_many_files", "A voice can have at most 25 samples.");
    }
    let mut seen = HashSet::new();
    for file in files {
        if file.bytes.len() > LARGEST {
            return refuse(
                "upload_file_size_exceeded",
                "A file is too large. Please upload files of up to 10MB.",
            );
        }
        if Recording::read(&file.bytes).is_none() {
            return refuse("invalid_content", "A file is not a valid audio file.");
        }
        if !seen.insert(digest(&file.bytes)) {
            return refuse("duplicate_files", "You cannot upload the same file twice.");
        }
    }
    Ok(())
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
