//! Where is searched.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Column;

/// What SerpAPI asks on the user's behalf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// Google Maps, which finds businesses.
    #[default]
    Maps,
    /// Google's search, which finds pages.
    Web,
}

/// A word that names no engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither maps nor web")]
pub struct InvalidEngine;

impl Engine {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Maps, Self::Web];

    /// The word on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Maps => "maps",
            Self::Web => "web",
        }
    }

    /// The name on pages.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Maps => "Google Maps",
            Self::Web => "The web",
        }
    }

    /// Results on one of its pages, the step of SerpAPI's `start`. A page costs one search.
    /// Sources: <https://serpapi.com/google-maps-api>, <https://serpapi.com/search-api>.
    pub const fn page_size(self) -> u32 {
        match self {
            Self::Maps => 20,
            Self::Web => 10,
        }
    }

    /// What its results can be sorted by, in the order of the table.
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Maps => &Column::ALL,
            Self::Web => &[Column::Position, Column::Name, Column::Website, Column::Email],
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Engine {
    type Err = InvalidEngine;
    fn from_str(text: &str) -> Result<Self, InvalidEngine> {
        Self::ALL.into_iter().find(|engine| engine.code() == text).ok_or(InvalidEngine)
    }
}
