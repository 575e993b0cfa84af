//! The results of searches in every order, part by part, held against the same done in memory.

use std::cmp::Ordering;

use keyward::{
    model::{
        ids::{BatchId, SearchId, UserId},
        job::LEASE,
        scraper::{BatchInput, Column, Direction, Filter, ResultKey, ResultRow, ResultsOf, Sort},
    },
    store::{NewSearch, PageOfResults, Taken},
};

use crate::{
    jobs::{claim, rest, user_id},
    support::{App, both},
};

/// Something that varies, and may be missing.
fn some<T>(n: u32, every: u32, value: T) -> Option<T> {
    (!n.is_multiple_of(every)).then_some(value)
}

/// A row with ties, gaps, letters that lower case or bytes could get wrong, and signs that a pattern has.
fn row(n: u32) -> ResultRow {
    let word = ["Ärzte", "ärzte", "Zebra", "100%", "a_b", "ab", "back\\slash", "ß", "Émile"][n as usize % 9];
    ResultRow {
        name: format!("{word} {}", n % 7),
        category: some(n, 3, format!("Kind {}", n % 4)),
        address: some(n, 5, format!("{} STRASSE", n % 11)),
        phone: some(n, 4, format!("030 {}", n % 13)),
        website: some(n, 2, format!("https://{}.example/", n % 17)),
        email: some(n, 6, format!("mail{}@x.example", n % 5)),
        rating: some(n, 7, f64::from(n % 41) / 10.0 + 1.0),
        reviews: some(n, 8, i64::from(n % 19)),
        ..ResultRow::default()
    }
}

/// Two searches of a batch with 110 and 90 results, and one of somebody else's.
async fn filled(app: &App, user: UserId) -> (SearchId, BatchId, Vec<(ResultKey, ResultRow)>) {
    let input = BatchInput {
        queries: ["bakery", "cakes"].map(str::to_owned).into(),
        place: "52.52, 13.405".to_owned(),
        ..BatchInput::default()
    };
    let (requests, batch) = (input.check().unwrap(), BatchId::generate());
    let searches: Vec<_> = requests
        .iter()
        .map(|request| NewSearch {
            id: SearchId::generate(),
            user,
            request,
            left_before: None,
            batch: Some(batch),
        })
        .collect();
    assert_eq!(app.state.store.insert_batch(&searches, None, app.now()).await.unwrap(), Taken::New);
    let mut all = Vec::new();
    for _ in 0..2 {
        let hold = claim(app).await.unwrap();
        let first = hold.job.0 == searches[0].id.0;
        let numbers = if first { 0..110 } else { 110..200 };
        let rows: Vec<_> = numbers.map(|n| (format!("place {n}"), row(n))).collect();
        let query = if first { "bakery" } else { "cakes" };
        let lease_until = app.now().plus(LEASE);
        let page = PageOfResults { rows: &rows, limit: 120, next: None, lease_until, query: Some(query) };
        app.state.store.save_page(hold, &page, app.now()).await.unwrap().unwrap();
        for ((_, row), position) in rows.into_iter().zip(1..) {
            let key = ResultKey { search: SearchId(hold.job.0), position };
            all.push((key, ResultRow { position, query: Some(query.to_owned()), ..row }));
        }
    }
    all.sort_by_key(|(key, _)| (key.search, key.position));
    (searches[0].id, batch, all)
}

fn lower(text: Option<&String>) -> Option<String> {
    text.map(|text| text.to_lowercase())
}

