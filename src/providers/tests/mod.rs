//! The room against scripted servers on loopback.

mod attack;
mod behaviours;
mod echo;
mod hostile;
mod isolation;
mod search;
mod serpapi;
mod single_key;
mod stored;
mod support;
mod tls;
mod twilio;
