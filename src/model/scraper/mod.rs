//! The Data Scraper: what is searched for, how a search stands, and what it found.

mod batch;
mod engine;
mod file;
mod key;
mod request;
mod results;
mod saved;
mod search;

pub use batch::{BatchEstimate, BatchInput, BatchView, QUERIES_MAX, queries, queries_of_file};
pub use engine::{Engine, InvalidEngine};
pub use file::FileKind;
pub use key::{InvalidKey, ResultKey, ResultsOf};
pub use request::{Coordinates, Place, SearchInput, SearchRequest};
pub use results::{Column, Direction, Filter, InvalidSort, ResultRow, ResultsPage, Sort};
pub use saved::{SavedInput, SavedName, SavedView};
pub(in crate::model) use search::words;
pub use search::{Notice, SearchList, SearchState, SearchView};

/// Results of a search unless told, and the step in which forms offer more.
pub const LIMIT_STEP: u32 = 20;
/// Results of one search at the most: SerpAPI recommends a `start` of at most 100 on Google Maps.
/// Source: <https://serpapi.com/google-maps-api>.
pub const LIMIT_MAX: u32 = 120;
/// Searches of one user that may run or wait at the same time.
pub const OPEN_MAX: i64 = 100;
/// Searches that one user may keep under a name.
pub const SAVED_MAX: i64 = 100;
/// Results in one answer to whoever looks at them.
pub const RESULTS_SHOWN: usize = 60;
/// Searches in one part of the history.
pub const SEARCHES_SHOWN: usize = 20;
