//! What searches found: kept with what it is sorted and filtered by, and read in parts.

use sqlx::types::Json;
use uuid::Uuid;

use super::{Store, StoreError, Tx, searches::small, sql};
use crate::model::{
    ids::{BatchId, SearchId, UserId},
    scraper::{Column, Direction, Filter, ResultKey, ResultRow, ResultsOf, Sort},
};

/// A result that has arrived.
#[derive(Debug)]
pub(super) struct NewResult<'a> {
    pub(super) user: UserId,
    pub(super) search: SearchId,
    pub(super) batch: Option<BatchId>,
    /// What makes it the same on two pages.
    pub(super) key: &'a str,
    pub(super) row: &'a ResultRow,
}

type Row = (Uuid, i64, Json<ResultRow>);

fn read((search, position, row): Row) -> (ResultKey, ResultRow) {
    (ResultKey { search: SearchId(search), position: small(position) }, row.0)
}

/// A part of the results in an order. Those that lack a value come last, whichever way, and equal ones keep Google's
/// order. The part begins after a row, not after a number of rows, so that rows which arrive meanwhile neither repeat
/// one nor hide one; a row that does not exist begins anew.
macro_rules! part {
    ($scope:literal, $past:expr, $order:expr) => {
        concat!(
            "SELECT r.search_id, r.position, r.result FROM search_results r
             LEFT JOIN search_results last ON last.user_id = $1 AND last.search_id = $2 AND last.position = $3
             WHERE r.user_id = $4 AND r.", $scope, " = $5 AND r.words LIKE $6 ESCAPE '\\'
                AND (NOT $7 OR r.phone_key IS NOT NULL) AND (NOT $8 OR r.website_key IS NOT NULL)
                AND (NOT $9 OR r.email_key IS NOT NULL) AND COALESCE(r.rating, 0) >= $10
                AND (last.position IS NULL OR ", $past, ")
             ORDER BY ", $order, " LIMIT $11"
        )
    };
}

macro_rules! by_place {
    ($scope:literal, $than:literal, $way:literal) => {
        part!(
            $scope,
            concat!("(r.search_id, r.position) ", $than, " (last.search_id, last.position)"),
            concat!("r.search_id", $way, ", r.position", $way)
        )
    };
}

macro_rules! by_value {
    ($scope:literal, $column:literal, $than:literal, $way:literal) => {
        part!(
            $scope,
            concat!(
                "r.",
                $column,
                " ",
                $than,
                " last.",
                $column,
                " OR (r.",
                $column,
                " IS NULL AND last.",
                $column,
                " IS NOT NULL)",
                " OR (r.",
                $column,
                " IS NOT DISTINCT FROM last.",
                $column,
                " AND (r.search_id, r.position) > (last.search_id, last.position))"
            ),
            concat!("r.", $column, " IS NULL, r.", $column, $way, ", r.search_id, r.position")
        )
    };
}

/// The statement for an order.
fn part_of(of: ResultsOf, sort: Sort) -> &'static str {
    use Direction::{Ascending, Descending};
    use ResultsOf::{Batch, Search};

    macro_rules! by {
        ($column:literal) => {
            match (of, sort.direction) {
                (Search(_), Ascending) => by_value!("search_id", $column, ">", ""),
                (Search(_), Descending) => by_value!("search_id", $column, "<", " DESC"),
                (Batch(_), Ascending) => by_value!("batch_id", $column, ">", ""),
                (Batch(_), Descending) => by_value!("batch_id", $column, "<", " DESC"),
            }
        };
    }
    match sort.column {
        Column::Position => match (of, sort.direction) {
            (Search(_), Ascending) => by_place!("search_id", ">", ""),
            (Search(_), Descending) => by_place!("search_id", "<", " DESC"),
            (Batch(_), Ascending) => by_place!("batch_id", ">", ""),
            (Batch(_), Descending) => by_place!("batch_id", "<", " DESC"),
        },
        Column::Name => by!("name_key"),
        Column::Category => by!("category_key"),
        Column::Address => by!("address_key"),
        Column::Phone => by!("phone_key"),
        Column::Website => by!("website_key"),
        Column::Email => by!("email_key"),
        Column::Rating => by!("rating"),
        Column::Reviews => by!("reviews"),
    }
}

/// How many pass a filter.
macro_rules! matching {
    ($scope:literal) => {
        concat!(
            "SELECT COUNT(*) FROM search_results WHERE user_id = $1 AND ",
            $scope,
            " = $2
                AND words LIKE $3 ESCAPE '\\'
                AND (NOT $4 OR phone_key IS NOT NULL) AND (NOT $5 OR website_key IS NOT NULL)
                AND (NOT $6 OR email_key IS NOT NULL) AND COALESCE(rating, 0) >= $7"
        )
    };
}

