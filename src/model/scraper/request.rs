//! What is searched for. The same checks run in the form and on the server.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Engine, LIMIT_MAX, LIMIT_STEP};
use crate::model::{
    error::{AppError, FieldError},
    input::{self, line},
};

/// Longest query, in characters.
const QUERY_MAX: usize = 200;
/// Longest name of a place, in characters.
const PLACE_MAX: usize = 120;
/// Zoom levels that Google Maps has.
const ZOOM: std::ops::RangeInclusive<f64> = 3.0..=21.0;
/// A zoom that shows a part of a town.
const ZOOM_USUAL: u8 = 14;

/// A point on the map and how much around it is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coordinates {
    /// Degrees north, -90 to 90.
    pub latitude: f64,
    /// Degrees east, -180 to 180.
    pub longitude: f64,
    /// From 3, a continent, to 21, a house.
    pub zoom: u8,
}

impl Coordinates {
    /// The point at the usual zoom; none when it is not on Earth.
    pub fn at(latitude: f64, longitude: f64) -> Option<Self> {
        let on_earth = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        on_earth.then_some(Self { latitude, longitude, zoom: ZOOM_USUAL })
    }

    /// SerpAPI's `ll`: `@52.52,13.405,14z`. Source: <https://serpapi.com/google-maps-api>.
    pub fn ll(self) -> String {
        format!("@{},{},{}z", self.latitude, self.longitude, self.zoom)
    }
}

/// Where to search. As text it is a name, or coordinates: `52.52, 13.405`, with a zoom
/// `52.52, 13.405, 12z`, or as Google Maps writes them, `@52.52,13.405,12z`. Empty is anywhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Place {
    /// A town or a region by its name.
    Name(String),
    /// A point on the map.
    Coordinates(Coordinates),
    /// Nowhere in particular, which only the web can be searched.
    Anywhere,
}

impl FromStr for Place {
    type Err = FieldError;
    fn from_str(text: &str) -> Result<Self, FieldError> {
        let text = line(text, PLACE_MAX)?;
        // What has no letters but a zoom's `z` is not the name of a place.
        if text.chars().any(|c| c.is_alphabetic() && c != 'z') {
            return Ok(Self::Name(text.to_owned()));
        }
        let parts: Vec<_> = text.trim_start_matches('@').split(',').map(str::trim).collect();
        let degrees =
            |part: &str| part.trim_end_matches('°').parse::<f64>().map_err(|_| FieldError::Malformed);
        let (latitude, longitude, zoom) = match parts.as_slice() {
            [latitude, longitude] => (degrees(latitude)?, degrees(longitude)?, None),
            [latitude, longitude, zoom] => (degrees(latitude)?, degrees(longitude)?, Some(zoom)),
            _ => return Err(FieldError::Malformed),
        };
        let point = Coordinates::at(latitude, longitude).ok_or(FieldError::OutOfRange)?;
        let Some(zoom) = zoom else { return Ok(Self::Coordinates(point)) };
        let zoom: f64 = zoom.trim_end_matches('z').parse().map_err(|_| FieldError::Malformed)?;
        if !ZOOM.contains(&zoom) {
            return Err(FieldError::OutOfRange);
        }
        Ok(Self::Coordinates(Coordinates { zoom: zoom.round() as u8, ..point }))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Anywhere => Ok(()),
            Self::Coordinates(point) if point.zoom == ZOOM_USUAL => {
                write!(f, "{}, {}", point.latitude, point.longitude)
            }
            Self::Coordinates(point) => write!(f, "{}, {}, {}z", point.latitude, point.longitude, point.zoom),
        }
    }
}

impl TryFrom<String> for Place {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Ok(Self::Anywhere);
        }
        text.parse().map_err(|_| "not a place")
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

/// A search, checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct SearchRequest {
    /// What is asked.
    #[serde(default)]
    pub engine: Engine,
    /// What: `bakery`.
    pub query: String,
    /// Where. Empty for a search of the web that names no place.
    #[cfg_attr(feature = "ssr", schema(value_type = String))]
    pub place: Place,
    /// The language of the results, such as `de`; SerpAPI's `hl`.
    pub language: Option<String>,
    /// The country whose Google is asked, such as `de`; SerpAPI's `gl`.
    pub country: Option<String>,
    /// Results at the most, 1 to 120.
    pub limit: u32,
}

impl SearchRequest {
    /// Pages this takes at the most; each costs one search.
    pub fn pages(&self) -> u32 {
        self.limit.div_ceil(self.engine.page_size())
    }
}

