//! Watching keys: how a check's answer changes a stored credential, and the ledger of outbound calls.

pub mod transition;
mod usage;

pub use usage::Ledger;
