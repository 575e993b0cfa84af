use std::time::Duration;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::{
    LEAD, SAVED,
    files::Downloads,
    filter::Wish,
    form::{again_path, filled_in},
    results::{Results, read},
};
use crate::{
    api::{
        scraper::{CancelSearch, DeleteSearch, ReadSearch, ResumeSearch, search},
        wire::{Answer, ask},
    },
    app::{
        asked::Asked,
        live::Since,
        pages::work::{self, Followed, deletion, go_on, is_deleting, latest, refresh_link, say},
        post::{Post, PostForm},
        ui::{BusyButton, ErrorNotice, Mark, Moment, Notice as NoticeBox, Pill, Tone, focus_soon, grouped},
    },
    model::{
        error::{AppError, ErrorCode},
        event::Topic,
        ids::SearchId,
        job::PER_USER,
        scraper::{BatchView, Engine, Notice, ResultsOf, ResultsPage, SearchState, SearchView},
        service::ServiceId,
    },
};

/// How often a running search is asked for while nobody tells the browser of changes.
const WHILE_RUNNING: Duration = Duration::from_secs(2);

/// The id of the message about what was done here.
const MESSAGE: &str = "search-message";

/// One search: its progress while it runs, and what it found. Needs no key.
///
/// One resource reads all that the first answer needs; what changes later is put into signals, so that the
/// page neither blinks nor loses the focus.
#[component]
pub fn SearchPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get_str("id")?.parse::<SearchId>().ok()));
    let wish = Wish::of_address();
    let since = Since::now(Topic::Searches);
    let asked = Asked::<(SearchView, ResultsPage)>::for_each(
        move || id.get().map(|id| id.to_string()).unwrap_or_default(),
        move || both(id.get_untracked(), wish.get_untracked()),
    );
    work::one(asked, ServiceId::DataScraper.name(), move |(view, results)| {
        view! { <Whole first=view results=results since=since /> }.into_any()
    })
}

/// A search and its results, as a pair.
fn both(id: Option<SearchId>, wish: Wish) -> Answer {
    Box::pin(async move {
        let id = id.ok_or_else(|| AppError::new(ErrorCode::NotFound))?;
        let view = ask(ReadSearch { id }).await?;
        let results = read(ResultsOf::Search(id), wish).await?;
        Ok(format!("[{view},{results}]"))
    })
}

#[component]
fn Whole(
    /// The search as it was when the page was opened.
    first: SearchView,
    /// Its results as the address wants them.
    results: ResultsPage,
    /// Since when the page follows changes.
    since: Since,
) -> impl IntoView {
    let service = ServiceId::DataScraper;
    // `Title` writes its text into the document as it is.
    let title: String = first.title().chars().filter(|c| !matches!(c, '<' | '>' | '&')).collect();
    let again = again_path(&first.request);
    let save = filled_in(SAVED, &first.request);
    let batch = first.batch.map(|batch| {
        view! {
            <a class="button button-quiet" href=BatchView::path_of(batch)>
                "Started together"
            </a>
        }
        .into_any()
    });
    let view = RwSignal::new(first);
    view! {
        <Title text=title />
        <div class="page">
            <h1>{service.name()}</h1>
            <p class="page-lead">{LEAD}</p>
            <p class="actions">
                <a class="button" href=service.path()>
                    "New search"
                </a>
                <a class="button button-quiet" href=again>
                    "Change this one"
                </a>
                <a class="button button-quiet" href=save>
                    "Save this one"
                </a>
                {batch}
            </p>
            <Panel view=view results=results since=since />
        </div>
    }
    .into_any()
}

