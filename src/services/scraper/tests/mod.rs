//! Whole searches against a scripted source and a real database.

use std::{collections::VecDeque, sync::Mutex, time::Duration};

use async_trait::async_trait;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{run::Parameters, *};
use crate::{
    clock::ManualClock,
    jobs::Worker,
    model::{
        ids::WorkerId,
        job::{FAILURES_MAX, LEASE, Lane, Work},
        scraper::{Notice, ResultRow, SearchState},
        time::Timestamp,
    },
    services::Staff,
    store::{Claiming, End, NewUser, PageOfResults},
    vault::{INSTANCE, KekRing, Vault},
};

/// What makes the script panic.
const PANIC: &str = "panic";

/// Answers pages from a list; when the list is empty, once it has one.
#[derive(Default)]
struct Script {
    places: Value,
    closed: Mutex<Option<Notice>>,
    pages: Mutex<VecDeque<Result<Value, Notice>>>,
    asked: Mutex<Vec<Parameters>>,
}

#[async_trait]
impl Source for Script {
    async fn open(&self, _: UserId) -> Result<(), Notice> {
        self.closed.lock().unwrap().map_or(Ok(()), Err)
    }

    async fn places(&self, _: UserId, _: &str) -> Result<Value, Notice> {
        Ok(self.places.clone())
    }

