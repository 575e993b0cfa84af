//! The description of the interface is whole, its examples work, and nothing is routed without it.

use std::{collections::BTreeSet, fs, path::Path, process::Command, time::Duration};

use keyward::{model::error::ErrorCode, server::docs::Document};
use serde_json::{Value, json};

use crate::{
    authorization::world::ended_call,
    support::{App, Client, Engine, PASSWORD, both, fits},
    voices::{clone_voice, sound},
};

/// An operation of the description: method, path and what is said of it.
fn operations() -> Vec<(&'static str, &'static str, &'static Value)> {
    let paths = Document::get().value["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap();
            methods.iter().map(|(method, operation)| (method.as_str(), path.as_str(), operation))
        })
        .collect()
}

fn components() -> &'static Value {
    &Document::get().value["components"]["schemas"]
}

#[test]
fn the_description_is_complete() {
    let document = &Document::get().value;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(&serde_json::from_str::<Value>(&Document::get().text).unwrap(), document);
    let tags: Vec<_> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations() {
        let what = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{what}");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{what}");
        assert!(tags.contains(&&operation["tags"][0]), "{what}");
        assert!(operation.get("x-problems").is_none(), "{what}");
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let described: BTreeSet<_> = parameters
            .clone()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let in_path: BTreeSet<_> =
            path.split(['{', '}']).enumerate().filter(|(at, _)| at % 2 == 1).map(|(_, name)| name).collect();
        assert_eq!(described, in_path, "{what}");
        for parameter in parameters {
            assert!(
                parameter["description"].as_str().is_some_and(|text| !text.is_empty()),
                "{what} {parameter}"
            );
        }
        if let Some(body) = operation.get("requestBody") {
            assert_eq!(body["required"], true, "{what}");
            // The form with files has no example in text.
            if body["content"].get("multipart/form-data").is_some() {
                continue;
            }
            let body = &body["content"]["application/json"];
            fits(&body["schema"], &body["example"]).unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
        }
        let open = ["/api/auth/register", "/api/auth/login", "/api/openapi.json", "/healthz", "/readyz"];
        assert_eq!(operation.get("security").is_none(), open.contains(&path), "{what}");
    }
}

