//! Twilio, REST API 2010-04-01. Sources: the published OpenAPI description (`twilio_api_v2010`),
//! <https://www.twilio.com/docs/iam/api-keys>, `/docs/voice/api`, `/docs/voice/twiml`, `/docs/api/errors`. Code and
//! text for a permission that an API key lacks (403, 70051) are not documented word for word, nor are the texts for
//! calls that are not in a state to be changed, other than the one for a redirect.
//!
//! A call is dialled, answered and carried out: TwiML is fetched from the addresses that the order names, and they
//! are called back, signed. How fast, and who answers how, is set through `/_control/twilio`, see `control.rs`. Some
//! numbers behave in a way of their own:
//!
//! | `To` | what becomes of the call |
//! | --- | --- |
//! | `+15005550001` … `+15005550004` | refused with 21217, 21214, 21215, 21216, as Twilio's test numbers are |
//! | `+15005550010` | busy |
//! | `+15005550011` | nobody answers |
//! | `+15005550012` | fails: the number cannot be reached |
//! | `+15005550013` | an answering machine |
//! | `+15005550014` | a fax |
//! | any other | a human answers after three seconds of ringing, and keeps silent unless there is a script |
//!
//! TwiML: `Say`, `Play`, `Pause`, `Gather`, `Record`, `Redirect`, `Hangup`, `Reject`. At any other verb the call ends,
//! and its journal says why.

mod callbacks;
mod calls;
pub mod control;
mod create;
mod deliveries;
pub mod exchange;
mod facts;
mod line;
mod listen;
mod paging;
mod perform;
mod recordings;
pub mod signature;
mod sounds;
mod tell;
mod twiml;
mod verbs;

