//! Whole searches against a scripted source and a real database.

use std::collections::VecDeque;

use async_trait::async_trait;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{maps::Parameters, *};
use crate::{
    clock::ManualClock,
    model::{scraper::ResultRow, time::Timestamp},
    store::{NewUser, PageOfResults},
    vault::{INSTANCE, KekRing, Vault},
};

/// Answers pages from a list; when the list is empty, never.
#[derive(Default)]
struct Script {
    places: Value,
    pages: Mutex<VecDeque<Result<Value, Notice>>>,
    asked: Mutex<Vec<Parameters>>,
}

#[async_trait]
impl MapsSource for Script {
    async fn places(&self, _: UserId, _: &str) -> Result<Value, Notice> {
        Ok(self.places.clone())
    }

    async fn page(&self, _: UserId, parameters: Parameters) -> Result<Value, Notice> {
        self.asked.lock().unwrap().push(parameters);
        let page = self.pages.lock().unwrap().pop_front();
        match page {
            Some(page) => page,
            None => std::future::pending().await,
        }
    }

    async fn searches_left(&self, _: UserId) -> Option<i64> {
        Some(100)
    }

    async fn refresh_searches_left(&self, _: UserId) -> Option<i64> {
        i64::try_from(100 - self.asked.lock().unwrap().len()).ok()
    }
}

struct Fixture {
    scraper: Scraper,
    script: Arc<Script>,
    store: Store,
    clock: Arc<ManualClock>,
    user: UserId,
    other: UserId,
    _dir: TempDir,
}

fn place(number: u32) -> Value {
    json!({ "title": format!("Business {number}"), "place_id": format!("id-{number}") })
}

/// The places from one number to another, and whether another page follows.
fn page(numbers: std::ops::Range<u32>, more: bool) -> Result<Value, Notice> {
    let mut body = json!({ "local_results": numbers.map(place).collect::<Vec<_>>() });
    if more {
        body["serpapi_pagination"]["next"] = "https://elsewhere.example/?start=20".into();
    }
    Ok(body)
}

async fn fixture(pages: Vec<Result<Value, Notice>>) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&format!("sqlite:{}", dir.path().join("test.db").display())).await.unwrap();
    store.migrate().await.unwrap();
    let vault = Vault::new(KekRing::parse(&KekRing::generate().unwrap()).unwrap());
    let dek = vault.new_dek(INSTANCE).unwrap();
    let audit = vault.open_audit_key(&dek, &vault.new_audit_key(&dek).unwrap()).unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_795_000_000)));
    let (user, other) = (UserId::generate(), UserId::generate());
    for (id, email) in [(user, "ana@example.org"), (other, "bo@example.org")] {
        let user = NewUser { id, email, password_hash: "", invitation: None };
        store.insert_user(&user, &audit, clock.now()).await.unwrap();
    }
    let script = Arc::new(Script {
        places: json!([{ "canonical_name": "Berlin,Berlin,Germany", "country_code": "DE", "gps": [13.405, 52.52] }]),
        pages: Mutex::new(pages.into()),
        ..Script::default()
    });
    let scraper = Scraper::over(store.clone(), script.clone(), clock.clone());
    Fixture { scraper, script, store, clock, user, other, _dir: dir }
}

fn input(place: &str, limit: u32) -> SearchInput {
    SearchInput {
        query: "bakery".to_owned(),
        place: place.to_owned(),
        limit: Some(limit),
        ..SearchInput::default()
    }
}

impl Fixture {
    async fn start(&self, place: &str, limit: u32) -> SearchId {
        self.scraper.begin(self.user, &input(place, limit)).await.unwrap().id
    }

    async fn view(&self, id: SearchId) -> SearchView {
        self.scraper.get(self.user, id).await.unwrap()
    }