/// The pattern of a text that contains `text`.
fn containing(text: &str) -> String {
    let mut pattern = "%".to_owned();
    for letter in text.trim().to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

const fn id_of(of: ResultsOf) -> Uuid {
    match of {
        ResultsOf::Search(id) => id.0,
        ResultsOf::Batch(id) => id.0,
    }
}

/// The row to go on after; before the first, one that cannot be.
fn place_of(after: Option<ResultKey>) -> (Uuid, i64) {
    after.map_or((Uuid::nil(), 0), |key| (key.search.0, i64::from(key.position)))
}

impl Store {
    /// At most `limit` results that pass a filter, in an order, after a row if given.
    pub async fn results(
        &self,
        user: UserId,
        of: ResultsOf,
        sort: Sort,
        filter: &Filter,
        after: Option<ResultKey>,
        limit: i64,
    ) -> Result<Vec<(ResultKey, ResultRow)>, StoreError> {
        let (search, position) = place_of(after);
        let rows = sql::fetch_all!(
            self.reader(),
            Row,
            part_of(of, sort),
            user.0,
            search,
            position,
            user.0,
            id_of(of),
            containing(&filter.text),
            filter.phone,
            filter.website,
            filter.email,
            filter.rating.unwrap_or_default(),
            limit
        )?;
        Ok(rows.into_iter().map(read).collect())
    }

    /// How many results pass a filter.
    pub async fn results_matching(
        &self,
        user: UserId,
        of: ResultsOf,
        filter: &Filter,
    ) -> Result<i64, StoreError> {
        let statement = match of {
            ResultsOf::Search(_) => matching!("search_id"),
            ResultsOf::Batch(_) => matching!("batch_id"),
        };
        let (count,) = sql::fetch_one!(
            self.reader(),
            (i64,),
            statement,
            user.0,
            id_of(of),
            containing(&filter.text),
            filter.phone,
            filter.website,
            filter.email,
            filter.rating.unwrap_or_default()
        )?;
        Ok(count)
    }

    /// At most `limit` results in the order of the file, after a row if given. A batch's are search by search. Each
    /// part is found by its place in an index, however many there are before it.
    pub async fn results_in_turn(
        &self,
        user: UserId,
        of: ResultsOf,
        after: Option<ResultKey>,
        limit: i64,
    ) -> Result<Vec<(ResultKey, ResultRow)>, StoreError> {
        let (search, position) = place_of(after);
        let rows = match of {
            ResultsOf::Search(id) => sql::fetch_all!(
                self.reader(),
                Row,
                "SELECT search_id, position, result FROM search_results
                 WHERE user_id = $1 AND search_id = $2 AND position > $3 ORDER BY position LIMIT $4",
                user.0,
                id.0,
                position,
                limit
            )?,
            ResultsOf::Batch(id) => sql::fetch_all!(
                self.reader(),
                Row,
                "SELECT search_id, position, result FROM search_results
                 WHERE user_id = $1 AND batch_id = $2 AND (search_id, position) > ($3, $4)
                 ORDER BY search_id, position LIMIT $5",
                user.0,
                id.0,
                search,
                position,
                limit
            )?,
        };
        Ok(rows.into_iter().map(read).collect())
    }
}

/// Keeps a result, unless the search or its batch has it already. Answers whether it was new.
pub(super) async fn insert(tx: &mut Tx, new: &NewResult<'_>) -> Result<bool, StoreError> {
    let row = new.row;
    let lower = |text: &Option<String>| text.as_ref().map(|text| text.to_lowercase());
    let inserted = sql::tx_execute!(
        &mut *tx,
        "INSERT INTO search_results (search_id, user_id, batch_id, position, place_key, result, words, name_key,
            category_key, address_key, phone_key, website_key, email_key, rating, reviews)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING",
        new.search.0,
        new.user.0,
        new.batch.map(|batch| batch.0),
        i64::from(row.position),
        new.key,
        Json(row),
        row.words(),
        row.name.to_lowercase(),
        lower(&row.category),
        lower(&row.address),
        lower(&row.phone),
        lower(&row.website),
        lower(&row.email),
        row.rating,
        row.reviews
    )?;
    Ok(inserted == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_what_was_typed() {
        assert_eq!(containing(""), "%%");
        assert_eq!(containing(" 100%_Ä\\ "), "%100\\%\\_ä\\\\%");
    }
}
