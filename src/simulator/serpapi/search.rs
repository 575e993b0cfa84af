//! Searches. Words in `q` steer them:
//!
//! | in `q` | does |
//! | --- | --- |
//! | `nothing` | no result |
//! | `single` | one place, as `place_results` |
//! | `few` | 7 results |
//! | `many` | 120 results |
//! | `odd` | every name has characters that spreadsheets and web pages trip over |
//! | `slow` | each page takes two seconds |
//! | `fail on page N` | page N answers 503 |
//!
//! Without them a Google Maps search has 60 to 120 results, always the same for the same `q` and place.

use std::time::Duration;

use axum::{
    Json,
    extract::State as Shared,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::format_description};

use super::{
    THROUGHPUT, USED_UP, admit, error, organic,
    places::{self, MapsQuery},
    quota::Refusal,
    written::{OUTPUTS, written},
};
use crate::{
    model::time::Timestamp,
    simulator::{
        Simulator,
        credential::{Params, sha256_hex},
        origin,
        state::{State, now},
    },
};

/// The time that `slow` takes.
const SLOW: Duration = Duration::from_secs(2);
/// The error of a search without results, which is a success.
pub const NO_RESULTS: &str = "Google hasn't returned any results for this query.";
/// The error of a search that Google answered badly.
const NOT_VALID: &str = "We couldn't get valid results for this search. Please try again later.";
/// Parameters that do not belong to the search itself.
const ASIDE: [&str; 6] = ["api_key", "serp_api_key", "source", "output", "no_cache", "async"];

/// The part of an answer that an engine makes, and whether another page follows at a `start`.
pub struct Page {
    /// Members of the body beside metadata and parameters.
    pub body: Value,
    /// The `start` of the next page.
    pub next: Option<u32>,
}

/// What is searched, checked.
enum Query {
    Maps(MapsQuery),
    Web { q: String, start: u32 },
}

impl Query {
    /// # Errors
    /// The text of a 400.
    fn parse(params: &Params) -> Result<Self, String> {
        let q = params.get("q").unwrap_or_default().trim();
        let engine = params.get("engine").unwrap_or("google");
        if !matches!(engine, "google" | "google_maps") {
            return Err(format!("Unsupported `{engine}` search engine."));
        }
        if params.get("output").is_some_and(|output| !OUTPUTS.contains(&output)) {
            return Err("Unsupported `output` parameter.".to_owned());
        }
        if flag(params, "async") && flag(params, "no_cache") {
            return Err("`async` and `no_cache` parameters can't be used together.".to_owned());
        }
        if q.is_empty() {
            return Err("Missing query `q` parameter.".to_owned());
        }
        let start = params.get("start").map_or(Ok(0), str::parse);
        let start: u32 = start.map_err(|_| "Invalid `start` parameter.".to_owned())?;
        if engine == "google" {
            return Ok(Self::Web { q: q.to_owned(), start });
        }
        MapsQuery::parse(params, q, start).map(Self::Maps)
    }

    fn q(&self) -> &str {
        match self {
            Self::Maps(query) => &query.q,
            Self::Web { q, .. } => q,
        }
    }

    /// The page's number, from 1.
    fn page_number(&self) -> u32 {
        1 + match self {
            Self::Maps(query) => query.start / places::PAGE,
            Self::Web { start, .. } => start / organic::PAGE,
        }
    }

    fn page(&self) -> Page {
        match self {
            Self::Maps(query) => places::page(query),
            Self::Web { q, start } => organic::page(q, *start),
        }
    }
}

fn flag(params: &Params, name: &str) -> bool {
    params.get(name) == Some("true")
}

/// Whether `word` is one of the words of `q`.
pub fn says(q: &str, word: &str) -> bool {
    q.split(|c: char| !c.is_alphanumeric()).any(|part| part.eq_ignore_ascii_case(word))
}

