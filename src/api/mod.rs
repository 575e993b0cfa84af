//! Server functions: the browser's way in. Each is a public endpoint: it finds out who asks, calls
//! one use case, and answers with a wire type. REST, everyone else's way in, calls the same use cases.

#[expect(missing_docs, reason = "the arguments become fields of types that only the framework sees")]
pub mod analytics;
#[expect(missing_docs, reason = "as above")]
pub mod auth;
#[expect(missing_docs, reason = "as above")]
pub mod calling;
#[cfg(feature = "ssr")]
pub mod context;
mod error;
pub mod installation;
#[expect(missing_docs, reason = "as above")]
pub mod keys;
#[expect(missing_docs, reason = "as above")]
pub mod notices;
#[expect(missing_docs, reason = "as above")]
pub mod operator;
#[expect(missing_docs, reason = "as above")]
pub mod scraper;
#[expect(missing_docs, reason = "as above")]
pub mod services;
#[expect(missing_docs, reason = "as above")]
pub mod tokens;
#[expect(missing_docs, reason = "as above")]
pub mod voices;
pub mod wire;

#[cfg(feature = "ssr")]
pub use error::accepts_html;
