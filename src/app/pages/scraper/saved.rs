use leptos::prelude::*;
use leptos_meta::Title;

use super::form::{Engines, Fields, Given, What, again_path};
use crate::{
    api::{
        scraper::{DeleteSaved, ListSaved, RenameSaved, RunSaved, SaveSearch},
        wire::ask,
    },
    app::{
        asked::Asked,
        pages::work::{about, in_address, latest, mind},
        post::{Post, PostForm},
        problem::Problem,
        ui::{BusyButton, ButtonKind, ErrorNotice, FieldErrorText, FormNumber, TextField, focus_soon, part},
    },
    model::{
        error::AppError,
        ids::SearchId,
        scraper::{SavedView, SearchRequest, SearchView},
        service::ServiceId,
    },
};

const FORM: &str = "save-form";
const MESSAGE: &str = "save-message";
/// The id of the message about the list.
const LIST_MESSAGE: &str = "saved-message";

/// Searches that are kept under a name. Needs no key, but for running one.
#[component]
pub fn SavedPage() -> impl IntoView {
    let asked = Asked::<Vec<SavedView>>::once(|| ask(ListSaved {}));
    view! {
        <Title text="Saved searches" />
        <Transition fallback=|| {
            view! { <div class="page-waiting" aria-busy="true"></div> }
        }>
            {move || Suspend::new(async move {
                match asked.await {
                    Ok(saved) => view! { <Whole first=saved /> }.into_any(),
                    Err(error) => {
                        view! {
                            <div class="page">
                                <h1>"Saved searches"</h1>
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
fn Whole(first: Vec<SavedView>) -> impl IntoView {
    let saved = RwSignal::new(first);
    let run = Post::to::<RunSaved>();
    let rename = Post::to::<RenameSaved>();
    let delete = Post::to::<DeleteSaved>();
    let save = Post::to::<SaveSearch>();
    let error = latest([run.outcome(), rename.outcome(), delete.outcome()], LIST_MESSAGE);
    for changed in [rename, delete, save] {
        Effect::new(move |_| {
            if let Some(Ok(now)) = &*changed.value().read() {
                saved.set(now.clone());
                focus_soon("saved-title");
            }
        });
    }
    let empty = part(move || {
        saved.read().is_empty().then(|| view! { <p class="muted">"No search is saved yet."</p> }.into_any())
    });
    view! {
        <div class="page">
            <h1>"Saved searches"</h1>
            <p class="page-lead">"What you search for again and again, under a name."</p>
            <p class="actions">
                <a class="button" href=ServiceId::DataScraper.path()>
                    "All searches"
                </a>
            </p>
            <section class="section" aria-labelledby="saved-title">
                <h2 id="saved-title" tabindex="-1">
                    "Yours"
                </h2>
                <ErrorNotice error=error provider="SerpAPI" fields=["name".to_owned()] id=LIST_MESSAGE />
                <div class="live" aria-live="polite">
                    <FieldErrorText id="rename-error".to_owned() error=about(error.into(), "name", "The new name") />
                </div>
                {empty}
                <ul class="cards cards-list">
                    <For
                        each=move || saved.get()
                        key=|one| (one.id, one.name.clone())
                        children=move |one| view! { <Saved one=one run=run rename=rename delete=delete /> }
                    />
                </ul>
            </section>
            <section class="section" aria-labelledby="save-title">
                <h2 id="save-title">"Save a search"</h2>
                <div class="panel">
                    <SaveForm save=save />
                </div>
            </section>
        </div>
    }
    .into_any()
}

#[component]
fn Saved(
    one: SavedView,
    run: Post<SearchId>,
    rename: Post<Vec<SavedView>>,
    delete: Post<Vec<SavedView>>,
) -> impl IntoView {
    let id = one.id;
    let field = format!("name-{id}");
    let name = one.name.clone();
    let about_run = one.name.clone();
    let whose = move || view! { <span class="visually-hidden">{format!(" {name}")}</span> };
    let busy = Signal::derive(move || run.sends("id", &id.to_string()));
    let deleting = Signal::derive(move || delete.sends("id", &id.to_string()));
    view! {
        <li class="card card-plain">
            <div class="card-body">
                <div class="card-head">
                    <div>
                        <h3>{one.name.clone()}</h3>
                        <p class="muted">{summary(&one.request)}</p>
                    </div>
                    <PostForm action=run>
                        <FormNumber />
                        <input type="hidden" name="id" value=id.to_string() />
                        <BusyButton busy=busy label="Run" busy_label="Starting…" about=about_run />
                    </PostForm>
                </div>
                <div class="saved-more">
                    <a class="button button-quiet" href=again_path(&one.request)>
                        "Open in the form"
                    </a>
                    <details class="confirm">
                        <summary class="button button-quiet">"Rename" {whose()}</summary>
                        <PostForm action=rename>
                            <input type="hidden" name="id" value=id.to_string() />
                            <div class="field">
                                <label for=field.clone()>"New name"</label>
                                <input
                                    id=field
                                    name="name"
                                    type="text"
                                    required
                                    maxlength="80"
                                    autocomplete="off"
                                    aria-describedby="rename-error"
                                    value=one.name.clone()
                                />
                            </div>
                            <BusyButton busy=rename.pending() label="Rename it" busy_label="Renaming…" />
                        </PostForm>
                    </details>
                    <details class="confirm">
                        <summary class="button button-quiet">"Delete" {whose()}</summary>
                        <p>"What it has found stays among your searches."</p>
                        <PostForm action=delete>
                            <input type="hidden" name="id" value=id.to_string() />
                            <BusyButton
                                kind=ButtonKind::Danger
                                busy=deleting
                                label="Delete it"
                                busy_label="Deleting…"
                            />
                        </PostForm>
                    </details>
                </div>
            </div>
        </li>
    }
    .into_any()
}

/// What is searched, and what it costs at the most.
fn summary(request: &SearchRequest) -> String {
    let SearchRequest { engine, limit, .. } = request;
    let searches = match request.pages() {
        1 => "1 search".to_owned(),
        pages => format!("up to {pages} searches"),
    };
    format!("{}: {}, {limit} results, {searches}", engine.label(), SearchView::title_of(request))
}

/// Saves a search. What the address gives is filled in.
#[component]
fn SaveForm(save: Post<Vec<SavedView>>) -> impl IntoView {
    let error: Signal<Option<AppError>> = Signal::derive(move || save.error());
    mind(save.version(), error, FORM, MESSAGE);
    let given = Given::by_address();
    let (engine, limit) = (RwSignal::new(given.engine), RwSignal::new(given.limit));
    let query = given.query.clone();
    let fields = ["name", "engine", "query", "place", "language", "country", "limit"].map(str::to_owned);
    view! {
        <div id=FORM>
            <PostForm action=save>
                <TextField
                    name="name"
                    label="Name"
                    autocomplete="off"
                    help="Such as bakers of Berlin."
                    value=in_address("name")
                    error=about(error, "name", "Name")
                />
                <Engines engine=engine error=error />
                <div class="search-fields">
                    <What query=query error=error />
                    <Fields given=given engine=engine limit=limit how_many="How many" error=error />
                </div>
                <ErrorNotice error=error fields=fields id=MESSAGE />
                <div class="actions">
                    <BusyButton busy=save.pending() label="Save" busy_label="Saving…" />
                    <p class="field-help">"Saving starts nothing and costs nothing."</p>
                </div>
            </PostForm>
        </div>
    }
    .into_any()
}
