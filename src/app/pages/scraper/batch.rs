use std::time::Duration;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::{
    BATCHES,
    files::Downloads,
    filter::Wish,
    results::{Results, read},
    search::StatePill,
};
use crate::{
    api::{
        scraper::{CancelBatch, DeleteBatch, ReadBatch, ResumeBatch, batch},
        wire::{Answer, ask},
    },
    app::{
        asked::Asked,
        live::Since,
        pages::work::{self, Followed, deletion, go_on, is_deleting, latest},
        post::{Post, PostForm},
        ui::{BusyButton, ErrorNotice, focus_soon, grouped},
    },
    model::{
        error::{AppError, ErrorCode},
        event::Topic,
        ids::BatchId,
        scraper::{BatchView, ResultsOf, ResultsPage, SearchView},
        service::ServiceId,
    },
};

/// How often a batch is asked for while it is under way and nobody tells the browser of changes.
const WHILE_RUNNING: Duration = Duration::from_secs(3);

/// The id of the message about what was done here.
const MESSAGE: &str = "batch-message";

/// Searches that were started together. Needs no key.
#[component]
pub fn BatchPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get_str("id")?.parse::<BatchId>().ok()));
    let since = Since::now(Topic::Searches);
    let wish = Wish::of_address();
    let asked = Asked::<(BatchView, ResultsPage)>::for_each(
        move || id.get().map(|id| id.to_string()).unwrap_or_default(),
        move || both(id.get_untracked(), wish.get_untracked()),
    );
    view! {
        <Title text="Several searches" />
        {work::one(
            asked,
            "Several searches",
            move |(view, results)| view! { <Whole first=view results=results since=since /> }.into_any(),
        )}
    }
}

/// A batch and its results, as a pair.
fn both(id: Option<BatchId>, wish: Wish) -> Answer {
    Box::pin(async move {
        let id = id.ok_or_else(|| AppError::new(ErrorCode::NotFound))?;
        let view = ask(ReadBatch { id }).await?;
        let results = read(ResultsOf::Batch(id), wish).await?;
        Ok(format!("[{view},{results}]"))
    })
}

#[component]
fn Whole(first: BatchView, results: ResultsPage, since: Since) -> impl IntoView {
    let id = first.id;
    let (of, engine, path) = (first.results(), first.engine(), first.path());
    let place = first.searches.first().map(|search| search.request.place.to_string()).unwrap_or_default();
    let view = RwSignal::new(first);
    let stop = Post::to::<CancelBatch>();
    let resume = Post::to::<ResumeBatch>();
    let delete = Post::to::<DeleteBatch>();
    let error = latest([stop.outcome(), resume.outcome(), delete.outcome()], MESSAGE);
    let open = Memo::new(move |_| view.with(BatchView::is_open));
    let found = Memo::new(move |_| view.with(|view| view.found));
    for changed in [stop, resume] {
        Effect::new(move |_| {
            if let Some(Ok(batch)) = &*changed.value().read() {
                view.set(batch.clone());
                focus_soon("batch-title");
            }
        });
    }
    Followed { view, open, since, every: WHILE_RUNNING }.one(
        move || Box::pin(batch(id)),
        |late, shown| late.is_open() && !shown.is_open(),
        is_deleting(delete),
        "The searches were deleted.",
        ServiceId::DataScraper.path(),
    );
    let missing = Memo::new(move |_| view.with(BatchView::missing_pages));
    view! {
        <div class="page">
            <h1>"Several searches"</h1>
            <p class="actions">
                <a class="button" href=ServiceId::DataScraper.path()>
                    "All searches"
                </a>
                <a class="button button-quiet" href=BATCHES>
                    "Several more"
                </a>
            </p>
            <section class="panel panel-flush" aria-labelledby="batch-title">
                <div class="panel-head search-head">
                    <div>
                        <h2 id="batch-title" tabindex="-1">
                            {place}
                        </h2>
                        <p class="muted figures">{move || view.with(figures)}</p>
                    </div>
                </div>
                {move || {
                    open.get()
                        .then(|| {
                            view! {
                                <div class="search-progress">
                                    <progress
                                        aria-label="Pages that have arrived"
                                        max=move || view.with(|view| pages(view).1.max(1).to_string())
                                        value=move || view.with(|view| pages(view).0.to_string())
                                    ></progress>
                                    <PostForm action=stop>
                                        <input type="hidden" name="id" value=id.to_string() />
                                        <BusyButton busy=stop.pending() label="Stop all" busy_label="Stopping…" />
                                    </PostForm>
                                </div>
                            }
                            .into_any()
                        })
                }}
                <div class="search-notices">
                    <ErrorNotice error=error provider="SerpAPI" id=MESSAGE />
                </div>
                <ul class="cards cards-list batch-list">
                    <For
                        each=move || view.get().searches
                        key=|search| (search.id, search.state.code(), search.found, search.pages_done)
                        children=|search| view! { <Row search=search /> }
                    />
                </ul>
                <Results of=of engine=engine path=path found=found first=results />
                <div class="search-foot">
                    {go_on(resume, id.to_string(), missing, "Go on with all")}
                    {move || (found.get() > 0).then(|| view! { <Downloads of=of /> })}
                    {deletion(
                        delete,
                        id.to_string(),
                        "All of these searches and their results are deleted for good. What they cost at SerpAPI stays spent.",
                        "Delete them",
                    )}
                </div>
            </section>
        </div>
    }
    .into_any()
}

#[component]
fn Row(search: SearchView) -> impl IntoView {
    let found = match search.found {
        1 => "1 result".to_owned(),
        found => format!("{} results", grouped(i64::from(found))),
    };
    let pages = format!("{}, {} of {} pages", found, search.pages_done, search.pages_planned);
    let notice = search.notice.map(|notice| view! { <p class="muted">{notice.sentence()}</p> }.into_any());
    view! {
        <li class="card card-plain">
            <div class="card-body">
                <div class="card-head">
                    <div>
                        <h3>
                            <a href=search.path()>{search.request.query.clone()}</a>
                        </h3>
                        <p class="muted">{pages}</p>
                        {notice}
                    </div>
                    <StatePill state=search.state />
                </div>
            </div>
        </li>
    }
    .into_any()
}

/// Pages that have arrived, and pages that are wanted at the most.
fn pages(view: &BatchView) -> (u32, u32) {
    let sum = |of: fn(&SearchView) -> u32| view.searches.iter().map(of).sum();
    (sum(|search| search.pages_done), sum(|search| search.pages_planned))
}

/// The progress in numbers.
fn figures(view: &BatchView) -> String {
    let ended = view.searches.iter().filter(|search| !search.is_open()).count();
    let (done, planned) = pages(view);
    format!(
        "{} found, {ended} of {} searches have ended, {} of up to {} pages",
        grouped(i64::from(view.found)),
        view.searches.len(),
        grouped(i64::from(done)),
        grouped(i64::from(planned))
    )
}
