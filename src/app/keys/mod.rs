//! Cards for stored keys: the same on the API key page and in a closed service. Every control works as a
//! link or a plain form post; with JavaScript nothing reloads and the focus follows the result.

mod abilities;
mod advice;
mod board;
mod card;
mod choice;
mod delete;
mod details;
mod errors;
mod field;
mod form;
mod schedule;

pub use board::{Board, Diverted, provide_board};
pub use card::KeyCard;
pub use delete::{DeletePage, named_for_deletion};
pub use details::not_answering;

/// The id of the element that a card's result is read from: its heading.
pub fn heading_id(provider: &crate::model::ids::ProviderId) -> String {
    format!("key-{provider}")
}
