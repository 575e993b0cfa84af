//! Results as a CSV file that people open in a spreadsheet.
//!
//! RFC 4180 in UTF-8, with a byte order mark, because Excel otherwise reads umlauts as two characters
//! each. A text that begins with `=`, `+`, `-`, `@`, a tab or a line break gets an apostrophe before it:
//! spreadsheets take such a text for a formula, and names of businesses are written by strangers
//! (<https://owasp.org/www-community/attacks/CSV_Injection>). That concerns telephone numbers such as
//! `+49 30 …` as well, which a spreadsheet would add up. Whoever reads the file by program removes an
//! apostrophe that one of these follows, or takes the results from the REST interface, where they are
//! unchanged.

use super::Download;
use crate::model::{
    error::{AppError, ErrorCode},
    scraper::{ResultRow, SearchView},
};

/// Tells spreadsheets that the file is UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The first line.
const HEADINGS: [&str; 11] = [
    "No.",
    "Name",
    "Category",
    "Address",
    "Phone",
    "Website",
    "Rating",
    "Reviews",
    "Latitude",
    "Longitude",
    "Place id",
];

/// The table as a file.
pub(super) fn download(rows: &[ResultRow], name: String) -> Result<Download, AppError> {
    let bytes = write(rows).map_err(|error| {
        tracing::error!(%error, "a table could not be written");
        AppError::new(ErrorCode::Internal)
    })?;
    Ok(Download { name, bytes })
}

/// Writes the table.
fn write(rows: &[ResultRow]) -> Result<Vec<u8>, csv::Error> {
    let mut table =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(BYTE_ORDER_MARK.to_vec());
    table.write_record(HEADINGS)?;
    for row in rows {
        table.write_record([
            row.position.to_string(),
            guarded(&row.name),
            optional(row.category.as_ref()),
            optional(row.address.as_ref()),
            optional(row.phone.as_ref()),
            optional(row.website.as_ref()),
            number(row.rating),
            number(row.reviews),
            number(row.latitude),
            number(row.longitude),
            optional(row.place_id.as_ref()),
        ])?;
    }
    table.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// The name of the file: the query as far as it is plain, and the day.
pub(super) fn file_name(search: &SearchView) -> String {
    let words: Vec<_> = search
        .request
        .query
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let mut name = words.join("-");
    name.truncate(40);
    let day = search.created_at.to_string();
    let day = day.get(..10).unwrap_or_default();
    if name.is_empty() {
        format!("search-{day}.csv")
    } else {
        format!("{}-{day}.csv", name.trim_end_matches('-'))
    }
}

fn optional(text: Option<&String>) -> String {
    text.map(|text| guarded(text)).unwrap_or_default()
}

fn number<T: ToString>(number: Option<T>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

/// The text so that no spreadsheet takes it for a formula.
fn guarded(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{
        ids::SearchId,
        scraper::{SearchInput, SearchState},
        time::Timestamp,
    };

    #[test]
    fn texts_that_look_like_formulas_are_guarded_and_numbers_are_not() {
        let row = ResultRow {
            position: 1,
            name: "=HYPERLINK(\"https://evil.example\";\"x\")".to_owned(),
            category: Some("Bäckerei, Café".to_owned()),
            phone: Some("+49 30 555".to_owned()),
            rating: Some(4.5),
            longitude: Some(-74.25),
            ..ResultRow::default()
        };
        let file = String::from_utf8(write(&[row]).unwrap()).unwrap();
        let (headings, rest) = file.split_once("\r\n").unwrap();
        assert!(headings.starts_with("\u{feff}No.,Name,Category,"));
        assert_eq!(
            rest,
            "1,\"'=HYPERLINK(\"\"https://evil.example\"\";\"\"x\"\")\",\"Bäckerei, Café\",,'+49 30 555,,4.5,,,-74.25,\r\n"
        );
        assert!(write(&[]).unwrap().ends_with(b"Place id\r\n"));
    }

    #[test]
    fn the_file_is_named_after_the_search() {
        let name = |query: &str| {
            let input =
                SearchInput { query: query.to_owned(), place: "Berlin".to_owned(), ..SearchInput::default() };
            file_name(&SearchView {
                id: SearchId::generate(),
                request: input.check().unwrap(),
                state: SearchState::Finished,
                notice: None,
                resolved_place: None,
                place_unknown: false,
                pages_done: 1,
                pages_planned: 1,
                found: 1,
                searches_left_before: None,
                searches_left_after: None,
                created_at: Timestamp(1_795_000_000_123_456),
                finished_at: None,
                can_resume: false,
                batch: None,
            })
        };
        assert_eq!(name("Coffee \"shops\"; ../x"), "coffee-shops-x-2026-11-18.csv");
        assert_eq!(name("パン屋"), "search-2026-11-18.csv");
        assert_eq!(
            name(&"abc ".repeat(40)).len(),
            39 + "-2026-11-18.csv".len(),
            "cut, and no hyphen left over"
        );
    }

    proptest! {
        #[test]
        fn every_cell_comes_back_and_none_is_a_formula(name in "[ -&(-~äöü\t\r\n][ -~äöü\t\r\n]{0,30}", address in "([^'\\pC]\\PC{0,30})?") {
            let row = ResultRow { name: name.clone(), address: Some(address.clone()), ..ResultRow::default() };
            let file = write(&[row]).unwrap();
            let mut table = csv::Reader::from_reader(&file[BYTE_ORDER_MARK.len()..]);
            let record = table.records().next().unwrap().unwrap();
            for (cell, original) in [(&record[1], &name), (&record[3], &address)] {
                prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']));
                prop_assert_eq!(cell.strip_prefix('\'').unwrap_or(cell), original);
            }
        }
    }
}