/// The state of a search in icon and word.
#[component]
pub(super) fn StatePill(
    /// The state.
    state: SearchState,
) -> impl IntoView {
    let (tone, mark) = match state {
        SearchState::Queued => (Tone::Neutral, Mark::Clock),
        SearchState::Running => (Tone::Neutral, Mark::Spinner),
        SearchState::Finished => (Tone::Good, Mark::Check),
        SearchState::Partial => (Tone::Caution, Mark::Alert),
        SearchState::Failed => (Tone::Bad, Mark::Cross),
        SearchState::Cancelled => (Tone::Neutral, Mark::Pause),
    };
    view! { <Pill tone=tone mark=mark label=state.label() /> }
}

#[component]
fn Panel(view: RwSignal<SearchView>, results: ResultsPage, since: Since) -> impl IntoView {
    let id = view.with_untracked(|view| view.id);
    let (of, engine) = view.with_untracked(|view| (view.results(), view.request.engine));
    let found = Memo::new(move |_| view.with(|view| view.found));
    let stop = Post::to::<CancelSearch>();
    let resume = Post::to::<ResumeSearch>();
    let delete = Post::to::<DeleteSearch>();
    let error = latest([stop.outcome(), resume.outcome(), delete.outcome()], MESSAGE);
    let running = Memo::new(move |_| view.with(SearchView::is_open));
    Followed { view, open: running, since, every: WHILE_RUNNING }.one(
        move || Box::pin(search(id)),
        |late, shown| late.is_open() && !shown.is_open(),
        is_deleting(delete),
        "The search was deleted.",
        ServiceId::DataScraper.path(),
    );
    let say = say();
    Effect::new(move |before: Option<bool>| {
        let now = running.get();
        if before == Some(true) && !now {
            let state = view.with_untracked(|view| view.state.label());
            say(format!("Search: {state}. {}.", view.with_untracked(figures)));
        }
        now
    });
    let missing = Memo::new(move |_| {
        view.with(|view| view.can_resume.then(|| view.pages_planned.saturating_sub(view.pages_done)))
    });
    for changed in [stop, resume] {
        Effect::new(move |_| {
            if let Some(Ok(search)) = &*changed.value().read() {
                view.set(search.clone());
                focus_soon("search-title");
            }
        });
    }
    let state = Memo::new(move |_| view.with(|view| view.state));
    let started = view.with_untracked(|view| view.created_at);
    view! {
        <section class="panel panel-flush" aria-labelledby="search-title">
            <div class="panel-head search-head">
                <div>
                    <h2 id="search-title" tabindex="-1">
                        {view.with_untracked(SearchView::title)}
                    </h2>
                    <p class="muted figures">{move || view.with(figures)}</p>
                    <p class="muted">"Started " <Moment at=started /> {move || view.with(around)}</p>
                </div>
                {move || view! { <StatePill state=state.get() /> }}
            </div>
            {move || {
                running
                    .get()
                    .then(|| {
                        view! {
                            <div class="search-progress">
                                <progress
                                    aria-label="Pages that have arrived"
                                    max=move || view.with(|view| view.pages_planned.max(1).to_string())
                                    value=move || view.with(|view| view.pages_done.to_string())
                                ></progress>
                                <PostForm action=stop>
                                    <input type="hidden" name="id" value=id.to_string() />
                                    <BusyButton busy=stop.pending() label="Stop" busy_label="Stopping…" />
                                </PostForm>
                                {refresh_link(SearchView::path_of(id))}
                            </div>
                        }.into_any()
                    })
            }}
            <div class="search-notices">
                {move || view.with(notices)}
                <ErrorNotice error=error provider="SerpAPI" id=MESSAGE />
            </div>
            <Results of=of engine=engine path=SearchView::path_of(id) found=found first=results />
            <div class="search-foot">
                {go_on(resume, id.to_string(), missing, "Go on")}
                {move || (found.get() > 0).then(|| view! { <Downloads of=of /> })}
                {deletion(
                    delete,
                    id.to_string(),
                    "The search and its results are deleted for good. What it cost at SerpAPI stays spent.",
                    "Delete it",
                )}
            </div>
        </section>
    }
    .into_any()
}

