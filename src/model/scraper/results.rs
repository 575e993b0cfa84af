//! What a search found, and how it is put in order. A search has at most 120 results, so sorting and
//! filtering happen here, alike whatever the database.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::RESULTS_SHOWN;

/// A business. Everything but position and name may be missing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ResultRow {
    /// The place among this search's results, from 1, in the order Google Maps gave them.
    pub position: u32,
    /// The name.
    pub name: String,
    /// What kind of business it is.
    pub category: Option<String>,
    /// The postal address in one line.
    pub address: Option<String>,
    /// The telephone number as Google Maps writes it.
    pub phone: Option<String>,
    /// The address of the website.
    pub website: Option<String>,
    /// Stars, 1 to 5.
    pub rating: Option<f64>,
    /// How many people gave stars.
    pub reviews: Option<i64>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Google's id of the place.
    pub place_id: Option<String>,
}

impl ResultRow {
    /// The website, if it is one that can be linked to: `http` or `https`, with a host.
    pub fn link(&self) -> Option<&str> {
        let website = self.website.as_deref()?;
        let scheme_end = website.find("://")?;
        let scheme = &website[..scheme_end];
        let known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        let host = website[scheme_end + 3..].split(['/', '?', '#']).next().unwrap_or_default();
        let clean = !website.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\');
        (known && clean && !host.is_empty()).then_some(website)
    }

    /// The host of the website without `www.`, to be shown for it.
    pub fn host(&self) -> Option<&str> {
        let rest = self.link()?.split_once("://")?.1;
        let host = rest.split(['/', '?', '#']).next()?;
        let host = host.rsplit('@').next()?;
        Some(host.strip_prefix("www.").unwrap_or(host))
    }

    fn contains(&self, needle: &str) -> bool {
        let texts = [
            Some(&self.name),
            self.category.as_ref(),
            self.address.as_ref(),
            self.phone.as_ref(),
            self.website.as_ref(),
        ];
        texts.into_iter().flatten().any(|text| text.to_lowercase().contains(needle))
    }
}

/// What results are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Column {
    /// The order of Google Maps.
    #[default]
    Position,
    /// The name.
    Name,
    /// The kind of business.
    Category,
    /// The address.
    Address,
    /// The telephone number.
    Phone,
    /// The website.
    Website,
    /// Stars.
    Rating,
    /// How many people gave stars.
    Reviews,
}

impl Column {
    /// Every column, in the order of the table.
    pub const ALL: [Self; 8] = [
        Self::Position,
        Self::Name,
        Self::Category,
        Self::Address,
        Self::Phone,
        Self::Website,
        Self::Rating,
        Self::Reviews,
    ];

    /// The word in addresses.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Position => "position",
            Self::Name => "name",
            Self::Category => "category",
            Self::Address => "address",
            Self::Phone => "phone",
            Self::Website => "website",
            Self::Rating => "rating",
            Self::Reviews => "reviews",
        }
    }

    /// The column's heading.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Position => "No.",
            Self::Name => "Name",
            Self::Category => "Category",
            Self::Address => "Address",
            Self::Phone => "Phone",
            Self::Website => "Website",
            Self::Rating => "Rating",
            Self::Reviews => "Reviews",
        }
    }

    /// Whether it holds numbers, which people want to see from the highest down first.
    pub const fn is_count(self) -> bool {
        matches!(self, Self::Rating | Self::Reviews)
    }
}

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// From the lowest up.
    #[default]
    Ascending,
    /// From the highest down.
    Descending,
}

/// An order of results; in addresses `name`, or `-rating` for the highest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sort {
    /// By what.
    pub column: Column,
    /// Which way.
    pub direction: Direction,
}

/// A text that names no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a column, or a column with a minus before it")]
pub struct InvalidSort;

impl Sort {
    /// The order that choosing `column` leads to: the natural one first, then the other way round.
    #[must_use]
    pub fn after_choosing(self, column: Column) -> Self {
        let natural = if column.is_count() { Direction::Descending } else { Direction::Ascending };
        let direction = match self.direction {
            _ if self.column != column => natural,
            Direction::Ascending => Direction::Descending,
            Direction::Descending => Direction::Ascending,
        };
        Self { column, direction }
    }

