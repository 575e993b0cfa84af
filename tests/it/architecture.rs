//! Who may import whom. The table is the one of ARCHITECTURE.md.

use std::{collections::BTreeSet, fs, path::Path};

/// A room, and the rooms it may name.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("app/ui", &["model"]),
    ("app", &["model", "api"]),
    ("api", &["model", "account", "keys", "notices", "services", "store", "operator", "simulator"]),
    ("clock", &["model"]),
    ("config", &["model", "telemetry"]),
    ("telemetry", &[]),
    ("process", &[]),
    ("cli", &[]),
    ("vault", &["model"]),
    ("store", &["model", "vault"]),
    ("providers", &["model", "vault", "clock"]),
    ("monitor", &["model", "store", "providers", "clock", "telemetry"]),
    ("account", &["model", "store", "vault", "clock", "config"]),
    ("keys", &["model", "store", "vault", "providers", "monitor", "account", "clock", "telemetry"]),
    ("services", &["model", "store", "providers", "keys", "account", "clock", "vault"]),
    ("notices", &["model", "store", "vault", "providers", "keys", "account", "clock", "config"]),
    ("operator", &["model", "store", "keys", "account", "clock"]),
    ("jobs", &["model", "store", "keys", "notices", "services", "clock", "telemetry"]),
    ("simulator", &["model"]),
];

/// What puts the rooms together.
const MAY_NAME_ANYTHING: &[&str] = &["server", "main", "lib"];

/// Crates that only these rooms may name.
const CRATES: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("reqwest", &["providers"]),
    ("aes_gcm", &["vault"]),
    ("hkdf", &["vault"]),
    ("axum", &["server", "simulator", "providers/tests"]),
    ("leptos", &["app", "api", "server", "lib"]),
    ("leptos_axum", &["app", "api", "server"]),
    ("jsonwebtoken", &["account"]),
    ("argon2", &["account"]),
    ("utoipa", &["model", "server"]),
    ("opentelemetry", &["telemetry"]),
    ("opentelemetry_otlp", &["telemetry"]),
    ("opentelemetry_sdk", &["telemetry"]),
    ("opentelemetry_http", &["telemetry", "providers/egress"]),
    ("roxmltree", &["simulator"]),
    ("sha1", &["simulator", "providers/inbound"]),
    ("rust_xlsxwriter", &["services"]),
    ("lettre", &["notices"]),
];

fn files(dir: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let name = path.strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap();
            found.push((name.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    files(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut found);
    assert!(found.len() > 80, "only {} files", found.len());
    found
}

fn is_in(file: &str, room: &str) -> bool {
    file == format!("{room}.rs") || file.starts_with(&format!("{room}/"))
}

/// The rooms that a file names by `crate::ROOM`, also inside `use crate::{…}`.
fn named_rooms(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 && (c.is_alphanumeric() || c == '_') {
                    word.push(c);
                } else if depth == 0 && (c == ':' || c == ',') {
                    rooms.insert(std::mem::take(&mut word));
                    if c == ':' {
                        word.push('#');
                    }
                }
            }
            rooms.insert(word);
        } else {
            rooms.insert(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    let known: BTreeSet<_> = MAY_NAME.iter().map(|(room, _)| *room).chain(["server"]).collect();
    rooms.into_iter().filter(|room| known.contains(room.as_str())).collect()
}

#[test]
fn the_reader_of_imports_understands_groups() {
    let text = "use crate::{\n    account::{Limit, internal},\n    clock::Clock,\n    model::{ids::UserId},\n};\nlet x = crate::vault::X;";
    let rooms: Vec<_> = named_rooms(text).into_iter().collect();
    assert_eq!(rooms, ["account", "clock", "model", "vault"]);
}

#[test]
fn rooms_name_only_the_rooms_they_may() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        if MAY_NAME_ANYTHING.iter().any(|room| is_in(&file, room)) {
            continue;
        }
        let Some((room, may)) = MAY_NAME.iter().find(|(room, _)| is_in(&file, room)) else {
            wrong.push(format!("{file} is in no room of the table"));
            continue;
        };
        // What a test module names is not what the room depends on.
        let production = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let own = room.split('/').next().unwrap_or_default();
        for named in named_rooms(production) {
            if named != own && !may.contains(&named.as_str()) && !file.contains("/tests/") {
                wrong.push(format!("{file} names {named}"));
            }
        }
        if *room == "app/ui" && production.contains("crate::api") {
            wrong.push(format!("{file} names api"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn crates_stay_in_their_rooms() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let production = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for (name, rooms) in CRATES {
            let named =
                production.contains(&format!("{name}::")) || production.contains(&format!("use {name};"));
            let word = named
                && production.match_indices(&format!("{name}::")).any(|(at, _)| {
                    !production[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                });
            if word && !rooms.iter().any(|room| is_in(&file, room)) && file != "main.rs" {
                wrong.push(format!("{file} names the crate {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn sql_is_never_built_from_strings() {
    for (file, text) in sources() {
        for word in ["AssertSqlSafe", "QueryBuilder", "raw_sql"] {
            assert!(!text.contains(word), "{file} uses {word}");
        }
    }
}

#[test]
fn only_the_scheduler_and_the_operator_look_across_owners() {
    let tables = [
        "user_api_keys",
        "sessions",
        "retired_credentials",
        "webhook_secrets",
        "usage_events",
        "usage_hours",
        "usage_days",
        "usage_totals",
        "usage_costs",
        "quota_points",
        "usage_providers",
        "jobs",
        "searches",
        "search_results",
        "saved_searches",
        "calls",
        "call_events",
        "call_recordings",
        "call_speech",
        "voice_clones",
        "user_events",
        "user_event_heads",
    ];
    for (file, text) in sources() {
        if !is_in(&file, "store") || file.starts_with("store/scheduler/") {
            continue;
        }
        // Reads only, and sums: what is made of them tells nothing of a single user (`src/operator.rs`).
        if file == "store/operator.rs" {
            assert!(!["INSERT", "UPDATE", "DELETE"].iter().any(|verb| text.contains(verb)), "{file} writes");
            continue;
        }
        for statement in text.split('"').skip(1).step_by(2) {
            let verb =
                ["SELECT", "UPDATE", "DELETE"].iter().any(|verb| statement.trim_start().starts_with(verb));
            if verb && tables.iter().any(|table| statement.contains(&format!(" {table}"))) {
                // A session's secret token names its owner.
                assert!(statement.contains("user_id") && statement.contains('$'), "{file}: {statement}");
            }
        }
    }
}