    /// Waits until something holds of a search.
    async fn until(&self, id: SearchId, holds: impl Fn(&SearchView) -> bool) -> SearchView {
        for _ in 0..500 {
            let view = self.view(id).await;
            if holds(&view) {
                return view;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never came to hold: {:?}", self.view(id).await);
    }

    async fn ended(&self, id: SearchId) -> SearchView {
        let view = self.until(id, |view| !view.is_running()).await;
        assert!(view.finished_at.is_some());
        view
    }

    async fn rows(&self, id: SearchId) -> Vec<ResultRow> {
        self.store.search_results(self.user, id).await.unwrap()
    }

    fn calls(&self) -> usize {
        self.script.asked.lock().unwrap().len()
    }
}

#[tokio::test]
async fn pages_are_asked_for_until_the_limit_and_a_place_counts_once() {
    let all = fixture(vec![page(0..20, true), page(15..35, true), page(35..55, true)]).await;
    let id = all.start("Berlin, Germany", 50).await;
    let view = all.ended(id).await;
    assert_eq!((view.state, view.notice), (SearchState::Finished, None));
    assert_eq!((view.found, view.pages_done, view.pages_planned), (50, 3, 3));
    assert_eq!((view.searches_left_before, view.searches_left_after), (Some(100), Some(97)));
    assert_eq!(view.resolved_place.as_deref(), Some("Berlin, Berlin, Germany"));
    let rows = all.rows(id).await;
    assert!(rows.iter().zip(1..).all(|(row, position)| row.position == position));
    let mut names: Vec<_> = rows.iter().map(|row| row.name.clone()).collect();
    names.dedup();
    assert_eq!((names.len(), names[20].as_str()), (50, "Business 20"));
    let starts: Vec<_> = all
        .script
        .asked
        .lock()
        .unwrap()
        .iter()
        .map(|page| page.iter().find(|(name, _)| *name == "start").map(|(_, value)| value.clone()))
        .collect();
    assert_eq!(starts, [None, Some("20".to_owned()), Some("40".to_owned())]);
}

#[tokio::test]
async fn it_stops_where_google_has_no_more() {
    let short = fixture(vec![page(0..20, true), page(20..27, false)]).await;
    let view = short.ended(short.start("52.52, 13.405", 120).await).await;
    assert_eq!((view.state, view.found, view.pages_done, short.calls()), (SearchState::Finished, 27, 2, 2));

    let error = json!({ "error": "Google hasn't returned any results for this query." });
    let empty = fixture(vec![Ok(error)]).await;
    let view = empty.ended(empty.start("Berlin", 120).await).await;
    assert_eq!((view.state, view.notice, view.found), (SearchState::Finished, Some(Notice::NoResults), 0));

    let single = fixture(vec![Ok(json!({ "place_results": place(1) }))]).await;
    let view = single.ended(single.start("Berlin", 120).await).await;
    assert_eq!((view.state, view.notice, view.found), (SearchState::Finished, None, 1));
}

#[tokio::test]
async fn a_later_page_that_fails_leaves_the_earlier_ones() {
    let partial = fixture(vec![page(0..20, true), Err(Notice::QuotaUsedUp)]).await;
    let id = partial.start("Berlin", 60).await;
    let view = partial.ended(id).await;
    assert_eq!((view.state, view.notice), (SearchState::Partial, Some(Notice::QuotaUsedUp)));
    assert_eq!((view.found, view.pages_done, view.pages_planned), (20, 1, 3));
    assert_eq!(partial.rows(id).await.len(), 20);
    assert_eq!(partial.calls(), 2, "nothing is asked for again");

    let failed = fixture(vec![Err(Notice::KeyRejected)]).await;
    let view = failed.ended(failed.start("Berlin", 60).await).await;
    assert_eq!((view.state, view.notice), (SearchState::Failed, Some(Notice::KeyRejected)));
}

#[tokio::test]
async fn an_unknown_place_becomes_part_of_the_query() {
    let unknown = fixture(vec![page(0..20, true)]).await;
    let view = unknown.ended(unknown.start("Kleinkleckersdorf", 60).await).await;
    assert!(view.place_unknown && view.resolved_place.is_none());
    assert_eq!((view.state, view.found, view.pages_planned), (SearchState::Finished, 20, 1));
    let asked = unknown.script.asked.lock().unwrap()[0].clone();
    assert!(asked.contains(&("q", "bakery in Kleinkleckersdorf".to_owned())));
    assert!(asked.iter().all(|(name, _)| *name != "ll"));
}

#[tokio::test]
async fn stopping_keeps_what_had_arrived() {
    let stopped = fixture(vec![page(0..20, true)]).await;
    let id = stopped.start("Berlin", 60).await;
    stopped.until(id, |view| view.pages_done == 1 && stopped.calls() == 2).await;
    let view = stopped.scraper.cancel(stopped.user, id).await.unwrap();
    assert_eq!((view.state, view.notice, view.found), (SearchState::Cancelled, Some(Notice::Cancelled), 20));
    stopped.until(id, |view| view.searches_left_after == Some(98)).await;
    assert_eq!(stopped.rows(id).await.len(), 20);
    // Once more changes nothing.
    assert_eq!(stopped.scraper.cancel(stopped.user, id).await.unwrap().state, SearchState::Cancelled);
}

#[tokio::test]
async fn a_stop_of_the_server_is_noted_and_nothing_starts_any_more() {
    let down = fixture(vec![page(0..20, true)]).await;
    let id = down.start("Berlin", 60).await;
    down.until(id, |view| view.pages_done == 1).await;
    down.scraper.shutdown().await;
    let view = down.view(id).await;
    assert_eq!((view.state, view.notice), (SearchState::Partial, Some(Notice::Interrupted)));
    let refused = down.scraper.begin(down.user, &input("Berlin", 20)).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Busy);
}

#[tokio::test]
async fn deleting_a_running_search_ends_it() {
    let deleted = fixture(vec![page(0..20, true)]).await;
    let id = deleted.start("Berlin", 60).await;
    deleted.until(id, |view| view.pages_done == 1).await;
    deleted.scraper.delete(deleted.user, id).await.unwrap();
    deleted.scraper.tasks.close();
    deleted.scraper.tasks.wait().await;
    assert!(deleted.rows(id).await.is_empty());
    let again = deleted.scraper.delete(deleted.user, id).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn two_searches_of_a_user_run_at_a_time() {
    let busy = fixture(Vec::new()).await;
    let first = busy.start("Berlin", 20).await;
    busy.start("Berlin", 20).await;
    let third = busy.scraper.begin(busy.user, &input("Berlin", 20)).await.unwrap_err();
    assert_eq!(third.code, ErrorCode::TooManySearches);
    busy.scraper.begin(busy.other, &input("Berlin", 20)).await.unwrap();
    busy.scraper.cancel(busy.user, first).await.unwrap();
    busy.start("Berlin", 20).await;
    assert_eq!(busy.scraper.list(busy.user, None).await.unwrap().items.len(), 3);
}

#[tokio::test]
async fn a_search_whose_process_is_gone_is_ended_and_fenced_off() {
    let crashed = fixture(vec![page(0..20, true)]).await;
    let id = crashed.start("Berlin", 60).await;
    crashed.until(id, |view| view.pages_done == 1).await;
    assert_eq!(crashed.scraper.recover().await, Ok(0));
    crashed.clock.advance(LEASE);
    assert_eq!(crashed.scraper.recover().await, Ok(1));
    let view = crashed.view(id).await;
    assert_eq!((view.state, view.notice, view.found), (SearchState::Partial, Some(Notice::Interrupted), 20));
    // A runner that wakes up now changes nothing.
    let row = ("late".to_owned(), ResultRow::default());
    let late = PageOfResults { rows: &[row], limit: 60, lease_until: crashed.clock.now().plus(LEASE) };
    assert_eq!(crashed.store.save_page(crashed.user, id, &late, crashed.clock.now()).await.unwrap(), None);
    assert!(!crashed.store.renew_search(crashed.user, id, late.lease_until).await.unwrap());
    assert_eq!(crashed.rows(id).await.len(), 20);
}

#[tokio::test]
async fn nobody_reaches_the_searches_of_somebody_else() {
    let mine = fixture(vec![page(0..20, true)]).await;
    let id = mine.start("Berlin", 60).await;
    mine.until(id, |view| view.pages_done == 1).await;
    let scraper = &mine.scraper;
    let missing = |error: AppError| error.code == ErrorCode::NotFound;
    assert!(scraper.get(mine.other, id).await.is_err_and(missing));
    assert!(scraper.results(mine.other, id, Sort::default(), "", None).await.is_err_and(missing));
    assert!(scraper.csv(mine.other, id).await.is_err_and(missing));
    assert!(scraper.cancel(mine.other, id).await.is_err_and(missing));
    assert!(scraper.delete(mine.other, id).await.is_err_and(missing));
    assert!(scraper.list(mine.other, None).await.unwrap().items.is_empty());
    assert!(mine.view(id).await.is_running());
    assert_eq!(mine.rows(id).await.len(), 20);
}

#[tokio::test]
async fn the_history_goes_back_part_by_part() {
    let long = fixture((0..45).map(|_| page(0..1, false)).collect()).await;
    let mut started = Vec::new();
    for _ in 0..45 {
        let id = long.start("Berlin", 20).await;
        long.ended(id).await;
        started.push(id);
    }
    started.reverse();
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let part = long.scraper.list(long.user, before).await.unwrap();
        seen.extend(part.items.iter().map(|search| search.id));
        before = part.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, started);
}