    async fn page(&self, _: UserId, parameters: Parameters) -> Result<Value, Notice> {
        self.asked.lock().unwrap().push(parameters);
        loop {
            let page = self.pages.lock().unwrap().pop_front();
            if let Some(page) = page {
                assert_ne!(page, Ok(PANIC.into()), "as the script wants it");
                return page;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
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
    scraper: Arc<Scraper>,
    dispatch: Arc<Dispatch>,
    worker: Arc<Worker>,
    script: Arc<Script>,
    store: Store,
    clock: Arc<ManualClock>,
    user: UserId,
    other: UserId,
    _loop: DropGuard,
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
    let dispatch = Arc::new(Dispatch::default());
    let scraper = Arc::new(Scraper {
        store: store.clone(),
        source: script.clone(),
        clock: clock.clone(),
        dispatch: dispatch.clone(),
        workbooks: Arc::new(Semaphore::new(1)),
    });
    let (worker, looping) = working(&store, &clock, &scraper, &dispatch);
    Fixture { scraper, dispatch, worker, script, store, clock, user, other, _loop: looping, _dir: dir }
}

#[async_trait]
impl Staff for Scraper {
    async fn work(&self, _: &Work, hold: Hold, stops: Stops) -> Ended {
        self.run(hold, stops).await
    }
}

/// A process that works on jobs.
fn working(
    store: &Store,
    clock: &Arc<ManualClock>,
    scraper: &Arc<Scraper>,
    dispatch: &Arc<Dispatch>,
) -> (Arc<Worker>, DropGuard) {
    let (stop, looping) = (CancellationToken::new(), CancellationToken::new());
    let worker = Worker::new(store.clone(), clock.clone(), scraper.clone(), dispatch.clone(), stop);
    let worker = Arc::new(worker);
    let running = worker.clone();
    tokio::spawn(looping.clone().run_until_cancelled_owned(async move { running.run().await }));
    (worker, looping.drop_guard())
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
        self.scraper.begin(self.user, &input(place, limit), &Once::No).await.unwrap().id
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
        let view = self.until(id, |view| !view.is_open()).await;
        assert!(view.finished_at.is_some());
        view
    }

    async fn rows(&self, id: SearchId) -> Vec<ResultRow> {
        let rows = self.store.results_in_turn(self.user, ResultsOf::Search(id), None, 1_000).await;
        rows.unwrap().into_iter().map(|(_, row)| row).collect()
    }

    /// The server stops at once, whatever is under way.
    async fn stop(&self) {
        let now = CancellationToken::new();
        now.cancel();
        self.worker.drain(&now).await;
    }

    /// It starts again.
    fn start_again(&mut self) {
        (self.worker, self._loop) = working(&self.store, &self.clock, &self.scraper, &self.dispatch);
    }

    /// Another process claims a job and is not heard of again.
    async fn claim_elsewhere(&self) -> Option<Hold> {
        let claiming = Claiming { worker: WorkerId::generate(), now: self.clock.now(), judges_leases: true };
        self.store.claim_job(&claiming, Lane::Search).await.unwrap().map(|claim| claim.hold)
    }

    /// The pages that were asked for, by their `start`.
    fn starts(&self) -> Vec<Option<String>> {
        let start = |page: &Parameters| {
            page.iter().find(|(name, _)| *name == "start").map(|(_, value)| value.clone())
        };
        self.script.asked.lock().unwrap().iter().map(start).collect()
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
    assert_eq!(all.starts(), [None, Some("20".to_owned()), Some("40".to_owned())]);
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
async fn the_web_is_asked_page_by_page_and_a_link_counts_once() {
    let found = |numbers: std::ops::Range<u32>, more: bool| {
        let result = |n| json!({ "title": format!("Page {n}"), "link": format!("https://site.example/{n}") });
        let mut body = json!({ "organic_results": numbers.map(result).collect::<Vec<_>>() });
        if more {
            body["serpapi_pagination"]["next"] = "https://elsewhere.example/?start=10".into();
        }
        Ok(body)
    };
    let web =
        fixture(vec![found(0..10, true), Err(Notice::RateLimited), found(8..18, true), found(18..21, false)])
            .await;
    let ask = SearchInput { engine: crate::model::scraper::Engine::Web, ..input("Berlin", 40) };
    let id = web.scraper.begin(web.user, &ask, &Once::No).await.unwrap().id;
    let view = web.ended(id).await;
    assert_eq!((view.state, view.found, view.pages_planned), (SearchState::Partial, 10, 4));
    // What the place is called is not asked again.
    web.scraper.go_on(web.user, id).await.unwrap();
    let view = web.ended(id).await;
    assert_eq!((view.state, view.found, view.pages_done), (SearchState::Finished, 21, 3));
    let asked = web.script.asked.lock().unwrap().clone();
    let place = ("location", "Berlin, Berlin, Germany".to_owned());
    assert!(asked.iter().all(|page| page[0] == ("engine", "google".to_owned()) && page.contains(&place)));
    let page = |start: &str| Some(start.to_owned());
    assert_eq!(web.starts(), [None, page("10"), page("10"), page("20")]);
    let rows = web.rows(id).await;
    assert_eq!(rows[20].website.as_deref(), Some("https://site.example/20"));
}

#[tokio::test]
async fn a_file_breaks_off_when_its_search_is_deleted() {
    use futures::StreamExt;

    use crate::model::scraper::FileKind;

    let gone = fixture(vec![page(0..20, false)]).await;
    let id = gone.start("Berlin", 20).await;
    gone.ended(id).await;
    let mut file = gone.scraper.download(gone.user, ResultsOf::Search(id), FileKind::Csv).await.unwrap();
    assert!(file.content.next().await.unwrap().unwrap().starts_with(b"\xef\xbb\xbfNo."));
    gone.scraper.delete(gone.user, id).await.unwrap();
    assert_eq!(file.content.next().await.unwrap().unwrap_err().code, ErrorCode::NotFound);
    assert!(gone.scraper.download(gone.other, ResultsOf::Search(id), FileKind::Xlsx).await.is_err());
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
async fn a_search_goes_on_with_the_next_page_after_a_stop_of_the_server() {
    let mut down = fixture(vec![page(0..20, true)]).await;
    let id = down.start("Berlin", 60).await;
    down.until(id, |view| view.pages_done == 1 && down.calls() == 2).await;
    down.stop().await;
    let view = down.view(id).await;
    assert_eq!((view.state, view.pages_done), (SearchState::Running, 1));
    down.script.pages.lock().unwrap().extend([page(15..35, true), page(35..60, false)]);
    // Given back, it waits for nobody's lease.
    down.start_again();
    let view = down.ended(id).await;
    assert_eq!((view.state, view.notice, view.found), (SearchState::Finished, None, 60));
    // The page that was dropped is asked for again, and no other.
    let page = |start: &str| Some(start.to_owned());
    assert_eq!(down.starts(), [None, page("20"), page("20"), page("40")]);
    assert!(down.rows(id).await.iter().zip(1..).all(|(row, position)| row.position == position));
}

#[tokio::test]
async fn a_page_under_way_arrives_before_the_server_stops() {
    let mut down = fixture(vec![page(0..20, true)]).await;
    let id = down.start("Berlin", 60).await;
    down.until(id, |_| down.calls() == 2).await;
    let stopping = down.worker.clone();
    let drained = tokio::spawn(async move { stopping.drain(&CancellationToken::new()).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!drained.is_finished());
    down.script.pages.lock().unwrap().push_back(page(20..40, true));
    drained.await.unwrap();
    let view = down.view(id).await;
    assert_eq!((view.state, view.pages_done, down.calls()), (SearchState::Running, 2, 2));
    down.script.pages.lock().unwrap().push_back(page(40..60, true));
    down.start_again();
    assert_eq!(down.ended(id).await.found, 60);
    assert_eq!(down.calls(), 3, "nothing is asked for twice");
}

#[tokio::test]
async fn what_ended_early_goes_on_when_its_user_wants_it() {
    let partial = fixture(vec![page(0..20, true), Err(Notice::QuotaUsedUp), page(20..40, false)]).await;
    let id = partial.start("Berlin", 60).await;
    assert!(partial.ended(id).await.can_resume);
    let other = partial.scraper.go_on(partial.other, id).await.unwrap_err();
    assert_eq!(other.code, ErrorCode::NotFound);
    let view = partial.scraper.go_on(partial.user, id).await.unwrap();
    assert_eq!((view.state, view.notice, view.finished_at), (SearchState::Running, None, None));
    let view = partial.ended(id).await;
    assert_eq!((view.state, view.found, view.pages_done), (SearchState::Finished, 40, 2));
    let page = |start: &str| Some(start.to_owned());
    assert_eq!(partial.starts(), [None, page("20"), page("20")]);
    let again = partial.scraper.go_on(partial.user, id).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::Conflict);
}

#[tokio::test]
async fn a_job_that_panics_is_tried_again_later_and_given_up_in_the_end() {
    let pages = std::iter::repeat_n(Ok(PANIC.into()), usize::try_from(FAILURES_MAX).unwrap());
    let poison = fixture([page(0..20, true)].into_iter().chain(pages).collect()).await;
    let id = poison.start("Berlin", 60).await;
    while poison.view(id).await.is_open() {
        poison.clock.advance(Duration::from_secs(700));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(poison.calls(), 1 + usize::try_from(FAILURES_MAX).unwrap());
    let view = poison.ended(id).await;
    assert_eq!((view.state, view.notice), (SearchState::Partial, Some(Notice::OurFault)));
    assert_eq!((view.found, view.can_resume), (20, true));
    assert!(poison.claim_elsewhere().await.is_none());
    // Its owner sets it going again.
    poison.script.pages.lock().unwrap().push_back(page(20..30, false));
    poison.scraper.go_on(poison.user, id).await.unwrap();
    let view = poison.ended(id).await;
    assert_eq!((view.state, view.notice, view.found), (SearchState::Finished, None, 30));
}

#[tokio::test]
async fn a_search_that_waited_asks_whether_the_key_may_still_be_spent() {
    let closed = fixture(Vec::new()).await;
    *closed.script.closed.lock().unwrap() = Some(Notice::KeyGone);
    let view = closed.ended(closed.start("Berlin", 20).await).await;
    assert_eq!((view.state, view.notice, closed.calls()), (SearchState::Failed, Some(Notice::KeyGone), 0));
}

#[tokio::test]
async fn deleting_a_running_search_ends_it() {
    let deleted = fixture(vec![page(0..20, true)]).await;
    let id = deleted.start("Berlin", 60).await;
    deleted.until(id, |view| view.pages_done == 1).await;
    deleted.scraper.delete(deleted.user, id).await.unwrap();
    deleted.worker.drain(&CancellationToken::new()).await;
    assert!(deleted.rows(id).await.is_empty());
    let again = deleted.scraper.delete(deleted.user, id).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn two_searches_of_a_user_run_at_a_time_and_the_third_waits() {
    let busy = fixture(Vec::new()).await;
    let first = busy.start("Berlin", 20).await;
    busy.start("Berlin", 20).await;
    busy.until(first, |_| busy.calls() == 2).await;
    let third = busy.start("Berlin", 20).await;
    let fourth = busy.start("Berlin", 20).await;
    assert_eq!(busy.view(third).await.state, SearchState::Queued);
    let other = busy.scraper.begin(busy.other, &input("Berlin", 20), &Once::No).await.unwrap();
    assert_eq!(other.state, SearchState::Running);
    busy.until(first, |_| busy.calls() == 3).await;
    // One that waits is stopped before anything was asked.
    busy.scraper.cancel(busy.user, third).await.unwrap();
    busy.scraper.cancel(busy.user, first).await.unwrap();
    busy.until(fourth, |view| view.state == SearchState::Running && busy.calls() == 4).await;
    assert_eq!(busy.view(third).await.state, SearchState::Cancelled);
    assert_eq!(busy.scraper.list(busy.user, None).await.unwrap().items.len(), 4);
}

#[tokio::test]
async fn a_user_has_a_limited_number_of_searches_waiting() {
    let busy = fixture(Vec::new()).await;
    for _ in 0..crate::model::scraper::OPEN_MAX {
        busy.start("Berlin", 20).await;
    }
    let refused = busy.scraper.begin(busy.user, &input("Berlin", 20), &Once::No).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::TooManySearches);
}

#[tokio::test]
async fn a_search_whose_process_is_gone_is_taken_over_and_the_late_are_fenced_off() {
    let mut crashed = fixture(Vec::new()).await;
    crashed.stop().await;
    let id = crashed.start("52.52, 13.405", 60).await;
    let gone = crashed.claim_elsewhere().await.unwrap();
    assert_eq!(
        crashed.store.begin_search(gone, crashed.clock.now()).await.unwrap().unwrap().next_page,
        Some(0)
    );
    let rows = |key: &str| [(key.to_owned(), ResultRow::default())];
    let until = |crashed: &Fixture| crashed.clock.now().plus(LEASE);
    let save = async |crashed: &Fixture, key: &str| {
        let page = PageOfResults {
            rows: &rows(key),
            limit: 60,
            next: Some(1),
            lease_until: until(crashed),
            query: None,
        };
        crashed.store.save_page(gone, &page, crashed.clock.now()).await.unwrap()
    };
    assert_eq!(save(&crashed, "first").await, Some(1));
    assert!(crashed.claim_elsewhere().await.is_none(), "it is held");
    crashed.clock.advance(LEASE);
    crashed.script.pages.lock().unwrap().push_back(page(20..30, false));
    crashed.start_again();
    let view = crashed.ended(id).await;
    assert_eq!((view.state, view.found, view.pages_done), (SearchState::Finished, 11, 2));
    assert_eq!(crashed.starts(), [Some("20".to_owned())]);
    // The one that was gone wakes up: it changes nothing.
    let (store, now) = (&crashed.store, crashed.clock.now());
    assert_eq!(save(&crashed, "late").await, None);
    assert!(!store.renew_job(gone, until(&crashed)).await.unwrap());
    assert!(!store.release_job(gone, now).await.unwrap());
    assert!(!store.end_search(gone, End::Early(Notice::TimedOut), now).await.unwrap());
    assert!(store.begin_search(gone, now).await.unwrap().is_none());
    assert_eq!(store.fail_job(gone, now, now).await.unwrap(), None);
    store.record_searches_left(gone, 5, now).await.unwrap();
    assert_eq!(crashed.view(id).await, view);
    assert_eq!(crashed.rows(id).await.len(), 11);
}

#[tokio::test]
async fn nobody_reaches_the_searches_of_somebody_else() {
    let mine = fixture(vec![page(0..20, true)]).await;
    let id = mine.start("Berlin", 60).await;
    mine.until(id, |view| view.pages_done == 1).await;
    let scraper = &mine.scraper;
    let missing = |error: AppError| error.code == ErrorCode::NotFound;
    assert!(scraper.get(mine.other, id).await.is_err_and(missing));
    assert!(
        scraper
            .results(mine.other, ResultsOf::Search(id), Sort::default(), &Filter::default(), None)
            .await
            .is_err_and(missing)
    );
    for kind in crate::model::scraper::FileKind::ALL {
        assert!(scraper.download(mine.other, ResultsOf::Search(id), kind).await.is_err_and(missing));
    }
    assert!(scraper.cancel(mine.other, id).await.is_err_and(missing));
    assert!(scraper.delete(mine.other, id).await.is_err_and(missing));
    assert!(scraper.list(mine.other, None).await.unwrap().items.is_empty());
    assert!(mine.view(id).await.is_open());
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
