//! The authorization matrix: every route and every server function, for everybody who could ask.
//!
//! The routes are those of the API's own description and the few that have none, the server functions those that are
//! registered, the pages those of the router; one that has no row here fails, and so does a row without a route.
//! Whoever is refused gets a problem document and nothing besides, in which nothing of the owner's stands, and changes
//! nothing.

mod cross_site;
mod rows;
pub mod world;

use std::{collections::BTreeSet, fs, path::Path};

use keyward::{model::error::ErrorCode, simulator};
use serde_json::Value;

use self::{
    rows::{FUNCTIONS, PAGES, ROUTES, Row, UNDESCRIBED},
    world::{Asker, World},
};
use crate::support::{Answer, App, Engine, both};

/// The files that route something without describing it.
pub const WITHOUT_DESCRIPTION: [&str; 3] =
    ["src/server/docs/mod.rs", "src/server/media.rs", "src/server/webhooks.rs"];

/// Who may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum May {
    /// Everybody, with or without an account.
    Everybody,
    /// Everybody but personal API tokens, which are no way into the pages.
    Pages,
    /// Sessions, and tokens that may read.
    Read,
    /// Sessions, and tokens that may write keys.
    KeysWrite,
    /// Sessions, and tokens that may use services.
    ServicesUse,
    /// Sessions only.
    Person,
    /// The system token only.
    System,
    /// The metrics token only.
    Metrics,
}

impl May {
    /// The status of a refusal, or nothing where `asker` is let in.
    fn refusal(self, asker: Asker) -> Option<u16> {
        use Asker::*;
        let scope = match self {
            Self::Everybody => return None,
            Self::Pages => {
                return matches!(asker, ReadToken | KeysToken | ServicesToken).then_some(403);
            }
            Self::System => return (asker != SystemToken).then_some(401),
            Self::Metrics => return (asker != MetricsToken).then_some(401),
            Self::Read => Some(ReadToken),
            Self::KeysWrite => Some(KeysToken),
            Self::ServicesUse => Some(ServicesToken),
            Self::Person => None,
        };
        match asker {
            Visitor | EndedSession | DisabledUser | SystemToken | MetricsToken | RevokedToken => Some(401),
            Owner | OwnersJwt | Stranger => None,
            ReadToken | KeysToken | ServicesToken => (Some(asker) != scope).then_some(403),
        }
    }
}

/// Checks an answer against what `row` says of `asker`.
fn judge(row: &Row, asker: Asker, first: bool, answer: &Answer, world: &World) {
    let what = format!("{} {} by {asker:?}: {} {}", row.method, row.path, answer.status, answer.text);
    answer.is_guarded(&what);
    let status = answer.status.as_u16();
    if let Some(refusal) = row.may.refusal(asker) {
        assert_eq!(status, refusal, "{what}");
        is_bare(answer, &what);
    } else {
        let expected = match asker {
            Asker::Stranger => row.stranger,
            _ if first => row.first,
            _ => row.again,
        };
        assert_eq!(status, expected, "{what}");
        // The other 403 tells strangers what they themselves lack.
        if asker == Asker::Stranger && [401, 404].contains(&status) {
            is_bare(answer, &what);
        }
    }
    let lets_in = matches!(row.may, May::Everybody | May::Pages)
        || row.may.refusal(asker).is_none() && asker != Asker::Stranger;
    if !lets_in {
        for trace in world.traces() {
            assert!(!answer.text.contains(&trace), "{trace} stands in {what}");
        }
    }
}

/// Fails unless an answer is a problem and has nothing beside it: what is wrong, by its code, and which scope a token
/// lacks.
fn is_bare(answer: &Answer, what: &str) {
    assert!(answer.headers["content-type"].to_str().unwrap().contains("json"), "{what}");
    let mut document = answer.json();
    let members = document.as_object_mut().unwrap();
    let code = members.remove("code").unwrap();
    let code = ErrorCode::ALL.iter().find(|known| code == known.code()).unwrap_or_else(|| panic!("{what}"));
    members.remove("scope");
    // Whose key whoever asked has not got: the provider that every row names.
    assert!(members.remove("provider").is_none_or(|provider| provider == "serpapi"), "{what}");
    // The document of REST says the same in words, which are those of the code. Server functions leave them to the page.
    if answer.headers["content-type"] == "application/problem+json" {
        assert_eq!(members.remove("type").unwrap(), format!("/problems/{}", code.code()), "{what}");
        assert_eq!(members.remove("title").unwrap(), code.title(), "{what}");
        assert_eq!(members.remove("status").unwrap(), code.status(), "{what}");
        assert!(members.remove("detail").unwrap().is_string(), "{what}");
    }
    assert!(members.is_empty(), "{members:?} in {what}");
}

