//! Starting, and refusing to start.

use std::sync::Arc;

use keyward::{clock::ManualClock, server::boot::BootError, vault::KekRing};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::support::{App, Engine, START, both, install};

pub fn new_kek() -> String {
    KekRing::generate().unwrap().expose_secret().to_owned()
}

async fn start(app: &App, change: &[(&str, &str)]) -> Result<(), BootError> {
    let mut variables = app.variables.clone();
    for (name, value) in change {
        variables.insert((*name).to_owned(), (*value).to_owned());
    }
    install(&variables, app.simulator, Arc::new(ManualClock::new(START))).await.map(drop)
}

both! {
    async fn a_wrong_or_missing_kek_refuses_to_start_names_the_fingerprint_and_touches_nothing(app: App) {
        let mut client = app.user("ana").await;
        let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
        client.post("/api/user-api-keys/store", &body).await.expect(201);
        let needed = app.sql.text("SELECT kek_id FROM kek_checks").await;
        app.state.store.close().await;
        let file = app.dir.path().join("keyward.db");
        let before = std::fs::read(&file).ok();
        let rows = app.sql.number("SELECT COUNT(*) FROM audit_log").await;

        let wrong = start(&app, &[("API_KEY_ENCRYPTION_SECRET", &new_kek())]).await.unwrap_err();
        assert!(matches!(wrong, BootError::WrongKek { .. }), "{wrong}");
        assert!(wrong.to_string().contains(&needed), "{wrong}");

        let secrets = app.dir.path().join("data/secrets");
        std::fs::rename(secrets.join("kek"), secrets.join("kek.away")).unwrap();
        let missing = start(&app, &[]).await.unwrap_err();
        assert!(missing.to_string().contains(&needed), "{missing}");
        assert!(!secrets.join("kek").exists(), "no new secret may be made");
        std::fs::rename(secrets.join("kek.away"), secrets.join("kek")).unwrap();

        assert_eq!(before.is_some(), app.sql.engine == Engine::Sqlite);
        assert!(std::fs::read(&file).ok() == before, "the file has changed");
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM audit_log").await, rows);
        start(&app, &[]).await.unwrap();
    }

    async fn an_old_kek_may_stay_in_the_ring(app: App) {
        let mut client = app.user("ana").await;
        let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
        client.post("/api/user-api-keys/store", &body).await.expect(201);
        let old = std::fs::read_to_string(app.dir.path().join("data/secrets/kek")).unwrap();
        let ring = format!("{}\n{old}", new_kek());
        let cookie = client.cookie.clone();
        let app = app.restarted(&[("API_KEY_ENCRYPTION_SECRET", &ring)]).await;
        let mut client = app.visitor();
        client.cookie = cookie;
        let key = client.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.expect(200).json();
        assert_eq!(key["undecryptable"], false);
    }

    async fn a_database_survives_a_restart(app: App) {
        let mut client = app.user("ana").await;
        let body = json!({"provider": "twilio", "credentials": App::test_key("twilio", "full")});
        client.post("/api/user-api-keys/store", &body).await.expect(201);
        let cookie = client.cookie.clone();
        let app = app.restarted(&[]).await;
        let mut client = app.visitor();
        client.cookie = cookie;
        client.get("/api/services/calling/access").await.expect(200);
        let key = client.post("/api/user-api-keys/validate", &json!({"provider": "twilio"})).await.expect(200).json();
        assert_eq!(key["status"], "valid");
    }
}

#[test]
fn a_demo_database_and_a_real_one_do_not_mix() {
    crate::support::run(async {
        let app = App::start(Engine::Sqlite).await;
        app.sql.execute("UPDATE installation SET demo = 1").await;
        assert!(matches!(start(&app, &[]).await.unwrap_err(), BootError::Demo(_)));
    });
}
