//! Made-up businesses: invented names, telephone numbers kept for fiction, websites under `.example`.

use serde_json::{Map, Value, json};

use super::{locations::City, places::MapsQuery, search::says};
use crate::simulator::credential::sha256_hex;

/// Invented words, for names of people, firms and streets.
const NAMES: [&str; 28] = [
    "Brambleforth",
    "Quillmere",
    "Ostervane",
    "Tindlewick",
    "Marrowby",
    "Fennhollow",
    "Duskery",
    "Plumwright",
    "Harrowgale",
    "Silverthatch",
    "Orlbeck",
    "Wexcombe",
    "Thistledown",
    "Kestwick",
    "Lanternby",
    "Mossgrove",
    "Pellinore",
    "Ravenholt",
    "Saltmarsh",
    "Underbough",
    "Vellacourt",
    "Yarrowfield",
    "Ashpenny",
    "Copperlea",
    "Dovestone",
    "Élanvert",
    "Grünhag",
    "Zöllnery",
];
/// Endings of street names.
const STREETS: [&str; 5] = ["Street", "Avenue", "Road", "Lane", "Square"];
/// A word of the query, the type it stands for, and the noun of such a business.
const TYPES: [(&str, &str, &str); 14] = [
    ("coffee", "Coffee shop", "Coffee"),
    ("cafe", "Cafe", "Café"),
    ("restaurant", "Restaurant", "Kitchen"),
    ("pizza", "Pizza restaurant", "Pizza"),
    ("bakery", "Bakery", "Bakery"),
    ("hotel", "Hotel", "Hotel"),
    ("dentist", "Dentist", "Dental Practice"),
    ("doctor", "Doctor", "Medical Centre"),
    ("lawyer", "Lawyer", "Legal"),
    ("plumber", "Plumber", "Plumbing"),
    ("electrician", "Electrician", "Electrics"),
    ("gym", "Gym", "Fitness"),
    ("book", "Book store", "Books"),
    ("florist", "Florist", "Flowers"),
];
/// Words of the query that say how to search and not what for.
const STEERING: [&str; 7] = ["nothing", "single", "few", "many", "odd", "slow", "near"];

/// Chance that always falls alike for the same seed.
pub struct Dice(u64);

impl Dice {
    /// The dice of `seed`.
    pub fn new(seed: &str) -> Self {
        Self(u64::from_str_radix(&sha256_hex(seed)[..16], 16).unwrap_or_default())
    }

    /// A number below `sides` (splitmix64).
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % sides.max(1)
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.roll(from.len() as u64) as usize).copied()
    }

    /// An invented word.
    pub fn name(&mut self) -> &'static str {
        self.pick(&NAMES).unwrap_or_default()
    }

    /// A number from -1 to 1.
    fn swing(&mut self) -> f64 {
        self.roll(20_001) as f64 / 10_000.0 - 1.0
    }
}

/// The type of the businesses and the noun in their names.
fn kind(q: &str) -> (String, String) {
    let lower = q.to_lowercase();
    if let Some((_, kind, noun)) = TYPES.iter().find(|(word, _, _)| lower.contains(word)) {
        return ((*kind).to_owned(), (*noun).to_owned());
    }
    let subject =
        lower.split(" in ").next().unwrap_or_default().split("fail on page").next().unwrap_or_default();
    let words: Vec<&str> = subject
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !STEERING.contains(word))
        .take(3)
        .collect();
    if words.is_empty() {
        return ("Company".to_owned(), "Company".to_owned());
    }
    let noun: Vec<String> = words.iter().map(|word| capitalised(word)).collect();
    (capitalised(&words.join(" ")), noun.join(" "))
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// The host name that a title suggests, such as `the-orlbeck-coffee.example`.
pub fn host(title: &str) -> String {
    let plain: String = title
        .to_lowercase()
        .chars()
        .map(|letter| match letter {
            'é' => 'e',
            'ö' => 'o',
            'ü' => 'u',
            other => other,
        })
        .collect();
    let words = plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    format!("{}.example", words.collect::<Vec<_>>().join("-"))
}

