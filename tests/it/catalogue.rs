//! Providers that no service uses, the operator's own ones, and `keyward provider`.

use std::{
    fmt::Write as _,
    io::Write as _,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{App, DAY, HOUR, both, refused};

both! {
    async fn a_provider_without_a_service_is_stored_and_watched_and_never_reached_from_a_test(app: App) {
        let mut client = app.user("ana").await;
        let key = "0123456789abcdefghijklmnopqrstuv";
        let body = json!({"provider": "mistral", "credentials": {"api_key": key}});
        let answer = client.post("/api/user-api-keys/store", &body).await.expect(202);
        assert!(!answer.text.contains(key));
        let stored = answer.json();
        assert_eq!(stored["status"], "unverified");
        // The simulator answers 401 to what it does not know, which no rule takes for a verdict.
        let evidence = &stored["evidence"];
        assert_eq!((&evidence["outcome"], &evidence["reason"], &evidence["http_status"]), (&json!("unreachable"), &json!("unexpected_answer"), &json!(401)));
        let journal = app.control("GET", "/journal", None).await.to_string();
        assert!(journal.contains("/mistral/v1/models") && !journal.contains(key), "{journal}");
        // Analytics opens with any key, no other service with this one.
        let list = client.get("/api/services").await.json();
        let open: Vec<_> = list["items"].as_array().unwrap().iter().filter(|s| s["granted"] == true).map(|s| s["service"].as_str().unwrap()).collect();
        assert_eq!(open, ["analytics"]);
        client.delete("/api/user-api-keys/mistral").await.expect(204);
    }

    async fn what_costs_money_is_stored_untried_and_never_overdue(app: App) {
        let mut client = app.user("ana").await;
        let body = json!({"provider": "exa", "credentials": {"api_key": "0f0f0f0f-0f0f-0f0f-0f0f-0f0f0f0f0f0f"}});
        let stored = client.post("/api/user-api-keys/store", &body).await.expect(202).json();
        assert_eq!(stored["status"], "unverified");
        assert!(stored["status_reason"].as_str().unwrap().contains("no check without charge"), "{stored}");
        assert_eq!(stored["evidence"]["reason"], "check_costs_money");
        app.pass(3 * DAY).await;
        let mut client = app.log_in("ana").await;
        let later = client.post("/api/user-api-keys/validate", &json!({"provider": "exa"})).await.expect(200).json();
        assert_eq!((&later["status"], &later["stale"]), (&json!("unverified"), &json!(false)));
        let body = json!({"credentials": {"api_key": "1f0f0f0f-0f0f-0f0f-0f0f-0f0f0f0f0f0f"}});
        let replaced = client.put("/api/user-api-keys/exa", &body).await.expect(200).json();
        assert_eq!(replaced["version"], 2);
        let journal = app.control("GET", "/journal", None).await.to_string();
        assert!(!journal.contains("/exa/"), "{journal}");

        // Whoever agrees is asked once: the simulator answers 401 to what it does not know, which is no verdict.
        let asked = async || app.control("GET", "/journal", None).await.to_string().matches("/exa/search").count();
        let agreed = json!({"provider": "exa", "spend": true});
        let tried = client.post("/api/user-api-keys/validate", &agreed).await.expect(200).json();
        assert_eq!((&tried["status"], &tried["evidence"]["http_status"]), (&json!("unverified"), &json!(401)));
        assert_eq!(asked().await, 1);
        let candidate = json!({"provider": "exa", "credentials": body["credentials"], "spend": true});
        client.post("/api/user-api-keys/validate", &candidate).await.expect(200);
        assert_eq!(asked().await, 2);
        // By schedule never, whatever was agreed to before.
        app.pass(3 * DAY).await;
        assert_eq!(asked().await, 2);
        let mut client = app.log_in("ana").await;
        client.delete("/api/user-api-keys/exa").await.expect(204);
        client.post("/api/user-api-keys/store", &candidate).await.expect(202);
        assert_eq!(asked().await, 3);
    }

    async fn the_evidence_of_the_last_check_is_kept(app: App) {
        let mut client = app.user("ana").await;
        let body = json!({"provider": "openai", "credentials": App::test_key("openai", "plenty")});
        let stored = client.post("/api/user-api-keys/store", &body).await.expect(201).json();
        let evidence = &stored["evidence"];
        assert!(evidence["latency_ms"].as_u64().is_some_and(|took| took < 15_000), "{evidence}");
        assert_eq!((&evidence["outcome"], &evidence["http_status"], &evidence["provider_code"]), (&json!("valid"), &json!(200), &Value::Null));
        assert_eq!(evidence["at"], app.now().to_string());
        // A refusal by schedule is looked at a second time.
        let fault = json!({"provider": "openai", "times": 2, "fault": {"kind": "status", "status": 401, "body": {"error": {"code": "invalid_api_key", "message": "Incorrect API key provided: secret"}}}});
        app.control("POST", "/faults", Some(fault)).await;
        app.pass(DAY + 5 * HOUR).await;
        let mut client = app.log_in("ana").await;
        let later = client.get("/api/user-api-keys").await.json();
        let evidence = &later["items"][0]["evidence"];
        assert_eq!((&evidence["outcome"], &evidence["reason"], &evidence["http_status"], &evidence["provider_code"]), (&json!("invalid"), &json!("rejected"), &json!(401), &json!("invalid_api_key")));
        assert!(!later.to_string().contains("secret"));
    }
}

/// A provider of the operator's own, which answers like SerpAPI.
fn acme() -> String {
    let serpapi = include_str!("../../src/providers/catalogue/serpapi.toml");
    serpapi
        .replace("id = \"serpapi\"", "id = \"acme\"")
        .replace("name = \"SerpAPI\"", "name = \"Acme\"")
        .replace("https://serpapi.com:443", "https://api.acme.example:443")
        .replace("origin = \"https://serpapi.com\"", "origin = \"https://api.acme.example\"")
}

#[tokio::test]
async fn a_provider_of_the_operator_s_own_is_offered_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("acme.toml"), acme()).unwrap();
    let settings = [("KEYWARD_PROVIDERS_DIR", folder.path().to_str().unwrap())];
    let app = App::start_with(crate::support::Engine::Sqlite, &settings).await;
    let mut client = app.user("ana").await;
    let list = client.get("/api/providers").await.json();
    let own =
        list["items"].as_array().unwrap().iter().find(|provider| provider["id"] == "acme").unwrap().clone();
    assert_eq!(
        (&own["name"], &own["by_operator"], &own["used_by"]),
        (&json!("Acme"), &json!(true), &json!([]))
    );
    let body = json!({"provider": "acme", "credentials": {"api_key": "a".repeat(64)}});
    let stored = client.post("/api/user-api-keys/store", &body).await.expect(202).json();
    assert_eq!((&stored["name"], &stored["status"]), (&json!("Acme"), &json!("unverified")));
    app.pass(Duration::ZERO).await;
}

