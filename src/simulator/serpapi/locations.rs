//! Places by name. Free, and without a key.

use axum::{
    Json,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::error;
use crate::simulator::credential::{Params, sha256_hex};

/// Entries without `limit`.
const USUAL_LIMIT: usize = 10;

/// A city.
#[derive(Debug)]
pub struct City {
    /// Its English name.
    pub name: &'static str,
    region: &'static str,
    country: &'static str,
    /// ISO 3166 code in capitals.
    pub country_code: &'static str,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Inhabitants in thousands, roughly.
    reach: u32,
}

const fn city(
    name: &'static str,
    region: &'static str,
    country: (&'static str, &'static str),
    position: (f64, f64),
    reach: u32,
) -> City {
    let (latitude, longitude) = position;
    City { name, region, country: country.0, country_code: country.1, latitude, longitude, reach }
}

const US: (&str, &str) = ("United States", "US");
const GB: (&str, &str) = ("United Kingdom", "GB");
const DE: (&str, &str) = ("Germany", "DE");
const FR: (&str, &str) = ("France", "FR");
const ES: (&str, &str) = ("Spain", "ES");
const CA: (&str, &str) = ("Canada", "CA");
const AU: (&str, &str) = ("Australia", "AU");

/// The cities that are known.
pub const CITIES: &[City] = &[
    city("New York", "New York", US, (40.7128, -74.0060), 8_300),
    city("Los Angeles", "California", US, (34.0522, -118.2437), 3_900),
    city("Chicago", "Illinois", US, (41.8781, -87.6298), 2_700),
    city("Houston", "Texas", US, (29.7604, -95.3698), 2_300),
    city("Austin", "Texas", US, (30.2672, -97.7431), 970),
    city("San Francisco", "California", US, (37.7749, -122.4194), 810),
    city("Seattle", "Washington", US, (47.6062, -122.3321), 740),
    city("Boston", "Massachusetts", US, (42.3601, -71.0589), 650),
    city("Miami", "Florida", US, (25.7617, -80.1918), 440),
    city("Denver", "Colorado", US, (39.7392, -104.9903), 710),
    city("London", "England", GB, (51.5074, -0.1278), 8_900),
    city("Manchester", "England", GB, (53.4808, -2.2426), 550),
    city("Edinburgh", "Scotland", GB, (55.9533, -3.1883), 520),
    city("Berlin", "Berlin", DE, (52.5200, 13.4050), 3_700),
    city("Hamburg", "Hamburg", DE, (53.5511, 9.9937), 1_900),
    city("Munich", "Bavaria", DE, (48.1351, 11.5820), 1_500),
    city("Paris", "Ile-de-France", FR, (48.8566, 2.3522), 2_100),
    city("Lyon", "Auvergne-Rhone-Alpes", FR, (45.7640, 4.8357), 520),
    city("Madrid", "Community of Madrid", ES, (40.4168, -3.7038), 3_300),
    city("Barcelona", "Catalonia", ES, (41.3874, 2.1686), 1_600),
    city("Lisbon", "Lisbon", ("Portugal", "PT"), (38.7223, -9.1393), 550),
    city("Rome", "Lazio", ("Italy", "IT"), (41.9028, 12.4964), 2_800),
    city("Vienna", "Vienna", ("Austria", "AT"), (48.2082, 16.3738), 1_900),
    city("Zurich", "Zurich", ("Switzerland", "CH"), (47.3769, 8.5417), 430),
    city("Amsterdam", "North Holland", ("Netherlands", "NL"), (52.3676, 4.9041), 900),
    city("Brussels", "Brussels", ("Belgium", "BE"), (50.8503, 4.3517), 1_200),
    city("Copenhagen", "Capital Region", ("Denmark", "DK"), (55.6761, 12.5683), 650),
    city("Stockholm", "Stockholm County", ("Sweden", "SE"), (59.3293, 18.0686), 980),
    city("Oslo", "Oslo", ("Norway", "NO"), (59.9139, 10.7522), 700),
    city("Warsaw", "Masovian", ("Poland", "PL"), (52.2297, 21.0122), 1_800),
    city("Prague", "Prague", ("Czechia", "CZ"), (50.0755, 14.4378), 1_300),
    city("Dublin", "County Dublin", ("Ireland", "IE"), (53.3498, -6.2603), 590),
    city("Toronto", "Ontario", CA, (43.6532, -79.3832), 2_800),
    city("Vancouver", "British Columbia", CA, (49.2827, -123.1207), 660),
    city("Sydney", "New South Wales", AU, (-33.8688, 151.2093), 5_300),
    city("Melbourne", "Victoria", AU, (-37.8136, 144.9631), 5_100),
    city("Tokyo", "Tokyo", ("Japan", "JP"), (35.6762, 139.6503), 14_000),
    city("Singapore", "Singapore", ("Singapore", "SG"), (1.3521, 103.8198), 5_600),
    city("Mumbai", "Maharashtra", ("India", "IN"), (19.0760, 72.8777), 12_500),
    city("Sao Paulo", "State of Sao Paulo", ("Brazil", "BR"), (-23.5558, -46.6396), 12_300),
];

impl City {
    /// The name with region and country, such as `Austin,Texas,United States`.
    pub fn canonical_name(&self) -> String {
        format!("{},{},{}", self.name, self.region, self.country)
    }

    /// The known city nearest to a position, and how far it is, in degrees.
    pub fn nearest(latitude: f64, longitude: f64) -> Option<(&'static Self, f64)> {
        let distance = |city: &Self| {
            let shrink = latitude.to_radians().cos();
            // The short way round.
            let east = ((longitude - city.longitude + 540.0).rem_euclid(360.0) - 180.0) * shrink;
            (latitude - city.latitude).hypot(east)
        };
        CITIES.iter().map(|city| (city, distance(city))).min_by(|(_, a), (_, b)| a.total_cmp(b))
    }

    /// The first known city whose name occurs in `text`.
    pub fn named_in(text: &str) -> Option<&'static Self> {
        let text = text.to_lowercase();
        CITIES.iter().find(|city| text.contains(&city.name.to_lowercase()))
    }

    fn body(&self, number: usize) -> Value {
        json!({
            "id": &sha256_hex(&self.canonical_name())[..24],
            "google_id": 1_000_001 + number,
            "google_parent_id": 20_001 + number,
            "name": self.name,
            "canonical_name": self.canonical_name(),
            "country_code": self.country_code,
            "target_type": "City",
            "reach": self.reach * 1_000,
            "gps": [self.longitude, self.latitude],
            "keys": [self.name.to_lowercase(), self.region.to_lowercase(), self.country.to_lowercase()],
        })
    }
}

