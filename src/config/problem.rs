//! What is wrong with the settings.

use std::fmt;

/// One thing that is wrong with one variable. Holds nothing of its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The variable.
    pub variable: String,
    /// What is wrong, to follow the name: `is not …`.
    pub wrong: String,
    /// What to do, as a sentence without its full stop.
    pub remedy: String,
}

impl Problem {
    /// A problem with `variable`.
    pub fn new(variable: &str, wrong: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { variable: variable.to_owned(), wrong: wrong.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}. {}.", self.variable, self.wrong, self.remedy)
    }
}

/// Everything that is wrong with the settings, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The settings are not usable:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}
