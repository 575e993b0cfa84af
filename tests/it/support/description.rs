//! Holds every answer that any test sees against the description of the interface: the operation, its
//! status, its content type and its body must be described.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use http::{HeaderMap, header};
use jsonschema::Validator;
use keyward::server::docs::Document;
use serde_json::{Value, json};

const PROBLEM: &str = "application/problem+json";

/// The types of the description, closed: a field that is not described is an error here. Outside it is
/// not, for clients have to bear new fields.
static CLOSED: LazyLock<Value> = LazyLock::new(|| {
    let mut schemas = Document::get().value["components"]["schemas"].clone();
    for (_, schema) in schemas.as_object_mut().unwrap() {
        close(schema);
    }
    schemas
});

fn close(schema: &mut Value) {
    if let Some(parts) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        parts.iter_mut().for_each(close);
    }
    if schema.get("properties").is_some() && schema.get("additionalProperties").is_none() {
        schema["additionalProperties"] = json!(false);
    }
}

/// The description of the operation behind a request.
pub enum Found {
    /// An operation: the path it is described under, and what is said of it.
    Operation(&'static str, &'static Value),
    /// The address has other methods.
    OtherMethod,
    /// Nothing is there.
    Nothing,
}

/// Finds the operation; the path with the most literal parts wins, as in the router.
pub fn find(method: &str, path: &str) -> Found {
    let path = path.split('?').next().unwrap();
    let parts: Vec<_> = path.split('/').collect();
    let matches = |template: &str| {
        let own: Vec<_> = template.split('/').collect();
        own.len() == parts.len()
            && own
                .iter()
                .zip(&parts)
                .all(|(own, part)| own == part || own.starts_with('{') && !part.is_empty())
    };
    let paths = Document::get().value["paths"].as_object().unwrap();
    let fitting = paths.iter().filter(|(template, _)| matches(template));
    let Some((template, item)) = fitting.min_by_key(|(template, _)| template.matches('{').count()) else {
        return Found::Nothing;
    };
    let method = if method == "HEAD" { "get".to_owned() } else { method.to_lowercase() };
    item.get(method).map_or(Found::OtherMethod, |operation| Found::Operation(template, operation))
}

/// Fails unless the answer is described.
#[track_caller]
pub fn check(method: &str, path: &str, status: u16, headers: &HeaderMap, text: &str) {
    let interface = path.starts_with("/api/") && !path.starts_with("/api/rpc/");
    if !interface && !path.starts_with("/healthz") && !path.starts_with("/readyz") {
        return;
    }
    let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap());
    let essence = kind.map(|kind| kind.split(';').next().unwrap().trim());
    let what = format!("{method} {path} answers {status}: {text}");
    match find(method, path) {
        Found::Nothing | Found::OtherMethod => {
            assert_eq!(essence, Some(PROBLEM), "{what}");
            let refused = [400, 403, 404, 405, 413, 415, 421];
            assert!(refused.contains(&status), "{what}");
            assert!(status != 405 || headers.contains_key(header::ALLOW), "{what}");
            validate(&json!({"$ref": "#/components/schemas/Problem"}), text, &what);
        }
        Found::Operation(template, operation) => {
            let answers = &operation["responses"];
            let described = answers.get(status.to_string());
            let described = described.unwrap_or_else(|| panic!("{template} does not describe it: {what}"));
            let Some(content) = described.get("content") else {
                assert!(text.is_empty(), "{template} describes no body: {what}");
                return;
            };
            let media = content.get(essence.unwrap_or_default());
            let media = media.unwrap_or_else(|| panic!("{template} does not describe {essence:?}: {what}"));
            if method != "HEAD" && essence.is_some_and(|essence| essence.ends_with("json")) {
                validate(&media["schema"], text, &what);
            }
        }
    }
}

#[track_caller]
fn validate(schema: &Value, text: &str, what: &str) {
    let value = serde_json::from_str(text).unwrap_or_else(|_| panic!("not JSON: {what}"));
    if let Err(wrong) = fits(schema, &value) {
        panic!("{wrong}\n{what}");
    }
}

/// Whether a value is what a schema of the description says; else what is wrong.
pub fn fits(schema: &Value, value: &Value) -> Result<(), String> {
    static COMPILED: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    let compiled =
        COMPILED.lock().unwrap().entry(schema.to_string()).or_insert_with(|| compile(schema)).clone();
    let wrong: Vec<_> =
        compiled.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn compile(schema: &Value) -> Arc<Validator> {
    let whole = json!({"allOf": [schema], "components": {"schemas": *CLOSED}});
    Arc::new(jsonschema::draft202012::options().should_validate_formats(true).build(&whole).unwrap())
}
