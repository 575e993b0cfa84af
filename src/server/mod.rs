//! The composition root: router, middleware, REST handlers and the loop that serves them.

pub mod boot;
pub mod docs;
mod media;
pub mod middleware;
pub mod page_policy;
pub mod problem;
mod rest;
mod router;
pub mod serve;
pub mod state;
pub mod trial;
mod webhooks;
mod write_timeout;

pub use router::{page_paths, router};
