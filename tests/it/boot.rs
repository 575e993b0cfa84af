//! Starting, and refusing to start.

use std::{collections::BTreeSet, ffi::OsString, path::Path, sync::Arc, time::Duration};

use keyward::{clock::ManualClock, config::Purpose, server::boot::BootError, vault::KekRing};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::support::{App, Engine, Process, Refusal, START, both, install_for};

fn new_kek() -> String {
    KekRing::generate().unwrap().expose_secret().to_owned()
}

async fn start(app: &App, change: &[(&str, &str)]) -> Result<(), BootError> {
    start_for(app, Purpose::Production, change).await
}

async fn start_for(app: &App, purpose: Purpose, change: &[(&str, &str)]) -> Result<(), BootError> {
    let mut variables = app.variables.clone();
    for (name, value) in change {
        variables.insert((*name).to_owned(), (*value).to_owned());
    }
    let installed =
        install_for(purpose, &variables, app.simulator, Arc::new(ManualClock::new(START))).await?;
    installed.state.store.close().await;
    Ok(())
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

    async fn the_program_refuses_a_wrong_or_missing_kek_within_5_s_and_touches_nothing(app: App) {
        let mut client = app.user("ana").await;
        let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
        client.post("/api/user-api-keys/store", &body).await.expect(201);
        let needed = app.sql.text("SELECT kek_id FROM kek_checks").await;
        app.state.store.close().await;
        let secrets = app.dir.path().join("data/secrets");
        let before = (contents(&app).await, names(&secrets));

        let refused = async |variables: &[(&str, &str)]| {
            Process::refused(&app.sql.url, app.dir.path(), app.simulator, variables, Duration::from_secs(5)).await
        };
        let wrong = refused(&[("API_KEY_ENCRYPTION_SECRET", &new_kek())]).await;
        std::fs::rename(secrets.join("kek"), app.dir.path().join("kek.away")).unwrap();
        let missing = refused(&[]).await;
        std::fs::rename(app.dir.path().join("kek.away"), secrets.join("kek")).unwrap();
        for Refusal { code, stderr } in [wrong, missing] {
            assert_eq!(code, Some(78), "{stderr}");
            let words = stderr.lines().find(|line| line.starts_with("keyward: ")).unwrap_or_default();
            assert!(words.contains(&needed), "{stderr}");
        }
        assert!((contents(&app).await, names(&secrets)) == before, "something has changed");

        let log = app.dir.path().join("server.log");
        Process::start(&app.sql.url, app.dir.path(), app.simulator, &log).await.stop();
        assert!(contents(&app).await != before.0, "a start that is not refused would have been seen");
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

/// Everything in the database.
async fn contents(app: &App) -> Vec<(String, Vec<u8>)> {
    match app.sql.engine {
        Engine::Sqlite => {
            let file = app.dir.path().join("keyward.db");
            vec![("keyward.db".to_owned(), std::fs::read(file).unwrap())]
        }
        Engine::Postgres => app.sql.dump().await,
    }
}

fn names(dir: &Path) -> BTreeSet<OsString> {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

both! {
    async fn a_demo_database_and_a_real_one_do_not_mix(app: App) {
        let secrets = app.dir.path().join("data/secrets");
        app.state.store.close().await;
        let before = contents(&app).await;
        // With and without the real database's secrets, which a demonstration does not look for.
        let kek = std::fs::read_to_string(secrets.join("kek")).unwrap();
        for given in [&[][..], &[("API_KEY_ENCRYPTION_SECRET", kek.as_str())]] {
            let refusal = start_for(&app, Purpose::Demo, given).await.unwrap_err();
            assert!(matches!(refusal, BootError::Demo(words) if words.contains("holds real keys")), "{refusal}");
        }
        assert!(contents(&app).await == before, "something has changed");
        start(&app, &[]).await.unwrap();

        app.sql.execute("UPDATE installation SET demo = TRUE").await;
        let before = contents(&app).await;
        let refusal = start(&app, &[]).await.unwrap_err();
        assert!(matches!(refusal, BootError::Demo(words) if words.contains("belongs to a demonstration")), "{refusal}");
        assert!(contents(&app).await == before, "something has changed");
        start_for(&app, Purpose::Demo, &[("API_KEY_ENCRYPTION_SECRET", &kek)]).await.unwrap();
    }
}
