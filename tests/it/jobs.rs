//! Background jobs: what survives a restart, a crash and a frozen process, and what is given up.

use std::{collections::BTreeSet, time::Duration};

use keyward::{
    model::{
        ids::{JobId, SearchId, UserId, WorkerId},
        job::{FAILURES_MAX, JobState, LEASE, Lane},
        scraper::{Notice, ResultRow, SearchInput},
    },
    store::{Claiming, End, Hold, NewSearch, PageOfResults, Taken},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{App, Client, DAY, HOUR, MINUTE, both};

const SEARCHES: &str = "/api/services/data-scraper/searches";

async fn with_key(app: &App, name: &str) -> Client {
    let mut client = app.user(name).await;
    let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
    client.post("/api/user-api-keys/store", &body).await.expect(201);
    client
}

/// Starts a search; its address.
async fn start(client: &mut Client, query: &str, limit: u32) -> String {
    let body = json!({"query": query, "place": "52.52, 13.405", "limit": limit});
    client.post(SEARCHES, &body).await.expect(201).location().to_owned()
}

/// Waits until something holds of a search.
async fn until(client: &mut Client, address: &str, holds: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..3_000 {
        let search = client.get(address).await.expect(200).json();
        if holds(&search) {
            return search;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not come to hold: {}", client.get(address).await.text);
}

fn is_open(search: &Value) -> bool {
    search["state"] == "running" || search["state"] == "queued"
}

async fn ended(client: &mut Client, address: &str) -> Value {
    until(client, address, |search| !is_open(search)).await
}

/// The pages that the simulator was asked for: query and start.
pub async fn pages_asked(app: &App) -> Vec<(String, String)> {
    let journal = app.control("GET", "/journal", None).await;
    let parameter = |request: &Value, name: &str| {
        let mut all = request["parameters"].as_array().unwrap().iter();
        all.find(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap().to_owned())
    };
    let requests = journal["items"].as_array().unwrap().iter();
    let pages = requests.filter(|request| parameter(request, "engine").is_some());
    let start = |request| parameter(request, "start").unwrap_or_default();
    pages.map(|request| (parameter(request, "q").unwrap(), start(request))).collect()
}

async fn slow_down(app: &App, milliseconds: u64) {
    let fault = json!({"provider": "serpapi", "path": "search", "times": 10_000,
                       "fault": {"kind": "slow", "milliseconds": milliseconds}});
    app.control("POST", "/faults", Some(fault)).await;
}

/// No job is worked on any more; those under way are given back.
pub async fn rest(app: &App) {
    app.worker.drain(&CancellationToken::new()).await;
}

fn claiming(app: &App) -> Claiming {
    Claiming { worker: WorkerId::generate(), now: app.now(), judges_leases: true }
}

/// Another process claims a job and says nothing more.
pub async fn claim(app: &App) -> Option<Hold> {
    app.state.store.claim_job(&claiming(app), Lane::Search).await.unwrap().map(|claim| claim.hold)
}

pub async fn user_id(client: &mut Client) -> UserId {
    client.get("/api/auth/me").await.json()["id"].as_str().unwrap().parse().unwrap()
}

/// A search without a key behind it, for what happens in the database alone.
async fn insert(app: &App, user: UserId) -> SearchId {
    let input = SearchInput {
        query: "bakery".to_owned(),
        place: "52.52, 13.405".to_owned(),
        limit: Some(120),
        ..SearchInput::default()
    };
    let request = input.check().unwrap();
    let search =
        NewSearch { id: SearchId::generate(), user, request: &request, left_before: None, batch: None };
    assert_eq!(app.state.store.insert_search(&search, None, app.now()).await.unwrap(), Taken::New);
    search.id
}

async fn save(app: &App, hold: Hold, key: &str) -> Option<u32> {
    let rows = [(key.to_owned(), ResultRow::default())];
    let lease_until = app.now().plus(LEASE);
    let page = PageOfResults { rows: &rows, limit: 120, next: Some(1), lease_until, query: None };
    app.state.store.save_page(hold, &page, app.now()).await.unwrap()
}

both! {
    async fn a_search_goes_on_after_a_restart_and_no_page_is_asked_for_twice(app: App) {
        let mut client = with_key(&app, "ana").await;
        slow_down(&app, 200).await;
        let address = start(&mut client, "many bakeries", 120).await;
        until(&mut client, &address, |search| search["pages_done"].as_u64().unwrap() >= 2).await;
        let app = app.restarted(&[]).await;
        let mut client = app.log_in("ana").await;
        let begun = client.get(&address).await.json();
        assert!(begun["state"] == "running" && begun["found"].as_u64().unwrap() >= 40, "{begun}");
        let search = ended(&mut client, &address).await;
        assert_eq!((&search["state"], &search["found"], &search["pages_done"]), (&json!("finished"), &json!(120), &json!(6)));
        assert_eq!(search["searches_left_before"].as_i64().unwrap() - search["searches_left_after"].as_i64().unwrap(), 6);
        assert_eq!(pages_asked(&app).await.len(), 6);
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM search_results").await, 120);
    }

    async fn another_node_goes_on_at_once_with_what_a_stopped_one_gives_back(app: App) {
        let mut client = with_key(&app, "ana").await;
        slow_down(&app, 200).await;
        let address = start(&mut client, "many bakeries", 120).await;
        until(&mut client, &address, |search| search["pages_done"].as_u64().unwrap() >= 1).await;
        let other = app.second_node().await;
        rest(&app).await;
        let given_back = std::time::Instant::now();
        let before = client.get(&address).await.json()["pages_done"].as_u64().unwrap();
        until(&mut client, &address, |search| search["pages_done"].as_u64().unwrap() > before).await;
        assert!(given_back.elapsed() < LEASE / 3, "{:?}", given_back.elapsed());
        assert_eq!(ended(&mut client, &address).await["found"], 120);
        assert_eq!((pages_asked(&other).await.len(), app.sql.number("SELECT attempt FROM jobs").await), (6, 2));
    }

    async fn a_job_that_cannot_be_read_is_given_up_and_its_owner_sets_it_going_again(app: App) {
        let mut client = with_key(&app, "ana").await;
        rest(&app).await;
        let address = start(&mut client, "few bakeries", 20).await;
        app.sql.execute("UPDATE jobs SET work = '{\"kind\": \"nonsense\"}'").await;
        let app = app.restarted(&[]).await;
        let mut client = app.log_in("ana").await;
        let mut stream = client.clone();
        let last = app.sql.number("SELECT MAX(seq) FROM user_event_heads").await;
        let mut stream = stream.events(&format!("?after={last}"), &[]).await;
        stream.expect(last, "hello", "").await;
        while is_open(&client.get(&address).await.json()) {
            app.clock.advance(10 * MINUTE);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(app.sql.text("SELECT state FROM jobs").await, "dead");
        assert_eq!(app.sql.number("SELECT attempt FROM jobs").await, FAILURES_MAX);
        stream.expect(last + 1, "searches", address.rsplit('/').next().unwrap()).await;
        let mut client = app.log_in("ana").await;
        let search = client.get(&address).await.json();
        assert_eq!((&search["state"], &search["notice"], &search["can_resume"]), (&json!("failed"), &json!("our_fault"), &json!(true)));
        let page = client.get(&address.replace("/api/", "/")).await.expect(200).text;
        assert!(page.contains("several times in a row") && page.contains("Go on"));
        assert!(pages_asked(&app).await.is_empty());
        // Dead is dead, however much time goes by.
        app.clock.advance(DAY);
        assert_eq!(claim(&app).await, None);
        app.log_in("ana").await.post(&format!("{address}/resume"), &json!({})).await.expect(200);
        let mut client = app.log_in("ana").await;
        let search = ended(&mut client, &address).await;
        assert_eq!((&search["state"], &search["found"]), (&json!("finished"), &json!(7)));
        assert_eq!(app.sql.text("SELECT state FROM jobs").await, "done");
    }

    async fn results_that_cannot_be_written_are_tried_again_until_they_can(app: App) {
        let mut client = with_key(&app, "ana").await;
        app.sql.execute("ALTER TABLE search_results RENAME TO elsewhere").await;
        let address = start(&mut client, "few bakeries", 20).await;
        while app.sql.number("SELECT failures FROM jobs").await < 2 {
            app.clock.advance(MINUTE);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(is_open(&client.get(&address).await.json()));
        app.sql.execute("ALTER TABLE elsewhere RENAME TO search_results").await;
        app.clock.advance(10 * MINUTE);
        let search = ended(&mut client, &address).await;
        assert_eq!((&search["state"], &search["found"], &search["pages_done"]), (&json!("finished"), &json!(7), &json!(1)));
    }

    async fn a_job_whose_workers_disappear_is_given_up(app: App) {
        let user = user_id(&mut app.user("ana").await).await;
        rest(&app).await;
        let id = insert(&app, user).await;
        let store = &app.state.store;
        for attempt in 1..=FAILURES_MAX {
            assert_eq!(store.bury_jobs(&claiming(&app)).await.unwrap(), 0);
            assert_eq!(claim(&app).await, Some(Hold { job: JobId(id.0), user, attempt }));
            assert_eq!(claim(&app).await, None, "it is held");
            app.clock.advance(LEASE);
        }
        assert_eq!(claim(&app).await, None);
        assert_eq!(store.bury_jobs(&claiming(&app)).await.unwrap(), 1);
        let search = store.search(user, id).await.unwrap().unwrap();
        assert_eq!((search.notice, search.can_resume), (Some(Notice::OurFault), true));
    }

    async fn progress_starts_the_count_of_failures_anew(app: App) {
        let user = user_id(&mut app.user("ana").await).await;
        rest(&app).await;
        insert(&app, user).await;
        for attempt in 1..=3 * FAILURES_MAX {
            let hold = claim(&app).await.unwrap();
            assert_eq!(hold.attempt, attempt);
            assert!(save(&app, hold, &format!("place {attempt}")).await.is_some());
            app.clock.advance(LEASE);
        }
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM search_results").await, 3 * FAILURES_MAX);
    }

    async fn whatever_the_clock_does_a_running_job_is_left_alone_and_none_is_forgotten(app: App) {
        let mut client = with_key(&app, "ana").await;
        slow_down(&app, 300).await;
        let address = start(&mut client, "many bakeries", 120).await;
        until(&mut client, &address, |search| search["pages_done"].as_u64().unwrap() >= 1).await;
        let begin = app.now();
        app.clock.set(begin.plus(HOUR));
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        app.clock.set(begin.minus(HOUR));
        assert_eq!(ended(&mut client, &address).await["found"], 120);
        assert_eq!((pages_asked(&app).await.len(), app.sql.number("SELECT attempt FROM jobs").await), (6, 1));
        // A holder and a wait from before the clock was set back do not last until it is there again.
        rest(&app).await;
        let user = user_id(&mut client).await;
        app.clock.set(begin);
        let (held, waiting) = (insert(&app, user).await, insert(&app, user).await);
        let first = claim(&app).await.unwrap();
        assert_eq!(first.job, JobId(held.0));
        let second = claim(&app).await.unwrap();
        assert_eq!(second.job, JobId(waiting.0));
        app.state.store.fail_job(second, app.now().plus(10 * MINUTE), app.now()).await.unwrap();
        app.clock.set(begin.minus(DAY));
        let mut again = BTreeSet::new();
        while let Some(hold) = claim(&app).await {
            again.insert(hold.job.0);
        }
        assert_eq!(again, BTreeSet::from([held.0, waiting.0]));
    }

    async fn three_claimants_share_the_work_and_keep_to_the_limit_of_each_user(app: App) {
        const USERS: usize = 10;
        const EACH: usize = 12;
        rest(&app).await;
        let mut users = Vec::new();
        for n in 0..USERS {
            users.push(user_id(&mut app.user(&format!("u{n}")).await).await);
        }
        for _ in 0..EACH {
            for user in &users {
                insert(&app, *user).await;
            }
        }
        let work = async |name: &str| {
            let mut done = Vec::new();
            while let Some(hold) = claim(&app).await {
                let running = "SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM jobs WHERE state = 'running' GROUP BY user_id) AS t";
                assert!(app.sql.number(running).await <= 2);
                assert_eq!((hold.attempt, save(&app, hold, name).await), (1, Some(1)));
                assert!(app.state.store.end_search(hold, End::Complete(None), app.now()).await.unwrap());
                done.push(hold.job.0);
            }
            done
        };
        let (a, b, c) = tokio::join!(work("a"), work("b"), work("c"));
        let all: Vec<_> = [a, b, c].concat();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "none twice");
        // One of them may have gone home while the last jobs were held by the others.
        let rest = work("d").await;
        assert_eq!(all.len() + rest.len(), USERS * EACH);
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM search_results").await, i64::try_from(USERS * EACH).unwrap());
    }

    async fn users_with_less_under_way_come_first(app: App) {
        rest(&app).await;
        let (ana, bo) = (user_id(&mut app.user("ana").await).await, user_id(&mut app.user("bo").await).await);
        for _ in 0..10 {
            insert(&app, ana).await;
        }
        app.clock.advance(MINUTE);
        insert(&app, bo).await;
        let users = [claim(&app).await.unwrap().user, claim(&app).await.unwrap().user];
        assert_eq!(users, [ana, bo]);
        assert_eq!(claim(&app).await.unwrap().user, ana);
        assert_eq!(claim(&app).await, None, "two of ana run, and bo has no more");
    }

    async fn whatever_happens_a_job_is_where_its_rules_say(app: App) {
        let user = user_id(&mut app.user("ana").await).await;
        rest(&app).await;
        let step = prop_oneof![
            3 => Just(Step::Claim),
            2 => (0..40_u64).prop_map(Step::Pass),
            1 => Just(Step::Bury),
            1 => any::<usize>().prop_map(Step::Renew),
            2 => any::<usize>().prop_map(Step::Save),
            1 => any::<usize>().prop_map(Step::Release),
            2 => any::<usize>().prop_map(Step::Fail),
            1 => any::<usize>().prop_map(Step::End),
            1 => Just(Step::Cancel),
            1 => Just(Step::Resume),
        ];
        let steps = proptest::collection::vec(step, 1..40);
        let config = ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() };
        let here = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| {
            let mut runner = proptest::test_runner::TestRunner::new(config);
            runner.run(&steps, |steps| here.block_on(walk(&app, user, &steps))).unwrap();
        });
    }
}

/// Something that happens to a job; the number chooses one of the holds that were ever handed out.
#[derive(Debug, Clone)]
enum Step {
    Claim,
    Pass(u64),
    Bury,
    Renew(usize),
    Save(usize),
    Release(usize),
    Fail(usize),
    End(usize),
    Cancel,
    Resume,
}

/// The rules of a job, without a database.
struct Rules {
    state: JobState,
    attempt: i64,
    failures: i64,
    run_at: i64,
    pages: i64,
    /// The search can go on: it has ended early.
    ended_early: bool,
}

impl Rules {
    fn is_held_by(&self, hold: Hold) -> bool {
        self.state == JobState::Running && self.attempt == hold.attempt
    }

    /// The state after a failure.
    fn fail(&mut self) {
        self.failures += 1;
        self.state = if self.failures >= FAILURES_MAX { JobState::Dead } else { JobState::Queued };
        self.ended_early = self.state == JobState::Dead;
    }
}

async fn walk(app: &App, user: UserId, steps: &[Step]) -> Result<(), TestCaseError> {
    const WAIT: Duration = Duration::from_secs(20);
    let store = &app.state.store;
    let id = insert(app, user).await;
    let mut rules = Rules {
        state: JobState::Queued,
        attempt: 0,
        failures: 0,
        run_at: app.now().0,
        pages: 0,
        ended_early: false,
    };
    let mut holds: Vec<Hold> = Vec::new();
    let lease = || app.now().plus(LEASE).0;
    for step in steps {
        let now = app.now();
        let over = rules.run_at <= now.0;
        let chosen = |number: &usize| holds.get(number % holds.len().max(1)).copied();
        match step {
            Step::Pass(seconds) => app.clock.advance(Duration::from_secs(*seconds)),
            Step::Claim => {
                let takes_over = rules.state == JobState::Running && rules.failures + 1 < FAILURES_MAX;
                let free = over && (rules.state == JobState::Queued || takes_over);
                let claimed = claim(app).await;
                prop_assert_eq!(claimed.is_some(), free);
                if let Some(hold) = claimed {
                    rules.failures += i64::from(rules.state == JobState::Running);
                    (rules.state, rules.attempt, rules.run_at) =
                        (JobState::Running, rules.attempt + 1, lease());
                    prop_assert_eq!(hold, Hold { job: JobId(id.0), user, attempt: rules.attempt });
                    holds.push(hold);
                }
            }
            Step::Bury => {
                let dies = over && rules.state == JobState::Running && rules.failures + 1 >= FAILURES_MAX;
                prop_assert_eq!(store.bury_jobs(&claiming(app)).await.unwrap(), u64::from(dies));
                if dies {
                    rules.fail();
                }
            }
            Step::Renew(number) => {
                let Some(hold) = chosen(number) else { continue };
                let held = rules.is_held_by(hold);
                prop_assert_eq!(store.renew_job(hold, now.plus(LEASE)).await.unwrap(), held);
                rules.run_at = if held { lease() } else { rules.run_at };
            }
            Step::Save(number) => {
                let Some(hold) = chosen(number) else { continue };
                let held = rules.is_held_by(hold);
                let saved = save(app, hold, &format!("place {}", rules.pages)).await;
                prop_assert_eq!(saved.is_some(), held);
                if held {
                    (rules.pages, rules.failures, rules.run_at) = (rules.pages + 1, 0, lease());
                }
            }
            Step::Release(number) => {
                let Some(hold) = chosen(number) else { continue };
                let held = rules.is_held_by(hold);
                prop_assert_eq!(store.release_job(hold, now).await.unwrap(), held);
                if held {
                    (rules.state, rules.run_at) = (JobState::Queued, now.0);
                }
            }
            Step::Fail(number) => {
                let Some(hold) = chosen(number) else { continue };
                let held = rules.is_held_by(hold);
                if held {
                    rules.fail();
                    rules.run_at = now.plus(WAIT).0;
                }
                let state = store.fail_job(hold, now.plus(WAIT), now).await.unwrap();
                prop_assert_eq!(state, held.then_some(rules.state));
            }
            Step::End(number) => {
                let Some(hold) = chosen(number) else { continue };
                let held = rules.is_held_by(hold);
                let ended = store.end_search(hold, End::Early(Notice::TimedOut), now).await.unwrap();
                prop_assert_eq!(ended, held);
                if held {
                    (rules.state, rules.ended_early) = (JobState::Done, true);
                }
            }
            Step::Cancel => {
                let open = matches!(rules.state, JobState::Queued | JobState::Running);
                prop_assert_eq!(store.cancel_search(user, id, now).await.unwrap(), open);
                rules.state = if open { JobState::Cancelled } else { rules.state };
            }
            Step::Resume => {
                let can = rules.ended_early;
                prop_assert_eq!(store.resume_search(user, id, now).await.unwrap(), can);
                if can {
                    (rules.state, rules.failures, rules.run_at) = (JobState::Queued, 0, now.0);
                    rules.ended_early = false;
                }
            }
        }
        let stands = app.sql.text(
            "SELECT state || ' ' || CAST(attempt AS TEXT) || ' ' || CAST(failures AS TEXT) || ' ' ||
                CAST((SELECT COUNT(*) FROM search_results) AS TEXT) FROM jobs",
        );
        let Rules { state, attempt, failures, pages, .. } = rules;
        prop_assert_eq!(stands.await, format!("{} {attempt} {failures} {pages}", state.code()));
        let open = matches!(rules.state, JobState::Queued | JobState::Running);
        let search = store.search(user, id).await.unwrap().unwrap();
        prop_assert_eq!((search.is_open(), search.can_resume), (open, rules.ended_early));
    }
    prop_assert!(store.delete_search(user, id, app.now()).await.unwrap());
    prop_assert_eq!(app.sql.number("SELECT COUNT(*) FROM jobs").await, 0);
    Ok(())
}
