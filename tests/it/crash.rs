//! A crash in the middle of storing keys loses nothing that was acknowledged.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::json;

use crate::support::{App, Engine, Process};

const USERS: usize = 200;

async fn kill_in_the_middle_of_storing(engine: Engine) {
    // Only its simulator, database and directory are used; the program runs beside it.
    let app = App::start(engine).await;
    app.state.store.close().await;
    let log = app.dir.path().join("log");
    let process = Arc::new(Process::start(&app.sql.url, app.dir.path(), app.simulator, &log).await);

    let mut cookies = Vec::new();
    for n in 0..USERS {
        cookies.push(process.register(&format!("user{n}")).await.unwrap());
    }
    let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let mut stores = tokio::task::JoinSet::new();
    for (n, cookie) in cookies.iter().cloned().enumerate() {
        let (process, body, acknowledged) = (process.clone(), body.clone(), acknowledged.clone());
        stores.spawn(async move {
            let (status, _) = process.json("POST", "/api/user-api-keys/store", &cookie, &body).await?;
            (status == 201).then(|| {
                acknowledged.fetch_add(1, Ordering::SeqCst);
                n
            })
        });
    }
    while acknowledged.load(Ordering::SeqCst) < USERS / 4 {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    // Everybody holds a reference; the process itself is killed by its id.
    process.kill_now();
    let stored: Vec<usize> = stores.join_all().await.into_iter().flatten().collect();
    assert!((USERS / 4..USERS).contains(&stored.len()), "{} of {USERS} were acknowledged", stored.len());
    drop(process);

    let process = Process::start(&app.sql.url, app.dir.path(), app.simulator, &log).await;
    for n in &stored {
        let (status, key) = process
            .json("POST", "/api/user-api-keys/validate", &cookies[*n], &json!({"provider": "serpapi"}))
            .await
            .unwrap();
        assert_eq!(
            (status, &key["status"], &key["undecryptable"]),
            (200, &json!("valid"), &json!(false)),
            "user {n}"
        );
    }
    // Whoever got no answer has either a whole key or none, and can go on.
    for n in (0..USERS).filter(|n| !stored.contains(n)) {
        let (status, _) = process.json("POST", "/api/user-api-keys/store", &cookies[n], &body).await.unwrap();
        assert!([201, 409].contains(&status), "user {n}: {status}");
    }
    assert_eq!(app.sql.number("SELECT COUNT(*) FROM user_api_keys WHERE status = 'valid'").await, 200);
    assert_eq!(app.sql.number("SELECT COUNT(*) FROM deks WHERE owner <> 'instance'").await, 200);
    assert_eq!(process.stop(), Some(0));
}

#[test]
fn kill_in_the_middle_of_storing_sqlite() {
    crate::support::run(async {
        kill_in_the_middle_of_storing(Engine::Sqlite).await;
    });
}

#[test]
fn kill_in_the_middle_of_storing_postgres() {
    crate::support::run(async {
        if Engine::postgres_is_given() {
            kill_in_the_middle_of_storing(Engine::Postgres).await;
        }
    });
}
