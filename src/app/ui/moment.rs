use std::time::Duration;

use leptos::prelude::*;

use super::part::part;
use crate::model::time::Timestamp;

/// How a point in time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phrase {
    /// A point in the past: `2 min ago`, or date and time when it is a day ago.
    Ago,
    /// A point in the future: `in 5 min`, or date and time when it is a day ahead.
    Ahead,
    /// Date and time.
    Full,
}

/// The present, known once the page is alive: a page rendered on the server must not depend on a clock.
#[derive(Clone, Copy)]
struct Now(RwSignal<Option<Timestamp>>);

/// Starts the one clock of the page. It ticks every 20 seconds.
pub fn provide_now() {
    let now = RwSignal::new(None);
    provide_context(Now(now));
    Effect::new(move |_| {
        now.set(Some(local::now()));
        set_interval(move || now.set(Some(local::now())), Duration::from_secs(20));
    });
}

/// A point in time. The server writes it in UTC; the browser then puts it in the user's own zone.
#[component]
pub fn Moment(
    /// The point.
    at: Timestamp,
    /// How it is written.
    #[prop(default = Phrase::Full)]
    phrase: Phrase,
) -> impl IntoView {
    let now = use_context::<Now>();
    let text = part(move || match (phrase, now.and_then(|now| now.0.get())) {
        (_, None) => at.for_people(),
        (Phrase::Full, Some(_)) => local::full(at),
        (Phrase::Ago, Some(now)) => match distance(now.since(at)) {
            Some(Distance::Moment) => "just now".to_owned(),
            Some(Distance::Text(amount)) => format!("{amount} ago"),
            None => local::full(at),
        },
        (Phrase::Ahead, Some(now)) => match distance(at.since(now)) {
            Some(Distance::Moment) => "in a moment".to_owned(),
            Some(Distance::Text(amount)) => format!("in {amount}"),
            None => local::full(at),
        },
    });
    let title = part(move || now.and_then(|now| now.0.get()).map(|_| local::full(at)));
    view! {
        <time datetime=at.to_string() title=title>
            {text}
        </time>
    }
}

/// A day near `from`: `tomorrow`, `on Thursday`. The server writes that of UTC; the browser then that of the user's own
/// zone.
#[component]
pub fn Day(
    /// The point.
    at: Timestamp,
    /// From where it is seen.
    from: Timestamp,
) -> impl IntoView {
    let now = use_context::<Now>();
    let offset = move || if now.and_then(|now| now.0.get()).is_some() { local::offset(at) } else { 0 };
    let text = part(move || at.day_from(from, offset()));
    view! { <time datetime=at.to_string()>{text}</time> }
}

/// When a day begins for the user, whose date is that of `midnight` in UTC. The server does not know the zone.
pub fn day_here(midnight: Timestamp) -> Timestamp {
    local::day(midnight)
}

/// The user's time zone by its IANA name, as far as the browser tells. The server does not know it.
pub fn zone_here() -> Option<String> {
    local::zone()
}

/// A distance in time that is short enough to be said in words.
#[derive(Debug, PartialEq, Eq)]
enum Distance {
    /// Less than a minute. Also what lies on the other side of now: the clocks of browser and server are
    /// never quite the same.
    Moment,
    /// Minutes or hours.
    Text(String),
}

/// The distance in words, up to a day; a further one is better said as a date.
fn distance(length: Duration) -> Option<Distance> {
    match length.as_secs() {
        0..=44 => Some(Distance::Moment),
        s @ 45..=3_569 => Some(Distance::Text(format!("{} min", (s + 30) / 60))),
        s @ 3_570..=86_399 => Some(Distance::Text(format!("{} h", (s + 1_800) / 3_600))),
        _ => None,
    }
}

/// The browser's clock and zone.
#[cfg(target_arch = "wasm32")]
mod local {
    use js_sys::{Array, Date, Intl::DateTimeFormat, Object, Reflect};

    use crate::model::time::Timestamp;

    pub(super) fn now() -> Timestamp {
        Timestamp((Date::now() * 1_000.0) as i64)
    }

    /// Without the letter at its end, a time is one of the zone.
    pub(super) fn day(midnight: Timestamp) -> Timestamp {
        let milliseconds = Date::parse(midnight.to_string().trim_end_matches('Z'));
        if milliseconds.is_finite() { Timestamp(milliseconds as i64 * 1_000) } else { midnight }
    }

    pub(super) fn zone() -> Option<String> {
        let options = DateTimeFormat::new(&Array::new(), &Object::new()).resolved_options();
        Reflect::get(&options, &"timeZone".into()).ok()?.as_string()
    }

    /// Minutes that the zone is ahead of UTC then.
    pub(super) fn offset(at: Timestamp) -> i32 {
        -(Date::new(&(at.0 as f64 / 1_000.0).into()).get_timezone_offset() as i32)
    }

    pub(super) fn full(at: Timestamp) -> String {
        let options = Object::new();
        for (name, value) in [("dateStyle", "medium"), ("timeStyle", "short")] {
            // Setting a property of a fresh object cannot fail.
            let _ = Reflect::set(&options, &name.into(), &value.into());
        }
        Date::new(&(at.0 as f64 / 1_000.0).into()).to_locale_string("en-GB", &options).into()
    }
}

/// The same names for the server's build, which never has a present.
#[cfg(not(target_arch = "wasm32"))]
mod local {
    use crate::model::time::Timestamp;

    pub(super) fn now() -> Timestamp {
        Timestamp::default()
    }

    pub(super) fn day(midnight: Timestamp) -> Timestamp {
        midnight
    }

    pub(super) fn zone() -> Option<String> {
        None
    }

    pub(super) fn offset(_: Timestamp) -> i32 {
        0
    }

    pub(super) fn full(at: Timestamp) -> String {
        at.for_people()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_distances_are_words_and_long_ones_are_not() {
        for (seconds, text) in [
            (45, "1 min"),
            (130, "2 min"),
            (3_569, "59 min"),
            (3_570, "1 h"),
            (7_200, "2 h"),
            (86_399, "24 h"),
        ] {
            assert_eq!(distance(Duration::from_secs(seconds)), Some(Distance::Text(text.to_owned())));
        }
        assert_eq!(distance(Duration::ZERO), Some(Distance::Moment));
        assert_eq!(distance(Duration::from_secs(44)), Some(Distance::Moment));
        assert_eq!(distance(Duration::from_secs(86_400)), None);
    }
}