/// Asks everybody for one row: first all who must be refused, who change nothing; then those who may.
async fn walk(row: &Row, world: &World) {
    let (refused, let_in): (Vec<_>, Vec<_>) =
        Asker::ALL.into_iter().partition(|asker| row.may.refusal(*asker).is_some());
    let before = world.fingerprint().await;
    for asker in refused {
        let answer = world.ask(row, asker).await;
        judge(row, asker, false, &answer, world);
    }
    if !matches!(row.may, May::Everybody | May::Pages) {
        let answer = world.ask(row, Asker::Stranger).await;
        if row.may.refusal(Asker::Stranger).is_none() {
            judge(row, Asker::Stranger, false, &answer, world);
        }
    }
    assert_eq!(before, world.fingerprint().await, "{} {}: a refusal changed something", row.method, row.path);
    for (index, asker) in let_in.into_iter().filter(|asker| *asker != Asker::Stranger).enumerate() {
        let answer = world.ask(row, asker).await;
        judge(row, asker, index == 0, &answer, world);
        world.settle().await;
    }
}

/// Every second of the rows. What only reads leaves the world as it was, for the next.
async fn walk_part(rows: &[Row], first: usize, engine: Engine) {
    let (reading, changing): (Vec<_>, Vec<_>) =
        rows.iter().skip(first).step_by(2).partition(|row| row.method == "GET");
    let world = World::build(engine).await;
    for row in reading {
        walk(row, &world).await;
    }
    for row in changing {
        walk(row, &World::build(engine).await).await;
    }
}

both! {
    // In parts that run beside each other.
    async fn every_route_lets_in_whom_it_should_and_nobody_else(app: App) {
        walk_part(ROUTES, 0, app.sql.engine).await;
    }

    async fn every_route_lets_in_whom_it_should_and_nobody_else_2(app: App) {
        walk_part(ROUTES, 1, app.sql.engine).await;
    }

    async fn every_server_function_takes_sessions_and_nothing_else(app: App) {
        walk_part(FUNCTIONS, 0, app.sql.engine).await;
    }

    async fn every_server_function_takes_sessions_and_nothing_else_2(app: App) {
        walk_part(FUNCTIONS, 1, app.sql.engine).await;
    }

    async fn what_has_no_description_gives_nobody_anything_of_somebody_else_s(app: App) {
        let world = World::build(app.sql.engine).await;
        let before = world.fingerprint().await;
        for row in UNDESCRIBED {
            for asker in Asker::ALL {
                let answer = world.ask(row, asker).await;
                judge(row, asker, false, &answer, &world);
                for trace in world.traces() {
                    assert!(!answer.text.contains(&trace), "{trace} stands in {} by {asker:?}", row.path);
                }
                if answer.status.as_u16() >= 400 {
                    is_bare(&answer, row.path);
                }
            }
        }
        assert_eq!(before, world.fingerprint().await);
    }

    async fn every_page_shows_its_owner_their_own_and_others_nothing(app: App) {
        let listed: BTreeSet<String> = keyward::server::page_paths().map(str::to_owned).collect();
        let rows: BTreeSet<String> = PAGES.iter().map(|(path, _, _)| Row::page(path).template()).collect();
        assert_eq!(listed, rows);

        let world = World::build(app.sql.engine).await;
        for (path, visitor, stranger) in PAGES {
            let row = Row::page(path);
            for asker in Asker::ALL {
                let answer = world.ask(&row, asker).await;
                answer.is_guarded(path);
                let expected = match asker {
                    _ if *path == "/demo" => vec![404],
                    Asker::Owner | Asker::OwnersJwt if ["/login", "/register"].contains(path) => vec![303],
                    Asker::Owner | Asker::OwnersJwt => vec![200],
                    Asker::Stranger => vec![*stranger],
                    // A token is no way into the pages: they show what a visitor sees, or say so.
                    Asker::ReadToken | Asker::KeysToken | Asker::ServicesToken => vec![*visitor, 403],
                    _ => vec![*visitor],
                };
                assert!(expected.contains(&answer.status.as_u16()), "{path} by {asker:?}: {}", answer.status);
                if !matches!(asker, Asker::Owner | Asker::OwnersJwt) {
                    // The address that was asked for may come back, in the way on after the log-in.
                    let asked = world.fill(path);
                    for trace in world.traces().into_iter().filter(|trace| !asked.contains(trace)) {
                        assert!(!answer.text.contains(&trace), "{trace} stands on {path} for {asker:?}");
                    }
                }
            }
        }
    }
}

