//! The Data Scraper: what is searched for, how a search stands, and what it found.

mod batch;
mod request;
mod results;
mod search;

pub use batch::{BatchEstimate, BatchInput, BatchView, QUERIES_MAX, queries, queries_of_file};
pub use request::{Coordinates, Place, SearchInput, SearchRequest};
pub use results::{Column, Direction, InvalidSort, ResultRow, ResultsPage, Sort, arrange};
pub(in crate::model) use search::words;
pub use search::{Notice, SearchList, SearchState, SearchView};

/// Results on one page of Google Maps, the step of SerpAPI's `start`.
/// Source: <https://serpapi.com/google-maps-api>.
pub const PAGE_SIZE: u32 = 20;
/// Pages of one search at the most: SerpAPI recommends a `start` of at most 100.
pub const PAGES_MAX: u32 = 6;
/// Results of one search at the most.
pub const LIMIT_MAX: u32 = PAGE_SIZE * PAGES_MAX;
/// Searches of one user that may run or wait at the same time.
pub const OPEN_MAX: i64 = 100;
/// Results in one answer to whoever looks at them.
pub const RESULTS_SHOWN: usize = 60;
/// Searches in one part of the history.
pub const SEARCHES_SHOWN: usize = 20;
