//! Watching keys: how a check's answer changes a stored credential, outages of providers, and the ledger of outbound
//! calls.

mod ease;
mod jitter;
mod outages;
mod platform;
pub mod transition;
mod usage;

pub use jitter::jitter;
pub use outages::Outages;
pub use platform::{PlatformKey, PlatformKeys};
pub use usage::Ledger;