/// The business at `place`, counted from 0. Everything but position, title and ids may be missing.
pub fn business(query: &MapsQuery, place: u32) -> Value {
    let dice = &mut query.dice(&place.to_string());
    let (kind, noun) = kind(&query.q);
    let (first, second) = (dice.name(), dice.name());
    let mut title = match dice.roll(4) {
        0 => format!("{first} {noun}"),
        1 => format!("{first} & {second} {noun}"),
        2 => format!("The {first} {noun}"),
        _ => format!("{noun} {first}"),
    };
    if says(&query.q, "odd") {
        let dangerous =
            ["=1+1", "+SUM(A1)", "-2", "@cell", "<b>bold</b>", "\"quoted\"", "a;b,c", "two\nlines"];
        title = format!("{} {title}", dice.pick(&dangerous).unwrap_or_default());
    }
    let latitude = (query.latitude + dice.swing() * query.spread).clamp(-90.0, 90.0);
    let longitude = (query.longitude + dice.swing() * query.spread + 540.0).rem_euclid(360.0) - 180.0;
    let rounded = |degrees: f64| (degrees * 1e7).round() / 1e7;
    let id = sha256_hex(&format!("{}/{}/{place}", query.q.to_lowercase(), title));

    let mut row = Map::new();
    let mut put = |name: &str, value: Value| row.insert(name.to_owned(), value);
    put("position", (place + 1).into());
    put("title", title.clone().into());
    put("place_id", format!("ChIJ{}", &id[..23]).into());
    put("data_id", format!("0x{}:0x{}", &id[..16], &id[16..32]).into());
    put("data_cid", u64::from_str_radix(&id[16..32], 16).unwrap_or_default().to_string().into());
    put("gps_coordinates", json!({ "latitude": rounded(latitude), "longitude": rounded(longitude) }));
    put("type", kind.clone().into());
    put("types", json!([kind]));
    put("thumbnail", format!("https://images.example/{}.jpg", &id[..16]).into());
    let street =
        format!("{} {} {}", dice.roll(240) + 1, dice.name(), dice.pick(&STREETS).unwrap_or_default());
    let town = City::nearest(query.latitude, query.longitude)
        .filter(|(_, distance)| *distance < 1.0)
        .map_or(String::new(), |(city, _)| format!(", {}", city.name));
    // Every chance is taken in any case, so that a missing field changes no other.
    let phone = phone(&query.country, dice);
    let (rating, reviews) = ((31 + dice.roll(20)) as f64 / 10.0, dice.roll(40) * dice.roll(60) + 1);
    let price = ["$", "$$", "$$$"][dice.roll(3) as usize];
    let closes = 16 + dice.roll(8);
    let some =
        [dice.one_in(15), dice.one_in(6), dice.one_in(4), dice.one_in(8), dice.one_in(3), dice.one_in(5)];
    let mut maybe = |missing: bool, name: &str, value: Value| {
        if !missing {
            row.insert(name.to_owned(), value);
        }
    };
    maybe(some[0], "address", format!("{street}{town}").into());
    maybe(some[1], "phone", phone.into());
    maybe(some[2], "website", format!("https://{}/", host(&title)).into());
    maybe(some[3], "rating", rating.into());
    maybe(some[3], "reviews", reviews.into());
    maybe(some[4], "price", price.into());
    maybe(some[4], "description", format!("{kind} run by the {second} family.").into());
    maybe(some[5], "open_state", open_state(&query.language, closes).into());
    maybe(some[5], "operating_hours", hours(&query.language, closes));
    maybe(dice.one_in(2), "service_options", json!({ "dine_in": true, "takeout": dice.one_in(2) }));
    if let Some(Value::String(description)) = row.get_mut("description")
        && dice.one_in(3)
    {
        description.push_str(&format!(" Write to hello@{}.", host(&title)));
    }
    Value::Object(row)
}