/// A search as it was typed or sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SearchInput {
    /// Google Maps unless given.
    #[serde(default)]
    pub engine: Engine,
    /// What.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(required = true, min_length = 1, max_length = 200, pattern = r"\S"))]
    pub query: String,
    /// Where: a name, or coordinates on Google Maps. The web can also be searched without a place.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(max_length = 120))]
    pub place: String,
    /// A language's code; empty for Google's choice.
    #[serde(default)]
    pub language: String,
    /// A country's code; empty for Google's choice.
    #[serde(default)]
    pub country: String,
    /// Results at the most; 20 unless given.
    #[serde(default, deserialize_with = "input::whole")]
    #[cfg_attr(feature = "ssr", schema(minimum = 1, maximum = 120))]
    pub limit: Option<u32>,
}

impl SearchInput {
    /// Checks every field.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`](crate::model::error::ErrorCode::InvalidInput) with what is wrong with which field.
    pub fn check(&self) -> Result<SearchRequest, AppError> {
        let mut errors = BTreeMap::new();
        let mut failed = |name: &str, error| {
            errors.insert(name.to_owned(), error);
        };
        let query = line(&self.query, QUERY_MAX).map_err(|error| failed("query", error)).ok();
        let place = place_for(self.engine, &self.place).map_err(|error| failed("place", error)).ok();
        let language = code(&self.language, is_language).map_err(|error| failed("language", error)).ok();
        let country = code(&self.country, is_country).map_err(|error| failed("country", error)).ok();
        let limit = self.limit.unwrap_or(LIMIT_STEP);
        if !(1..=LIMIT_MAX).contains(&limit) {
            failed("limit", FieldError::OutOfRange);
        }
        match (query, place, language, country) {
            (Some(query), Some(place), Some(language), Some(country)) if errors.is_empty() => {
                let (engine, query) = (self.engine, query.to_owned());
                Ok(SearchRequest { engine, query, place, language, country, limit })
            }
            _ => Err(AppError { errors, ..AppError::new(crate::model::error::ErrorCode::InvalidInput) }),
        }
    }
}

/// A place where the engine can search.
fn place_for(engine: Engine, text: &str) -> Result<Place, FieldError> {
    if engine == Engine::Web && text.trim().is_empty() {
        return Ok(Place::Anywhere);
    }
    match text.parse()? {
        Place::Coordinates(_) if engine == Engine::Web => Err(FieldError::NotByCoordinates),
        place => Ok(place),
    }
}

fn code(text: &str, is_code: fn(&str) -> bool) -> Result<Option<String>, FieldError> {
    let text = text.trim();
    if text.is_empty() {
        Ok(None)
    } else if is_code(text) {
        Ok(Some(text.to_owned()))
    } else {
        Err(FieldError::Malformed)
    }
}

/// Such as `de`, `pt-br` or `zh-TW`.
fn is_language(text: &str) -> bool {
    let letters = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    match text.split_once('-') {
        None => letters(text, 2..=3),
        Some((language, region)) => letters(language, 2..=3) && letters(region, 2..=4),
    }
}

