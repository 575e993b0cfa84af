//! The control API, for tests and for whoever demonstrates. Bodies are JSON.
//!
//! | call | does |
//! | --- | --- |
//! | `GET /_control/keys` | the test keys, each with its situation |
//! | `PUT /_control/keys/{provider}/{id}` | `{"situation", "searches_left", "characters_left", "tokens_left"}`, all optional: changes a key at run time |
//! | `GET`, `POST`, `DELETE /_control/replies` | lists, adds or forgets what the language models say: `{"provider", "to", "times", "text", "call": {"name", "arguments"}, "refuse"}` |
//! | `POST`, `DELETE /_control/transcripts` | adds or forgets what the next recording says: `{"text"}` |
//! | `GET`, `POST`, `DELETE /_control/faults` | lists, orders or forgets faults: `{"provider", "key", "path", "times", "fault": {"kind", …}}` |
//! | `GET`, `POST`, `DELETE /_control/texts` | lists, orders or forgets texts that stand in answers instead of the provider's: `{"provider", "member", "texts"}` |
//! | `GET`, `DELETE /_control/journal` | lists or forgets the requests |
//! | `/_control/twilio/…` | the telephone network: pace, who answers, calls, callbacks; see `twilio/control.rs` |
//! | `POST /_control/reset` | everything as at the start |

use axum::{
    Json, Router,
    extract::{Path, State as Shared},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Simulator,
    faults::Order,
    keys::{Provider, Situation},
    language::replies::Reply,
    texts::Swap,
    twilio,
};

/// The control API, below `/_control`.
pub fn router() -> Router<Simulator> {
    Router::new()
        .route("/keys", get(list_keys))
        .route("/keys/{provider}/{id}", put(change_key))
        .route("/replies", get(list_replies).post(add_reply).delete(clear_replies))
        .route("/transcripts", post(add_transcript).delete(clear_transcripts))
        .route("/faults", get(list_faults).post(order_fault).delete(clear_faults))
        .route("/texts", get(list_texts).post(order_texts).delete(clear_texts))
        .route("/journal", get(list_journal).delete(clear_journal))
        .route("/reset", post(reset))
        .nest("/twilio", twilio::control::router())
}

fn refuse(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}

async fn list_keys(Shared(simulator): Shared<Simulator>) -> Json<Value> {
    let state = simulator.lock();
    let keys: Vec<Value> = state
        .accounts
        .iter()
        .map(|account| {
            let key = account.entry.test_key();
            let fields: serde_json::Map<String, Value> =
                key.fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            json!({
                "provider": key.provider, "id": key.id, "label": key.label, "fields": fields,
                "shows": key.shows, "situation": account.situation,
            })
        })
        .collect();
    Json(json!({ "items": keys }))
}

/// A change to a test key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    /// The new situation; it brings its own quota.
    situation: Option<Situation>,
    /// SerpAPI searches left from now on, at most as many as the plan has.
    searches_left: Option<u32>,
    /// ElevenLabs characters left from now on, at most as many as the plan has.
    characters_left: Option<u64>,
    /// Tokens of a language model that the credit pays for from now on.
    tokens_left: Option<u64>,
}

async fn change_key(
    Shared(simulator): Shared<Simulator>,
    Path((provider, id)): Path<(Provider, String)>,
    Json(change): Json<Change>,
) -> Response {
    let mut state = simulator.lock();
    let Some(account) = state.account_mut(provider, &id) else {
        return refuse(StatusCode::NOT_FOUND, "no such test key");
    };
    if let Some(situation) = change.situation {
        if !situation.fits(provider) {
            return refuse(StatusCode::UNPROCESSABLE_ENTITY, "that situation is not one of this provider");
        }
        account.switch(situation);
    }
    if let Some(left) = change.searches_left {
        account.quota.set_left(left);
    }
    if let Some(left) = change.characters_left {
        account.studio.set_left(left);
    }
    if let Some(left) = change.tokens_left {
        account.allowance.set_credit(left);
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn list_replies(Shared(simulator): Shared<Simulator>) -> Json<Value> {
    Json(json!({ "items": simulator.lock().replies.lines() }))
}

async fn add_reply(Shared(simulator): Shared<Simulator>, Json(reply): Json<Reply>) -> StatusCode {
    simulator.lock().replies.add(reply);
    StatusCode::CREATED
}

async fn clear_replies(Shared(simulator): Shared<Simulator>) -> StatusCode {
    simulator.lock().replies.clear();
    StatusCode::NO_CONTENT
}

/// What a recording says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Transcript {
    text: String,
}

async fn add_transcript(
    Shared(simulator): Shared<Simulator>,
    Json(transcript): Json<Transcript>,
) -> StatusCode {
    simulator.lock().transcripts.add(transcript.text);
    StatusCode::CREATED
}

async fn clear_transcripts(Shared(simulator): Shared<Simulator>) -> StatusCode {
    simulator.lock().transcripts.clear();
    StatusCode::NO_CONTENT
}

async fn list_faults(Shared(simulator): Shared<Simulator>) -> Json<Value> {
    Json(json!({ "items": simulator.lock().faults.orders() }))
}

async fn order_fault(Shared(simulator): Shared<Simulator>, Json(order): Json<Order>) -> Response {
    if let Some(why) = order.refusal() {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, why);
    }
    simulator.lock().faults.add(order);
    StatusCode::CREATED.into_response()
}

async fn clear_faults(Shared(simulator): Shared<Simulator>) -> StatusCode {
    simulator.lock().faults.clear();
    StatusCode::NO_CONTENT
}

async fn list_texts(Shared(simulator): Shared<Simulator>) -> Json<Value> {
    Json(json!({ "items": simulator.lock().texts.orders() }))
}

async fn order_texts(Shared(simulator): Shared<Simulator>, Json(swap): Json<Swap>) -> Response {
    if let Some(why) = swap.refusal() {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, why);
    }
    simulator.lock().texts.add(swap);
    StatusCode::CREATED.into_response()
}

async fn clear_texts(Shared(simulator): Shared<Simulator>) -> StatusCode {
    simulator.lock().texts.clear();
    StatusCode::NO_CONTENT
}

async fn list_journal(Shared(simulator): Shared<Simulator>) -> Json<Value> {
    let state = simulator.lock();
    Json(json!({ "items": state.journal.requests().collect::<Vec<_>>() }))
}

async fn clear_journal(Shared(simulator): Shared<Simulator>) -> StatusCode {
    simulator.lock().journal.clear();
    StatusCode::NO_CONTENT
}

async fn reset(Shared(simulator): Shared<Simulator>) -> StatusCode {
    simulator.lock().reset();
    StatusCode::NO_CONTENT
}
