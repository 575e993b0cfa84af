//! The parts that pages are made of. They know the model, fetch nothing, and call nothing.

mod announce;
mod button;
mod clipboard;
mod duration;
mod error_notice;
mod external;
mod field;
mod focus;
mod form_number;
mod icon;
mod meter;
mod moment;
mod monogram;
mod notice;
mod part;
mod pill;
mod user_agent;

pub use announce::{Announcer, LiveRegion, provide_announcer};
pub use button::{BusyButton, ButtonKind};
pub use clipboard::copy;
pub use duration::duration;
pub use error_notice::ErrorNotice;
pub use external::External;
pub use field::{FieldErrorText, TextField};
pub use focus::{focus_first_invalid, focus_soon, focus_unless_elsewhere};
pub use form_number::FormNumber;
pub use icon::{Icon, Mark};
pub use meter::QuotaMeter;
pub use moment::{Day, Moment, Phrase, day_here, provide_now, zone_here};
pub use monogram::Monogram;
pub use notice::Notice;
pub use part::part;
pub use pill::{KeyPill, Pill, Tone, key_label};
pub use user_agent::describe_user_agent;

pub use crate::model::number::{count_word, grouped};