use axum::{
    Json, Router,
    extract::Path,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use self::{facts::Facts, paging::list};
use super::{
    Answered, Asked, Simulator,
    credential::{Params, Presented},
    faults,
    keys::{Provider, Situation, Via},
};

/// Twilio, below `/twilio`.
pub fn router() -> Router<Simulator> {
    let wrong_method =
        || async { error(StatusCode::METHOD_NOT_ALLOWED, 20_004, "This method is not allowed here.") };
    let below = |path: &str| format!("/2010-04-01/Accounts/{{sid}}{path}");
    Router::new()
        .route("/2010-04-01/Accounts/{file}", get(account))
        .route(&below("/{file}"), get(resource))
        .route(&below("/IncomingPhoneNumbers/{file}"), get(number))
        .route(&below("/OutgoingCallerIds/{file}"), get(caller_id))
        .route(&below("/Calls.json"), get(calls::index).post(calls::create))
        .route(&below("/Calls/{file}"), get(calls::fetch).post(calls::update).delete(calls::delete))
        .route(&below("/Calls/{call}/Notifications.json"), get(calls::notifications))
        .route(&below("/Calls/{call}/Recordings.json"), get(sounds::index))
        .route(&below("/Calls/{call}/Recordings/{file}"), get(sounds::fetch).delete(sounds::delete))
        .route(&below("/Recordings.json"), get(sounds::index))
        .route(&below("/Recordings/{file}"), get(sounds::fetch).delete(sounds::delete))
        .method_not_allowed_fallback(wrong_method)
        .fallback(|uri: Uri| async move { not_found(uri.path()) })
}

/// An error in Twilio's form.
pub fn error(status: StatusCode, code: u32, message: &str) -> Response {
    let body = json!({
        "code": code,
        "message": message,
        "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
        "status": status.as_u16(),
    });
    (status, Json(body)).into_response()
}

/// The answer to one request too many at a time.
pub fn too_many_requests() -> Response {
    let mut response = error(StatusCode::TOO_MANY_REQUESTS, 20_429, "Too Many Requests");
    response.headers_mut().insert("twilio-concurrent-requests", header::HeaderValue::from_static("100"));
    response
}

fn refused(message: &str) -> Response {
    let mut response = error(StatusCode::UNAUTHORIZED, 20_003, message);
    let realm = header::HeaderValue::from_static("Basic realm=\"Twilio API\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
    response
}

fn not_found(path: &str) -> Response {
    let message = format!("The requested resource {path} was not found");
    error(StatusCode::NOT_FOUND, 20_404, &message)
}

/// A new identifier.
fn sid(prefix: &str) -> String {
    format!("{prefix}{}", uuid::Uuid::new_v4().simple())
}

/// The account that may go on and how it got in, or the answer that ends the request.
async fn admit(Asked { simulator, headers, uri }: &Asked) -> Result<(usize, Via), Response> {
    let found = {
        let state = simulator.lock();
        Presented::of(Provider::Twilio, headers, &Params::of(uri))
            .and_then(|presented| state.find(Provider::Twilio, &presented))
            .map(|(place, via)| (place, via, state.accounts[place].situation))
    };
    match found {
        None | Some((_, _, Situation::Invalid)) => Err(refused("Authenticate")),
        Some((_, _, Situation::Throttled)) => Err(too_many_requests()),
        Some((_, _, Situation::Down)) => {
            Err(error(StatusCode::SERVICE_UNAVAILABLE, 20_503, "Service unavailable"))
        }
        Some((_, _, Situation::HangsUp)) => Err(faults::hang_up()),
        Some((_, _, Situation::NeverAnswers)) => Err(faults::never().await),
        Some((place, via, _)) => Ok((place, via)),
    }
}

/// Who asks for something of an account, and may have it.
struct Caller {
    /// The place of the account.
    place: usize,
    /// What Twilio knows of it.
    facts: Facts,
}

/// Whoever asks for something below the account `sid` that takes `permission`, or the answer that ends the request.
async fn enter(asked: &Asked, sid: &str, permission: &str) -> Result<Caller, Response> {
    let (place, via) = admit(asked).await?;
    let state = asked.simulator.lock();
    let account = &state.accounts[place];
    let facts = Facts::of(account).filter(|facts| facts.sid == sid && facts.status == "active");
    let Some(facts) = facts else { return Err(refused("Authenticate")) };
    let lacks = match account.situation {
        Situation::CallsOnly => permission != "voice/calls/list",
        Situation::NoCalls => permission.starts_with("voice/calls/"),
        _ => false,
    };
    if via == Via::ApiKey && lacks {
        let message = format!("The API key lacks the permission twilio/{permission}");
        return Err(error(StatusCode::FORBIDDEN, 70_051, &message));
    }
    Ok(Caller { place, facts })
}

async fn account(asked: Asked, Path(file): Path<String>) -> Answered {
    let (place, via) = admit(&asked).await?;
    let state = asked.simulator.lock();
    let account = &state.accounts[place];
    let Some(sid) = file.strip_suffix(".json") else { return Err(not_found(asked.uri.path())) };
    if via == Via::ApiKey {
        // An API key works, yet not here.
        return Err(refused("Authentication Error - invalid username"));
    }
    match Facts::of(account) {
        Some(facts) if facts.sid == sid => Ok(Json(facts.account()).into_response()),
        _ => Err(refused("Authenticate")),
    }
}

async fn resource(asked: Asked, Path((sid, file)): Path<(String, String)>) -> Answered {
    let nothing = || not_found(asked.uri.path());
    let name = file.strip_suffix(".json").unwrap_or_default();
    let permission = match name {
        "IncomingPhoneNumbers" => NUMBERS,
        "OutgoingCallerIds" => CALLER_IDS,
        "Balance" => "billing/balance/read",
        _ => "",
    };
    let facts = match enter(&asked, &sid, permission).await {
        Ok(caller) => caller.facts,
        Err(refusal) if permission.is_empty() && refusal.status() == StatusCode::FORBIDDEN => {
            return Err(nothing());
        }
        Err(refusal) => return Err(refusal),
    };
    let params = Params::of(&asked.uri);
    let path = facts.path(&format!("/{file}"));
    Ok(match name {
        "IncomingPhoneNumbers" => list("incoming_phone_numbers", facts.numbers(&params), &params, &path),
        "OutgoingCallerIds" => list("outgoing_caller_ids", facts.caller_ids(&params), &params, &path),
        "Balance" => {
            let balance = facts.balance.ok_or_else(|| not_found(&path))?;
            let body = json!({ "account_sid": sid, "balance": balance, "currency": "USD" });
            Json(body).into_response()
        }
        _ => return Err(nothing()),
    })
}

const NUMBERS: &str = "phone-numbers/incoming/list";
const CALLER_IDS: &str = "voice/outgoing-caller-ids/list";

async fn number(asked: Asked, Path((sid, file)): Path<(String, String)>) -> Answered {
    let caller = enter(&asked, &sid, NUMBERS).await?;
    one(caller.facts.numbers(&Params::of(&asked.uri)), &file, &asked.uri)
}

async fn caller_id(asked: Asked, Path((sid, file)): Path<(String, String)>) -> Answered {
    let caller = enter(&asked, &sid, CALLER_IDS).await?;
    one(caller.facts.caller_ids(&Params::of(&asked.uri)), &file, &asked.uri)
}

/// The one of `items` that `file` names.
fn one(items: Vec<Value>, file: &str, uri: &Uri) -> Answered {
    let sid = file.strip_suffix(".json").unwrap_or_default();
    let item = items.into_iter().find(|item| item["sid"] == sid);
    item.map(|item| Json(item).into_response()).ok_or_else(|| not_found(uri.path()))
}
