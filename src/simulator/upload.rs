//! Forms with files.

use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request},
};

/// More than any provider takes, so that each refuses in its own words, in bytes.
const LIMIT: usize = 300 << 20;

/// A file of a form.
pub struct File {
    /// The name of its part.
    pub part: String,
    /// Its own name.
    pub name: String,
    /// The type that the sender gave it.
    pub kind: Option<String>,
    /// Its content.
    pub bytes: Bytes,
}

/// A form: texts and files in the order they were sent.
#[derive(Default)]
pub struct Upload {
    texts: Vec<(String, String)>,
    /// The files.
    pub files: Vec<File>,
}

impl Upload {
    /// The form of a request; nothing where it has none or one that cannot be read.
    pub async fn of(request: Request) -> Option<Self> {
        let mut form = Multipart::from_request(request, &()).await.ok()?;
        let mut upload = Self::default();
        while let Some(field) = form.next_field().await.ok()? {
            let part = field.name()?.to_owned();
            if let Some(name) = field.file_name().map(str::to_owned) {
                let kind = field.content_type().map(str::to_owned);
                upload.files.push(File { part, name, kind, bytes: field.bytes().await.ok()? });
            } else {
                upload.texts.push((part, field.text().await.ok()?));
            }
        }
        Some(upload)
    }

    /// The first text of the part `name`.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts.iter().find(|(part, _)| part == name).map(|(_, text)| text.as_str())
    }
}

/// Lets bodies through that are larger than axum's own limit.
pub fn large_bodies() -> DefaultBodyLimit {
    DefaultBodyLimit::max(LIMIT)
}
