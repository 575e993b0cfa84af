//! Calls: made, listed, changed, deleted.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State as Shared},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::{
    Caller,
    create::{Plan, Refusal, source},
    enter, error,
    exchange::{Call, Order, Status},
    facts::{Facts, filtered},
    line, not_found,
    paging::{dated, list, rfc2822},
};
use crate::simulator::{Simulator, credential::Params, origin};

const LIST: &str = "voice/calls/list";
const READ: &str = "voice/calls/read";
const CREATE: &str = "voice/calls/create";
const UPDATE: &str = "voice/calls/update";
const DELETE: &str = "voice/calls/delete";

fn resource(call: &Call, facts: &Facts) -> Value {
    let path = facts.path(&format!("/Calls/{}", call.sid));
    let answered = call.status == Status::Completed;
    json!({
        "sid": call.sid,
        "account_sid": facts.sid,
        "parent_call_sid": null,
        "phone_number_sid": null,
        "api_version": "2010-04-01",
        "to": call.plan.to,
        "to_formatted": formatted(&call.plan.to),
        "from": call.plan.from,
        "from_formatted": formatted(&call.plan.from),
        "status": call.status.text(),
        "direction": "outbound-api",
        "answered_by": call.answered_by,
        "start_time": call.started.map(rfc2822),
        "end_time": call.ended.map(rfc2822),
        "duration": if answered { Some(call.seconds.to_string()) } else { call.ended.map(|_| "0".to_owned()) },
        "price": call.price,
        "price_unit": "USD",
        "queue_time": call.queued_ms.to_string(),
        "caller_name": null,
        "forwarded_from": null,
        "group_sid": null,
        "trunk_sid": "",
        "date_created": rfc2822(call.created),
        "date_updated": rfc2822(call.updated),
        "uri": format!("{path}.json"),
        "subresource_uris": {
            "notifications": format!("{path}/Notifications.json"),
            "recordings": format!("{path}/Recordings.json"),
        },
    })
}

/// A number as Americans write theirs; others stay as they are.
fn formatted(number: &str) -> String {
    match number.strip_prefix("+1") {
        Some(rest) if rest.len() == 10 && rest.is_ascii() => {
            format!("({}) {}-{}", &rest[..3], &rest[3..6], &rest[6..])
        }
        _ => number.to_owned(),
    }
}

/// Every call of the account, newest first.
fn all(simulator: &Simulator, caller: &Caller) -> Vec<Value> {
    let state = simulator.lock();
    let exchange = &state.telephony;
    let made = exchange.calls.iter().rev().filter(|call| call.owner == caller.place);
    let past = caller.facts.past_calls();
    made.map(|call| resource(call, &caller.facts))
        .chain(
            past.into_iter()
                .filter(|call| !call["sid"].as_str().is_some_and(|sid| exchange.deleted.contains(sid))),
        )
        .collect()
}

/// The call `sid` of the account.
fn find(simulator: &Simulator, caller: &Caller, sid: &str) -> Option<Value> {
    all(simulator, caller).into_iter().find(|call| call["sid"] == sid)
}

pub async fn index(
    Shared(simulator): Shared<Simulator>,
    Path(sid): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let caller = match enter(&simulator, &headers, &uri, &sid, LIST).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let params = Params::of(&uri);
    let filters =
        [("To", "to"), ("From", "from"), ("Status", "status"), ("ParentCallSid", "parent_call_sid")];
    let calls = filtered(all(&simulator, &caller), &params, &filters);
    let calls = dated(dated(calls, &params, "StartTime", "start_time"), &params, "EndTime", "end_time");
    list("calls", calls, &params, &caller.facts.path("/Calls.json"))
}

pub async fn create(
    Shared(simulator): Shared<Simulator>,
    Path(sid): Path<String>,
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
) -> Response {
    let caller = match enter(&simulator, &headers, &uri, &sid, CREATE).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let base = format!("{}/twilio", origin(&headers));
    let plan = match Plan::read(&Params::form(&body), &caller.facts, &base) {
        Ok(plan) => plan,
        Err(refusal) => return refusal.into(),
    };
    let call = line::begin(&simulator, caller.place, plan);
    match find(&simulator, &caller, &call) {
        Some(call) => (StatusCode::CREATED, Json(call)).into_response(),
        None => not_found(uri.path()),
    }
}

