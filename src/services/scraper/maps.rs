//! SerpAPI's Google Maps engine: what is asked and how answers are read. Answers are somebody else's
//! data: nothing in them is taken for granted, and their links are never followed.
//!
//! Sources: <https://serpapi.com/google-maps-api>, <https://serpapi.com/maps-local-results>,
//! <https://serpapi.com/locations-api>.

use serde_json::Value;

use super::{
    email,
    run::{Page, Parameters},
};
use crate::model::scraper::{Coordinates, Engine, ResultRow, SearchRequest};

/// Longest text of a result that is kept, in characters.
pub(super) const TEXT_MAX: usize = 500;
/// Longest address of a website that is kept, in characters.
pub(super) const WEBSITE_MAX: usize = 2_000;

/// Where a search looks.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Located {
    /// Around a point, which may have a name that SerpAPI knows.
    At {
        /// The point.
        point: Coordinates,
        /// The name.
        name: Option<String>,
    },
    /// Wherever Google understands the words to mean.
    ByText,
}

impl Located {
    /// Pages that the search takes at the most: without coordinates Google Maps has one.
    pub(super) fn pages(&self, request: &SearchRequest) -> u32 {
        match (self, request.engine) {
            (Self::ByText, Engine::Maps) => 1,
            _ => request.pages(),
        }
    }

    /// The name that SerpAPI knows.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::At { name, .. } => name.as_deref(),
            Self::ByText => None,
        }
    }
}

/// The parameters of page `number`, counted from 0. Made from the request alone, so that the same search
/// within an hour is answered from SerpAPI's cache and costs nothing.
pub(super) fn parameters(request: &SearchRequest, located: &Located, number: u32) -> Parameters {
    let mut parameters = vec![("engine", "google_maps".to_owned()), ("type", "search".to_owned())];
    match (located, &request.place) {
        (Located::At { point, .. }, _) => {
            parameters.push(("q", request.query.clone()));
            parameters.push(("ll", point.ll()));
        }
        (Located::ByText, place) => parameters.push(("q", format!("{} in {place}", request.query))),
    }
    let start = number.saturating_mul(Engine::Maps.page_size());
    let optional = [
        ("start", (start > 0).then(|| start.to_string())),
        ("hl", request.language.clone()),
        ("gl", request.country.clone()),
    ];
    parameters.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    parameters
}

/// Reads an answer. One that matches exactly one place has `place_results` instead of a list; one without
/// results has neither.
pub(super) fn read_page(body: &Value) -> Page {
    if let Some(places) = body.get("local_results").and_then(Value::as_array) {
        let more = body.pointer("/serpapi_pagination/next").is_some_and(Value::is_string);
        return Page { rows: places.iter().filter_map(read_place).collect(), more };
    }
    Page { rows: body.get("place_results").and_then(read_place).into_iter().collect(), more: false }
}

fn read_place(place: &Value) -> Option<(String, ResultRow)> {
    let row = ResultRow {
        position: 0,
        name: text(place.get("title"), TEXT_MAX)?,
        category: text(place.get("type"), TEXT_MAX).or_else(|| text(place.pointer("/types/0"), TEXT_MAX)),
        address: text(place.get("address"), TEXT_MAX),
        phone: text(place.get("phone"), TEXT_MAX),
        website: text(place.get("website"), WEBSITE_MAX),
        email: email::first_in([place.get("description").and_then(Value::as_str)]),
        rating: number(place.get("rating")),
        reviews: place.get("reviews").and_then(Value::as_i64).filter(|count| *count >= 0),
        latitude: number(place.pointer("/gps_coordinates/latitude")),
        longitude: number(place.pointer("/gps_coordinates/longitude")),
        place_id: text(place.get("place_id"), TEXT_MAX),
        ..ResultRow::default()
    };
    let id = ["place_id", "data_id", "data_cid"].into_iter().find_map(|name| text(place.get(name), TEXT_MAX));
    let key = id.unwrap_or_else(|| format!("{}\n{}", row.name, row.address.as_deref().unwrap_or_default()));
    Some((key, row))
}

