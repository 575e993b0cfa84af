use leptos::{html, prelude::*, task::spawn_local, web_sys};
use leptos_meta::Title;

use super::form::{Engines, Fields, Given, names};
use crate::{
    api::{
        scraper::{AskSearchesLeft, StartBatch},
        wire::ask,
    },
    app::{
        asked::Asked,
        guard::ApiKeyGuard,
        pages::work::{about, in_address, mind},
        post::{Post, PostForm},
        ui::{BusyButton, ButtonKind, ErrorNotice, FieldErrorText, FormNumber, grouped, part},
    },
    model::{
        scraper::{BatchEstimate, Engine, QUERIES_MAX, queries, queries_of_file},
        service::ServiceId,
    },
};

const FORM: &str = "batch-form";
const MESSAGE: &str = "batch-message";

/// Starts several searches at once.
#[component]
pub fn BatchStartPage() -> impl IntoView {
    view! {
        <Title text="Several searches" />
        <ApiKeyGuard
            service=ServiceId::DataScraper
            blocked_extra=|| view! { <a href=ServiceId::DataScraper.path()>"Earlier searches"</a> " and their results stay available." }
        >
            <div class="page">
                <h1>"Several searches at once"</h1>
                <p class="page-lead">
                    "One place, many queries. What several of them find is listed once."
                </p>
                <p>
                    <a href=ServiceId::DataScraper.path()>"One search at a time"</a>
                </p>
                <div class="panel">
                    <BatchForm />
                </div>
            </div>
        </ApiKeyGuard>
    }
}

#[component]
fn BatchForm() -> impl IntoView {
    let start = Post::to::<StartBatch>();
    let error = Signal::derive(move || start.error());
    mind(start.version(), error, FORM, MESSAGE);
    let given = Given::by_address();
    let (engine, limit) = (RwSignal::new(given.engine), RwSignal::new(given.limit));
    let text = RwSignal::new(in_address("queries"));
    let left = Asked::<Option<i64>>::once(|| ask(AskSearchesLeft {}));
    view! {
        <div id=FORM>
            <PostForm action=start>
                <FormNumber />
                <Engines engine=engine error=error />
                <Queries text=text error=about(error, "queries", "Queries") />
                <div class="search-fields">
                    <Fields given=given engine=engine limit=limit how_many="How many of each" error=error />
                </div>
                <ErrorNotice error=error provider="SerpAPI" fields=names("queries") id=MESSAGE />
                <div class="actions">
                    <BusyButton
                        kind=ButtonKind::Primary
                        busy=start.pending()
                        label="Start all"
                        busy_label="Starting…"
                    />
                    <Transition fallback=|| ()>
                        {move || Suspend::new(async move {
                            let left = left.await.ok().flatten();
                            view! { <Estimate text=text engine=engine limit=limit left=left /> }
                        })}
                    </Transition>
                </div>
            </PostForm>
        </div>
    }
    .into_any()
}

/// The queries, typed, pasted or read from a file.
#[component]
fn Queries(text: RwSignal<String>, error: Signal<Option<String>>) -> impl IntoView {
    let area = NodeRef::<html::Textarea>::new();
    // What was typed before the page came alive stays.
    Effect::new(move |_| {
        if let Some(area) = area.get() {
            text.set(area.value());
        }
    });
    let read = move |event: web_sys::Event| {
        let input: web_sys::HtmlInputElement = event_target(&event);
        spawn_local(async move {
            if let (Some((name, content)), Some(area)) = (chosen(&input).await, area.get_untracked()) {
                area.set_value(&queries_of_file(&name, &content).join("\n"));
                text.set(area.value());
            }
        });
    };
    let alive = RwSignal::new(false);
    Effect::new(move |_| alive.set(true));
    // Without JavaScript a file cannot be read, and its lines are pasted instead.
    let file = part(move || {
        alive.get().then(|| {
            view! {
                <div class="field">
                    <label for="queries-file">"Or a file"</label>
                    <input id="queries-file" type="file" accept=".txt,.csv,text/plain,text/csv" on:change=read />
                    <p class="field-help">
                        "A text with one query in each line, or a table whose first column has them. It is read here, and you can still change it."
                    </p>
                </div>
            }
            .into_any()
        })
    });
    view! {
        <div class="field">
            <label for="queries">"Queries"</label>
            <textarea
                id="queries"
                name="queries"
                rows="8"
                required
                spellcheck="false"
                autocapitalize="none"
                aria-describedby="queries-help queries-error"
                aria-invalid=move || error.read().is_some().then_some("true")
                node_ref=area
                on:input=move |event| text.set(event_target_value(&event))
            >
                {text.get_untracked()}
            </textarea>
            <p class="field-help" id="queries-help">
                {format!("One in each line, such as bakery or dentist for children; at most {QUERIES_MAX}.")}
            </p>
            <FieldErrorText id="queries-error".to_owned() error=error />
        </div>
        {file}
    }
    .into_any()
}

/// What it costs at the most, and what is left.
#[component]
fn Estimate(
    text: RwSignal<String>,
    engine: RwSignal<Engine>,
    limit: RwSignal<u32>,
    left: Option<i64>,
) -> impl IntoView {
    let sentence = part(move || {
        let left_words = left.map(|left| format!(" SerpAPI has {} left.", grouped(left))).unwrap_or_default();
        let mut distinct = text.with(|text| queries(text));
        distinct.iter_mut().for_each(|query| *query = query.to_lowercase());
        distinct.sort_unstable();
        distinct.dedup();
        let queries = u32::try_from(distinct.len()).unwrap_or(u32::MAX);
        if queries == 0 {
            return format!("Each query takes as many searches as it has pages.{left_words}");
        }
        let searches = queries.saturating_mul(limit.get().div_ceil(engine.get().page_size()));
        let estimate = BatchEstimate { queries, searches, left };
        let take = if queries == 1 { "query takes" } else { "queries take" };
        let unit = if searches == 1 { "search" } else { "searches" };
        let warning = if estimate.may_run_out() { " They may run out half-way." } else { "" };
        format!("{queries} {take} up to {} {unit}.{left_words}{warning}", grouped(i64::from(searches)))
    });
    view! {
        <p class="field-help" aria-live="polite">
            {sentence}
        </p>
    }
}

/// Name and content of the file that was chosen.
async fn chosen(input: &web_sys::HtmlInputElement) -> Option<(String, String)> {
    #[cfg(target_arch = "wasm32")]
    {
        let file = input.files()?.get(0)?;
        let content = wasm_bindgen_futures::JsFuture::from(file.text()).await.ok()?.as_string()?;
        Some((file.name(), content))
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = input;
        None
    }
}
