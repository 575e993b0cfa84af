//! Reading the types of the description: an example of each, and words for people.

use serde_json::{Map, Value, json};

/// An example of a value: the one that the type gives, else one made from its parts.
pub(super) fn example(schema: &Value, components: &Value) -> Value {
    if let Some(name) = reference(schema) {
        return example(&components[name], components);
    }
    if let Some(given) = schema["examples"].get(0).or_else(|| schema.get("example")) {
        return given.clone();
    }
    if let Some(fixed) = schema.get("const").or_else(|| schema["enum"].get(0)) {
        return fixed.clone();
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(variant) = variants(schema, choice).next() {
            return example(variant, components);
        }
    }
    match kind(schema) {
        "object" => {
            let fields = properties(schema).map(|(name, field)| (name.clone(), example(field, components)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        "array" => json!([example(&schema["items"], components)]),
        "string" => json!("text"),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        "boolean" => json!(true),
        _ => Value::Null,
    }
}

/// The name of the component that a schema stands for; also where it may be `null` instead.
pub(super) fn reference(schema: &Value) -> Option<&str> {
    let direct = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/components/schemas/"));
    direct.or_else(|| {
        let mut variants = variants(schema, "oneOf");
        match (variants.next(), variants.next()) {
            (Some(only), None) => reference(only),
            _ => None,
        }
    })
}

/// The alternatives of a schema, without `null`.
pub(super) fn variants<'a>(schema: &'a Value, choice: &str) -> impl Iterator<Item = &'a Value> {
    schema[choice].as_array().into_iter().flatten().filter(|variant| variant["type"] != "null")
}

/// What is said of a field; for one that may be `null` it stands beside the alternative.
pub(super) fn description(schema: &Value) -> &str {
    let own = schema["description"].as_str();
    own.or_else(|| variants(schema, "oneOf").next()?["description"].as_str()).unwrap_or_default()
}

/// The fields of an object by name.
pub(super) fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

/// Whether an object must have the field.
pub(super) fn requires(schema: &Value, field: &str) -> bool {
    schema["required"].as_array().is_some_and(|all| all.iter().any(|name| name == field))
}

/// The type's word: the first that is not `null`.
fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("")
        }
        _ => "",
    }
}

/// Whether the value may be `null`.
fn nullable(schema: &Value) -> bool {
    let is_null = |kind: &Value| *kind == "null";
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(is_null),
        _ => schema["oneOf"].as_array().is_some_and(|all| all.iter().any(|one| is_null(&one["type"]))),
    }
}

/// The type in words: `text`, `list of KeyView or null`, with its bounds.
pub(super) fn words(schema: &Value) -> String {
    let mut text = match (reference(schema), kind(schema)) {
        (Some(name), _) => plain_name(name),
        (None, "array") => format!("list of {}", words(&schema["items"])),
        (None, "object") if !schema["additionalProperties"].is_object() => "object".to_owned(),
        (None, "object") => format!("object of {} by name", words(&schema["additionalProperties"])),
        (None, "string") => match schema["format"].as_str() {
            Some("password") => "secret text".to_owned(),
            Some("date-time") => "time".to_owned(),
            Some("uuid") => "id".to_owned(),
            Some("email") => "e-mail address".to_owned(),
            _ => "text".to_owned(),
        },
        (None, "integer") => "whole number".to_owned(),
        (None, "number") => "number".to_owned(),
        (None, "boolean") => "true or false".to_owned(),
        _ => match variants(schema, "oneOf").map(words).collect::<Vec<_>>() {
            any if any.is_empty() => "any value".to_owned(),
            some => some.join(" or "),
        },
    };
    let choices: Vec<_> = schema["enum"].as_array().into_iter().flatten().map(code).collect();
    if !choices.is_empty() {
        text = choices.join(", ");
    }
    if let Some(bounds) = bounds(schema) {
        text = format!("{text}, {bounds}");
    }
    if nullable(schema) { format!("{text}, or null") } else { text }
}

/// A list's name for people: `List_KeyView` is a `List of KeyView`.
pub(super) fn plain_name(name: &str) -> String {
    name.replace('_', " of ")
}

fn code(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn bounds(schema: &Value) -> Option<String> {
    let between = |low: &str, high: &str, unit: &str| match (schema.get(low), schema.get(high)) {
        (Some(low), Some(high)) => Some(format!("{low} to {high}{unit}")),
        (None, Some(high)) => Some(format!("at most {high}{unit}")),
        (Some(low), None) if *low != json!(0) => Some(format!("at least {low}{unit}")),
        _ => None,
    };
    between("minLength", "maxLength", " characters").or_else(|| between("minimum", "maximum", ""))
}
