//! Results as a file, read and written part by part: however many there are, only one part is in memory, and no
//! connection of the database is held while a client reads slowly.

use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};

use super::{
    Scraper,
    table::{self, Table},
    xlsx,
};
use crate::{
    account::internal,
    model::{
        error::{AppError, ErrorCode},
        ids::UserId,
        scraper::{FileKind, ResultKey, ResultRow, ResultsOf, SearchView},
    },
    services::sheet::unwritten,
    store::Store,
};

/// Results in one part.
const PART: u16 = 500;

/// A file to be downloaded.
pub struct Download {
    /// Its name: ASCII letters, digits, `-` and `.`.
    pub name: String,
    /// Its content as it is made. An error breaks it off, so that nobody takes a part for the whole.
    pub content: BoxStream<'static, Result<Bytes, AppError>>,
}

/// Parts of the results, in the order of the file.
pub(super) type Parts = BoxStream<'static, Result<Vec<ResultRow>, AppError>>;

impl Scraper {
    /// All results as a file. Those of a batch are numbered through.
    pub async fn download(&self, user: UserId, of: ResultsOf, kind: FileKind) -> Result<Download, AppError> {
        let first = match of {
            ResultsOf::Search(id) => self.get(user, id).await?,
            ResultsOf::Batch(id) => {
                let batch = self.batch(user, id).await?;
                batch.searches.into_iter().next().ok_or_else(|| AppError::new(ErrorCode::NotFound))?
            }
        };
        let name = file_name(&first, kind);
        let table = Table { engine: first.request.engine, batch: matches!(of, ResultsOf::Batch(_)) };
        let parts = parts(self.store.clone(), user, of);
        let content = match kind {
            FileKind::Csv => csv(table, parts),
            FileKind::Json => json(parts),
            FileKind::Xlsx => xlsx::stream(table, parts, &self.workbooks).await?,
        };
        Ok(Download { name, content })
    }
}

/// Reads the results part by part. Ends with an error when they were deleted meanwhile.
fn parts(store: Store, user: UserId, of: ResultsOf) -> Parts {
    struct Place {
        after: Option<ResultKey>,
        count: u32,
    }
    let start = Some(Place { after: None, count: 0 });
    let parts = stream::try_unfold(start, move |place| {
        let store = store.clone();
        async move {
            let Some(Place { after, mut count }) = place else { return Ok(None) };
            let rows = store.results_in_turn(user, of, after, i64::from(PART)).await;
            let rows = rows.map_err(|e| internal(&e))?;
            let last = rows.last().map(|(key, _)| *key);
            let whole = rows.len() == usize::from(PART);
            if !whole && !is_there(&store, user, of).await? {
                return Err(AppError::new(ErrorCode::NotFound));
            }
            let numbered = rows.into_iter().map(|(_, row)| {
                count = count.saturating_add(1);
                let position = if matches!(of, ResultsOf::Batch(_)) { count } else { row.position };
                ResultRow { position, ..row }
            });
            let rows: Vec<_> = numbered.collect();
            Ok(Some((rows, whole.then_some(Place { after: last, count }))))
        }
    });
    parts.boxed()
}

async fn is_there(store: &Store, user: UserId, of: ResultsOf) -> Result<bool, AppError> {
    let there = match of {
        ResultsOf::Search(id) => store.search(user, id).await.map(|search| search.is_some()),
        ResultsOf::Batch(id) => store.batch(user, id).await.map(|searches| !searches.is_empty()),
    };
    there.map_err(|e| internal(&e))
}

fn csv(table: Table, parts: Parts) -> BoxStream<'static, Result<Bytes, AppError>> {
    let head = stream::once(async move { table::csv_head(table) });
    let rows = parts.map(move |part| table::csv_rows(table, &part?));
    head.chain(rows).boxed()
}

/// An array with an object in each line.
fn json(parts: Parts) -> BoxStream<'static, Result<Bytes, AppError>> {
    let mut between = "\n";
    let rows = parts.map(move |part| {
        let mut text = Vec::new();
        for row in part? {
            text.extend_from_slice(between.as_bytes());
            between = ",\n";
            serde_json::to_writer(&mut text, &row).map_err(|error| unwritten(&error))?;
        }
        Ok(Bytes::from(text))
    });
    let bracket = |text: &'static str| stream::once(async move { Ok(Bytes::from_static(text.as_bytes())) });
    bracket("[").chain(rows).chain(bracket("\n]\n")).boxed()
}

/// The name of the file: the query as far as it is plain, and the day.
fn file_name(search: &SearchView, kind: FileKind) -> String {
    let words: Vec<_> = search
        .request
        .query
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let mut name = words.join("-");
    name.truncate(40);
    let name = if name.is_empty() { "search" } else { name.trim_end_matches('-') };
    let day = search.created_at.to_string();
    format!("{name}-{}.{}", day.get(..10).unwrap_or_default(), kind.extension())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        ids::SearchId,
        scraper::{SearchInput, SearchState},
        time::Timestamp,
    };

    #[test]
    fn the_file_is_named_after_the_search() {
        let name = |query: &str| {
            let input =
                SearchInput { query: query.to_owned(), place: "Berlin".to_owned(), ..SearchInput::default() };
            let search = SearchView {
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
            };
            file_name(&search, FileKind::Csv)
        };
        assert_eq!(name("Coffee \"shops\"; ../x"), "coffee-shops-x-2026-11-18.csv");
        assert_eq!(name("パン屋"), "search-2026-11-18.csv");
        assert_eq!(
            name(&"abc ".repeat(40)).len(),
            39 + "-2026-11-18.csv".len(),
            "cut, and no hyphen left over"
        );
    }

    #[tokio::test]
    async fn an_array_is_whole_however_many_parts_it_has() {
        let row = |name: &str| ResultRow { name: name.to_owned(), ..ResultRow::default() };
        for parts in [vec![], vec![vec![]], vec![vec![row("=1")], vec![row("b"), row("c")], vec![]]] {
            let names: Vec<_> = parts.iter().flatten().map(|row: &ResultRow| row.name.clone()).collect();
            let text: Vec<_> = json(stream::iter(parts.into_iter().map(Ok)).boxed()).collect().await;
            let text: Vec<u8> = text.into_iter().flat_map(|part| part.unwrap()).collect();
            let read: Vec<ResultRow> = serde_json::from_slice(&text).unwrap();
            assert_eq!(read.into_iter().map(|row| row.name).collect::<Vec<_>>(), names);
        }
    }
}
