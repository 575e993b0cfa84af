//! Recordings over REST: <https://www.twilio.com/docs/voice/api/recording>. The sound takes the same credential as the
//! rest, as with Twilio's setting "Enforce HTTP Auth on Media URLs"; only WAV is there.

use axum::{
    Json,
    extract::{Path, State as Shared},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{
    Caller, enter,
    facts::filtered,
    not_found,
    paging::{dated, list},
    recordings::Recording,
};
use crate::simulator::{Simulator, credential::Params, origin};

const READ: &str = "voice/recordings/read";
const DELETE: &str = "voice/recordings/delete";

/// The recordings of the account, newest first, as resources.
fn all(simulator: &Simulator, caller: &Caller, headers: &HeaderMap) -> Vec<Value> {
    let base = format!("{}/twilio", origin(headers));
    let state = simulator.lock();
    let own = state.telephony.recordings.iter().rev().filter(|recording| recording.owner == caller.place);
    own.map(|recording| recording.resource(&caller.facts, &base)).collect()
}

pub async fn index(
    Shared(simulator): Shared<Simulator>,
    Path(sid): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    shown(&simulator, &sid, None, &headers, &uri).await
}

pub async fn of_call(
    Shared(simulator): Shared<Simulator>,
    Path((sid, call)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    shown(&simulator, &sid, Some(&call), &headers, &uri).await
}

async fn shown(
    simulator: &Simulator,
    sid: &str,
    call: Option<&str>,
    headers: &HeaderMap,
    uri: &Uri,
) -> Response {
    let caller = match enter(simulator, headers, uri, sid, READ).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let params = Params::of(uri);
    let mut found = filtered(all(simulator, &caller, headers), &params, &[("CallSid", "call_sid")]);
    found = dated(found, &params, "DateCreated", "date_created");
    let path = match call {
        None => "/Recordings.json".to_owned(),
        Some(call) => {
            let known =
                simulator.lock().telephony.call(call).is_some_and(|known| known.owner == caller.place);
            if !known {
                return not_found(uri.path());
            }
            found.retain(|recording| recording["call_sid"] == call);
            format!("/Calls/{call}/Recordings.json")
        }
    };
    list("recordings", found, &params, &caller.facts.path(&path))
}

/// The recording `sid` of the account, and of `call` where one is named.
fn find(simulator: &Simulator, caller: &Caller, sid: &str, call: Option<&str>) -> Option<Recording> {
    let state = simulator.lock();
    let fits = |known: &&Recording| {
        known.owner == caller.place && known.sid == sid && call.is_none_or(|call| known.call == call)
    };
    state.telephony.recordings.iter().find(fits).cloned()
}

pub async fn fetch(
    Shared(simulator): Shared<Simulator>,
    Path((sid, file)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    read(&simulator, &sid, None, &file, &headers, &uri).await
}

pub async fn fetch_of_call(
    Shared(simulator): Shared<Simulator>,
    Path((sid, call, file)): Path<(String, String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    read(&simulator, &sid, Some(&call), &file, &headers, &uri).await
}

async fn read(
    simulator: &Simulator,
    sid: &str,
    call: Option<&str>,
    file: &str,
    headers: &HeaderMap,
    uri: &Uri,
) -> Response {
    let caller = match enter(simulator, headers, uri, sid, READ).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let (name, kind) = file.split_once('.').unwrap_or((file, "wav"));
    let Some(recording) = find(simulator, &caller, name, call) else { return not_found(uri.path()) };
    match kind {
        "json" => {
            let base = format!("{}/twilio", origin(headers));
            Json(recording.resource(&caller.facts, &base)).into_response()
        }
        "wav" if recording.status == "completed" => {
            ([(header::CONTENT_TYPE, "audio/x-wav")], recording.wav()).into_response()
        }
        _ => not_found(uri.path()),
    }
}

pub async fn delete(
    Shared(simulator): Shared<Simulator>,
    Path((sid, file)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    remove(&simulator, &sid, None, &file, &headers, &uri).await
}

pub async fn delete_of_call(
    Shared(simulator): Shared<Simulator>,
    Path((sid, call, file)): Path<(String, String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    remove(&simulator, &sid, Some(&call), &file, &headers, &uri).await
}

async fn remove(
    simulator: &Simulator,
    sid: &str,
    call: Option<&str>,
    file: &str,
    headers: &HeaderMap,
    uri: &Uri,
) -> Response {
    let caller = match enter(simulator, headers, uri, sid, DELETE).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let name = file.strip_suffix(".json").unwrap_or_default();
    match find(simulator, &caller, name, call) {
        None => not_found(uri.path()),
        Some(recording) => {
            simulator.lock().telephony.recordings.retain(|known| known.sid != recording.sid);
            StatusCode::NO_CONTENT.into_response()
        }
    }
}