pub async fn fetch(
    Shared(simulator): Shared<Simulator>,
    Path((sid, file)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let caller = match enter(&simulator, &headers, &uri, &sid, READ).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    match file.strip_suffix(".json").and_then(|call| find(&simulator, &caller, call)) {
        Some(call) => Json(call).into_response(),
        None => not_found(uri.path()),
    }
}

/// What becomes of a call, and whoever carries it out.
enum Change {
    End,
    Redirect(super::callbacks::Source),
}

/// What `form` wants of a call that is at `status`; nothing where it wants nothing.
fn change(form: &Params, status: Status) -> Result<Option<Change>, Refusal> {
    let refuse = |code, message: &str| Err(Refusal(code, message.to_owned()));
    let source = source(form)?;
    match form.get("Status") {
        Some("canceled") if matches!(status, Status::Queued | Status::Ringing) => Ok(Some(Change::End)),
        Some("canceled") => refuse(21_220, "Call is not queued or ringing. Cannot cancel."),
        Some("completed") if !status.is_final() => Ok(Some(Change::End)),
        Some("completed") => refuse(21_220, "Call is not in-progress. Cannot hang up."),
        Some(_) => refuse(20_001, "Status must be canceled or completed"),
        None => match source {
            Some(_) if status != Status::InProgress => {
                refuse(21_220, "Call is not in-progress. Cannot redirect.")
            }
            other => Ok(other.map(Change::Redirect)),
        },
    }
}

pub async fn update(
    Shared(simulator): Shared<Simulator>,
    Path((sid, file)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
) -> Response {
    let caller = match enter(&simulator, &headers, &uri, &sid, UPDATE).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let Some(call) = file.strip_suffix(".json").and_then(|call| find(&simulator, &caller, call)) else {
        return not_found(uri.path());
    };
    let sid = call["sid"].as_str().unwrap_or_default();
    let running: Option<(Status, mpsc::UnboundedSender<Order>)> =
        simulator.lock().telephony.call(sid).map(|call| (call.status, call.orders.clone()));
    // A past call is over.
    let status = running.as_ref().map_or(Status::Completed, |(status, _)| *status);
    let change = match change(&Params::form(&body), status) {
        Ok(change) => change,
        Err(refusal) => return refusal.into(),
    };
    if let (Some(change), Some((_, orders))) = (change, running) {
        let (done, heard) = oneshot::channel();
        let order = match change {
            Change::End => Order::End(done),
            Change::Redirect(source) => Order::Redirect(source, done),
        };
        // Neither goes through when the call ends at this very moment, which the answer then shows.
        if orders.send(order).is_ok() {
            let _ = heard.await;
        }
    }
    match find(&simulator, &caller, sid) {
        Some(call) => Json(call).into_response(),
        None => not_found(uri.path()),
    }
}

pub async fn delete(
    Shared(simulator): Shared<Simulator>,
    Path((sid, file)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let caller = match enter(&simulator, &headers, &uri, &sid, DELETE).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let Some(call) = file.strip_suffix(".json").and_then(|call| find(&simulator, &caller, call)) else {
        return not_found(uri.path());
    };
    let sid = call["sid"].as_str().unwrap_or_default();
    let mut state = simulator.lock();
    let exchange = &mut state.telephony;
    if exchange.call(sid).is_some_and(|call| !call.status.is_final()) {
        return error(StatusCode::CONFLICT, 20_009, "Cannot delete this resource before it is complete");
    }
    exchange.calls.retain(|call| call.sid != sid);
    exchange.deleted.insert(sid.to_owned());
    StatusCode::NO_CONTENT.into_response()
}

/// What was wrong with a call.
pub async fn notifications(
    Shared(simulator): Shared<Simulator>,
    Path((sid, call)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let caller = match enter(&simulator, &headers, &uri, &sid, READ).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    if find(&simulator, &caller, &call).is_none() {
        return not_found(uri.path());
    }
    let path = caller.facts.path(&format!("/Calls/{call}/Notifications"));
    let found: Vec<Value> = match simulator.lock().telephony.call(&call) {
        None => Vec::new(),
        Some(known) => known
            .notifications
            .iter()
            .rev()
            .map(|notification| {
                let at = rfc2822(notification.at);
                json!({
                    "sid": notification.sid,
                    "account_sid": caller.facts.sid,
                    "call_sid": call,
                    "api_version": "2010-04-01",
                    "error_code": notification.code.to_string(),
                    "more_info": format!("https://www.twilio.com/docs/errors/{}", notification.code),
                    "message_text": notification.message,
                    "log": if notification.is_error { "0" } else { "1" },
                    "message_date": at,
                    "date_created": at,
                    "date_updated": at,
                    "request_method": "POST",
                    "request_url": notification.url,
                    "uri": format!("{path}/{}.json", notification.sid),
                })
            })
            .collect(),
    };
    let params = Params::of(&uri);
    list("notifications", filtered(found, &params, &[("Log", "log")]), &params, &format!("{path}.json"))
}