/// The progress in numbers: `58 of up to 120 found, 3 of 6 pages, 958 searches left before`.
fn figures(view: &SearchView) -> String {
    let found = grouped(i64::from(view.found));
    let mut parts = vec![match view.state {
        SearchState::Queued => format!("up to {} wanted", view.request.limit),
        SearchState::Running => format!("{found} of up to {} found", view.request.limit),
        _ => format!("{found} found"),
    }];
    let pages = if view.pages_planned == 1 { "page" } else { "pages" };
    parts.push(format!("{} of {} {pages}", view.pages_done, view.pages_planned));
    match (view.searches_left_before, view.searches_left_after) {
        (Some(before), Some(after)) => {
            parts.push(format!("searches left: {} before, {} after", grouped(before), grouped(after)));
        }
        (Some(before), None) => parts.push(format!("searches left: {} before", grouped(before))),
        (None, Some(after)) => parts.push(format!("searches left: {}", grouped(after))),
        (None, None) => {}
    }
    parts.join(", ")
}

fn around(view: &SearchView) -> Option<String> {
    view.resolved_place.as_ref().map(|place| format!(", around {place}"))
}

/// What there is to know of the search, in sentences.
fn notices(view: &SearchView) -> AnyView {
    let place = view.place_unknown.then(|| {
        let sentence = match view.request.engine {
            Engine::Maps => Notice::PlaceUnknown.sentence(),
            Engine::Web => "SerpAPI does not list this place, so its name was made part of the query.",
        };
        view! {
            <NoticeBox tone=Tone::Caution>
                <p>{sentence}</p>
            </NoticeBox>
        }
    });
    let waiting = (view.state == SearchState::Queued).then(|| {
        view! {
            <NoticeBox tone=Tone::Neutral>
                <p>{format!("It begins by itself: at most {PER_USER} of your searches run at the same time.")}</p>
            </NoticeBox>
        }
    });
    let end = view.notice.map(|notice| {
        let tone = match view.state {
            SearchState::Failed => Tone::Bad,
            SearchState::Partial => Tone::Caution,
            _ => Tone::Neutral,
        };
        let to_keys = notice.concerns_the_key().then(|| {
            view! {
                <p>
                    <a href=ServiceId::DataScraper.setup_path()>"To the API keys"</a>
                </p>
            }
            .into_any()
        });
        let kept = view.kept().map(|kept| format!(" {kept}"));
        view! {
            <NoticeBox tone=tone>
                <p>{notice.sentence()} {kept}</p>
                {to_keys}
            </NoticeBox>
        }
    });
    view! {
        {place}
        {waiting}
        {end}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{scraper::SearchInput, time::Timestamp};

    #[test]
    fn the_figures_say_what_is_known() {
        let input = SearchInput {
            query: "bakery".to_owned(),
            place: "Berlin".to_owned(),
            limit: Some(120),
            ..SearchInput::default()
        };
        let mut view = SearchView {
            id: SearchId(uuid::Uuid::nil()),
            request: input.check().unwrap(),
            state: SearchState::Running,
            notice: None,
            resolved_place: None,
            place_unknown: false,
            pages_done: 3,
            pages_planned: 6,
            found: 58,
            searches_left_before: Some(1_958),
            searches_left_after: None,
            created_at: Timestamp(0),
            finished_at: None,
            can_resume: false,
            batch: None,
        };
        assert_eq!(figures(&view), "58 of up to 120 found, 3 of 6 pages, searches left: 1,958 before");
        view.state = SearchState::Partial;
        view.searches_left_after = Some(1_955);
        assert_eq!(figures(&view), "58 found, 3 of 6 pages, searches left: 1,958 before, 1,955 after");
        view.searches_left_before = None;
        view.searches_left_after = None;
        assert_eq!(figures(&view), "58 found, 3 of 6 pages");
    }
}