/// The page that `q` wants to fail.
fn failing_page(q: &str) -> Option<u32> {
    let lower = q.to_lowercase();
    let (_, rest) = lower.split_once("fail on page ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// `GET /search` and `GET /search.json`.
pub async fn search(Shared(simulator): Shared<Simulator>, headers: HeaderMap, uri: Uri) -> Response {
    let params = Params::of(&uri);
    let owner = match admit(&simulator, &headers, &params).await {
        Ok(owner) => owner,
        Err(refusal) => return refusal,
    };
    let query = match Query::parse(&params) {
        Ok(query) => query,
        Err(text) => return error(StatusCode::BAD_REQUEST, &text),
    };
    if says(query.q(), "slow") {
        tokio::time::sleep(SLOW).await;
    }
    answer(&mut simulator.lock(), owner, &query, &params, &format!("{}/serpapi", origin(&headers)), now())
}

fn answer(
    state: &mut State,
    owner: usize,
    query: &Query,
    params: &Params,
    base: &str,
    now: Timestamp,
) -> Response {
    let quota = &state.accounts[owner].quota;
    match quota.refusal(now) {
        Some(Refusal::UsedUp) => return error(StatusCode::TOO_MANY_REQUESTS, USED_UP),
        Some(Refusal::Throughput) => return error(StatusCode::TOO_MANY_REQUESTS, THROUGHPUT),
        None => {}
    }
    let own = own_parameters(params);
    let set = address(&own, None);
    if !flag(params, "no_cache")
        && let Some(body) = quota.cached(&set, now).and_then(|id| state.archive.get(owner, id))
    {
        return written(body, params.get("output"));
    }

    let id = sha256_hex(&format!("{owner}/{}/{set}", state.archive.next_number()))[..24].to_owned();
    let fails = failing_page(query.q()) == Some(query.page_number());
    let page = if fails { Page { body: json!({ "error": NOT_VALID }), next: None } } else { query.page() };
    let mut body = page.body;
    body["search_metadata"] = metadata(&id, if fails { "Error" } else { "Success" }, base, now);
    body["search_parameters"] = own.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    if fails {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response();
    }
    if let Some(start) = page.next {
        body["serpapi_pagination"]["next"] =
            format!("{base}/search.json?{}", address(&own, Some(start))).into();
    }
    state.accounts[owner].quota.count(set, id.clone(), now);
    state.archive.keep(owner, id.clone(), body.clone());
    if flag(params, "async") {
        let queued = json!({
            "search_metadata": metadata(&id, "Queued", base, now),
            "search_parameters": body["search_parameters"],
        });
        return Json(queued).into_response();
    }
    written(&body, params.get("output"))
}

/// The parameters of the search itself, by name.
fn own_parameters(params: &Params) -> Vec<(&str, &str)> {
    let mut own: Vec<_> = params.iter().filter(|(name, _)| !ASIDE.contains(name)).collect();
    own.sort_unstable();
    own
}

/// Parameters as part of an address, with `start` replaced if given. Never has the key.
fn address(own: &[(&str, &str)], start: Option<u32>) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in own {
        if start.is_none() || *name != "start" {
            text.append_pair(name, value);
        }
    }
    if let Some(start) = start {
        text.append_pair("start", &start.to_string());
    }
    text.finish()
}

fn metadata(id: &str, status: &str, base: &str, now: Timestamp) -> Value {
    let at = OffsetDateTime::from_unix_timestamp(now.seconds())
        .ok()
        .and_then(|at| {
            at.format(format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC")).ok()
        })
        .unwrap_or_default();
    json!({
        "id": id,
        "status": status,
        "json_endpoint": format!("{base}/searches/{id}.json"),
        "created_at": at,
        "processed_at": at,
        "total_time_taken": 1.42,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magic_words_are_whole_words() {
        assert!(says("Few coffee shops", "few"));
        assert!(says("coffee, nothing", "nothing"));
        assert!(!says("fewer coffee shops", "few"));
    }

    #[test]
    fn the_failing_page_is_named_in_the_query() {
        assert_eq!(failing_page("coffee, Fail on page 3"), Some(3));
        assert_eq!(failing_page("coffee fail on page x"), None);
        assert_eq!(failing_page("coffee"), None);
    }

    #[test]
    fn the_key_is_in_no_address() {
        let params = Params::of(&"/search?api_key=k&serp_api_key=k&q=a%20b&start=20".parse().unwrap());
        assert_eq!(address(&own_parameters(&params), Some(40)), "q=a+b&start=40");
    }
}
