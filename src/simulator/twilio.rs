//! Twilio, REST API 2010-04-01, reading only. Sources: the published OpenAPI description
//! (`twilio_api_v2010`), <https://www.twilio.com/docs/iam/api-keys>, `/docs/api/errors/20003`, `20404`, `20429`.
//! Code and text for a permission that an API key lacks (403, 70051) are not documented word for word.

use axum::{
    Json, Router,
    extract::{Path, State as Shared},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{
    Simulator,
    credential::{Params, Presented},
    faults,
    keys::{Credential, Provider, Situation, Via},
    state::Account,
};

/// When everything of an account was made.
const CREATED: &str = "Thu, 30 Jul 2015 20:00:00 +0000";
/// Entries on a page unless told otherwise, and at most.
const PAGE_SIZE: (usize, usize) = (50, 1_000);

/// Twilio, below `/twilio`.
pub fn router() -> Router<Simulator> {
    let wrong_method = || async {
        error(StatusCode::METHOD_NOT_ALLOWED, 20_004, "The simulator reads only; this method is not allowed.")
    };
    Router::new()
        .route("/2010-04-01/Accounts/{file}", get(account))
        .route("/2010-04-01/Accounts/{sid}/{file}", get(resource))
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

/// The account that may go on and how it got in, or the answer that ends the request.
async fn admit(simulator: &Simulator, headers: &HeaderMap, uri: &Uri) -> Result<(usize, Via), Response> {
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

async fn account(
    Shared(simulator): Shared<Simulator>,
    Path(file): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let (place, via) = match admit(&simulator, &headers, &uri).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    let state = simulator.lock();
    let account = &state.accounts[place];
    let Some(sid) = file.strip_suffix(".json") else { return not_found(uri.path()) };
    if via == Via::ApiKey {
        // An API key works, yet not here.
        return refused("Authentication Error - invalid username");
    }
    match Facts::of(account) {
        Some(facts) if facts.sid == sid => Json(facts.account()).into_response(),
        _ => refused("Authenticate"),
    }
}

async fn resource(
    Shared(simulator): Shared<Simulator>,
    Path((sid, file)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let (place, via) = match admit(&simulator, &headers, &uri).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    let state = simulator.lock();
    let account = &state.accounts[place];
    let Some(facts) = Facts::of(account).filter(|facts| facts.sid == sid && facts.status == "active") else {
        return refused("Authenticate");
    };
    let Some(name) = file.strip_suffix(".json") else { return not_found(uri.path()) };
    let permission = match name {
        "Calls" => "voice/calls/list",
        "IncomingPhoneNumbers" => "phone-numbers/incoming/list",
        "OutgoingCallerIds" => "voice/outgoing-caller-ids/list",
        "Balance" => "billing/balance/read",
        _ => return not_found(uri.path()),
    };
    let lacks = match account.situation {
        Situation::CallsOnly => name != "Calls",
        Situation::NoCalls => name == "Calls",
        _ => false,
    };
    if via == Via::ApiKey && lacks {
        let message = format!("The API key lacks the permission twilio/{permission}");
        return error(StatusCode::FORBIDDEN, 70_051, &message);
    }
    let params = Params::of(&uri);
    let path = format!("/2010-04-01/Accounts/{sid}/{file}");
    match name {
        "Calls" => list("calls", facts.calls(&params), &params, &path),
        "IncomingPhoneNumbers" => list("incoming_phone_numbers", facts.numbers(), &params, &path),
        "OutgoingCallerIds" => list("outgoing_caller_ids", facts.caller_ids(), &params, &path),
        _ => match facts.balance {
            Some(balance) => {
                let body = json!({ "account_sid": sid, "balance": balance, "currency": "USD" });
                Json(body).into_response()
            }
            None => not_found(&path),
        },
    }
}

/// One page of a list. The addresses of the other pages are relative to the API's host, as Twilio gives them.
fn list(name: &str, items: Vec<Value>, params: &Params, path: &str) -> Response {
    let number = |name: &str| params.get(name).and_then(|text| text.parse::<usize>().ok());
    let size = number("PageSize").unwrap_or(PAGE_SIZE.0).clamp(1, PAGE_SIZE.1);
    let page = number("Page").unwrap_or(0);
    let start = page.saturating_mul(size);
    let total = items.len();
    let shown: Vec<Value> = items.into_iter().skip(start).take(size).collect();
    let filters: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(params.iter().filter(|(name, _)| ["To", "From", "Status"].contains(name)))
        .finish();
    let uri = |page: usize| {
        let token = if page == 0 { String::new() } else { format!("&PageToken=PA{page:032x}") };
        let filters = if filters.is_empty() { String::new() } else { format!("&{filters}") };
        format!("{path}?PageSize={size}&Page={page}{token}{filters}")
    };
    let next = (start.saturating_add(size) < total).then(|| uri(page + 1));
    let mut body = json!({
        "page": page,
        "page_size": size,
        "start": start,
        "end": (start + shown.len()).saturating_sub(1).max(start),
        "first_page_uri": uri(0),
        "next_page_uri": next,
        "previous_page_uri": page.checked_sub(1).map(uri),
        "uri": uri(page),
    });
    body[name] = shown.into();
    Json(body).into_response()
}

/// What Twilio knows of an account.
struct Facts {
    sid: String,
    auth_token: String,
    owner: Option<String>,
    label: String,
    status: &'static str,
    kind: &'static str,
    /// Whether it has a number, and whether that takes calls.
    number: Option<bool>,
    caller_id: bool,
    /// A decimal number, which Twilio writes as text.
    balance: Option<&'static str>,
}

impl Facts {
    fn of(account: &Account) -> Option<Self> {
        let Credential::Twilio { account_sid, auth_token, .. } = &account.credential else {
            return None;
        };
        let mut facts = Self {
            sid: account_sid.clone(),
            auth_token: auth_token.clone(),
            owner: None,
            label: account.entry.test_key().label.to_owned(),
            status: "active",
            kind: "Full",
            number: Some(true),
            caller_id: false,
            balance: Some("48.20"),
        };
        match account.situation {
            Situation::Trial => {
                (facts.kind, facts.caller_id, facts.balance) = ("Trial", true, Some("15.50"));
            }
            Situation::CallerIdOnly => (facts.number, facts.caller_id) = (None, true),
            Situation::NoVoiceNumber => facts.number = Some(false),
            Situation::Suspended => facts.status = "suspended",
            Situation::Closed => facts.status = "closed",
            Situation::Subaccount => {
                facts.owner = Some(format!("AC{:032x}", 0xdeca_fbad_u32));
                facts.balance = None;
            }
            Situation::NegativeBalance => facts.balance = Some("-3.50"),
            _ => {}
        }
        Some(facts)
    }

    /// A telephone number that is kept for fiction, or an identifier, with the account's own digits in it.
    fn own(&self, prefix: &str, number: usize) -> String {
        format!("{prefix}{}{number:04x}", &self.sid[2..30])
    }

    fn account(&self) -> Value {
        let sid = &self.sid;
        let at = |name: &str| format!("/2010-04-01/Accounts/{sid}/{name}.json");
        json!({
            "sid": sid,
            "owner_account_sid": self.owner.as_ref().unwrap_or(sid),
            "friendly_name": self.label,
            "status": self.status,
            "type": self.kind,
            // The secret comes back in the body, as Twilio does it.
            "auth_token": self.auth_token,
            "date_created": CREATED,
            "date_updated": CREATED,
            "uri": format!("/2010-04-01/Accounts/{sid}.json"),
            "subresource_uris": {
                "balance": at("Balance"),
                "calls": at("Calls"),
                "incoming_phone_numbers": at("IncomingPhoneNumbers"),
                "outgoing_caller_ids": at("OutgoingCallerIds"),
            },
        })
    }

    fn numbers(&self) -> Vec<Value> {
        let Some(voice) = self.number else { return Vec::new() };
        let sid = self.own("PN", 1);
        vec![json!({
            "sid": sid,
            "account_sid": self.sid,
            "phone_number": "+12025550142",
            "friendly_name": "(202) 555-0142",
            "capabilities": { "voice": voice, "sms": true, "mms": true, "fax": false },
            "voice_url": "",
            "status_callback": "",
            "status": "in-use",
            "api_version": "2010-04-01",
            "date_created": CREATED,
            "date_updated": CREATED,
            "uri": format!("/2010-04-01/Accounts/{}/IncomingPhoneNumbers/{sid}.json", self.sid),
        })]
    }

    fn caller_ids(&self) -> Vec<Value> {
        let sid = self.own("PN", 2);
        let caller_id = json!({
            "sid": sid,
            "account_sid": self.sid,
            "phone_number": "+12125550187",
            "friendly_name": "Front desk",
            "date_created": CREATED,
            "date_updated": CREATED,
            "uri": format!("/2010-04-01/Accounts/{}/OutgoingCallerIds/{sid}.json", self.sid),
        });
        if self.caller_id { vec![caller_id] } else { Vec::new() }
    }

    /// Seven past calls, newest first, less those that `To`, `From` and `Status` leave out.
    fn calls(&self, params: &Params) -> Vec<Value> {
        let statuses = ["completed", "completed", "busy", "completed", "no-answer", "completed", "failed"];
        let call = |(number, status): (usize, &&str)| {
            let sid = self.own("CA", number + 1);
            let completed = *status == "completed";
            let at = format!("Fri, 20 Nov 2026 1{}:30:00 +0000", 6 - number);
            json!({
                "sid": sid,
                "account_sid": self.sid,
                "status": status,
                "direction": "outbound-api",
                "to": format!("+1415555010{number}"),
                "from": "+12025550142",
                "price": completed.then_some("-0.01400"),
                "price_unit": "USD",
                "duration": if completed { "61" } else { "0" },
                "queue_time": "0",
                "start_time": at,
                "end_time": at,
                "date_created": at,
                "date_updated": at,
                "api_version": "2010-04-01",
                "uri": format!("/2010-04-01/Accounts/{}/Calls/{sid}.json", self.sid),
            })
        };
        let wanted = |call: &Value| {
            [("To", "to"), ("From", "from"), ("Status", "status")]
                .iter()
                .all(|(filter, member)| params.get(filter).is_none_or(|value| call[*member] == value))
        };
        statuses.iter().enumerate().map(call).filter(wanted).collect()
    }
}
