//! Lists, a page at a time.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use time::{Date, OffsetDateTime, format_description::well_known::Rfc2822, macros::format_description};

use crate::{model::time::Timestamp, simulator::credential::Params};

/// Entries on a page unless told otherwise, and at most.
const PAGE_SIZE: (usize, usize) = (50, 1_000);
/// Parameters of a page that are not filters.
const PAGING: [&str; 3] = ["PageSize", "Page", "PageToken"];

/// One page of a list. The addresses of the other pages are relative to the API's host, as Twilio gives them.
pub fn list(name: &str, items: Vec<Value>, params: &Params, path: &str) -> Response {
    let number = |name: &str| params.get(name).and_then(|text| text.parse::<usize>().ok());
    let size = number("PageSize").unwrap_or(PAGE_SIZE.0).clamp(1, PAGE_SIZE.1);
    let page = number("Page").unwrap_or(0);
    let start = page.saturating_mul(size);
    let total = items.len();
    let shown: Vec<Value> = items.into_iter().skip(start).take(size).collect();
    let filters: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(params.iter().filter(|(name, _)| !PAGING.contains(name)))
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

/// A time as Twilio writes it.
pub fn rfc2822(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp(at.seconds())
        .ok()
        .and_then(|at| at.format(&Rfc2822).ok())
        .unwrap_or_default()
}

/// Those of `items` whose date `member` is on the day, or before or after the day or time, that `filter` names:
/// `StartTime`, `StartTime<` or `StartTime>`.
pub fn dated(items: Vec<Value>, params: &Params, filter: &str, member: &str) -> Vec<Value> {
    let bounds: Vec<(char, OffsetDateTime, bool)> = params
        .iter()
        .filter_map(|(name, value)| {
            let sign = match name.strip_prefix(filter)? {
                "" => '=',
                "<" => '<',
                ">" => '>',
                _ => return None,
            };
            let (at, day) = read_date(value)?;
            Some((sign, at, day))
        })
        .collect();
    let fits = |item: &Value| {
        bounds.is_empty()
            || item[member].as_str().and_then(|text| OffsetDateTime::parse(text, &Rfc2822).ok()).is_some_and(
                |at| {
                    bounds.iter().all(|(sign, bound, day)| match sign {
                        '<' if *day => at.date() <= bound.date(),
                        '<' => at <= *bound,
                        '>' => at >= *bound,
                        _ => at.date() == bound.date(),
                    })
                },
            )
    };
    items.into_iter().filter(fits).collect()
}

/// A day, or a time of it.
fn read_date(text: &str) -> Option<(OffsetDateTime, bool)> {
    if let Ok(day) = Date::parse(text, format_description!("[year]-[month]-[day]")) {
        return Some((day.midnight().assume_utc(), true));
    }
    let at = Timestamp::parse(text)?;
    Some((OffsetDateTime::from_unix_timestamp(at.seconds()).ok()?, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(query: &str) -> Vec<u64> {
        let items = vec![
            json!({ "n": 1, "at": "Fri, 20 Nov 2026 10:30:00 +0000" }),
            json!({ "n": 2, "at": "Sat, 21 Nov 2026 10:30:00 +0000" }),
            json!({ "n": 3, "at": null }),
        ];
        let params = Params::of(&format!("/?{query}").parse().unwrap());
        dated(items, &params, "StartTime", "at").iter().map(|item| item["n"].as_u64().unwrap()).collect()
    }

    #[test]
    fn dates_are_a_day_or_a_bound() {
        assert_eq!(kept("To=x"), [1, 2, 3]);
        assert_eq!(kept("StartTime=2026-11-20"), [1]);
        assert_eq!(kept("StartTime%3C=2026-11-20"), [1]);
        assert_eq!(kept("StartTime%3E=2026-11-21"), [2]);
        assert_eq!(kept("StartTime%3E=2026-11-20T10:30:01Z"), [2]);
        assert_eq!(kept("StartTime%3E=2026-11-20&StartTime%3C=2026-11-21T09:00:00Z"), [1]);
    }

    #[test]
    fn times_are_written_as_twilio_writes_them() {
        assert_eq!(rfc2822(Timestamp::from_seconds(1_795_170_600)), "Fri, 20 Nov 2026 10:30:00 +0000");
    }
}