/// Such as `de`.
fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn input(query: &str, place: &str) -> SearchInput {
        SearchInput { query: query.to_owned(), place: place.to_owned(), ..SearchInput::default() }
    }

    #[test]
    fn a_request_has_a_page_of_results_unless_told() {
        let request = input(" bakery ", "Berlin, Germany").check().unwrap();
        assert_eq!((request.query.as_str(), request.limit, request.pages()), ("bakery", 20, 1));
        assert_eq!(request.place, Place::Name("Berlin, Germany".to_owned()));
        for (limit, pages) in [(1, 1), (20, 1), (21, 2), (120, 6)] {
            let request = SearchInput { limit: Some(limit), ..input("bakery", "Berlin") }.check().unwrap();
            assert_eq!(request.pages(), pages, "{limit}");
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let wrong = SearchInput {
            query: " ".to_owned(),
            place: "91, 0".to_owned(),
            language: "german".to_owned(),
            country: "deu".to_owned(),
            limit: Some(121),
            ..SearchInput::default()
        };
        let errors = wrong.check().unwrap_err().errors;
        let of = |name: &str| errors.get(name).copied();
        assert_eq!(of("query"), Some(FieldError::Required));
        assert_eq!(of("place"), Some(FieldError::OutOfRange));
        assert_eq!(of("language"), Some(FieldError::Malformed));
        assert_eq!(of("country"), Some(FieldError::Malformed));
        assert_eq!(of("limit"), Some(FieldError::OutOfRange));
        let zero = SearchInput { limit: Some(0), ..input("a", "b") }.check().unwrap_err();
        assert_eq!(zero.errors.get("limit"), Some(&FieldError::OutOfRange));
        let lines = input("a\r\nb", "b").check().unwrap_err();
        assert_eq!(lines.errors.get("query"), Some(&FieldError::ControlCharacters));
    }

    #[test]
    fn the_web_is_searched_anywhere_or_in_a_place_with_a_name() {
        let web =
            |place: &str| SearchInput { engine: Engine::Web, limit: Some(40), ..input("bakery", place) };
        let anywhere = web(" ").check().unwrap();
        assert_eq!((&anywhere.place, anywhere.pages()), (&Place::Anywhere, 4));
        let text = serde_json::to_string(&anywhere).unwrap();
        assert_eq!(serde_json::from_str::<SearchRequest>(&text).unwrap(), anywhere);
        assert_eq!(web("Berlin").check().unwrap().place, Place::Name("Berlin".to_owned()));
        let errors = web("52.52, 13.405").check().unwrap_err().errors;
        assert_eq!(errors.get("place"), Some(&FieldError::NotByCoordinates));
        // What was kept before there was a choice.
        let old = r#"{"query":"a","place":"b","language":null,"country":null,"limit":20}"#;
        assert_eq!(serde_json::from_str::<SearchRequest>(old).unwrap().engine, Engine::Maps);
    }

    #[test]
    fn coordinates_are_read_as_people_and_google_write_them() {
        for (text, ll) in [
            ("52.52, 13.405", "@52.52,13.405,14z"),
            ("-33.8688,151.2093", "@-33.8688,151.2093,14z"),
            ("52.52°, 13.405°", "@52.52,13.405,14z"),
            ("@52.52,13.405,12z", "@52.52,13.405,12z"),
            ("52.52, 13.405, 12.6z", "@52.52,13.405,13z"),
            ("0, 0", "@0,0,14z"),
        ] {
            match text.parse::<Place>() {
                Ok(Place::Coordinates(point)) => assert_eq!(point.ll(), ll, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        for (text, error) in [
            ("", FieldError::Required),
            ("10115", FieldError::Malformed),
            ("52,52, 13,405", FieldError::Malformed),
            ("52.52 13.405", FieldError::Malformed),
            ("90.1, 0", FieldError::OutOfRange),
            ("0, -180.5", FieldError::OutOfRange),
            ("0, 0, 2z", FieldError::OutOfRange),
            ("0, 0, 22z", FieldError::OutOfRange),
        ] {
            assert_eq!(text.parse::<Place>(), Err(error), "{text}");
        }
        assert_eq!("Zug".parse(), Ok(Place::Name("Zug".to_owned())));
        assert_eq!("NaN, NaN".parse(), Ok(Place::Name("NaN, NaN".to_owned())));
    }

    #[test]
    fn languages_and_countries_have_codes() {
        assert!(["de", "pt-br", "zh-TW", "fil", "es-419"].into_iter().all(is_language));
        assert!(!["d", "german", "de_DE", "de-", "-de", "d&"].into_iter().any(is_language));
        assert!(is_country("de") && !is_country("d1") && !is_country("deu"));
    }

    proptest! {
        #[test]
        fn a_place_comes_back_from_its_text(
            latitude in -90.0..=90.0f64, longitude in -180.0..=180.0f64, zoom in 3..=21u8,
        ) {
            let place = Place::Coordinates(Coordinates { latitude, longitude, zoom });
            prop_assert_eq!(place.to_string().parse(), Ok(place));
        }

        #[test]
        fn whatever_is_typed_a_place_is_a_name_or_on_earth(text in "\\PC{0,40}") {
            match text.parse::<Place>() {
                Ok(Place::Coordinates(point)) => {
                    prop_assert!(point.latitude.abs() <= 90.0 && point.longitude.abs() <= 180.0);
                    prop_assert!((3..=21).contains(&point.zoom));
                }
                Ok(Place::Name(name)) => prop_assert_eq!(name.as_str(), text.trim()),
                Ok(Place::Anywhere) | Err(_) => prop_assert!(!text.trim().chars().any(|c| c.is_alphabetic() && c != 'z')),
            }
        }
    }
}