/// A text in one line, cut to `max` characters. `type` is sometimes a list; its first entry counts.
pub(super) fn text(value: Option<&Value>, max: usize) -> Option<String> {
    let value = value?;
    let text = value.as_str().or_else(|| value.get(0)?.as_str())?;
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(max).collect();
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

fn number(value: Option<&Value>) -> Option<f64> {
    value?.as_f64().filter(|number| number.is_finite())
}

/// A place of SerpAPI's list.
#[derive(Debug, PartialEq)]
pub(super) struct KnownPlace {
    /// The name with region and country: `Berlin, Berlin, Germany`.
    pub(super) name: String,
    /// Its middle.
    pub(super) point: Coordinates,
}

/// The part of a name that SerpAPI's list is searched for: `Austin` of `Austin, Texas`.
pub(super) fn first_part(name: &str) -> &str {
    name.split(',').next().unwrap_or_default().trim()
}

/// Finds a place in SerpAPI's answer. It must be called exactly as asked, and what follows the first comma
/// must belong to it; of several, one in `country` comes first, else the order is SerpAPI's. A guess would
/// spend searches on the wrong town.
pub(super) fn resolve(body: &Value, name: &str, country: Option<&str>) -> Option<KnownPlace> {
    let wanted = words(name.split_once(',').map_or("", |(_, rest)| rest));
    let first = first_part(name).to_lowercase();
    let matching = |place: &&Value| {
        let canonical = place.get("canonical_name").and_then(Value::as_str).unwrap_or_default();
        let code = place.get("country_code").and_then(Value::as_str).unwrap_or_default();
        let mut own = words(canonical);
        own.extend(words(code));
        first_part(canonical).to_lowercase() == first && wanted.iter().all(|word| own.contains(word))
    };
    let places: Vec<_> = body.as_array()?.iter().filter(matching).collect();
    let at_home = places.iter().copied().find(|place| {
        let code = place.get("country_code").and_then(Value::as_str);
        code.zip(country).is_some_and(|(code, country)| code.eq_ignore_ascii_case(country))
    });
    let place = at_home.or_else(|| places.first().copied())?;
    // Longitude first, unlike everywhere else.
    let longitude = number(place.pointer("/gps/0"))?;
    let latitude = number(place.pointer("/gps/1"))?;
    let canonical = text(place.get("canonical_name"), TEXT_MAX)?;
    let name = canonical.split(',').map(str::trim).collect::<Vec<_>>().join(", ");
    Some(KnownPlace { name, point: Coordinates::at(latitude, longitude)? })
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::scraper::{Place, SearchInput};

    fn request(place: &str, limit: u32) -> SearchRequest {
        let input = SearchInput {
            query: "bakery".to_owned(),
            place: place.to_owned(),
            language: "de".to_owned(),
            limit: Some(limit),
            ..SearchInput::default()
        };
        input.check().unwrap()
    }

    #[test]
    fn a_page_is_asked_for_by_coordinates_and_start() {
        let request = request("52.52, 13.405", 60);
        let Place::Coordinates(point) = request.place else { panic!("not coordinates") };
        let at = Located::At { point, name: None };
        let of = |number| parameters(&request, &at, number);
        let text = |parameters: Parameters| {
            parameters.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
        };
        assert_eq!(text(of(0)), "engine=google_maps&type=search&q=bakery&ll=@52.52,13.405,14z&hl=de");
        assert_eq!(
            text(of(2)),
            "engine=google_maps&type=search&q=bakery&ll=@52.52,13.405,14z&start=40&hl=de"
        );
        let unknown = super::tests::request("Kleinkleckersdorf", 60);
        assert_eq!(
            text(parameters(&unknown, &Located::ByText, 0)),
            "engine=google_maps&type=search&q=bakery in Kleinkleckersdorf&hl=de"
        );
        assert_eq!((at.pages(&request), Located::ByText.pages(&request)), (3, 1));
    }

    #[test]
    fn rows_are_read_with_whatever_they_have() {
        let page = read_page(&json!({
            "local_results": [
                {
                    "position": 1, "title": "Kornhaus\nMitte", "place_id": "ChIJ1", "data_id": "0x1", "type": "Bakery",
                    "address": "Beispielplatz 1", "phone": "030 23125000", "website": "https://kornhaus.example/",
                    "rating": 4.7, "reviews": 862, "gps_coordinates": {"latitude": 52.5, "longitude": 13.4},
                },
                { "title": "Ofenfrisch", "data_id": "0x2", "types": ["Café", "Bakery"] },
                { "title": "  " },
                { "position": 4 },
                "nonsense",
                { "title": "Ohne Kennung", "address": 5, "rating": "4.5", "reviews": -1, "phone": "" },
            ],
            "serpapi_pagination": { "next": "https://elsewhere.example/search.json?start=20" },
        }));
        assert!(page.more);
        let keys: Vec<_> = page.rows.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["ChIJ1", "0x2", "Ohne Kennung\n"]);
        let first = &page.rows[0].1;
        assert_eq!(
            (first.name.as_str(), first.rating, first.reviews),
            ("Kornhaus Mitte", Some(4.7), Some(862))
        );
        assert_eq!((first.latitude, first.longitude), (Some(52.5), Some(13.4)));
        assert_eq!(page.rows[1].1.category.as_deref(), Some("Café"));
        let last = &page.rows[2].1;
        assert_eq!((&last.address, last.rating, last.reviews, &last.phone), (&None, None, None, &None));
    }

    #[test]
    fn one_place_comes_alone_and_no_place_comes_as_an_error() {
        let one = read_page(&json!({ "place_results": { "title": "Kornhaus", "type": ["Bakery", "Café"] } }));
        assert_eq!((one.rows.len(), one.more), (1, false));
        assert_eq!(one.rows[0].1.category.as_deref(), Some("Bakery"));
        for none in [
            json!({ "error": "Google hasn't returned any results for this query." }),
            json!({ "local_results": [] }),
            json!([]),
            json!(null),
        ] {
            assert_eq!(read_page(&none), Page::default());
        }
    }

    fn places() -> Value {
        let place = |name: &str, code: &str, gps: [f64; 2]| json!({ "canonical_name": name, "country_code": code, "gps": gps });
        json!([
            place("New Berlin,Wisconsin,United States", "US", [-88.1, 42.9]),
            place("Berlin,Berlin,Germany", "DE", [13.405, 52.52]),
            place("Berlin,Connecticut,United States", "US", [-72.7, 41.6]),
            place("Berlin,Nowhere", "XX", [13.4, 152.5]),
        ])
    }

    #[test]
    fn a_place_is_the_one_that_was_named() {
        let name = |name: &str, country| resolve(&places(), name, country).map(|place| place.name);
        assert_eq!(name("berlin", None).as_deref(), Some("Berlin, Berlin, Germany"));
        assert_eq!(name("Berlin, Germany", Some("us")).as_deref(), Some("Berlin, Berlin, Germany"));
        assert_eq!(name("Berlin, DE", None).as_deref(), Some("Berlin, Berlin, Germany"));
        assert_eq!(name("Berlin", Some("us")).as_deref(), Some("Berlin, Connecticut, United States"));
        assert_eq!(
            name("Berlin, United States", None).as_deref(),
            Some("Berlin, Connecticut, United States")
        );
        assert_eq!(name("Berlin, Texas", None), None);
        assert_eq!(name("Berl", None), None);
        // Not on Earth.
        assert_eq!(name("Berlin, Nowhere", None), None);
        assert_eq!(resolve(&json!({ "error": "?" }), "Berlin", None), None);
        let point = resolve(&places(), "Berlin", None).map(|place| place.point.ll());
        assert_eq!(point.as_deref(), Some("@52.52,13.405,14z"));
    }
}
