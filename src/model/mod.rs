//! Shared, pure types: the same in browser and server. No I/O, no clock, no other room.

pub mod ability;
pub mod access;
pub mod calling;
pub mod check;
pub mod error;
pub mod event;
pub mod ids;
pub mod input;
pub mod job;
pub mod key;
pub mod money;
pub mod number;
pub mod operator;
pub mod page;
pub mod provider;
pub mod scraper;
pub mod service;
pub mod status;
pub mod time;
pub mod token;
pub mod usage;
pub mod voices;
