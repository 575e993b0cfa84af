//! SerpAPI's Google engine: what is asked and how answers are read. Answers are somebody else's data: nothing in them
//! is taken for granted, and their links are never followed.
//!
//! Sources: <https://serpapi.com/search-api>, <https://serpapi.com/organic-results>.

use serde_json::Value;

use super::{
    email,
    maps::{TEXT_MAX, WEBSITE_MAX, text},
    run::{Page, Parameters},
};
use crate::model::scraper::{Engine, Place, ResultRow, SearchRequest};

/// The parameters of page `number`, counted from 0. `location` is the place as SerpAPI names it; a place that it does
/// not know becomes part of the query.
pub(super) fn parameters(request: &SearchRequest, location: Option<&str>, number: u32) -> Parameters {
    let query = match (&request.place, location) {
        (Place::Name(name), None) => format!("{} {name}", request.query),
        _ => request.query.clone(),
    };
    let start = number.saturating_mul(Engine::Web.page_size());
    let optional = [
        ("location", location.map(str::to_owned)),
        ("start", (start > 0).then(|| start.to_string())),
        ("hl", request.language.clone()),
        ("gl", request.country.clone()),
    ];
    let mut parameters = vec![("engine", "google".to_owned()), ("q", query)];
    parameters.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    parameters
}

/// Reads an answer. One without results has no list.
pub(super) fn read_page(body: &Value) -> Page {
    let pages = body.get("organic_results").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let more = body.pointer("/serpapi_pagination/next").is_some_and(Value::is_string);
    Page { rows: pages.iter().filter_map(read_result).collect(), more }
}

/// A page of the web. The same address is the same page.
fn read_result(page: &Value) -> Option<(String, ResultRow)> {
    let link = text(page.get("link"), WEBSITE_MAX)?;
    let snippet = text(page.get("snippet"), TEXT_MAX);
    let title = text(page.get("title"), TEXT_MAX);
    let row = ResultRow {
        name: title.unwrap_or_else(|| link.clone()),
        website: Some(link.clone()),
        displayed_link: text(page.get("displayed_link"), TEXT_MAX),
        email: email::first_in([snippet.as_deref()]),
        snippet,
        ..ResultRow::default()
    };
    Some((link, row))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::scraper::SearchInput;

    fn asked(place: &str, location: Option<&str>, number: u32) -> String {
        let input = SearchInput {
            engine: Engine::Web,
            query: "bakery".to_owned(),
            place: place.to_owned(),
            country: "de".to_owned(),
            ..SearchInput::default()
        };
        let parameters = parameters(&input.check().unwrap(), location, number);
        parameters.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }

    #[test]
    fn a_page_is_asked_for_by_start() {
        assert_eq!(asked("", None, 0), "engine=google&q=bakery&gl=de");
        assert_eq!(
            asked("Berlin", Some("Berlin, Germany"), 3),
            "engine=google&q=bakery&location=Berlin, Germany&start=30&gl=de"
        );
        assert_eq!(asked("Atlantis", None, 1), "engine=google&q=bakery Atlantis&start=10&gl=de");
    }

    #[test]
    fn pages_are_read_with_whatever_they_have() {
        let page = read_page(&json!({
            "organic_results": [
                {
                    "position": 1, "title": "Korn\nhaus", "link": "https://kornhaus.example/a",
                    "displayed_link": "https://kornhaus.example › a", "snippet": "Write to hello@kornhaus.example.",
                },
                { "link": "https://untitled.example/" },
                { "title": "No link" },
                "nonsense",
            ],
            "serpapi_pagination": { "next": "https://elsewhere.example/search.json?start=10" },
        }));
        assert!(page.more);
        let [(key, first), (_, second)] = page.rows.as_slice() else { panic!("{page:?}") };
        assert_eq!((key.as_str(), first.name.as_str()), ("https://kornhaus.example/a", "Korn haus"));
        assert_eq!(first.email.as_deref(), Some("hello@kornhaus.example"));
        assert_eq!(second.name, "https://untitled.example/");
        for none in
            [json!({ "error": "Google hasn't returned any results for this query." }), json!([]), json!(null)]
        {
            assert_eq!(read_page(&none), Page::default());
        }
    }
}
