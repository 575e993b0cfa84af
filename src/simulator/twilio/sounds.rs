//! Recordings over REST: <https://www.twilio.com/docs/voice/api/recording>. The sound takes the same credential as the
//! rest, as with Twilio's setting "Enforce HTTP Auth on Media URLs"; only WAV is there.

use axum::{
    Json,
    extract::Path,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Caller, enter,
    facts::filtered,
    not_found,
    paging::{dated, list},
    recordings::Recording,
};
use crate::simulator::{Answered, Asked, Simulator, credential::Params, origin};

const READ: &str = "voice/recordings/read";
const DELETE: &str = "voice/recordings/delete";

/// Recordings of an account, or of one of its calls.
#[derive(Deserialize)]
pub struct Shelf {
    sid: String,
    call: Option<String>,
}

/// One of them.
#[derive(Deserialize)]
pub struct Spot {
    sid: String,
    call: Option<String>,
    file: String,
}

/// The recordings of the account, newest first, as resources.
fn all(simulator: &Simulator, caller: &Caller, headers: &HeaderMap) -> Vec<Value> {
    let base = format!("{}/twilio", origin(headers));
    let state = simulator.lock();
    let own = state.telephony.recordings.iter().rev().filter(|recording| recording.owner == caller.place);
    own.map(|recording| recording.resource(&caller.facts, &base)).collect()
}

pub async fn index(asked: Asked, Path(Shelf { sid, call }): Path<Shelf>) -> Answered {
    let caller = enter(&asked, &sid, READ).await?;
    let Asked { simulator, headers, uri } = asked;
    let params = Params::of(&uri);
    let mut found = filtered(all(&simulator, &caller, &headers), &params, &[("CallSid", "call_sid")]);
    found = dated(found, &params, "DateCreated", "date_created");
    let path = match call {
        None => "/Recordings.json".to_owned(),
        Some(call) => {
            let known =
                simulator.lock().telephony.call(&call).is_some_and(|known| known.owner == caller.place);
            if !known {
                return Err(not_found(uri.path()));
            }
            found.retain(|recording| recording["call_sid"] == *call);
            format!("/Calls/{call}/Recordings.json")
        }
    };
    Ok(list("recordings", found, &params, &caller.facts.path(&path)))
}

/// The recording `sid` of the account, and of `call` where one is named.
fn find(simulator: &Simulator, caller: &Caller, sid: &str, call: Option<&str>) -> Option<Recording> {
    let state = simulator.lock();
    let fits = |known: &&Recording| {
        known.owner == caller.place && known.sid == sid && call.is_none_or(|call| known.call == call)
    };
    state.telephony.recordings.iter().find(fits).cloned()
}

pub async fn fetch(asked: Asked, Path(Spot { sid, call, file }): Path<Spot>) -> Answered {
    let caller = enter(&asked, &sid, READ).await?;
    let nothing = || not_found(asked.uri.path());
    let (name, kind) = file.split_once('.').unwrap_or((&file, "wav"));
    let recording = find(&asked.simulator, &caller, name, call.as_deref()).ok_or_else(nothing)?;
    match kind {
        "json" => {
            let base = format!("{}/twilio", origin(&asked.headers));
            Ok(Json(recording.resource(&caller.facts, &base)).into_response())
        }
        "wav" if recording.status == "completed" => {
            Ok(([(header::CONTENT_TYPE, "audio/x-wav")], recording.wav()).into_response())
        }
        _ => Err(nothing()),
    }
}

pub async fn delete(asked: Asked, Path(Spot { sid, call, file }): Path<Spot>) -> Answered {
    let caller = enter(&asked, &sid, DELETE).await?;
    let name = file.strip_suffix(".json").unwrap_or_default();
    let found = find(&asked.simulator, &caller, name, call.as_deref());
    let recording = found.ok_or_else(|| not_found(asked.uri.path()))?;
    asked.simulator.lock().telephony.recordings.retain(|known| known.sid != recording.sid);
    Ok(StatusCode::NO_CONTENT.into_response())
}
