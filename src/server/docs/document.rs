//! The description as it is handed out.

use std::{fmt::Write, sync::LazyLock};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::complete::complete;
use crate::server::rest;

/// The description, made once.
#[derive(Debug)]
pub struct Document {
    /// The description.
    pub value: Value,
    /// The same as text.
    pub text: String,
    /// Its name for caches; weak, for it stays when the answer is compressed.
    pub etag: String,
}

static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
    // What is described is plain data, which serialises; `the_description_is_complete` reads it back.
    let mut value = serde_json::to_value(rest::described().into_openapi()).unwrap_or_default();
    complete(&mut value);
    let text = format!("{value:#}\n");
    let mut etag = String::from("W/\"");
    for byte in Sha256::digest(&text).iter().take(12) {
        // Writing to a text cannot fail.
        let _ = write!(etag, "{byte:02x}");
    }
    etag.push('"');
    Document { value, text, etag }
});

impl Document {
    /// The description of the running version.
    pub fn get() -> &'static Self {
        &DOCUMENT
    }
}
