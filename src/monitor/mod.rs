//! Watching keys: how a check's answer changes a stored credential, and the ledger of outbound calls.

mod platform;
pub mod transition;
mod usage;

pub use platform::{PlatformKey, PlatformKeys};
pub use usage::Ledger;
