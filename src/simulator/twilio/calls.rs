//! Calls: made, listed, changed, deleted.

use axum::{
    Json,
    body::Bytes,
    extract::Path,
    http::StatusCode,
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
use crate::simulator::{Answered, Asked, Simulator, credential::Params, origin};

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
fn find(asked: &Asked, caller: &Caller, sid: &str) -> Result<Value, Response> {
    let call = all(&asked.simulator, caller).into_iter().find(|call| call["sid"] == sid);
    call.ok_or_else(|| not_found(asked.uri.path()))
}

/// The call of the account that `file` names.
fn named(asked: &Asked, caller: &Caller, file: &str) -> Result<Value, Response> {
    find(asked, caller, file.strip_suffix(".json").unwrap_or_default())
}

pub async fn index(asked: Asked, Path(sid): Path<String>) -> Answered {
    let caller = enter(&asked, &sid, LIST).await?;
    let params = Params::of(&asked.uri);
    let filters =
        [("To", "to"), ("From", "from"), ("Status", "status"), ("ParentCallSid", "parent_call_sid")];
    let calls = filtered(all(&asked.simulator, &caller), &params, &filters);
    let calls = dated(dated(calls, &params, "StartTime", "start_time"), &params, "EndTime", "end_time");
    Ok(list("calls", calls, &params, &caller.facts.path("/Calls.json")))
}

pub async fn create(asked: Asked, Path(sid): Path<String>, body: Bytes) -> Answered {
    let caller = enter(&asked, &sid, CREATE).await?;
    let base = format!("{}/twilio", origin(&asked.headers));
    let plan = Plan::read(&Params::form(&body), &caller.facts, &base)?;
    let call = line::begin(&asked.simulator, caller.place, plan);
    Ok((StatusCode::CREATED, Json(find(&asked, &caller, &call)?)).into_response())
}

pub async fn fetch(asked: Asked, Path((sid, file)): Path<(String, String)>) -> Answered {
    let caller = enter(&asked, &sid, READ).await?;
    Ok(Json(named(&asked, &caller, &file)?).into_response())
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

pub async fn update(asked: Asked, Path((sid, file)): Path<(String, String)>, body: Bytes) -> Answered {
    let caller = enter(&asked, &sid, UPDATE).await?;
    let call = named(&asked, &caller, &file)?;
    let sid = call["sid"].as_str().unwrap_or_default();
    let running: Option<(Status, mpsc::UnboundedSender<Order>)> =
        asked.simulator.lock().telephony.call(sid).map(|call| (call.status, call.orders.clone()));
    // A past call is over.
    let status = running.as_ref().map_or(Status::Completed, |(status, _)| *status);
    let change = change(&Params::form(&body), status)?;
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
    Ok(Json(find(&asked, &caller, sid)?).into_response())
}

pub async fn delete(asked: Asked, Path((sid, file)): Path<(String, String)>) -> Answered {
    let caller = enter(&asked, &sid, DELETE).await?;
    let call = named(&asked, &caller, &file)?;
    let sid = call["sid"].as_str().unwrap_or_default();
    let mut state = asked.simulator.lock();
    let exchange = &mut state.telephony;
    if exchange.call(sid).is_some_and(|call| !call.status.is_final()) {
        let message = "Cannot delete this resource before it is complete";
        return Err(error(StatusCode::CONFLICT, 20_009, message));
    }
    exchange.calls.retain(|call| call.sid != sid);
    exchange.deleted.insert(sid.to_owned());
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What was wrong with a call.
pub async fn notifications(asked: Asked, Path((sid, call)): Path<(String, String)>) -> Answered {
    let caller = enter(&asked, &sid, READ).await?;
    find(&asked, &caller, &call)?;
    let path = caller.facts.path(&format!("/Calls/{call}/Notifications"));
    let found: Vec<Value> = match asked.simulator.lock().telephony.call(&call) {
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
    let params = Params::of(&asked.uri);
    let found = filtered(found, &params, &[("Log", "log")]);
    Ok(list("notifications", found, &params, &format!("{path}.json")))
}