/// `q` is part of a name, in either case; `limit` is the largest number of entries.
pub async fn locations(uri: Uri) -> Response {
    let params = Params::of(&uri);
    let Ok(limit) = params.get("limit").map_or(Ok(USUAL_LIMIT), str::parse) else {
        return error(StatusCode::BAD_REQUEST, "Invalid `limit` parameter.");
    };
    let wanted = params.get("q").unwrap_or_default().trim().to_lowercase();
    let mut found: Vec<(usize, &City)> = CITIES
        .iter()
        .enumerate()
        .filter(|(_, city)| city.canonical_name().to_lowercase().contains(&wanted))
        .collect();
    // Names that begin with the text come first, then the larger city.
    found.sort_by_key(|(_, city)| {
        (!city.name.to_lowercase().starts_with(&wanted), std::cmp::Reverse(city.reach))
    });
    let bodies: Vec<Value> = found.into_iter().take(limit).map(|(number, city)| city.body(number)).collect();
    Json(bodies).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_city_is_found_across_the_date_line_too() {
        assert_eq!(City::nearest(40.7455, -74.0083).map(|(city, _)| city.name), Some("New York"));
        assert_eq!(City::nearest(48.2, 16.0).map(|(city, _)| city.name), Some("Vienna"));
        // Hawaii is nearer to the American coast than to Japan, Wake Island the other way round.
        assert_eq!(City::nearest(19.28, 166.6).map(|(city, _)| city.country_code), Some("JP"));
    }

    #[test]
    fn a_city_is_recognised_in_a_query() {
        assert_eq!(City::named_in("Coffee in san francisco").map(|city| city.name), Some("San Francisco"));
        assert!(City::named_in("coffee").is_none());
    }
}
