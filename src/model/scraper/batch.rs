//! Several searches that are started together: one place, many queries.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{Engine, ResultsOf, SearchInput, SearchRequest, SearchView};
use crate::model::{
    error::{AppError, ErrorCode, FieldError},
    ids::BatchId,
    input,
};

/// Queries of one batch at the most.
pub const QUERIES_MAX: usize = 100;

/// A batch as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BatchInput {
    /// Google Maps unless given.
    #[serde(default)]
    pub engine: Engine,
    /// What, a search each. Those that are there twice count once.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(required = true, schema_with = queries_schema))]
    pub queries: Vec<String>,
    /// Where: a name, or coordinates on Google Maps. The web can also be searched without a place.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(max_length = 120))]
    pub place: String,
    /// A language's code; empty for Google's choice.
    #[serde(default)]
    pub language: String,
    /// A country's code; empty for Google's choice.
    #[serde(default)]
    pub country: String,
    /// Results of each query at the most; 20 unless given.
    #[serde(default, deserialize_with = "input::whole")]
    #[cfg_attr(feature = "ssr", schema(minimum = 1, maximum = 120))]
    pub limit: Option<u32>,
}

/// The derive has no words for the limits of a list's entries.
#[cfg(feature = "ssr")]
fn queries_schema() -> utoipa::openapi::schema::Array {
    use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};

    let query = ObjectBuilder::new().schema_type(Type::String);
    let query = query.min_length(Some(1)).max_length(Some(200)).pattern(Some(r"\S"));
    let queries = ArrayBuilder::new().items(query).min_items(Some(1)).max_items(Some(QUERIES_MAX));
    queries.description(Some("What, a search each. Those that are there twice count once.")).build()
}

impl BatchInput {
    /// Checks every field. Answers the searches, at least one.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`] with what is wrong with which field.
    pub fn check(&self) -> Result<Vec<SearchRequest>, AppError> {
        let mut seen = HashSet::new();
        let distinct = self.queries.iter().map(|query| query.trim());
        let distinct: Vec<_> = distinct.filter(|query| seen.insert(query.to_lowercase())).collect();
        // Without any, what is wrong with the other fields is found all the same.
        let first = [""];
        let queries = if distinct.is_empty() { &first[..] } else { &distinct[..] };
        let mut requests = Vec::new();
        let mut wrong = AppError::new(ErrorCode::InvalidInput);
        if queries.len() > QUERIES_MAX {
            wrong.errors.insert("queries".to_owned(), FieldError::TooLong);
        }
        for query in queries {
            let input = SearchInput {
                engine: self.engine,
                query: (*query).to_owned(),
                place: self.place.clone(),
                language: self.language.clone(),
                country: self.country.clone(),
                limit: self.limit,
            };
            match input.check() {
                Ok(request) => requests.push(request),
                Err(mut error) => {
                    if let Some(query) = error.errors.remove("query") {
                        error.errors.insert("queries".to_owned(), query);
                    }
                    wrong.errors.extend(error.errors);
                }
            }
        }
        if wrong.errors.is_empty() { Ok(requests) } else { Err(wrong) }
    }
}

/// The queries of a text that was typed or pasted: one in each line; of a pasted table, the first column.
pub fn queries(text: &str) -> Vec<String> {
    lines(text, |line| line.split('\t').next().unwrap_or_default().to_owned())
}

/// The queries of a file with this name: of a table (`.csv`) the first column, else one in each line.
pub fn queries_of_file(name: &str, content: &str) -> Vec<String> {
    if name.to_ascii_lowercase().ends_with(".csv") { lines(content, first_cell) } else { queries(content) }
}

fn lines(text: &str, read: fn(&str) -> String) -> Vec<String> {
    let lines = text.trim_start_matches('\u{feff}').lines().map(|line| read(line.trim()).trim().to_owned());
    lines.filter(|query| !query.is_empty()).collect()
}

/// The first cell of a line of CSV, whose cells are kept apart by commas, semicolons or tabs.
fn first_cell(line: &str) -> String {
    let Some(rest) = line.strip_prefix('"') else {
        return line.split([';', '\t', ',']).next().unwrap_or_default().to_owned();
    };
    // A quote inside is written twice.
    let mut cell = String::new();
    let mut parts = rest.split('"');
    cell.push_str(parts.next().unwrap_or_default());
    while let Some("") = parts.next() {
        let Some(more) = parts.next() else { break };
        cell.push('"');
        cell.push_str(more);
    }
    cell
}

