//! What a search found, and how it is put in order.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Engine, ResultKey};
use crate::model::error::{AppError, ErrorCode, FieldError};

/// Longest text of a filter, in characters.
const FILTER_MAX: usize = 200;
/// Stars that a filter can ask for.
const RATINGS: std::ops::RangeInclusive<f64> = 1.0..=5.0;

/// What was found: a business, or a page of the web. Everything but position and name may be missing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ResultRow {
    /// The place among this search's results, from 1, in the order Google gave them.
    pub position: u32,
    /// The name of the business, or the title of the page.
    pub name: String,
    /// What kind of business it is.
    pub category: Option<String>,
    /// The postal address in one line.
    pub address: Option<String>,
    /// The telephone number as Google Maps writes it.
    pub phone: Option<String>,
    /// The address of the website, or of the page.
    pub website: Option<String>,
    /// An e-mail address, where Google's text has one.
    pub email: Option<String>,
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
    /// The address of the page as Google shows it: `https://kornhaus.example › about`.
    pub displayed_link: Option<String>,
    /// The page in a sentence or two.
    pub snippet: Option<String>,
    /// The query that found it, where several were started together.
    pub query: Option<String>,
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

    /// The texts that a filter looks into, in lower case, a line each.
    pub fn words(&self) -> String {
        let texts = [
            Some(&self.name),
            self.category.as_ref(),
            self.address.as_ref(),
            self.phone.as_ref(),
            self.website.as_ref(),
            self.email.as_ref(),
            self.snippet.as_ref(),
        ];
        let texts: Vec<_> = texts.into_iter().flatten().map(|text| text.to_lowercase()).collect();
        texts.join("\n")
    }
}

/// Which results are shown.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Filter {
    /// One of their texts contains this, in whatever case.
    #[serde(default)]
    pub text: String,
    /// They have a telephone number.
    #[serde(default)]
    pub phone: bool,
    /// They have a website.
    #[serde(default)]
    pub website: bool,
    /// They have an e-mail address.
    #[serde(default)]
    pub email: bool,
    /// They have at least so many stars.
    #[serde(default)]
    pub rating: Option<f64>,
}

impl Filter {
    /// Whether it lets everything through.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks what was sent.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`] with what is wrong with which field.
    pub fn check(&self) -> Result<(), AppError> {
        let mut wrong = AppError::new(ErrorCode::InvalidInput);
        if self.text.chars().count() > FILTER_MAX {
            wrong.errors.insert("filter".to_owned(), FieldError::TooLong);
        }
        if self.text.contains('\0') {
            wrong.errors.insert("filter".to_owned(), FieldError::ControlCharacters);
        }
        if self.rating.is_some_and(|stars| !RATINGS.contains(&stars)) {
            wrong.errors.insert("rating".to_owned(), FieldError::OutOfRange);
        }
        if wrong.errors.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

/// What results are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Column {
    /// The order of Google.
    #[default]
    Position,
    /// The name, or the title.
    Name,
    /// The kind of business.
    Category,
    /// The address.
    Address,
    /// The telephone number.
    Phone,
    /// The website.
    Website,
    /// The e-mail address.
    Email,
    /// Stars.
    Rating,
    /// How many people gave stars.
    Reviews,
}

impl Column {
    /// Every column, in the order of the table.
    pub const ALL: [Self; 9] = [
        Self::Position,
        Self::Name,
        Self::Category,
        Self::Address,
        Self::Phone,
        Self::Website,
        Self::Email,
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
            Self::Email => "email",
            Self::Rating => "rating",
            Self::Reviews => "reviews",
        }
    }

    /// The column's heading in the table of an engine.
    pub const fn label(self, engine: Engine) -> &'static str {
        match (self, engine) {
            (Self::Position, _) => "No.",
            (Self::Name, Engine::Maps) => "Name",
            (Self::Name, Engine::Web) => "Title",
            (Self::Category, _) => "Category",
            (Self::Address, _) => "Address",
            (Self::Phone, _) => "Phone",
            (Self::Website, Engine::Maps) => "Website",
            (Self::Website, Engine::Web) => "Link",
            (Self::Email, _) => "E-mail",
            (Self::Rating, _) => "Rating",
            (Self::Reviews, _) => "Reviews",
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

/// A part of what was found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ResultsPage {
    /// The rows, each with its key.
    pub items: Vec<(ResultKey, ResultRow)>,
    /// The row after which the next part begins; none when this is the last.
    pub next: Option<ResultKey>,
    /// Rows that pass the filter, in all parts.
    pub matching: u32,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    #[test]
    fn what_a_filter_cannot_mean_is_refused() {
        let wrong = |filter: Filter| filter.check().unwrap_err().errors;
        let long = Filter { text: "a".repeat(201), rating: Some(5.1), ..Filter::default() };
        assert_eq!(wrong(long).into_keys().collect::<Vec<_>>(), ["filter", "rating"]);
        assert!(wrong(Filter { rating: Some(f64::NAN), ..Filter::default() }).contains_key("rating"));
        assert!(wrong(Filter { text: "\0".to_owned(), ..Filter::default() }).contains_key("filter"));
        assert!(Filter { rating: Some(4.5), ..Filter::default() }.check().is_ok());
    }

    proptest! {
        #[test]
        fn an_order_comes_back_from_its_text(
            column in prop::sample::select(Column::ALL.to_vec()), down in any::<bool>(),
        ) {
            let direction = if down { Direction::Descending } else { Direction::Ascending };
            let sort = Sort { column, direction };
            prop_assert_eq!(sort.to_string().parse(), Ok(sort));
        }
    }
}
