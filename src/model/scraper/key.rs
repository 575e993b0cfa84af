//! Which results are meant, and which one of them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::FileKind;
use crate::model::ids::{BatchId, SearchId};

/// Whose results: one search's, or those of several that were started together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResultsOf {
    /// One search's.
    Search(SearchId),
    /// A batch's.
    Batch(BatchId),
}

impl ResultsOf {
    /// Where the results can be downloaded.
    pub fn file_path(self, kind: FileKind) -> String {
        let end = kind.extension();
        match self {
            Self::Search(id) => format!("/api/services/data-scraper/searches/{id}/results.{end}"),
            Self::Batch(id) => format!("/api/services/data-scraper/batches/{id}/results.{end}"),
        }
    }
}

/// One result: its search, and its position there. As text `SEARCH.POSITION`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResultKey {
    /// The search.
    pub search: SearchId,
    /// The position.
    pub position: u32,
}

/// A text that names no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a search and a position")]
pub struct InvalidKey;

impl fmt::Display for ResultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.search, self.position)
    }
}

impl FromStr for ResultKey {
    type Err = InvalidKey;
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let (search, position) = text.split_once('.').ok_or(InvalidKey)?;
        let digits = !position.is_empty() && position.bytes().all(|b| b.is_ascii_digit());
        let position = position.parse().ok().filter(|_| digits).ok_or(InvalidKey)?;
        Ok(Self { search: search.parse().map_err(|_| InvalidKey)?, position })
    }
}

impl TryFrom<String> for ResultKey {
    type Error = InvalidKey;
    fn try_from(text: String) -> Result<Self, InvalidKey> {
        text.parse()
    }
}

impl From<ResultKey> for String {
    fn from(key: ResultKey) -> Self {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_comes_back_from_its_text(position in any::<u32>()) {
            let key = ResultKey { search: SearchId(uuid::Uuid::nil()), position };
            prop_assert_eq!(key.to_string().parse(), Ok(key));
        }

        #[test]
        fn no_other_text_is_a_key(text in "[0-9a-f.+-]{0,40}") {
            prop_assert_eq!(text.parse::<ResultKey>(), Err(InvalidKey));
        }
    }

    #[test]
    fn positions_that_are_none_are_refused() {
        for position in ["", "+1", "-1", "4294967296", "1.0", " 1"] {
            let text = format!("{}.{position}", uuid::Uuid::nil());
            assert_eq!(text.parse::<ResultKey>(), Err(InvalidKey), "{position}");
        }
    }
}
