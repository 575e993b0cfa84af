//! Results as a table, for people who open it in a spreadsheet.
//!
//! They are guarded as `services/sheet.rs` says. Workbooks say of a text that it is one; it is guarded there all the same,
//! for many a workbook is saved as CSV later.

use bytes::Bytes;

use crate::{
    model::{
        error::AppError,
        scraper::{Engine, ResultRow},
    },
    services::sheet::{Lines, guarded},
};

/// Which columns there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    /// What was asked.
    pub(super) engine: Engine,
    /// Several queries were.
    pub(super) batch: bool,
}

/// What is in a cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// A text, guarded.
    Text(String),
    /// A number.
    Number(f64),
    /// Nothing.
    Empty,
}

impl Table {
    /// The first line.
    pub(super) fn headings(self) -> Vec<&'static str> {
        let mut headings = match self.engine {
            Engine::Maps => vec![
                "No.",
                "Name",
                "Category",
                "Address",
                "Phone",
                "Website",
                "E-mail",
                "Rating",
                "Reviews",
                "Latitude",
                "Longitude",
                "Place id",
            ],
            Engine::Web => vec!["No.", "Title", "Link", "Displayed link", "Snippet", "E-mail"],
        };
        headings.extend(self.batch.then_some("Query"));
        headings
    }

    /// The cells of a row, as many as there are headings.
    pub(super) fn cells(self, row: &ResultRow) -> Vec<Cell> {
        let text =
            |text: &Option<String>| text.as_deref().map_or(Cell::Empty, |text| Cell::Text(guarded(text)));
        let number = |number: Option<f64>| number.map_or(Cell::Empty, Cell::Number);
        let (place, name) = (Cell::Number(f64::from(row.position)), Cell::Text(guarded(&row.name)));
        let mut cells = match self.engine {
            Engine::Maps => vec![
                place,
                name,
                text(&row.category),
                text(&row.address),
                text(&row.phone),
                text(&row.website),
                text(&row.email),
                number(row.rating),
                // Whole as far as people can count.
                number(row.reviews.map(|reviews| reviews as f64)),
                number(row.latitude),
                number(row.longitude),
                text(&row.place_id),
            ],
            Engine::Web => vec![
                place,
                name,
                text(&row.website),
                text(&row.displayed_link),
                text(&row.snippet),
                text(&row.email),
            ],
        };
        cells.extend(self.batch.then(|| text(&row.query)));
        cells
    }
}

/// The begin of a CSV file.
pub(super) fn csv_head(table: Table) -> Result<Bytes, AppError> {
    let mut lines = Lines::first();
    lines.add(table.headings())?;
    lines.written()
}

/// Lines of a CSV file.
pub(super) fn csv_rows(table: Table, rows: &[ResultRow]) -> Result<Bytes, AppError> {
    let mut lines = Lines::further();
    for row in rows {
        lines.add(table.cells(row).into_iter().map(|cell| match cell {
            Cell::Text(text) => text,
            Cell::Number(number) => number.to_string(),
            Cell::Empty => String::new(),
        }))?;
    }
    lines.written()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAPS: Table = Table { engine: Engine::Maps, batch: false };

    #[test]
    fn texts_that_look_like_formulas_are_guarded_and_numbers_are_not() {
        let row = ResultRow {
            position: 1,
            name: "=HYPERLINK(\"https://evil.example\";\"x\")".to_owned(),
            category: Some("Bäckerei, Café".to_owned()),
            phone: Some("+49 30 555".to_owned()),
            rating: Some(4.5),
            reviews: Some(1_234),
            longitude: Some(-74.25),
            ..ResultRow::default()
        };
        let head = String::from_utf8(csv_head(MAPS).unwrap().into()).unwrap();
        assert!(head.starts_with("\u{feff}No.,Name,Category,") && head.ends_with(",Place id\r\n"));
        assert_eq!(
            String::from_utf8(csv_rows(MAPS, &[row]).unwrap().into()).unwrap(),
            "1,\"'=HYPERLINK(\"\"https://evil.example\"\";\"\"x\"\")\",\"Bäckerei, Café\",,'+49 30 555,,,4.5,1234,,-74.25,\r\n"
        );
    }

    #[test]
    fn every_table_has_a_cell_below_each_heading() {
        let row = ResultRow { query: Some("-a".to_owned()), ..ResultRow::default() };
        for engine in Engine::ALL {
            for batch in [false, true] {
                let table = Table { engine, batch };
                let cells = table.cells(&row);
                assert_eq!(cells.len(), table.headings().len());
                assert_eq!(cells.last() == Some(&Cell::Text("'-a".to_owned())), batch);
            }
        }
    }

    proptest! {
        #[test]
        fn every_cell_comes_back_and_none_is_a_formula(name in "[ -&(-~äöü\t\r\n][ -~äöü\t\r\n]{0,30}", address in "([^'\\pC]\\PC{0,30})?") {
            let row = ResultRow { name: name.clone(), address: Some(address.clone()), ..ResultRow::default() };
            let file = csv_rows(MAPS, &[row]).unwrap();
            let mut table = csv::ReaderBuilder::new().has_headers(false).from_reader(&file[..]);
            let record = table.records().next().unwrap().unwrap();
            for (cell, original) in [(&record[1], &name), (&record[3], &address)] {
                prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']));
                prop_assert_eq!(cell.strip_prefix('\'').unwrap_or(cell), original);
            }
        }
    }
}
