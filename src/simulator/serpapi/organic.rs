//! `engine=google`: web results, in simple form.

use serde_json::{Value, json};

use super::{
    business::{Dice, host},
    search::{NO_RESULTS, Page, says},
};

/// Results on a page.
pub const PAGE: u32 = 10;
/// Results of a search.
const TOTAL: u32 = 25;

/// The page that begins after `start` results.
pub fn page(q: &str, start: u32) -> Page {
    let total = match q {
        _ if says(q, "nothing") => 0,
        _ if says(q, "few") => 7,
        _ if says(q, "many") => 120,
        _ => TOTAL,
    };
    let results: Vec<Value> = (start..total.min(start.saturating_add(PAGE)))
        .map(|place| result(q, place, place - start + 1))
        .collect();
    if results.is_empty() {
        let information = json!({ "organic_results_state": "Fully empty", "query_displayed": q });
        return Page { body: json!({ "search_information": information, "error": NO_RESULTS }), next: None };
    }
    let current = start / PAGE + 1;
    let body = json!({
        "search_information": {
            "organic_results_state": "Results for exact spelling",
            "query_displayed": q,
            "total_results": total,
        },
        "organic_results": results,
        "pagination": { "current": current },
        "serpapi_pagination": { "current": current },
    });
    let next = start.saturating_add(PAGE);
    Page { body, next: (next < total).then_some(next) }
}

fn result(q: &str, place: u32, position: u32) -> Value {
    let mut dice = Dice::new(&format!("web/{}/{place}", q.to_lowercase()));
    let name = dice.name();
    let site = host(name);
    let contact = if dice.roll(3) == 0 { format!(" Contact: info@{site}.") } else { String::new() };
    json!({
        "position": position,
        "title": format!("{q} | {name}"),
        "link": format!("https://{site}/articles/{place}"),
        "displayed_link": format!("https://{site} › articles"),
        "snippet": format!("{name} on {q}: what to look for, and what others found.{contact}"),
        "snippet_highlighted_words": [q],
        "source": name,
    })
}
