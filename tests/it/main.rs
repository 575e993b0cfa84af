//! Tests through the front door: the real router over a real database, on both engines, with the
//! provider simulator behind it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod accounts;
mod api_keys;
mod architecture;
mod bad_input;
mod boot;
mod canary;
mod crash;
mod events;
mod headers;
mod leptos_toml;
mod migrations;
mod recheck;
mod sealing;
mod searches;
mod services;
mod support;