#[test]
fn examples_of_answers_are_what_their_types_say() {
    for (name, schema) in components().as_object().unwrap() {
        let reference = json!({"$ref": format!("#/components/schemas/{name}")});
        for example in schema["examples"].as_array().into_iter().flatten() {
            fits(&reference, example).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        }
    }
    let mut seen = 0;
    for (method, path, operation) in operations() {
        for (status, response) in operation["responses"].as_object().unwrap() {
            for (kind, media) in response["content"].as_object().into_iter().flatten() {
                let named = media["examples"].as_object().into_iter().flatten().map(|(_, one)| &one["value"]);
                for example in media.get("example").into_iter().chain(named) {
                    let wrong = fits(&media["schema"], example).err();
                    assert_eq!(wrong, None, "{method} {path} {status} {kind}: {example}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn every_code_is_described() {
    let listed = components()["ErrorCode"]["enum"].as_array().unwrap();
    let text = json!(operations().iter().map(|(_, _, operation)| *operation).collect::<Vec<_>>()).to_string();
    for code in ErrorCode::ALL {
        assert!(listed.contains(&json!(code.code())), "{}", code.code());
        // No operation has these: an address without the method, and a browser without a connection.
        let nowhere = [ErrorCode::MethodNotAllowed, ErrorCode::Transport].contains(code);
        assert_eq!(text.contains(&format!("\"{}\":{{\"summary\"", code.code())), !nowhere, "{}", code.code());
    }
}

/// With `routes!` a route brings its description along; only the page about the interface and what is for providers
/// do without.
#[test]
fn nothing_is_routed_without_a_description() {
    fn look(dir: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path, found);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let production = text.split("#[cfg(test)]\nmod ").next().unwrap();
            for word in [".route(", ".nest(", ".route_service(", ".nest_service("] {
                if production.contains(word) && !path.ends_with("tests.rs") {
                    found.push(path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string());
                }
            }
        }
    }
    let mut found = Vec::new();
    look(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/server")), &mut found);
    found.sort();
    // Those have rows of their own in the authorization matrix.
    assert_eq!(found, crate::authorization::WITHOUT_DESCRIPTION);
}

#[test]
fn the_program_prints_the_description() {
    let output = Command::new(env!("CARGO_BIN_EXE_keyward")).arg("openapi").output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), Document::get().text);
}

/// Who sends an example, with what the example takes for granted, and the ids for the path.
async fn prepared(app: &App, operation: &Value, number: usize) -> (Client, Option<String>) {
    let id = operation["operationId"].as_str().unwrap();
    if operation.get("security").is_none() {
        return (app.visitor(), None);
    }
    if operation["security"][0].get("system").is_some() {
        let user = app.user("asked-about").await.get("/api/auth/me").await.expect(200).json()["id"].clone();
        let mut asked = app.log_in("asked-about").await;
        let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
        asked.post("/api/user-api-keys/store", &body).await.expect(201);
        return (app.visitor(), Some(user.as_str().unwrap().to_owned()));
    }
    if operation["security"][0].get("metrics").is_some() {
        return (app.visitor(), None);
    }
    let name = format!("user{number}");
    let mut client = app.user(&name).await;
    if id == "read_installation_health" {
        let operator = format!("UPDATE users SET role = 'operator' WHERE email = '{name}@example.org'");
        app.sql.execute(&operator).await;
    }
    if id != "store_key" {
        let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
        client.post("/api/user-api-keys/store", &body).await.expect(201);
    }
    if ["read_calling_account", "place_call", "read_call", "hang_up_call", "delete_call", "list_recordings"]
        .contains(&id)
    {
        let body = json!({"provider": "twilio", "credentials": App::test_key("twilio", "full")});
        client.post("/api/user-api-keys/store", &body).await.expect(201);
    }
    let id = match id {
        "read_call" | "hang_up_call" | "delete_call" | "list_recordings" => {
            Some(ended_call(app, &mut client, "Hello.").await)
        }
        "list_voices" | "clone_voice" | "rename_voice" | "delete_voice" | "preview_voice" | "speak"
        | "read_studio" => {
            let key = App::test_key("elevenlabs", "plenty");
            let body = json!({"provider": "elevenlabs", "credentials": key});
            client.post("/api/user-api-keys/store", &body).await.expect(201);
            // One of its own, for those that are everybody's cannot be changed.
            let voices = "/api/services/voice-cloning/voices?kind=own";
            let voices = client.get(voices).await.expect(200).json();
            Some(voices["items"][0]["id"].as_str().unwrap().to_owned())
        }
        "end_session" => {
            app.log_in(&name).await;
            let sessions = client.get("/api/auth/sessions").await.expect(200).json();
            let other = sessions["items"].as_array().unwrap().iter().find(|one| one["current"] == false);
            Some(other.unwrap()["id"].as_str().unwrap().to_owned())
        }
        "revoke_token" => {
            let body = json!({"name": "old", "scopes": ["read"]});
            let token = client.post("/api/tokens", &body).await.expect(201).json();
            Some(token["id"].as_str().unwrap().to_owned())
        }
        "delete_channel" | "test_channel" | "rotate_channel" | "enable_channel" | "list_messages" => {
            let body = json!({"kind": "webhook", "address": "https://hooks.example/old"});
            let channel = client.post("/api/notifications/channels", &body).await.expect(201).json();
            Some(channel["id"].as_str().unwrap().to_owned())
        }
        "read_search" | "delete_search" | "list_results" | "cancel_search" => {
            Some(searched(&mut client, "bakery").await)
        }
        id if id.starts_with("download_results") => Some(searched(&mut client, "bakery").await),
        id if id.starts_with("download_batch")
            || ["read_batch", "delete_batch", "list_batch_results", "cancel_batch"].contains(&id) =>
        {
            let body = json!({"queries": ["few cakes"], "place": "Berlin"});
            let batch = client.post("/api/services/data-scraper/batches", &body).await.expect(201);
            Some(batch.json()["id"].as_str().unwrap().to_owned())
        }
        "read_saved" | "rename_saved" | "delete_saved" | "run_saved" => {
            let body = json!({"name": "Old", "search": {"query": "few cakes", "place": "Berlin"}});
            let saved = client.post("/api/services/data-scraper/saved-searches", &body).await.expect(201);
            Some(saved.json()["id"].as_str().unwrap().to_owned())
        }
        "resume_batch" => {
            let body = json!({"queries": ["cakes fail on page 1"], "place": "Berlin"});
            let batch = client.post("/api/services/data-scraper/batches", &body).await.expect(201);
            let address = batch.location().to_owned();
            while client.get(&address).await.json()["searches"][0]["can_resume"] != true {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Some(batch.json()["id"].as_str().unwrap().to_owned())
        }
        "resume_search" => Some(searched(&mut client, "bakery fail on page 2").await),
        _ => None,
    };
    (client, id)
}

/// The id of a search that has ended.
async fn searched(client: &mut Client, query: &str) -> String {
    let body = json!({"query": query, "place": "Berlin", "limit": 40});
    let started = client.post("/api/services/data-scraper/searches", &body).await.expect(201);
    let address = started.location().to_owned();
    for _ in 0..1_000 {
        if client.get(&address).await.expect(200).json()["state"] != "running" {
            return address.rsplit('/').next().unwrap().to_owned();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not end");
}

/// The path with an example for each parameter.
fn target(path: &str, operation: &Value, id: Option<&str>) -> String {
    let mut target = path.to_owned();
    let mut query = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap();
        if parameter["in"] == "path" {
            let schema = parameter["schema"]["$ref"].as_str().unwrap();
            let schema = &components()[schema.rsplit('/').next().unwrap()];
            let example = schema["examples"].get(0).unwrap_or(&schema["enum"][0]).as_str().unwrap();
            let value = if ["id", "user_id"].contains(&name) { id.unwrap_or(example) } else { example };
            target = target.replace(&format!("{{{name}}}"), value);
        } else if let Some(example) = parameter["example"].as_str() {
            query.push(format!("{name}={example}"));
        }
    }
    if query.is_empty() { target } else { format!("{target}?{}", query.join("&")) }
}

/// The token of the operator's other programs.
const OPERATORS_TOKEN: &str = "operators-token-of-32-characters-and-more";

/// An installation that other programs of the operator's may ask.
struct Asked(App);

impl Asked {
    async fn start(engine: Engine) -> Self {
        let tokens = [("SYSTEM_API_TOKEN", OPERATORS_TOKEN), ("METRICS_TOKEN", OPERATORS_TOKEN)];
        Self(App::start_with(engine, &tokens).await)
    }
}

both! {
    // That the answer fits its description, the client looks at by itself.
    async fn every_example_request_does_what_it_says(asked: Asked) {
        let app = asked.0;
        let mut all = operations();
        // The account that registers must be new.
        all.sort_by_key(|(_, _, operation)| operation["operationId"] != "register");
        for (number, (method, path, operation)) in all.into_iter().enumerate() {
            let (mut client, id) = prepared(&app, operation, number).await;
            let target = target(path, operation, id.as_deref());
            let example = &operation["requestBody"]["content"]["application/json"]["example"];
            let method = method.to_uppercase();
            let answer = if operation["operationId"] == "clone_voice" {
                clone_voice(&mut client, target.as_str(), "Reception", true, &[&sound(1)]).await
            } else if example.is_null() {
                let bearer = format!("Bearer {OPERATORS_TOKEN}");
                let system = ["system", "metrics"].iter().any(|way| operation["security"][0].get(way).is_some());
                let headers = system.then_some(("authorization", bearer.as_str()));
                client.send(&method, &target, headers.as_slice(), Vec::new()).await
            } else {
                let json = [("content-type", "application/json")];
                client.send(&method, &target, &json, example.to_string().into()).await
            };
            let first = operation["responses"].as_object().unwrap().keys().next().unwrap();
            assert_eq!(answer.status.as_str(), first, "{method} {target}: {}", answer.text);
        }
        let mut ana = app.visitor();
        ana.post("/api/auth/login", &json!({"email": "ana@example.org", "password": PASSWORD})).await.expect(200);
    }

    async fn the_description_is_public_and_named(app: App) {
        let answer = app.visitor().get("/api/openapi.json").await.expect(200);
        assert_eq!(answer.text, Document::get().text);
        assert_eq!(answer.headers["cache-control"], "public, no-cache");
        let etag = answer.headers["etag"].to_str().unwrap().to_owned();
        let again = app.visitor().send("GET", "/api/openapi.json", &[("if-none-match", &etag)], Vec::new()).await.expect(304);
        assert_eq!((again.text.as_str(), &again.headers["etag"]), ("", &answer.headers["etag"]));
        app.visitor().send("GET", "/api/openapi.json", &[("if-none-match", "\"other\"")], Vec::new()).await.expect(200);
    }

    async fn the_page_needs_no_script_and_problems_lead_to_it(app: App) {
        let page = app.visitor().get("/docs/api").await.expect(200);
        assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{policy}");
        assert!(!page.text.contains("<script") && !page.text.contains(" style=") && !page.text.contains("http-equiv"));
        assert_eq!(page.text.matches("<h1").count(), 1);
        for code in ErrorCode::ALL {
            let answer = app.visitor().get(&format!("/problems/{}", code.code())).await.expect(303);
            let (path, anchor) = answer.location().split_once('#').unwrap();
            assert_eq!(path, "/docs/api");
            assert!(page.text.contains(&format!("id=\"{anchor}\"")), "{anchor}");
        }
        app.visitor().get("/problems/none").await.expect(404);
        let home = app.visitor().get("/login").await.expect(200);
        assert!(home.text.contains("href=\"/docs/api\""));
    }

    async fn an_address_says_which_methods_it_has(app: App) {
        let mut client = app.user("ana").await;
        for (method, path, allowed) in [
            ("PATCH", "/api/user-api-keys/serpapi", "PUT,DELETE"),
            ("DELETE", "/api/services", "GET,HEAD"),
            ("GET", "/api/auth/login", "POST"),
            ("OPTIONS", "/api/services", "GET,HEAD"),
        ] {
            let answer = client.send(method, path, &[], Vec::new()).await;
            assert_eq!(answer.headers["allow"], allowed, "{method} {path}");
            answer.problem(405, "method-not-allowed");
        }
    }
}
