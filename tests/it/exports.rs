//! Large files out of many results, from the program itself: what they cost in memory.

use std::{
    io::{Cursor, Read},
    time::Duration,
};

use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;

use crate::support::{App, Engine, Process, run};

/// Results in the large search.
const ROWS: u32 = 100_000;
/// What a download may add to the memory of the process. The results themselves are about 60 MiB as rows.
const GROWTH_MAX_KIB: u64 = 8 * 1024;

/// A search that has ended with this many results, without asking anybody for them.
async fn filled(app: &App, rows: u32) -> String {
    let (id, json, numbers, name) = match app.sql.engine {
        Engine::Sqlite => (
            "randomblob(16)",
            "json_object",
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) SELECT i FROM n) n",
            "lower(hex(id))",
        ),
        Engine::Postgres => (
            "gen_random_uuid()",
            "jsonb_build_object",
            "generate_series(1, {rows}) AS n(i)",
            "replace(CAST(id AS TEXT), '-', '')",
        ),
    };
    let request = r#"{"query":"bakery","place":"52.52, 13.405","language":null,"country":null,"limit":120}"#;
    app.sql
        .execute(&format!(
            "INSERT INTO searches (id, user_id, request, state, place_unknown, pages_done, pages_planned, found, created_at)
             SELECT {id}, id, '{request}', 'finished', FALSE, 1, 1, {rows}, {rows} FROM users"
        ))
        .await;
    let numbers = numbers.replace("{rows}", &rows.to_string());
    app.sql
        .execute(&format!(
            "INSERT INTO search_results (search_id, user_id, position, place_key, result, words, name_key, phone_key,
                website_key, rating, reviews)
             SELECT s.id, s.user_id, i, 'place ' || i,
                {json}('position', i, 'name', '=Business ' || i, 'category', 'Bakery',
                    'address', 'Beispielstra\u{df}e ' || i || ', 10115 Berlin', 'phone', '030 ' || i,
                    'website', 'https://business-' || i || '.example/', 'rating', 1 + i % 40 / 10.0, 'reviews', i,
                    'latitude', 52.5, 'longitude', 13.4, 'place_id', 'ChIJ' || i),
                'business ' || i || ' bakery beispielstra\u{df}e ' || i || ', 10115 berlin 030 ' || i,
                'business ' || i, CASE WHEN i % 3 > 0 THEN '030 ' || i END, 'https://business-' || i || '.example/',
                1 + i % 40 / 10.0, i
             FROM searches s CROSS JOIN {numbers} WHERE s.found = {rows}"
        ))
        .await;
    let id = app.sql.text(&format!("SELECT {name} FROM searches WHERE found = {rows}")).await;
    uuid::Uuid::parse_str(&id).unwrap().to_string()
}

/// Downloads it; the bytes, and the most memory that the process had meanwhile, in KiB.
async fn downloaded(process: &Process, cookie: &str, path: &str) -> (Vec<u8>, u64) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<bytes::Bytes>>();
    let request =
        http::Request::get(format!("http://127.0.0.1:{}{path}", process.port)).header("cookie", cookie);
    let answer = client.request(request.body(Empty::new()).unwrap());
    let whole = async {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.into_body().collect().await.unwrap().to_bytes().to_vec()
    };
    tokio::pin!(whole);
    let mut most = 0;
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    loop {
        tokio::select! {
            bytes = &mut whole => return (bytes, most),
            _ = ticks.tick() => most = most.max(process.memory("VmRSS")),
        }
    }
}

fn rows_of_workbook(bytes: Vec<u8>) -> (usize, String) {
    let mut book = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut sheet = String::new();
    book.by_name("xl/worksheets/sheet1.xml").unwrap().read_to_string(&mut sheet).unwrap();
    (sheet.matches("<row ").count() - 1, sheet)
}

async fn large_files_take_little_memory(engine: Engine) {
    let app = App::start(engine).await;
    let log = app.dir.path().join("log");
    let process = Process::start(&app.sql.url, app.dir.path(), app.simulator, &log).await;
    let cookie = process.register("ana").await.unwrap();
    let (small, large) = (filled(&app, 10_000).await, filled(&app, ROWS).await);
    let path = |id: &str, rest: &str| format!("/api/services/data-scraper/searches/{id}/results{rest}");

    for kind in ["csv", "json", "xlsx"] {
        // What the kind needs once and for all, whatever the size.
        downloaded(&process, &cookie, &path(&small, &format!(".{kind}"))).await;
        let before = process.memory("VmRSS");
        let (bytes, most) = downloaded(&process, &cookie, &path(&large, &format!(".{kind}"))).await;
        let growth = most.saturating_sub(before);
        let wanted = ROWS as usize;
        match kind {
            "csv" => {
                let text = String::from_utf8(bytes).unwrap();
                assert_eq!(text.lines().count() - 1, wanted);
                assert!(text.lines().last().unwrap().starts_with("100000,'=Business 100000,Bakery,"));
            }
            "json" => {
                let rows: Vec<Value> = serde_json::from_slice(&bytes).unwrap();
                assert_eq!((rows.len(), &rows[99_999]["name"]), (wanted, &"=Business 100000".into()));
            }
            _ => {
                let (rows, sheet) = rows_of_workbook(bytes);
                assert_eq!(rows, wanted);
                assert!(sheet.contains("'=Business 100000<") && !sheet.contains("<f>"));
            }
        }
        assert!(growth < GROWTH_MAX_KIB, "{kind}: {growth} KiB");
    }
    assert_eq!(process.stop(), Some(0));
}

mod large_files_take_little_memory {
    use super::*;

    #[test]
    fn sqlite() {
        run(super::large_files_take_little_memory(Engine::Sqlite));
    }

    #[test]
    fn postgres() {
        if Engine::postgres_is_given() {
            run(super::large_files_take_little_memory(Engine::Postgres));
        }
    }
}