/// A number that the country's regulator keeps for fiction; elsewhere an American one.
fn phone(country: &str, dice: &mut Dice) -> String {
    let (area, number) = (dice.pick(&[202, 212, 312, 415, 512, 617]).unwrap_or(202), dice.roll(1_000));
    let hundred = number % 100;
    match country {
        "us" | "ca" => format!("({area}) 555-01{hundred:02}"),
        // Ofcom, numbers for television and radio drama.
        "gb" | "uk" => format!("020 7946 0{number:03}"),
        // Bundesnetzagentur, Berlin.
        "de" => format!("030 23125{number:03}"),
        // ARCEP, Île-de-France.
        "fr" => format!("01 99 00 {:02} {hundred:02}", number / 10 % 100),
        // ACMA, central east region.
        "au" => format!("(02) 5550 {number:04}"),
        _ => format!("+1 {area}-555-01{hundred:02}"),
    }
}

fn clock(language: &str, hour: u64) -> String {
    match language {
        "en" if hour > 12 => format!("{} PM", hour - 12),
        "en" => format!("{hour} AM"),
        _ => format!("{hour:02}:00"),
    }
}

fn open_state(language: &str, closes: u64) -> String {
    let at = clock(language, closes);
    match language {
        "de" => format!("Geöffnet ⋅ Schließt um {at}"),
        "es" => format!("Abierto ⋅ Cierra a las {at}"),
        "fr" => format!("Ouvert ⋅ Ferme à {at}"),
        "pt" => format!("Aberto ⋅ Fecha às {at}"),
        _ => format!("Open ⋅ Closes {at}"),
    }
}

fn hours(language: &str, closes: u64) -> Value {
    let open = format!("{}–{}", clock(language, 8), clock(language, closes));
    let closed = match language {
        "de" => "Geschlossen",
        "es" => "Cerrado",
        "fr" => "Fermé",
        "pt" => "Fechado",
        _ => "Closed",
    };
    let week = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    let mut days: Map<String, Value> =
        week.iter().map(|day| ((*day).to_owned(), open.clone().into())).collect();
    days.insert("sunday".to_owned(), closed.into());
    Value::Object(days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::credential::Params;

    fn query(uri: &str) -> MapsQuery {
        let params = Params::of(&uri.parse().unwrap());
        MapsQuery::parse(&params, params.get("q").unwrap(), 0).unwrap_or_else(|why| panic!("{why}"))
    }

    #[test]
    fn language_and_country_change_the_writing_only() {
        let plain = business(&query("/?type=search&q=coffee&ll=@52.5,13.4,14z"), 3);
        let other = business(&query("/?type=search&q=coffee&ll=@52.5,13.4,14z&hl=fr&gl=fr"), 3);
        assert_eq!(plain["title"], other["title"]);
        assert_eq!(plain["gps_coordinates"], other["gps_coordinates"]);
        let all = |uri: &str| {
            let query = query(uri);
            (0..60).map(|place| business(&query, place)).collect::<Vec<_>>()
        };
        let german = all("/?type=search&q=coffee&ll=@52.5,13.4,14z&hl=de");
        assert!(german.iter().any(|row| row["phone"].as_str().is_some_and(|n| n.starts_with("030 23125"))));
        assert!(german.iter().any(|row| row["open_state"].as_str().is_some_and(|s| s.contains("Schließt"))));
    }

    #[test]
    fn some_fields_are_missing_on_some_rows_and_never_on_all() {
        let query = query("/?type=search&q=many%20bakery&ll=@48.85,2.35,14z");
        let rows: Vec<Value> = (0..120).map(|place| business(&query, place)).collect();
        for field in ["address", "phone", "website", "rating", "price", "open_state"] {
            let present = rows.iter().filter(|row| row.get(field).is_some()).count();
            assert!((1..120).contains(&present), "{field}: {present}");
        }
        assert!(rows.iter().all(|row| row["title"].is_string() && row["position"].is_u64()));
    }

    #[test]
    fn the_query_names_the_kind_of_business() {
        let both = |kind: &str, noun: &str| (kind.to_owned(), noun.to_owned());
        assert_eq!(kind("few coffee places in Lisbon"), both("Coffee shop", "Coffee"));
        assert_eq!(kind("vegan ice cream in Lisbon"), both("Vegan ice cream", "Vegan Ice Cream"));
        assert_eq!(kind("tea, fail on page 3"), both("Tea", "Tea"));
        assert_eq!(kind("many"), both("Company", "Company"));
    }
}
