//! Requests that another site could make a browser send, to everything that changes something.

use super::{
    rows::{FUNCTIONS, ROUTES},
    world::World,
};
use crate::support::Engine;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn nothing_that_changes_something_can_be_sent_from_another_site() {
    crate::support::run(async {
        let world = World::build(Engine::Sqlite).await;
        let before = world.fingerprint().await;
        for row in ROUTES.iter().chain(FUNCTIONS).filter(|row| row.method != "GET") {
            let kind = row.kind();
            for (what, origin) in [
                ("another site", Some(("sec-fetch-site", "cross-site"))),
                ("a sibling of the site", Some(("sec-fetch-site", "same-site"))),
                ("a foreign origin", Some(("origin", "https://evil.example"))),
                ("another port", Some(("origin", "http://127.0.0.1:3001"))),
                ("a sandboxed frame", Some(("origin", "null"))),
                ("nowhere, with the cookie", None),
            ] {
                let mut headers = vec![("content-type", kind)];
                headers.extend(origin);
                let answer = world.ask_with(row, row.method, &headers).await;
                assert_eq!(answer.status, 403, "{} {} from {what}: {}", row.method, row.path, answer.text);
                answer.problem(403, "cross-site");
            }
            // Even from the site itself: what a plain form of another kind could send is not read.
            for other in ["text/plain", "multipart/form-data; boundary=x", FORM, JSON] {
                if row.body.is_empty() || other == kind {
                    continue;
                }
                let headers = [("content-type", other), ("sec-fetch-site", "same-origin")];
                world.ask_with(row, row.method, &headers).await.problem(415, "unsupported-media-type");
            }
            // A link, which a browser follows with the cookie. What may be read so is another row.
            if ROUTES.iter().any(|other| other.method == "GET" && other.path == row.path) {
                continue;
            }
            let link = world
                .ask_with(row, "GET", &[("sec-fetch-site", "cross-site"), ("accept", "text/html")])
                .await;
            assert!([404, 405].contains(&link.status.as_u16()), "GET {}: {}", row.path, link.status);
        }
        assert_eq!(before, world.fingerprint().await);
    });
}
