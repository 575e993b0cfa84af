use std::time::Duration;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{SAVED, search::StatePill};
use crate::{
    api::{
        scraper::{ListSearches, searches},
        wire::ask,
    },
    app::{
        asked::Asked,
        links::with_query,
        live::Since,
        pages::work::{self, Followed},
        ui::{Moment, Phrase, grouped},
    },
    model::{
        event::Topic,
        ids::SearchId,
        scraper::{Engine, FileKind, SearchList, SearchView},
        service::ServiceId,
    },
};

/// How often the list is read again while one of its searches runs and nobody tells the browser of changes.
const WHILE_RUNNING: Duration = Duration::from_secs(5);

/// The user's searches. Needs no key.
#[component]
pub(super) fn History() -> impl IntoView {
    let query = use_query_map();
    let before = Memo::new(move |_| query.with(|query| query.get_str("before")?.parse::<SearchId>().ok()));
    let since = Since::now(Topic::Searches);
    let asked = Asked::<SearchList>::for_each(
        move || before.get().map(|id| id.to_string()).unwrap_or_default(),
        move || ask(ListSearches { cursor: before.get_untracked() }),
    );
    work::list(asked, "searches", "Searches", move |list| {
        view! { <Searches list=list before=before.get_untracked() since=since /> }.into_any()
    })
}

#[component]
fn Searches(list: SearchList, before: Option<SearchId>, since: Since) -> impl IntoView {
    let page = ServiceId::DataScraper.path();
    let first = before.is_none();
    let list = RwSignal::new(list);
    let running = Memo::new(move |_| list.read().items.iter().any(SearchView::is_open));
    Followed { view: list, open: running, since, every: WHILE_RUNNING }
        .list(move || Box::pin(searches(before)));
    let empty = Memo::new(move |_| list.read().items.is_empty());
    let empty = move || {
        let words =
            if first { "No search yet. What you find will be listed here." } else { "No earlier search." };
        empty.get().then(|| view! { <p class="muted">{words}</p> }.into_any())
    };
    let older = Memo::new(move |_| list.read().next);
    let older = move || {
        older.get().map(|id| {
            let href = format!("{}#searches", with_query(page, [("before", id.to_string().as_str())]));
            view! { <a href=href>"Earlier searches"</a> }.into_any()
        })
    };
    let latest =
        (!first).then(|| view! { <a href=format!("{page}#searches")>"Latest searches"</a> }.into_any());
    view! {
        <div class="page page-history">
            <section class="section" aria-labelledby="searches">
                <h2 id="searches" tabindex="-1">
                    "Searches"
                </h2>
                <p>
                    <a href=SAVED>"Saved searches"</a>
                </p>
                {empty}
                <ul class="cards cards-list">
                    // A row that did not change is not redrawn and keeps the focus.
                    <For
                        each=move || list.get().items
                        key=|search| (search.id, search.state.code(), search.found)
                        children=|search| view! { <Row search=search /> }
                    />
                </ul>
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
    let web = (search.request.engine == Engine::Web).then_some(", on the web");
    let csv = (search.found > 0).then(|| {
        let title = search.title();
        view! {
            <a href=search.results().file_path(FileKind::Csv) download="" rel="external">
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
                            {web}
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
