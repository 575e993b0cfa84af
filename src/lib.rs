//! Keyward: a self-hosted platform on which every user brings their own API keys.
//!
//! `ARCHITECTURE.md` describes the rooms, who may import whom, and four walks through the code.

pub mod model;