#[tokio::test]
async fn a_wrong_file_stops_the_start_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = tempfile::tempdir().unwrap();
    let file = folder.path().join("acme.toml");
    let why = async || {
        let variables = [
            ("KEYWARD_PROVIDERS_DIR", folder.path().to_str().unwrap()),
            ("KEYWARD_DATA_DIR", data.path().to_str().unwrap()),
        ];
        refused(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).await
    };
    for (from, to, part, expected) in [
        ("noun =", "nuon =", "noun =", "unknown field `nuon`"),
        (
            "https://api.acme.example:443",
            "https://api.openai.com:443",
            "[[realms]]",
            "keys of a provider that is there already",
        ),
        (
            "\"no_permission\"",
            "\"accepted\"",
            "then = \"invalid\", reason",
            "rule 2: this reason does not fit",
        ),
    ] {
        let text = acme();
        let line = text[..text.find(part).unwrap()].matches('\n').count() + 1;
        std::fs::write(&file, text.replacen(from, to, 1)).unwrap();
        let error = why().await;
        assert!(
            error.contains(&format!("{}, line {line}: ", file.display())) && error.contains(expected),
            "{error}"
        );
        assert!(std::fs::read_dir(data.path()).unwrap().next().is_none(), "nothing was touched");
    }
    std::fs::remove_dir_all(folder.path()).unwrap();
    assert!(why().await.contains("cannot be used"));
}

/// Runs `keyward provider` with the simulator in every provider's place that has test keys.
fn provider(app: &App, arguments: &[&str]) -> Output {
    answering(app, arguments, "")
}

/// The same, with somebody who types these lines.
fn answering(app: &App, arguments: &[&str], lines: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
    command.arg("provider").args(arguments).env_clear();
    for id in ["serpapi", "elevenlabs", "openai", "acme"] {
        let simulated = if id == "acme" { "serpapi" } else { id };
        let name = format!("KEYWARD_{}_BASE_URL", id.to_uppercase());
        command.env(name, format!("http://{}/{simulated}", app.simulator));
    }
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // One that asks nothing does not read.
    let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
    child.wait_with_output().unwrap()
}