    /// Compares two rows. What a row lacks comes last, whichever way; equal rows keep Google's order.
    fn compare(self, a: &ResultRow, b: &ResultRow) -> Ordering {
        let text = |of: fn(&ResultRow) -> Option<&String>| {
            self.missing_last(of(a).map(|t| t.to_lowercase()), of(b).map(|t| t.to_lowercase()), |a, b| {
                a.cmp(b)
            })
        };
        let by_column = match self.column {
            Column::Position => self.missing_last(Some(a.position), Some(b.position), Ord::cmp),
            Column::Name => text(|row| Some(&row.name)),
            Column::Category => text(|row| row.category.as_ref()),
            Column::Address => text(|row| row.address.as_ref()),
            Column::Phone => text(|row| row.phone.as_ref()),
            Column::Website => text(|row| row.website.as_ref()),
            Column::Rating => self.missing_last(a.rating, b.rating, f64::total_cmp),
            Column::Reviews => self.missing_last(a.reviews, b.reviews, Ord::cmp),
        };
        by_column.then(a.position.cmp(&b.position))
    }

    fn missing_last<T>(self, a: Option<T>, b: Option<T>, compare: impl Fn(&T, &T) -> Ordering) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) => match self.direction {
                Direction::Ascending => compare(&a, &b),
                Direction::Descending => compare(&b, &a),
            },
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        }
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.direction == Direction::Descending {
            f.write_str("-")?;
        }
        f.write_str(self.column.code())
    }
}

impl FromStr for Sort {
    type Err = InvalidSort;
    fn from_str(text: &str) -> Result<Self, InvalidSort> {
        let (direction, name) = match text.strip_prefix('-') {
            Some(name) => (Direction::Descending, name),
            None => (Direction::Ascending, text),
        };
        let column = Column::ALL.into_iter().find(|column| column.code() == name).ok_or(InvalidSort)?;
        Ok(Self { column, direction })
    }
}

impl TryFrom<String> for Sort {
    type Error = InvalidSort;
    fn try_from(text: String) -> Result<Self, InvalidSort> {
        text.parse()
    }
}

impl From<Sort> for String {
    fn from(sort: Sort) -> Self {
        sort.to_string()
    }
}

/// A part of a search's results.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ResultsPage {
    /// The rows.
    pub items: Vec<ResultRow>,
    /// The position of the row after which the next part begins; none when this is the last.
    pub next: Option<u32>,
    /// Rows that pass the filter, in all parts.
    pub matching: u32,
}

