use std::collections::HashSet;

use leptos::{ev, html, prelude::*};

use super::filter::{FilterForm, Wish};
use crate::{
    api::{
        scraper::{ReadBatchResults, ReadResults},
        wire::{self, Answer, ask},
    },
    app::{
        links::with_query,
        ui::{ErrorNotice, Icon, Mark, grouped, part},
    },
    model::{
        error::AppError,
        scraper::{Column, Direction, Engine, ResultKey, ResultRow, ResultsOf, ResultsPage},
    },
};

/// How near to the end of the rows somebody has to come before more are read, in pixels.
const NEAR: i32 = 600;

/// The call that reads results like this.
pub(super) fn read(of: ResultsOf, wish: Wish) -> Answer {
    let Wish { sort, filter, after } = wish;
    match of {
        ResultsOf::Search(id) => ask(ReadResults { id, sort, filter, cursor: after }),
        ResultsOf::Batch(id) => ask(ReadBatchResults { id, sort, filter, cursor: after }),
    }
}

async fn page_of(of: ResultsOf, wish: Wish) -> Result<ResultsPage, AppError> {
    wire::read(&read(of, wish).await?)
}

/// The table of results. Sorting, filtering and turning pages are links and a form, so that they work
/// without JavaScript and have addresses; with it, more rows follow where the rows end.
#[component]
pub(super) fn Results(
    /// Whose results.
    of: ResultsOf,
    /// What was asked.
    engine: Engine,
    /// The address of the page.
    path: String,
    /// Results in all; the table is read again when more have arrived.
    found: Memo<u32>,
    /// The results as they were when the page was opened.
    first: ResultsPage,
) -> impl IntoView {
    let wish = Wish::of_address();
    let page = RwSignal::new(first);
    let error = RwSignal::new(None);
    let newer = RwSignal::new(false);
    let load = Action::new(move |(wanted, grown): &(Wish, bool)| {
        let (wanted, grown) = (wanted.clone(), *grown);
        async move {
            let answer = page_of(of, wanted.clone()).await;
            // An answer that was overtaken by another wish, or came when the page was left, is dropped.
            if wish.try_get_untracked().as_ref() != Some(&wanted) {
                return;
            }
            error.set(answer.as_ref().err().cloned());
            let Ok(answer) = answer else { return };
            // Rows are not taken from under the eyes of whoever has read on.
            let reads_on = grown && page.with_untracked(|page| page.items.len() > answer.items.len());
            newer.set(reads_on);
            if reads_on {
                page.update(|page| page.matching = answer.matching);
            } else {
                page.set(answer);
            }
        }
    });
    Effect::new(move |before: Option<(Wish, u32)>| {
        let now = (wish.get(), found.get());
        if let Some(before) = before.filter(|before| *before != now) {
            load.dispatch((now.0.clone(), before.0 == now.0));
        }
        now
    });
    let again = part(move || {
        newer.get().then(|| {
            view! {
                <p class="search-pages">
                    <button
                        type="button"
                        class="button"
                        on:click=move |_| {
                            load.dispatch((wish.get_untracked(), false));
                        }
                    >
                        "Show what was found since"
                    </button>
                </p>
            }
            .into_any()
        })
    });
    let more = Action::new(move |after: &ResultKey| {
        let (after, wanted) = (*after, wish.get_untracked());
        async move {
            let answer = page_of(of, Wish { after: Some(after), ..wanted.clone() }).await;
            let goes_on = || page.try_with_untracked(|page| page.next) == Some(Some(after));
            if wish.try_get_untracked().as_ref() != Some(&wanted) || !goes_on() {
                return;
            }
            error.set(answer.as_ref().err().cloned());
            if let Ok(answer) = answer {
                page.update(|page| extend(page, answer));
            }
        }
    });
    // Without results there is nothing to sort; why there are none stands above.
    let any = Memo::new(move |_| found.get() > 0);
    view! {
        <ErrorNotice error=error />
        {again}
        {move || {
            let path = path.clone();
            any.get()
                .then(|| {
                    view! { <Table of=of engine=engine wish=wish page=page more=more found=found path=path /> }
                })
        }}
    }
    .into_any()
}

/// Puts the next part behind a page. A row that has moved meanwhile is not shown twice.
fn extend(page: &mut ResultsPage, next: ResultsPage) {
    let known: HashSet<_> = page.items.iter().map(|(key, _)| *key).collect();
    page.items.extend(next.items.into_iter().filter(|(key, _)| !known.contains(key)));
    page.next = next.next;
    page.matching = next.matching;
}

