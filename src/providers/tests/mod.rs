//! The room against scripted servers on loopback.

mod attack;
mod behaviours;
mod echo;
mod endpoint;
mod hostile;
mod isolation;
mod network;
mod operations;
mod paths;
mod search;
mod serpapi;
mod single_key;
mod slow;
mod ssrf;
mod stored;
mod stream;
mod support;
mod table;
mod tls;
mod trial;
mod twilio;
