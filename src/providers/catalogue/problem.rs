//! What is wrong with a catalogue file, and where.

use std::borrow::Cow;

use toml::de::{DeTable, DeValue};

/// One step on the way to a place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(Cow<'static, str>),
    At(usize),
}

impl From<&'static str> for Step {
    fn from(key: &'static str) -> Self {
        Self::Key(Cow::Borrowed(key))
    }
}

impl From<&String> for Step {
    fn from(key: &String) -> Self {
        Self::Key(Cow::Owned(key.clone()))
    }
}

impl From<usize> for Step {
    fn from(at: usize) -> Self {
        Self::At(at)
    }
}

/// The way to a place: `at!["probe", 2, "path"]`.
macro_rules! at {
    ($($step:expr),* $(,)?) => { vec![$($crate::providers::catalogue::problem::Step::from($step)),*] };
}
pub(super) use at;

/// One sentence, and the place it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    at: Vec<Step>,
    text: String,
}

impl Problem {
    pub(super) fn new(at: Vec<Step>, text: impl Into<String>) -> Self {
        Self { at, text: text.into() }
    }

    /// The same, seen from further out.
    pub(super) fn within(self, mut outer: Vec<Step>, prefix: &str) -> Self {
        outer.extend(self.at);
        Self { at: outer, text: format!("{prefix}{}", self.text) }
    }

    /// The line of `text`, and the sentence.
    pub(super) fn into_parts(self, text: &str) -> (usize, String) {
        (line_of(text, &self.at), self.text)
    }
}

/// The line, counted from 1, of the byte at `offset`.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The line of the place, or of the last part of the way that is there.
fn line_of(text: &str, way: &[Step]) -> usize {
    let Ok(document) = DeTable::parse(text) else { return 1 };
    let (Some((Step::Key(first), rest)), table) = (way.split_first(), document.get_ref()) else { return 1 };
    let Some((key, mut value)) = table.get_key_value(first.as_ref()) else { return 1 };
    let mut offset = key.span().start;
    for step in rest {
        let next = match (value.get_ref(), step) {
            (DeValue::Table(members), Step::Key(name)) => {
                members.get_key_value(name.as_ref()).map(|(key, value)| (key.span().start, value))
            }
            (DeValue::Array(items), Step::At(at)) => items.get(*at).map(|item| (item.span().start, item)),
            _ => None,
        };
        let Some((start, inner)) = next else { break };
        (offset, value) = (start, inner);
    }
    line_at(text, offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_a_line() {
        let text = "id = 1\n\n[links]\nkeys = \"x\"\n\n[[probe]]\npath = \"/a\"\n\n[[probe]]\npath = \"/b\"\nrules = [\n  { a = 1 },\n  { a = 2 },\n]\n";
        for (way, line) in [
            (at!["id"], 1),
            (at!["links", "keys"], 4),
            (at!["links", "none"], 3),
            (at!["probe", 0, "path"], 7),
            (at!["probe", 1], 9),
            (at!["probe", 1, "rules", 1], 13),
            (at!["none"], 1),
            (at![], 1),
        ] {
            assert_eq!(line_of(text, &way), line, "{way:?}");
        }
        let id: Vec<Step> = at!["id"];
        assert_eq!(line_of("= broken", &id), 1);
    }
}