#[component]
fn Table(
    of: ResultsOf,
    engine: Engine,
    /// What the address says.
    wish: Memo<Wish>,
    /// The rows that are shown.
    page: RwSignal<ResultsPage>,
    /// Reads on.
    more: Action<ResultKey, ()>,
    /// Results in all.
    found: Memo<u32>,
    /// The address of the page.
    path: String,
) -> impl IntoView {
    let batch = matches!(of, ResultsOf::Batch(_));
    let heads = engine
        .columns()
        .iter()
        .map(|column| view! { <Head column=*column engine=engine wish=wish path=path.clone() /> })
        .collect_view();
    let others: &[&str] = match (engine, batch) {
        (Engine::Web, false) => &["Displayed link", "Snippet"],
        (Engine::Web, true) => &["Displayed link", "Snippet", "Query"],
        (Engine::Maps, true) => &["Map", "Query"],
        (Engine::Maps, false) => &["Map"],
    };
    let others = others.iter().map(|label| view! { <th scope="col">{*label}</th> }.into_any()).collect_view();
    let nothing = part(move || {
        page.with(|page| page.items.is_empty())
            .then(|| view! { <p class="search-empty muted">"No result passes the filter."</p> }.into_any())
    });
    let region = NodeRef::<html::Div>::new();
    let scrolled = move |_: ev::Event| {
        let Some(region) = region.get_untracked() else { return };
        let left = region.scroll_height() - region.scroll_top() - region.client_height();
        if let Some(after) = page.with_untracked(|page| page.next)
            && left < NEAR
            && !more.pending().get_untracked()
        {
            more.dispatch(after);
        }
    };
    // Another order or another page begins at its top.
    Effect::new(move |before: Option<Wish>| {
        let now = wish.get();
        if let Some(region) = region.get_untracked()
            && before.is_some_and(|before| before != now)
        {
            region.set_scroll_top(0);
        }
        now
    });
    view! {
        <FilterForm wish=wish engine=engine path=path.clone() />
        <div
            class="table-scroll table-long"
            role="region"
            aria-labelledby="results-caption"
            tabindex="0"
            node_ref=region
            on:scroll=scrolled
        >
            <table class="results" class:results-web=engine == Engine::Web>
                <caption id="results-caption" class="visually-hidden">
                    "Results"
                </caption>
                <thead>
                    <tr>{heads} {others}</tr>
                </thead>
                <tbody>
                    // Rows that stay are not drawn again when more follow.
                    <For
                        each=move || page.get().items
                        key=|(key, _)| *key
                        children=move |(_, row)| view! { <Row row=row engine=engine batch=batch /> }
                    />
                </tbody>
            </table>
        </div>
        {nothing}
        <Pages wish=wish page=page more=more found=found path=path />
    }
    .into_any()
}

#[component]
fn Pages(
    wish: Memo<Wish>,
    page: RwSignal<ResultsPage>,
    more: Action<ResultKey, ()>,
    found: Memo<u32>,
    path: String,
) -> impl IntoView {
    let summary = part(move || {
        let (shown, matching) = page.with(|page| (page.items.len(), page.matching));
        let number = |number: u32| grouped(i64::from(number));
        let (shown, found) = (grouped(i64::try_from(shown).unwrap_or(i64::MAX)), number(found.get()));
        if wish.with(|wish| wish.filter.is_empty()) {
            format!("{shown} of {found} shown")
        } else {
            format!("{shown} of {} that match shown, {found} in all", number(matching))
        }
    });
    let to = {
        let path = path.clone();
        move |after| wish.with(|wish| Wish { after, ..wish.clone() }.link(&path))
    };
    let back = to.clone();
    let first = part(move || {
        wish.with(|wish| wish.after.is_some())
            .then(|| view! { <a href=back(None)>"First page"</a> }.into_any())
    });
    let next = part(move || {
        page.with(|page| page.next).map(|after| view! { <a href=to(Some(after))>"Next page"</a> }.into_any())
    });
    let reading = part(move || more.pending().get().then_some("Reading more…"));
    view! {
        <p class="search-pages muted">
            <span aria-live="polite">{summary}</span>
            {first}
            {next}
            <span>{reading}</span>
        </p>
    }
    .into_any()
}

#[component]
fn Head(column: Column, engine: Engine, wish: Memo<Wish>, path: String) -> impl IntoView {
    let direction =
        Memo::new(move |_| wish.with(|wish| (wish.sort.column == column).then_some(wish.sort.direction)));
    let href = part(move || {
        wish.with(|wish| {
            let sort = wish.sort.after_choosing(column);
            Wish { sort, filter: wish.filter.clone(), after: None }.link(&path)
        })
    });
    let sorted = part(move || {
        direction.get().map(|direction| match direction {
            Direction::Ascending => "ascending",
            Direction::Descending => "descending",
        })
    });
    let arrow = part(move || {
        direction.get().map(|direction| match direction {
            Direction::Ascending => " ▲",
            Direction::Descending => " ▼",
        })
    });
    view! {
        <th scope="col" class:number=is_number(column) aria-sort=sorted>
            <a href=href data-noscroll>
                {column.label(engine)}
                <span aria-hidden="true">{arrow}</span>
            </a>
        </th>
    }
    .into_any()
}

