//! `engine=google_maps`: made-up businesses round a position, always the same for the same query and place.

use serde_json::{Value, json};

use super::{
    business::{Dice, business},
    locations::{CITIES, City},
    search::{NO_RESULTS, Page, says},
};
use crate::simulator::credential::Params;

/// Results on a page.
pub const PAGE: u32 = 20;

/// A checked query.
pub struct MapsQuery {
    /// The words.
    pub q: String,
    /// Results to leave out.
    pub start: u32,
    /// North of the equator, in degrees.
    pub latitude: f64,
    /// East of Greenwich, in degrees.
    pub longitude: f64,
    /// How far results lie from the middle, in degrees.
    pub spread: f64,
    /// `hl` in lower case.
    pub language: String,
    /// `gl` in lower case, else the country of the place.
    pub country: String,
}

impl MapsQuery {
    /// Reads the parameters that only this engine has.
    ///
    /// # Errors
    /// The text of a 400.
    pub fn parse(params: &Params, q: &str, start: u32) -> Result<Self, String> {
        match params.get("type") {
            Some("search") => {}
            Some(_) => return Err("Unsupported `type` parameter.".to_owned()),
            None => return Err("Missing `type` parameter.".to_owned()),
        }
        let view = params.get("ll").map(view).transpose()?;
        if view.is_some() && ["location", "lat", "lon"].iter().any(|name| params.get(name).is_some()) {
            return Err("`ll` parameter can't be used with `location`, `lat` or `lon` parameters.".to_owned());
        }
        if view.is_none() && start > 0 {
            return Err("Missing `ll` parameter, which is required for pagination.".to_owned());
        }
        let point = match (params.get("lat"), params.get("lon")) {
            (None, None) => None,
            (Some(latitude), Some(longitude)) => Some(view_of_point(latitude, longitude)?),
            _ => return Err("`lat` and `lon` parameters must be used together.".to_owned()),
        };
        let (latitude, longitude, spread) = view.or(point).unwrap_or_else(|| {
            let city = City::named_in(params.get("location").unwrap_or_default())
                .or_else(|| City::named_in(q))
                .unwrap_or(&CITIES[0]);
            (city.latitude, city.longitude, 0.04)
        });
        let city = City::nearest(latitude, longitude).map_or("us", |(city, _)| city.country_code);
        Ok(Self {
            q: q.to_owned(),
            start,
            latitude,
            longitude,
            spread,
            language: params.get("hl").unwrap_or("en").to_lowercase(),
            country: params.get("gl").unwrap_or(city).to_lowercase(),
        })
    }

    fn total(&self) -> u32 {
        if says(&self.q, "nothing") {
            0
        } else if says(&self.q, "single") {
            1
        } else if says(&self.q, "few") {
            7
        } else if says(&self.q, "many") {
            120
        } else {
            60 + self.dice("total").roll(61) as u32
        }
    }

    /// The dice for a part of the answer. Language and country change how a business is written, not which it is.
    pub fn dice(&self, what: &str) -> Dice {
        let (q, latitude, longitude) = (self.q.to_lowercase(), self.latitude, self.longitude);
        Dice::new(&format!("maps/{q}/{latitude:.2}/{longitude:.2}/{what}"))
    }
}

/// A point by its degrees, seen from where the map usually is.
fn view_of_point(latitude: &str, longitude: &str) -> Result<(f64, f64, f64), String> {
    view(&format!("@{latitude},{longitude},14z")).map_err(|_| "Invalid `lat` or `lon` parameter.".to_owned())
}

/// Reads `@LAT,LON,ZOOMz` or `@LAT,LON,METRESm` into degrees, and how far results lie from there.
fn view(ll: &str) -> Result<(f64, f64, f64), String> {
    let read = || {
        let mut parts = ll.strip_prefix('@')?.split(',');
        let (latitude, longitude, height) = (parts.next()?, parts.next()?, parts.next()?);
        let latitude: f64 = latitude.trim().parse().ok().filter(|n: &f64| n.abs() <= 90.0)?;
        let longitude: f64 = longitude.trim().parse().ok().filter(|n: &f64| n.abs() <= 180.0)?;
        let spread = if let Some(zoom) = height.strip_suffix('z') {
            let zoom: f64 = zoom.parse().ok().filter(|zoom| (3.0..=21.0).contains(zoom))?;
            360.0 / zoom.exp2()
        } else {
            let metres: f64 = height.strip_suffix('m')?.parse().ok().filter(|metres| *metres > 0.0)?;
            metres / 111_000.0
        };
        parts.next().is_none().then_some((latitude, longitude, spread.min(2.0)))
    };
    read().ok_or_else(|| {
        "Invalid `ll` parameter. It should look like `@40.7455096,-74.0083012,14z`.".to_owned()
    })
}

/// The page that begins after `query.start` results.
pub fn page(query: &MapsQuery) -> Page {
    let total = query.total();
    if says(&query.q, "single") && query.start == 0 && total == 1 {
        return Page { body: json!({ "place_results": business(query, 0) }), next: None };
    }
    let next = query.start.saturating_add(PAGE);
    let results: Vec<Value> = (query.start..total.min(next)).map(|place| business(query, place)).collect();
    if results.is_empty() {
        let information = json!({ "local_results_state": "Fully empty", "query_displayed": query.q });
        return Page { body: json!({ "search_information": information, "error": NO_RESULTS }), next: None };
    }
    let information =
        json!({ "local_results_state": "Results for exact spelling", "query_displayed": query.q });
    Page {
        body: json!({ "search_information": information, "local_results": results }),
        next: (next < total).then_some(next),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_view_is_read_by_zoom_and_by_metres() {
        assert_eq!(view("@40.5,-74.25,14z").map(|(a, b, _)| (a, b)), Ok((40.5, -74.25)));
        assert!(view("@40.5,-74.25,10410m").is_ok());
        for bad in [
            "",
            "40,-74,14z",
            "@40,-74",
            "@91,0,14z",
            "@0,181,14z",
            "@0,0,2z",
            "@0,0,0m",
            "@NaN,0,9z",
            "@0,0,9z,1",
        ] {
            assert!(view(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_view_is_answered_and_every_result_lies_on_earth(
            ll in prop_oneof![
                "\\PC{0,24}".boxed(),
                (-95.0..95.0f64, -185.0..185.0f64, 0..25u8)
                    .prop_map(|(latitude, longitude, zoom)| format!("@{latitude},{longitude},{zoom}z"))
                    .boxed(),
            ],
            q in "\\PC{1,40}",
            place in 0..200u32,
        ) {
            let mut pairs = url::form_urlencoded::Serializer::new(String::new());
            let pairs = pairs.append_pair("type", "search").append_pair("ll", &ll).finish();
            let params = Params::of(&format!("/?{pairs}").parse().unwrap());
            if let Ok(query) = MapsQuery::parse(&params, &q, 0) {
                let row = business(&query, place);
                let at = &row["gps_coordinates"];
                prop_assert!(at["latitude"].as_f64().unwrap().abs() <= 90.0);
                prop_assert!(at["longitude"].as_f64().unwrap().abs() <= 180.0);
                let total = query.total();
                prop_assert!(total == 0 || total == 1 || total == 7 || (60..=120).contains(&total));
            }
        }
    }
}
