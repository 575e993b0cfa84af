use std::time::Duration;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::search::StatePill;
use crate::{
    api::{scraper::ListSearches, wire::ask},
    app::{
        asked::Asked,
        links::with_query,
        problem::Problem,
        ui::{Moment, Phrase, grouped},
    },
    model::{
        error::ErrorCode,
        ids::SearchId,
        scraper::{SearchList, SearchView},
        service::ServiceId,
    },
};

/// How often the list is read again while one of its searches runs.
const REFRESH: Duration = Duration::from_secs(3);

/// The user's searches. Needs no key.
#[component]
pub(super) fn History() -> impl IntoView {
    let query = use_query_map();
    let before = Memo::new(move |_| query.with(|query| query.get_str("before")?.parse::<SearchId>().ok()));
    let asked = Asked::<SearchList>::for_each(
        move || before.get().map(|id| id.to_string()).unwrap_or_default(),
        move || ask(ListSearches { cursor: before.get_untracked() }),
    );
    let running = Memo::new(
        move |_| matches!(asked.get(), Some(Ok(list)) if list.items.iter().any(SearchView::is_running)),
    );
    Effect::new(move |_| {
        if !running.get() {
            return;
        }
        let refresh = move || {
            if !document().hidden() {
                asked.refetch();
            }
        };
        if let Ok(handle) = set_interval_with_handle(refresh, REFRESH) {
            on_cleanup(move || handle.clear());
        }
    });
    view! {
        <Transition fallback=|| ()>
            {move || Suspend::new(async move {
                let first = before.get_untracked().is_none();
                match asked.await {
                    Ok(list) => view! { <Searches list=list first=first /> }.into_any(),
                    // The guard above leads to the log-in page.
                    Err(error) if error.code == ErrorCode::Unauthenticated => ().into_any(),
                    Err(error) => {
                        view! {
                            <div class="page">
                                <h2 id="searches">"Searches"</h2>
                                <Problem error=error />
                            </div>
                        }
                        .into_any()
                    }
                }
            })}
        </Transition>
    }
}

#[component]
fn Searches(list: SearchList, first: bool) -> impl IntoView {
    let page = ServiceId::DataScraper.path();
    let empty = list.items.is_empty().then(|| {
        let words =
            if first { "No search yet. What you find will be listed here." } else { "No earlier search." };
        view! { <p class="muted">{words}</p> }.into_any()
    });
    let older = list.next.map(|id| {
        let href = format!("{}#searches", with_query(page, [("before", id.to_string().as_str())]));
        view! { <a href=href>"Earlier searches"</a> }.into_any()
    });
    let latest =
        (!first).then(|| view! { <a href=format!("{page}#searches")>"Latest searches"</a> }.into_any());
    let rows = list.items.into_iter().map(|search| view! { <Row search=search /> }).collect_view();
    view! {
        <div class="page page-history">
            <section class="section" aria-labelledby="searches">
                <h2 id="searches" tabindex="-1">
                    "Searches"
                </h2>
                {empty}
                <ul class="cards cards-list">{rows}</ul>
                <p class="actions pages">{latest} {older}</p>
            </section>
        </div>
    }
    .into_any()
}

#[component]
fn Row(search: SearchView) -> impl IntoView {
    let path = search.path();
    let found = match search.found {
        1 => "1 result".to_owned(),
        found => format!("{} results", grouped(i64::from(found))),
    };
    let csv = (search.found > 0).then(|| {
        let title = search.title();
        view! {
            <a href=search.csv_path() download="" rel="external">
                "CSV"
                <span class="visually-hidden">{format!(" of {title}")}</span>
            </a>
        }
        .into_any()
    });
    view! {
        <li class="card card-plain">
            <div class="card-body">
                <div class="card-head">
                    <div>
                        <h3>
                            <a href=path>{search.title()}</a>
                        </h3>
                        <p class="muted">
                            <Moment at=search.created_at phrase=Phrase::Ago />
                            ", "
                            {found}
                            " "
                            {csv}
                        </p>
                    </div>
                    <StatePill state=search.state />
                </div>
            </div>
        </li>
    }
    .into_any()
}