/// Server functions are public addresses: whatever is sent to one, it answers, and never with a fault of its own.
#[test]
fn no_body_breaks_a_server_function() {
    const PIECES: [&str; 16] = [
        "id",
        "provider",
        "credentials",
        "[api_key]",
        "[",
        "]",
        "=",
        "&",
        "%",
        "%00",
        "%ff",
        "ä",
        "serpapi",
        "9223372036854775808",
        "-1",
        "0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a0001",
    ];
    crate::support::run(async {
        let world = World::build(Engine::Sqlite).await;
        // Always the same bodies: a linear congruential generator (Knuth, MMIX).
        let mut state = 1_u64;
        let mut next = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        for row in FUNCTIONS {
            for _ in 0..60 {
                let mut body = if next(2) == 0 { world.fill(row.body) } else { String::new() };
                for _ in 0..next(12) {
                    body.push_str(PIECES[next(PIECES.len())]);
                }
                let answer = world.send_as_owner(row, body.as_bytes()).await;
                assert!(
                    answer.status.as_u16() < 500,
                    "{} {body}: {} {}",
                    row.path,
                    answer.status,
                    answer.text
                );
            }
            for body in [&b"\xff\xfe=\x00"[..], &[b'['; 60_000], b"a[b][c][d][e][f][g][h]=1"] {
                let answer = world.send_as_owner(row, body).await;
                assert!(answer.status.as_u16() < 500, "{}: {} {}", row.path, answer.status, answer.text);
            }
            // What follows is asked by somebody who is signed in, too.
            world.ask(&Row::get("/api/auth/me"), Asker::Owner).await.expect(200);
        }
    });
}

#[test]
fn no_route_is_without_a_row() {
    crate::support::run(async {
        let app = App::start(Engine::Sqlite).await;
        let description: Value = app.visitor().get("/api/openapi.json").await.expect(200).json();
        let described: BTreeSet<(String, String)> = description["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone()))
            })
            .filter(|(method, _)| method != "PARAMETERS")
            .collect();
        let rows: BTreeSet<_> =
            ROUTES.iter().map(|row| (row.method.to_owned(), row.template().to_owned())).collect();
        assert_eq!(described, rows);
    });
}

#[test]
fn no_route_without_a_description_is_without_a_row() {
    let mut routed = BTreeSet::new();
    for file in WITHOUT_DESCRIPTION {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        let routes: Vec<_> = text.split(".route(").skip(1).collect();
        assert!(!routes.is_empty(), "{file} routes nothing");
        for route in routes {
            // `"/path", get(handler))`, as rustfmt writes it.
            let (path, rest) = route.strip_prefix('"').unwrap().split_once("\", ").unwrap();
            let (method, _) = rest.split_once('(').unwrap();
            assert!(["get", "post"].contains(&method), "{method} of {path} is to be read here, too");
            assert!(!rest.split(')').nth(1).unwrap().starts_with('.'), "{path} has more methods");
            assert!(routed.insert((method.to_uppercase(), path.to_owned())));
        }
    }
    let rows: BTreeSet<_> = UNDESCRIBED.iter().map(|row| (row.method.to_owned(), row.template())).collect();
    assert_eq!(routed, rows);
}

#[test]
fn no_server_function_is_without_a_row() {
    let registered: BTreeSet<_> = leptos::server_fn::axum::server_fn_paths()
        .map(|(path, method)| (method.to_string(), path.to_owned()))
        .collect();
    let rows: BTreeSet<_> =
        FUNCTIONS.iter().map(|row| (row.method.to_owned(), row.template().to_owned())).collect();
    assert_eq!(registered, rows);
    // What changes something must not be reachable by a link.
    assert!(registered.iter().all(|(method, _)| method == "POST"));
}

#[test]
fn the_world_leaves_traces_that_would_be_found() {
    crate::support::run(async {
        let world = World::build(Engine::Sqlite).await;
        let seen: Vec<String> = {
            let mut texts = Vec::new();
            for path in [
                "/api/auth/me",
                "/api/user-api-keys",
                "/api/services/data-scraper/searches",
                "/api/services/calling/calls",
                "/api/services/data-scraper/saved-searches",
                "/api/tokens",
                "/api/notifications/channels",
            ] {
                texts.push(world.ask(&Row::get(path), Asker::Owner).await.text);
            }
            texts
        };
        for trace in world.traces() {
            assert!(seen.iter().any(|text| text.contains(&trace)), "{trace} is nowhere");
        }
        assert!(simulator::test_keys().iter().any(|key| key.id == "plenty"));
    });
}