/// What a row lacks comes last, whichever way; equal rows keep their order.
fn in_order(sort: Sort, a: &(ResultKey, ResultRow), b: &(ResultKey, ResultRow)) -> Ordering {
    fn last<T: PartialOrd>(sort: Sort, a: Option<T>, b: Option<T>) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) if sort.direction == Direction::Descending => b.partial_cmp(&a).unwrap(),
            (Some(a), Some(b)) => a.partial_cmp(&b).unwrap(),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }
    let text = |of: fn(&ResultRow) -> Option<&String>| last(sort, lower(of(&a.1)), lower(of(&b.1)));
    let place = |row: &(ResultKey, ResultRow)| (row.0.search, row.0.position);
    let by = match sort.column {
        Column::Position => last(sort, Some(place(a)), Some(place(b))),
        Column::Name => text(|row| Some(&row.name)),
        Column::Category => text(|row| row.category.as_ref()),
        Column::Address => text(|row| row.address.as_ref()),
        Column::Phone => text(|row| row.phone.as_ref()),
        Column::Website => text(|row| row.website.as_ref()),
        Column::Email => text(|row| row.email.as_ref()),
        Column::Rating => last(sort, a.1.rating, b.1.rating),
        Column::Reviews => last(sort, a.1.reviews, b.1.reviews),
    };
    by.then(place(a).cmp(&place(b)))
}

fn passes(filter: &Filter, row: &ResultRow) -> bool {
    (!filter.phone || row.phone.is_some())
        && (!filter.website || row.website.is_some())
        && (!filter.email || row.email.is_some())
        && filter.rating.is_none_or(|stars| row.rating.is_some_and(|rating| rating >= stars))
        && row.words().contains(&filter.text.trim().to_lowercase())
}

both! {
    async fn parts_in_every_order_make_up_the_whole(app: App) {
        let user = user_id(&mut app.user("ana").await).await;
        let other = user_id(&mut app.user("bo").await).await;
        rest(&app).await;
        let (search, batch, all) = filled(&app, user).await;
        let (_, _, others) = filled(&app, other).await;
        let store = &app.state.store;
        let filters = [
            Filter::default(),
            Filter { text: "ÄRZTE".to_owned(), ..Filter::default() },
            Filter { text: " 100% ".to_owned(), ..Filter::default() },
            Filter { text: "a_b".to_owned(), phone: true, ..Filter::default() },
            Filter { text: "back\\".to_owned(), ..Filter::default() },
            Filter { website: true, email: true, rating: Some(3.5), ..Filter::default() },
            Filter { text: "not there".to_owned(), ..Filter::default() },
        ];
        for of in [ResultsOf::Search(search), ResultsOf::Batch(batch)] {
            let own = all.iter().filter(|(key, _)| of == ResultsOf::Batch(batch) || key.search == search);
            for filter in &filters {
                let passing: Vec<_> = own.clone().filter(|(_, row)| passes(filter, row)).cloned().collect();
                let counted = store.results_matching(user, of, filter).await.unwrap();
                assert_eq!(usize::try_from(counted).unwrap(), passing.len(), "{filter:?}");
                for column in Column::ALL {
                    for direction in [Direction::Ascending, Direction::Descending] {
                        let sort = Sort { column, direction };
                        let mut wanted = passing.clone();
                        wanted.sort_by(|a, b| in_order(sort, a, b));
                        let mut found: Vec<(ResultKey, ResultRow)> = Vec::new();
                        loop {
                            let after = found.last().map(|(key, _)| *key);
                            let part = store.results(user, of, sort, filter, after, 70).await.unwrap();
                            let more = part.len() == 70;
                            found.extend(part);
                            if !more {
                                break;
                            }
                        }
                        assert_eq!(found, wanted, "{of:?} {sort} {filter:?}");
                    }
                }
            }
            // In the order of the file, and nothing of somebody else's.
            let mut found: Vec<(ResultKey, ResultRow)> = Vec::new();
            while found.len().is_multiple_of(50) {
                let after = found.last().map(|(key, _)| *key);
                let part = store.results_in_turn(user, of, after, 50).await.unwrap();
                if part.is_empty() {
                    break;
                }
                found.extend(part);
            }
            assert!(found.iter().eq(own.clone()), "{of:?}");
            assert!(store.results_in_turn(other, of, None, 50).await.unwrap().is_empty());
            assert!(store.results(other, of, Sort::default(), &Filter::default(), None, 9).await.unwrap().is_empty());
            // Somebody else's row is no place to go on after.
            let stray = Some(others[30].0);
            let part = store.results(user, of, Sort::default(), &Filter::default(), stray, 1).await.unwrap();
            assert_eq!(part[0], all[0]);
        }
    }
}
