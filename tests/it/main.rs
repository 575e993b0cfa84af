//! Tests through the front door: the real router over a real database, on both engines, with the
//! provider simulator behind it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod abilities;
mod accounts;
mod api_keys;
mod architecture;
mod authorization;
mod bad_input;
mod batches;
mod boot;
mod call_crashes;
mod call_reports;
mod calls;
mod canary;
mod catalogue;
mod check_crashes;
mod check_schedule;
mod crash;
mod description;
mod events;
mod exports;
mod guard;
mod hang_ups;
mod headers;
mod job_crashes;
mod jobs;
mod leptos_toml;
mod migrations;
mod notice_channels;
mod notice_messages;
mod notice_nodes;
mod notices;
mod operator;
mod orders;
mod outage;
mod own_voice;
mod platform_keys;
mod quotas;
mod recheck;
mod recheck_scale;
mod results;
mod saved;
mod schedule;
mod sealing;
mod searches;
mod services;
mod support;
mod tokens;
mod traces;
mod usage;
mod usage_costs;
mod usage_report;
mod voices;
