//! What the routes do not say one by one: the frame of the description, what every operation of a kind
//! can answer, and examples of answers.

use serde_json::{Map, Value, json};

use super::{examples, problems, schema};
use crate::model::error::ErrorCode;

/// The groups of operations, in the order of the page.
pub(super) const TAGS: [(&str, &str); 9] = [
    ("Accounts", "Registering, logging in, sessions, password, API tokens."),
    ("Keys", "The providers, and the keys stored for them."),
    ("Services", "Which services are open, and what closes the others."),
    ("Data Scraper", "Businesses from Google Maps and pages of the web, found with the user's SerpAPI key."),
    ("Calling Operations", "Telephone calls, placed with the user's Twilio key."),
    ("Voice Cloning", "Voices of the user's ElevenLabs account: listening, speaking, cloning."),
    ("Analytics", "What keys were used for, what failed, and how long it took."),
    ("Notifications", "What users are told of their keys, and where."),
    ("Operations", "For whoever runs the installation, and for programs that read this description."),
];

/// Where an operation lists the codes of problems that only it knows.
const OWN_PROBLEMS: &str = "x-problems";

/// Adds to the routes' own descriptions what they have in common.
pub(super) fn complete(document: &mut Value) {
    document["openapi"] = json!("3.1.0");
    document["info"] = json!({
        "title": "Keyward",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "Every user brings their own API keys.",
        "description": "Bodies are JSON; unknown fields are refused. Times are RFC 3339 in UTC. Lists are \
                        `{\"items\": […], \"next\": cursor or null}`. Errors are problem details (RFC 9457). \
                        The page `/docs/api` says more.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    });
    document["servers"] = json!([{"url": "/", "description": "This installation."}]);
    let tags = TAGS.iter().map(|(name, description)| json!({"name": name, "description": description}));
    document["tags"] = tags.collect();
    document["components"]["securitySchemes"] = security_schemes();
    for (name, schema) in object(&mut document["components"]["schemas"]) {
        if let Some(example) = examples::of(name) {
            schema["examples"] = json!([example]);
        }
        // The derive writes the type of a list's entries out in each list.
        if let Some(entry) = name.strip_prefix("List_") {
            schema["properties"]["items"]["items"] = json!({"$ref": format!("#/components/schemas/{entry}")});
        }
    }
    problems::add_schemas(document);
    merge_flattened(&mut document["components"]["schemas"]);

    let components = document["components"]["schemas"].clone();
    for (_, item) in object(&mut document["paths"]) {
        for (method, operation) in object(item) {
            add_problems(method, operation);
            add_examples(operation, &components);
        }
    }
}

/// Writes a type that takes in another one's fields as one object: clients in most languages make more of that
/// than of `allOf`.
fn merge_flattened(schemas: &mut Value) {
    let all = schemas.clone();
    for (_, schema) in object(schemas) {
        let Some(parts) = schema.as_object_mut().and_then(|fields| fields.remove("allOf")) else { continue };
        let mut whole = json!({"type": "object", "properties": {}, "required": []});
        for part in parts.as_array().into_iter().flatten() {
            let name = part["$ref"].as_str().and_then(|path| path.rsplit('/').next());
            let part = name.map_or(part, |name| &all[name]);
            for (name, property) in part["properties"].as_object().into_iter().flatten() {
                whole["properties"][name] = property.clone();
            }
            if let (Some(own), Some(required)) =
                (part["required"].as_array(), whole["required"].as_array_mut())
            {
                required.extend(own.iter().cloned());
            }
        }
        for (name, value) in object(&mut whole) {
            schema[name] = value.take();
        }
    }
}

fn security_schemes() -> Value {
    json!({
        "session": {
            "type": "apiKey", "in": "cookie", "name": "__Host-keyward",
            "description": "The cookie of a session. An installation on plain loopback calls it `keyward`. What \
                            changes something must then come from Keyward's own pages.",
        },
        "login_token": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The token that a log-in with `\"token\": true` answers. It works for ten minutes and no \
                            longer than its session.",
        },
        "api_token": {
            "type": "http", "scheme": "bearer", "bearerFormat": "kwd_…",
            "description": "A personal API token with the scopes that an operation names: `read`, `keys:write`, \
                            `services:use`.",
        },
        "system": {
            "type": "http", "scheme": "bearer",
            "description": "The installation's own token for another back end (`SYSTEM_API_TOKEN`).",
        },
        "metrics": {
            "type": "http", "scheme": "bearer",
            "description": "The installation's own token for its monitoring (`METRICS_TOKEN`).",
        },
    })
}

/// The answers to what is wrong: those that the operation names, and those of its kind.
fn add_problems(method: &str, operation: &mut Value) {
    let own = operation.as_object_mut().and_then(|fields| fields.remove(OWN_PROBLEMS)).unwrap_or_default();
    let own = own.as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut codes: Vec<_> =
        ErrorCode::ALL.iter().copied().filter(|code| own.clone().any(|own| own == code.code())).collect();
    let mut also = |more: &[ErrorCode]| codes.extend(more);
    also(&[ErrorCode::Internal, ErrorCode::MisdirectedHost]);
    if method != "get" {
        also(&[
            ErrorCode::CrossSite,
            ErrorCode::BadRequest,
            ErrorCode::TooLarge,
            ErrorCode::UnsupportedMediaType,
        ]);
    }
    if let Some(ways) = operation.get("security").and_then(Value::as_array) {
        also(&[ErrorCode::Unauthenticated, ErrorCode::AmbiguousCredentials, ErrorCode::Busy]);
        // A session may do everything of its user's; a personal token may lack the scope.
        if ways.iter().any(|way| way.get("session").is_some()) {
            also(&[ErrorCode::Forbidden, ErrorCode::InsufficientScope]);
        }
    }
    problems::add_responses(operation, codes);
}

/// An example of every answer that has a schema, made from the examples of its types.
fn add_examples(operation: &mut Value, components: &Value) {
    for (_, response) in object(&mut operation["responses"]) {
        let Some(content) = response.get_mut("content") else { continue };
        for (kind, media) in object(content) {
            let documented = media.get("example").is_some() || media.get("examples").is_some();
            // The description is no example of itself.
            if kind.ends_with("json") && !documented && media["schema"].get("$ref").is_some() {
                media["example"] = schema::example(&media["schema"], components);
            }
        }
    }
}

/// The entries of an object; none when it is no object.
fn object(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flat_map(Map::iter_mut)
}
