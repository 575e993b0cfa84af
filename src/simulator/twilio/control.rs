//! The control of the simulated telephone network, below `/_control/twilio`. Bodies are JSON.
//!
//! | call | does |
//! | --- | --- |
//! | `GET`, `PUT …/pace` | how fast things go: `{"second_ms", "webhook_timeout_ms", "price_after"}` |
//! | `PUT …/callees/{number}` | who answers there: `{"outcome", "rings", "turns", "hangs_up_after"}`, see [`Callee`] |
//! | `GET …/calls/{sid}` | a call's status and journal |
//! | `GET`, `DELETE …/callbacks` | lists or forgets what was called back |
//! | `GET`, `POST`, `DELETE …/callback_faults` | lists, orders or forgets what goes wrong with callbacks: `{"about", "url", "status", "times", "fault": {"kind", …}}` |

use axum::{
    Json, Router,
    extract::{Path, State as Shared},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, put},
};
use serde_json::{Value, json};

use super::{
    deliveries::Order,
    exchange::{Callee, Pace},
};
use crate::simulator::Simulator;

/// The control API, below `/_control/twilio`.
pub fn router() -> Router<Simulator> {
    Router::new()
        .route("/pace", get(read_pace).put(set_pace))
        .route("/callees/{number}", put(set_callee))
        .route("/calls/{sid}", get(read_call))
        .route("/callbacks", get(list_callbacks).delete(clear_callbacks))
        .route("/callback_faults", get(list_faults).post(order_fault).delete(clear_faults))
}

async fn read_pace(Shared(simulator): Shared<Simulator>) -> Json<Pace> {
    Json(simulator.lock().telephony.pace)
}

/// Calls that are under way keep the pace they began with.
async fn set_pace(Shared(simulator): Shared<Simulator>, Json(pace): Json<Pace>) -> Response {
    if pace.second_ms == 0 || pace.webhook_timeout_ms == 0 || !(0.0..1e6).contains(&pace.price_after) {
        let why = "second_ms and webhook_timeout_ms must be at least 1, price_after from 0";
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "error": why }))).into_response();
    }
    simulator.lock().telephony.pace = pace;
    StatusCode::NO_CONTENT.into_response()
}

async fn set_callee(
    Shared(simulator): Shared<Simulator>,
    Path(number): Path<String>,
    Json(callee): Json<Callee>,
) -> StatusCode {
    simulator.lock().telephony.callees.insert(number, callee);
    StatusCode::NO_CONTENT
}

async fn read_call(Shared(simulator): Shared<Simulator>, Path(sid): Path<String>) -> Response {
    match simulator.lock().telephony.call(&sid) {
        Some(call) => Json(json!({ "status": call.status, "journal": call.journal })).into_response(),
        None => (StatusCode::NOT_FOUND, Json(json!({ "error": "no such call" }))).into_response(),
    }
}

async fn list_callbacks(Shared(simulator): Shared<Simulator>) -> Json<Value> {
    Json(json!({ "items": simulator.lock().telephony.callbacks.deliveries }))
}

async fn clear_callbacks(Shared(simulator): Shared<Simulator>) -> StatusCode {
    simulator.lock().telephony.callbacks.deliveries.clear();
    StatusCode::NO_CONTENT
}

async fn list_faults(Shared(simulator): Shared<Simulator>) -> Json<Value> {
    Json(json!({ "items": simulator.lock().telephony.callbacks.orders }))
}

async fn order_fault(Shared(simulator): Shared<Simulator>, Json(order): Json<Order>) -> StatusCode {
    simulator.lock().telephony.callbacks.orders.push(order);
    StatusCode::CREATED
}

async fn clear_faults(Shared(simulator): Shared<Simulator>) -> StatusCode {
    simulator.lock().telephony.callbacks.orders.clear();
    StatusCode::NO_CONTENT
}