/// What a batch takes at the most, before it is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct BatchEstimate {
    /// Queries that differ.
    pub queries: u32,
    /// Searches at SerpAPI at the most, one for each page.
    pub searches: u32,
    /// Searches left on the account, as far as known.
    pub left: Option<i64>,
}

impl BatchEstimate {
    /// Whether the account's searches may run out half-way.
    pub fn may_run_out(&self) -> bool {
        self.left.is_some_and(|left| left < i64::from(self.searches))
    }
}

/// A batch as its owner sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct BatchView {
    /// The batch.
    pub id: BatchId,
    /// Its searches, in the order of the queries.
    pub searches: Vec<SearchView>,
    /// Results in all. A place that several searches found is one result.
    pub found: u32,
}

impl BatchView {
    /// A batch of these searches.
    pub fn new(id: BatchId, searches: Vec<SearchView>) -> Self {
        let found = searches.iter().map(|search| search.found).sum();
        Self { id, searches, found }
    }

    /// Whether one of its searches runs or waits.
    pub fn is_open(&self) -> bool {
        self.searches.iter().any(SearchView::is_open)
    }

    /// The page of this batch.
    pub fn path(&self) -> String {
        Self::path_of(self.id)
    }

    /// The page of a batch.
    pub fn path_of(id: BatchId) -> String {
        format!("/services/data-scraper/batches/{id}")
    }

    /// What all of them found.
    pub fn results(&self) -> ResultsOf {
        ResultsOf::Batch(self.id)
    }

    /// What they ask, which is the same for all.
    pub fn engine(&self) -> Engine {
        self.searches.first().map(|search| search.request.engine).unwrap_or_default()
    }

    /// Pages that are missing where a search ended early and can go on; none when there is no such search.
    pub fn missing_pages(&self) -> Option<u32> {
        let stopped = || self.searches.iter().filter(|search| search.can_resume);
        stopped().next()?;
        Some(stopped().map(|search| search.pages_planned.saturating_sub(search.pages_done)).sum())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_has_a_query_in_each_line_and_a_table_in_its_first_column() {
        let text = "\u{feff}bakery\r\n\n  dentist, for children \nplumber\tBerlin\n\tx\n";
        assert_eq!(queries(text), ["bakery", "dentist, for children", "plumber", "x"]);
        assert_eq!(queries_of_file("a.txt", text), queries(text));
        let table = "plumber;Berlin;4\nbakery,Bonn\n\"caf\u{e9}, \"\"late\"\"\",x\n;x\n";
        assert_eq!(queries_of_file("A.CSV", table), ["plumber", "bakery", "caf\u{e9}, \"late\""]);
        assert!(queries(" \n\n").is_empty());
    }

    #[test]
    fn every_query_becomes_a_search_once() {
        let input = BatchInput {
            queries: ["bakery", " Bakery", "dentist"].map(str::to_owned).into(),
            place: "Berlin".to_owned(),
            limit: Some(60),
            ..BatchInput::default()
        };
        let requests = input.check().unwrap();
        let queries: Vec<_> = requests.iter().map(|request| request.query.as_str()).collect();
        assert_eq!((queries, requests[1].limit), (vec!["bakery", "dentist"], 60));
    }

    #[test]
    fn every_wrong_field_is_named() {
        let wrong = BatchInput { limit: Some(0), ..BatchInput::default() }.check().unwrap_err().errors;
        assert_eq!(wrong.get("queries"), Some(&FieldError::Required));
        assert!(wrong.contains_key("place") && wrong.contains_key("limit"));
        let many = (0..=QUERIES_MAX).map(|n| n.to_string()).collect();
        let many = BatchInput { queries: many, place: "Berlin".to_owned(), ..BatchInput::default() };
        assert_eq!(many.check().unwrap_err().errors.get("queries"), Some(&FieldError::TooLong));
    }

    proptest! {
        #[test]
        fn a_quoted_query_comes_back_from_its_line(query in "[a-z\",;]{0,20}") {
            let line = format!("\"{}\",more", query.replace('"', "\"\""));
            prop_assert_eq!(first_cell(&line), query);
        }

        #[test]
        fn whatever_is_pasted_no_query_is_empty_or_has_a_line_break(text in "\\PC{0,200}") {
            prop_assert!(queries(&text).iter().all(|query| !query.is_empty() && !query.contains('\n')));
        }
    }
}
