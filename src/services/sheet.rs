//! Tables for people who open them in a spreadsheet.
//!
//! A text that begins with `=`, `+`, `-`, `@`, a tab or a line break gets an apostrophe before it: spreadsheets take
//! such a text for a formula, and names of businesses are written by strangers
//! (<https://owasp.org/www-community/attacks/CSV_Injection>). That concerns telephone numbers such as `+49 30 …` as
//! well, which a spreadsheet would add up. Whoever reads a table by program removes an apostrophe that one of these
//! follows, or takes the JSON, where texts are unchanged.
//!
//! CSV is that of RFC 4180 in UTF-8, with a byte order mark, because Excel otherwise reads umlauts as two characters
//! each.

use bytes::Bytes;

use crate::model::error::{AppError, ErrorCode};

/// Tells spreadsheets that the file is UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Lines of a CSV file.
pub(super) struct Lines(csv::Writer<Vec<u8>>);

impl Lines {
    /// The first ones.
    pub(super) fn first() -> Self {
        Self::after(BYTE_ORDER_MARK.to_vec())
    }

    /// Further ones.
    pub(super) fn further() -> Self {
        Self::after(Vec::new())
    }

    fn after(begin: Vec<u8>) -> Self {
        Self(csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(begin))
    }

    /// Adds a line. Texts among its cells are guarded.
    pub(super) fn add(&mut self, cells: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<(), AppError> {
        self.0.write_record(cells).map_err(|error| unwritten(&error))
    }

    /// What was added.
    pub(super) fn written(self) -> Result<Bytes, AppError> {
        self.0.into_inner().map(Bytes::from).map_err(|error| unwritten(&error))
    }
}

/// The text so that no spreadsheet takes it for a formula.
pub(super) fn guarded(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// The error of a file that could not be written, with its cause in the log.
pub(super) fn unwritten(error: &dyn std::fmt::Display) -> AppError {
    tracing::error!(%error, "a table could not be written");
    AppError::new(ErrorCode::Internal)
}
