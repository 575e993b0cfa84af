//! Searches that are kept under a name, to be run again.

use serde::{Deserialize, Serialize};

use super::{SearchInput, SearchRequest};
use crate::model::{error::AppError, ids::SavedId, input::line, time::Timestamp};

/// Longest name, in characters.
const NAME_MAX: usize = 80;

/// A search to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SavedInput {
    /// Its name, which no other saved search of the user has.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(required = true, min_length = 1, max_length = 80, pattern = r"\S"))]
    pub name: String,
    /// What is searched for.
    pub search: SearchInput,
}

impl SavedInput {
    /// Checks every field. Answers the name and the search.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`](crate::model::error::ErrorCode::InvalidInput) with what is wrong with which field.
    pub fn check(&self) -> Result<(&str, SearchRequest), AppError> {
        match (name(&self.name), self.search.check()) {
            (Ok(name), Ok(request)) => Ok((name, request)),
            (Ok(_), Err(wrong)) | (Err(wrong), Ok(_)) => Err(wrong),
            (Err(name), Err(mut wrong)) => {
                wrong.errors.extend(name.errors);
                Err(wrong)
            }
        }
    }
}

/// Another name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SavedName {
    /// The name, which no other saved search of the user has.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(required = true, min_length = 1, max_length = 80, pattern = r"\S"))]
    pub name: String,
}

impl SavedName {
    /// Checks it.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`](crate::model::error::ErrorCode::InvalidInput) with what is wrong.
    pub fn check(&self) -> Result<&str, AppError> {
        name(&self.name)
    }
}

fn name(text: &str) -> Result<&str, AppError> {
    line(text, NAME_MAX).map_err(|error| AppError::field("name", error))
}

/// A saved search as its owner sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct SavedView {
    /// The saved search.
    pub id: SavedId,
    /// Its name.
    pub name: String,
    /// What is searched for.
    pub request: SearchRequest,
    /// When it was saved.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::error::ErrorCode;

    #[test]
    fn every_wrong_field_is_named() {
        let wrong = SavedInput::default().check().unwrap_err();
        assert_eq!(wrong.code, ErrorCode::InvalidInput);
        assert_eq!(wrong.errors.into_keys().collect::<Vec<_>>(), ["name", "place", "query"]);
        let long = SavedName { name: "a".repeat(81) };
        assert!(long.check().is_err());
        assert_eq!(SavedName { name: " Bakers ".to_owned() }.check(), Ok("Bakers"));
    }
}
