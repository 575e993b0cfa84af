//! Small texts of the catalogue: templates with fields in braces, and JSON pointers with a wildcard.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// A text with field names in braces, such as `/Accounts/{account_sid}.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(with = "String")]
#[serde(try_from = "String")]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(String),
}

impl TryFrom<String> for Template {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or("a template has a brace that is not closed")?;
            let named = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            if !named {
                return Err("a field in a template is named with a-z and _");
            }
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Field(name.to_owned()));
            rest = after;
        }
        if rest.contains('}') {
            return Err("a template has a brace that is not opened");
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }
}

impl Template {
    /// The fields it names.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Field(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with each field's value in place, or nothing if one is missing.
    pub(crate) fn fill<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Option<String> {
        self.render(value, |out, value| out.push_str(value))
    }

    /// A path: each value is percent-encoded, so that it stays within its segment. Nothing if a value
    /// is missing, or if a segment becomes empty, `.` or `..`, which no encoding protects.
    pub(crate) fn fill_path<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Option<String> {
        let path = self.render(value, percent_encode)?;
        let climbs = path.split('/').skip(1).any(|segment| matches!(segment, "" | "." | ".."));
        (!climbs).then_some(path)
    }

    fn render<'v>(
        &self,
        value: impl Fn(&str) -> Option<&'v str>,
        put: impl Fn(&mut String, &str),
    ) -> Option<String> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field(name) => put(&mut out, value(name)?),
            }
        }
        Some(out)
    }

    /// Whether it is fit for a path: absolute, and its own text holds nothing that a URL parser
    /// would read as something else.
    pub(crate) fn is_path(&self) -> bool {
        let text: String = self
            .0
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_str(),
                Part::Field(_) => "x",
            })
            .collect();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.:".contains(&b);
        text.starts_with('/')
            && text.bytes().all(plain)
            && text.split('/').skip(1).all(|segment| !matches!(segment, "" | "." | ".."))
    }
}

/// Appends `value` with everything but the unreserved characters of RFC 3986 encoded.
pub(crate) fn percent_encode(out: &mut String, value: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// A path into a JSON document as in RFC 6901, where a part `*` means each element of an array.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[schemars(with = "String")]
#[serde(try_from = "String")]
pub(crate) struct Pointer(Vec<String>);

impl TryFrom<String> for Pointer {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let rest = text.strip_prefix('/').ok_or("a pointer starts with /")?;
        Ok(Self(rest.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect()))
    }
}

impl Pointer {
    /// Every value it leads to.
    pub(crate) fn select<'v>(&self, document: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![document];
        for part in &self.0 {
            found = found.into_iter().flat_map(|value| step(value, part)).collect();
        }
        found
    }

    /// The first value it leads to that is not `null`.
    pub(crate) fn first<'v>(&self, document: &'v Value) -> Option<&'v Value> {
        self.select(document).into_iter().find(|value| !value.is_null())
    }

    /// Whether the arrays it goes through are there, even if empty.
    pub(crate) fn lists_exist(&self, document: &Value) -> bool {
        match self.0.iter().position(|part| part == "*") {
            Some(at) => Self(self.0[..at].to_vec()).first(document).is_some_and(Value::is_array),
            None => true,
        }
    }

    /// Whether it may lead to several values.
    pub(crate) fn is_wild(&self) -> bool {
        self.0.iter().any(|part| part == "*")
    }
}

fn step<'v>(value: &'v Value, part: &str) -> Vec<&'v Value> {
    match value {
        Value::Array(items) if part == "*" => items.iter().collect(),
        Value::Array(items) => part.parse::<usize>().ok().and_then(|at| items.get(at)).into_iter().collect(),
        Value::Object(members) => members.get(part).into_iter().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn template(text: &str) -> Template {
        Template::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn a_template_is_filled_or_not_at_all() {
        let path = template("/Accounts/{sid}/Calls.json");
        assert_eq!(path.fill_path(|_| Some("AC1")), Some("/Accounts/AC1/Calls.json".to_owned()));
        assert_eq!(path.fill_path(|_| None), None);
        assert_eq!(path.fields().collect::<Vec<_>>(), ["sid"]);
        for bad in ["{", "}", "{}", "{A}", "a{b", "{a-b}"] {
            assert!(Template::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_keeps_its_shape() {
        for good in ["/a.json", "/v1/{id}:count", "/2010-04-01/Accounts/{sid}.json"] {
            assert!(template(good).is_path(), "{good}");
        }
        for bad in
            ["", "a", "//a", "/a//b", "/a/../b", "/a?b", "/a#b", "/a%2fb", "/a\\b", "/a b", "{host}/a", "/a/"]
        {
            assert!(!template(bad).is_path(), "{bad}");
        }
    }

    #[test]
    fn a_pointer_walks_arrays() {
        let pointer = |text: &str| Pointer::try_from(text.to_owned()).unwrap();
        let document = json!({"a": [{"b": 1}, {"b": null}, {"c": 2}], "d/e": 3});
        assert_eq!(pointer("/a/*/b").select(&document), [&json!(1), &json!(null)]);
        assert_eq!(pointer("/a/2/c").first(&document), Some(&json!(2)));
        assert_eq!(pointer("/d~1e").first(&document), Some(&json!(3)));
        assert_eq!(pointer("/a/1/b").first(&document), None);
        assert!(pointer("/a/*/x").lists_exist(&document) && !pointer("/x/*/b").lists_exist(&document));
        assert!(Pointer::try_from("a".to_owned()).is_err());
    }

    proptest! {
        #[test]
        fn a_value_never_leaves_its_segment(value in any::<String>()) {
            for (text, segments) in [("/a/{v}/c.json", 4), ("/a/{v}.json", 3)] {
                if let Some(path) = template(text).fill_path(|_| Some(value.as_str())) {
                    let url = url::Url::parse(&format!("https://api.example.org{path}?k=v")).unwrap();
                    prop_assert_eq!(url.path(), path.as_str());
                    prop_assert_eq!(url.host_str(), Some("api.example.org"));
                    prop_assert_eq!(url.query(), Some("k=v"));
                    prop_assert_eq!(path.split('/').count(), segments);
                } else {
                    prop_assert!(matches!(value.as_str(), "" | "." | ".."));
                }
            }
        }

        #[test]
        fn pointers_never_panic(text in any::<String>(), key in any::<String>()) {
            if let Ok(pointer) = Pointer::try_from(text) {
                let _ = pointer.select(&json!({key: [1, {"a": null}, "x"]}));
            }
        }
    }
}