fn keys(folder: &Path, provider: &str, keys: &[(&str, &str)]) -> (PathBuf, Vec<String>) {
    let (mut text, mut secrets) = (String::new(), Vec::new());
    for (table, id) in keys {
        writeln!(text, "[{table}]").unwrap();
        for (name, value) in App::test_key(provider, id).as_object().unwrap() {
            writeln!(text, "{name} = {value}").unwrap();
            secrets.push(value.as_str().unwrap().to_owned());
        }
    }
    let file = folder.join("keys.toml");
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    (file, secrets)
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_tried_on_real_keys() {
    let app = App::start(crate::support::Engine::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("acme.toml");
    std::fs::write(&file, acme()).unwrap();
    let file = file.to_str().unwrap();
    let limited = &[("real", "plenty"), ("limited", "restricted")][..];
    // The file, whose test keys, which of them, the exit status, and what is said.
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], i32, &'a [&'a str]);
    let cases: [Case<'_>; 4] = [
        (
            file,
            "serpapi",
            &[("real", "plenty")],
            0,
            &[
                "ok    the real key: valid",
                "ok    the made-up key: invalid",
                "sealed for https://api.acme.example:443",
            ],
        ),
        (file, "serpapi", &[("real", "invalid")], 1, &["FAIL  the real key: invalid"]),
        (
            "elevenlabs",
            "elevenlabs",
            limited,
            0,
            &[
                "ok    the limited key: limited",
                "the real key, Voice Cloning: Clone voices from recordings: yes. 3 of 30 voices in use.",
                "the limited key, Voice Cloning: Clone voices from recordings: not known. The key may not read the plan",
            ],
        ),
        (
            "elevenlabs",
            "elevenlabs",
            &[("real", "plenty"), ("limited", "plenty")],
            1,
            &["FAIL  the limited key: valid"],
        ),
    ];
    for (what, of, which, status, expected) in cases {
        let (keys, secrets) = keys(folder.path(), of, which);
        let output = provider(&app, &["test", what, "--keys", keys.to_str().unwrap()]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(status), "{text}");
        for part in expected {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{text}");
    }

    let (open, _) = keys(folder.path(), "serpapi", &[("real", "plenty")]);
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = provider(&app, &["test", file, "--keys", open.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(78));
    assert!(said(&output).contains("may be read by others"), "{}", said(&output));
    std::fs::write(file, acme().replacen("noun", "nuon", 1)).unwrap();
    let output = provider(&app, &["test", file]);
    assert_eq!(output.status.code(), Some(78));
    assert!(said(&output).contains("line 9: unknown field `nuon`"), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_tries_a_file_is_asked_for_a_key_and_for_a_limited_one() {
    let app = App::start(crate::support::Engine::Sqlite).await;
    let key = |id: &str| App::test_key("elevenlabs", id)["api_key"].as_str().unwrap().to_owned();
    let (real, limited) = (key("plenty"), key("restricted"));
    for (lines, status, expected, unexpected) in [
        (format!("{real}\n\n\n"), 0, "ok    the made-up key: invalid", "the limited key"),
        (format!("{real}\n\nyes\n{limited}\n\n"), 0, "ok    the limited key: limited", "FAIL"),
        (
            format!("{real}\n\nYes\n{real}\n\n"),
            1,
            "FAIL  the limited key: valid",
            "ok    the limited key: valid",
        ),
    ] {
        let output = answering(&app, &["test", "elevenlabs"], &lines);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(status), "{text}");
        assert!(text.contains(expected) && !text.contains(unexpected), "{text}");
        assert!(!text.contains(&real) && !text.contains(&limited), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_is_told_on_the_command_line() {
    let app = App::start(crate::support::Engine::Sqlite).await;
    let list = said(&provider(&app, &["list"]));
    for part in ["Language models", "azure_openai", "uncertain: ", "a check costs money"] {
        assert!(list.contains(part), "{part}: {list}");
    }
    let matrix = said(&provider(&app, &["list", "--matrix"]));
    assert!(matrix.contains("→ invalid, rejected") && matrix.lines().count() > 200);
    let schema: Value = serde_json::from_slice(&provider(&app, &["schema"]).stdout).unwrap();
    assert!(schema["properties"]["answers"].is_object());
}