/// Puts rows in order and takes the part after the row `after`. The cursor is a row, not a count, so that
/// rows which arrive meanwhile neither repeat one nor hide one behind it; a row that does not exist
/// begins anew.
pub fn arrange(mut rows: Vec<ResultRow>, sort: Sort, filter: &str, after: Option<u32>) -> ResultsPage {
    rows.sort_by(|a, b| sort.compare(a, b));
    let needle = filter.trim().to_lowercase();
    let begin = after
        .and_then(|after| rows.iter().position(|row| row.position == after))
        .map_or(0, |place| place + 1);
    let passes = |row: &ResultRow| needle.is_empty() || row.contains(&needle);
    let matching = rows.iter().filter(|row| passes(row)).count();
    let mut items: Vec<_> = rows.into_iter().skip(begin).filter(passes).take(RESULTS_SHOWN + 1).collect();
    let more = items.len() > RESULTS_SHOWN;
    items.truncate(RESULTS_SHOWN);
    let next = items.last().filter(|_| more).map(|row| row.position);
    ResultsPage { items, next, matching: u32::try_from(matching).unwrap_or(u32::MAX) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows() -> Vec<ResultRow> {
        let row = |position, name: &str, rating, reviews| ResultRow {
            position,
            name: name.to_owned(),
            rating,
            reviews,
            ..ResultRow::default()
        };
        vec![
            row(1, "ofenfrisch", Some(4.2), Some(418)),
            row(2, "Bäckerei", None, None),
            row(3, "Kornhaus", Some(4.7), Some(862)),
            row(4, "brotzeit", Some(4.2), Some(9)),
        ]
    }

    fn order(sort: &str, filter: &str) -> Vec<u32> {
        let page = arrange(rows(), sort.parse().unwrap(), filter, None);
        page.items.iter().map(|row| row.position).collect()
    }

    #[test]
    fn missing_values_come_last_both_ways_and_ties_keep_their_order() {
        assert_eq!(order("position", ""), [1, 2, 3, 4]);
        assert_eq!(order("-position", ""), [4, 3, 2, 1]);
        assert_eq!(order("name", ""), [4, 2, 3, 1]);
        assert_eq!(order("rating", ""), [1, 4, 3, 2]);
        assert_eq!(order("-rating", ""), [3, 1, 4, 2]);
        assert_eq!(order("-reviews", ""), [3, 1, 4, 2]);
    }

    #[test]
    fn the_filter_ignores_case_also_of_umlauts() {
        assert_eq!(order("position", "BÄCK"), [2]);
        assert_eq!(order("position", " o "), [1, 3, 4]);
        assert!(order("position", "%").is_empty());
    }

    #[test]
    fn choosing_a_column_twice_turns_it_round() {
        let sort = Sort::default().after_choosing(Column::Rating);
        assert_eq!(sort.to_string(), "-rating");
        assert_eq!(sort.after_choosing(Column::Rating).to_string(), "rating");
        assert_eq!(sort.after_choosing(Column::Name).to_string(), "name");
        assert_eq!("rating; DROP".parse::<Sort>(), Err(InvalidSort));
    }

    #[test]
    fn only_web_addresses_are_links() {
        let with = |website: &str| ResultRow { website: Some(website.to_owned()), ..ResultRow::default() };
        assert_eq!(with("https://www.kornhaus.example/a?b").host(), Some("kornhaus.example"));
        assert_eq!(with("HTTP://kornhaus.example").host(), Some("kornhaus.example"));
        for bad in [
            "javascript:alert(1)",
            "javascript://x/%0aalert(1)",
            "data:text/html,x",
            "//kornhaus.example",
            "kornhaus.example",
            "https://",
            "https:///x",
            "https://a b",
            " https://a",
            "https://a\n",
        ] {
            assert_eq!(with(bad).link(), None, "{bad}");
        }
        // What a link shows is where it leads.
        assert_eq!(with("https://bank.example@evil.example/").host(), Some("evil.example"));
    }

    fn any_row() -> impl Strategy<Value = ResultRow> {
        (
            "[a-cA-C]{1,3}",
            prop::option::of("[a-c]{1,2}"),
            prop::option::of(1.0..5.0f64),
            prop::option::of(0..50i64),
        )
            .prop_map(|(name, category, rating, reviews)| ResultRow {
                name,
                category,
                rating,
                reviews,
                ..ResultRow::default()
            })
    }

    proptest! {
        #[test]
        fn the_parts_make_up_the_whole(
            mut rows in prop::collection::vec(any_row(), 0..130),
            column in prop::sample::select(Column::ALL.to_vec()),
            down in any::<bool>(),
            filter in "[a-c]{0,1}",
        ) {
            for (index, row) in rows.iter_mut().enumerate() {
                row.position = index as u32 + 1;
            }
            let direction = if down { Direction::Descending } else { Direction::Ascending };
            let sort = Sort { column, direction };
            prop_assert_eq!(sort.to_string().parse(), Ok(sort));
            let mut seen = Vec::new();
            let mut after = None;
            loop {
                let page = arrange(rows.clone(), sort, &filter, after);
                prop_assert!(page.items.len() <= RESULTS_SHOWN);
                seen.extend(page.items);
                after = page.next;
                if after.is_none() {
                    prop_assert_eq!(page.matching as usize, seen.len());
                    break;
                }
            }
            prop_assert!(seen.windows(2).all(|pair| sort.compare(&pair[0], &pair[1]) == Ordering::Less));
            let expected = rows.iter().filter(|row| row.contains(&filter)).count();
            prop_assert_eq!(seen.len(), expected);
        }
    }
}
