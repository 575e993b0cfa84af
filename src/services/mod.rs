//! Use cases of the protected services.

pub mod scraper;