const fn is_number(column: Column) -> bool {
    matches!(column, Column::Position | Column::Rating | Column::Reviews)
}

#[component]
fn Row(row: ResultRow, engine: Engine, batch: bool) -> impl IntoView {
    let website = match (row.link().map(str::to_owned), row.host().map(str::to_owned)) {
        (Some(link), Some(host)) => outside(link, host),
        _ => or_dash(row.website.clone()).into_any(),
    };
    let email = match row.email.clone() {
        Some(email) => view! { <a href=format!("mailto:{email}")>{email.clone()}</a> }.into_any(),
        None => "–".into_any(),
    };
    let query = batch.then(|| view! { <td>{or_dash(row.query.clone())}</td> }.into_any());
    let cells = match engine {
        Engine::Maps => {
            let map = map_link(&row).map_or_else(|| "–".into_any(), |link| outside(link, "Map".to_owned()));
            let phone = match row.phone.clone() {
                Some(phone) => view! { <a href=telephone(&phone)>{phone.clone()}</a> }.into_any(),
                None => "–".into_any(),
            };
            view! {
                <td>{or_dash(row.category)}</td>
                <td>{or_dash(row.address)}</td>
                <td class="phone">{phone}</td>
                <td>{website}</td>
                <td>{email}</td>
                <td class="number">{or_dash(row.rating.map(|rating| format!("{rating:.1}")))}</td>
                <td class="number">{or_dash(row.reviews.map(grouped))}</td>
                <td>{map}</td>
            }
            .into_any()
        }
        Engine::Web => view! {
            <td>{website}</td>
            <td>{email}</td>
            <td>{or_dash(row.displayed_link)}</td>
            <td class="snippet">{or_dash(row.snippet)}</td>
        }
        .into_any(),
    };
    view! {
        <tr>
            <td class="number">{row.position}</td>
            <th scope="row">{row.name}</th>
            {cells}
            {query}
        </tr>
    }
    .into_any()
}

/// A link to another site, in a tab of its own.
fn outside(link: String, text: String) -> AnyView {
    view! {
        <a href=link target="_blank" rel="noopener noreferrer nofollow">
            {text}
            <Icon mark=Mark::Outside />
            <span class="visually-hidden">" (opens in a new tab)"</span>
        </a>
    }
    .into_any()
}

/// The place on Google Maps. Source: <https://developers.google.com/maps/documentation/urls/get-started>.
fn map_link(row: &ResultRow) -> Option<String> {
    let point =
        row.latitude.zip(row.longitude).map(|(latitude, longitude)| format!("{latitude},{longitude}"));
    let address = row.address.as_ref().map(|address| format!("{}, {address}", row.name));
    let query = if row.place_id.is_some() { Some(row.name.clone()) } else { point.or(address) }?;
    let given =
        [("api", Some("1")), ("query", Some(query.as_str())), ("query_place_id", row.place_id.as_deref())];
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
    Some(with_query("https://www.google.com/maps/search/", given))
}

/// An address for a telephone: RFC 3966, without what only people need.
fn telephone(number: &str) -> String {
    format!("tel:{}", number.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect::<String>())
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "–".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::SearchId;

    #[test]
    fn a_business_is_found_on_the_map_by_its_id_or_where_it_is() {
        let row = ResultRow { name: "Korn & Haus".to_owned(), ..ResultRow::default() };
        assert_eq!(map_link(&row), None);
        let row = ResultRow { latitude: Some(52.5), longitude: Some(-13.4), ..row };
        assert_eq!(
            map_link(&row).as_deref(),
            Some("https://www.google.com/maps/search/?api=1&query=52.5%2C-13.4")
        );
        let row = ResultRow { place_id: Some("ChIJ1".to_owned()), ..row };
        assert_eq!(
            map_link(&row).as_deref(),
            Some("https://www.google.com/maps/search/?api=1&query=Korn%20%26%20Haus&query_place_id=ChIJ1")
        );
        assert_eq!(telephone("(030) 555-01 23"), "tel:0305550123");
    }

    #[test]
    fn no_row_is_shown_twice() {
        let row =
            |position| (ResultKey { search: SearchId(uuid::Uuid::nil()), position }, ResultRow::default());
        let mut page = ResultsPage { items: vec![row(1), row(2)], next: Some(row(2).0), matching: 3 };
        extend(&mut page, ResultsPage { items: vec![row(2), row(3)], next: None, matching: 3 });
        assert_eq!(page.items, [row(1), row(2), row(3)]);
        assert_eq!(page.next, None);
    }
}
