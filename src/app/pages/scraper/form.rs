use leptos::{html, prelude::*};
use leptos_router::hooks::use_query_map;

use super::choices::{COUNTRIES, LANGUAGES};
use crate::{
    api::scraper::StartSearch,
    app::{
        links::with_query,
        pages::work::{about, mind},
        post::{Post, PostForm},
        ui::{BusyButton, ButtonKind, ErrorNotice, FieldErrorText, FormNumber, TextField, part},
    },
    model::{
        error::AppError,
        scraper::{Engine, LIMIT_MAX, LIMIT_STEP, SearchRequest},
        service::ServiceId,
    },
};

/// The id of the form, for the focus.
const FORM: &str = "search-form";
/// The id of the message about the whole form.
const MESSAGE: &str = "search-message";

/// The page with the form filled in as for this search.
pub(super) fn again_path(request: &SearchRequest) -> String {
    filled_in(ServiceId::DataScraper.path(), request)
}

/// The page at `path` with its form filled in as for this search.
pub(super) fn filled_in(path: &str, request: &SearchRequest) -> String {
    let (place, limit) = (request.place.to_string(), request.limit.to_string());
    let given = [
        ("engine", Some(request.engine.code())),
        ("query", Some(request.query.as_str())),
        ("place", Some(place.as_str())),
        ("language", request.language.as_deref()),
        ("country", request.country.as_deref()),
        ("limit", Some(limit.as_str())),
    ];
    with_query(path, given.into_iter().filter_map(|(name, value)| Some((name, value?))))
}

/// What a form shows at first.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) engine: Engine,
    pub(super) query: String,
    pub(super) place: String,
    pub(super) language: Option<String>,
    pub(super) country: Option<String>,
    pub(super) limit: u32,
}

impl Given {
    /// What the address of the page says.
    pub(super) fn by_address() -> Self {
        let address = use_query_map().get_untracked();
        let given = |name: &str| address.get(name).unwrap_or_default();
        let chosen = |name: &str| address.get(name).filter(|code| !code.is_empty());
        let limit = given("limit").parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        Self {
            engine: given("engine").parse().unwrap_or_default(),
            query: given("query"),
            place: given("place"),
            language: chosen("language"),
            country: chosen("country"),
            limit: limit.unwrap_or(LIMIT_STEP),
        }
    }
}

/// Starts a search. Its page follows by itself. What the address gives is filled in.
#[component]
pub(super) fn SearchForm() -> impl IntoView {
    let start = Post::to::<StartSearch>();
    let error = Signal::derive(move || start.error());
    mind(start.version(), error, FORM, MESSAGE);
    let given = Given::by_address();
    let (engine, limit) = (RwSignal::new(given.engine), RwSignal::new(given.limit));
    let query = given.query.clone();
    view! {
        <div id=FORM>
            <PostForm action=start>
                <FormNumber />
                <Engines engine=engine error=error />
                <div class="search-fields">
                    <What query=query error=error />
                    <Fields given=given engine=engine limit=limit how_many="How many" error=error />
                </div>
                <ErrorNotice error=error provider="SerpAPI" fields=names("query") id=MESSAGE />
                <div class="actions">
                    <BusyButton
                        kind=ButtonKind::Primary
                        busy=start.pending()
                        label="Search"
                        busy_label="Starting…"
                    />
                    <p class="field-help">
                        "Pages that SerpAPI still has from the last hour cost nothing. A search never takes more pages than you choose here."
                    </p>
                </div>
            </PostForm>
        </div>
    }
    .into_any()
}

/// The fields of a form; `query` is the name of the one that not all forms have.
pub(super) fn names(query: &str) -> [String; 6] {
    ["engine", query, "place", "language", "country", "limit"].map(str::to_owned)
}

/// What is asked.
#[component]
pub(super) fn Engines(engine: RwSignal<Engine>, error: Signal<Option<AppError>>) -> impl IntoView {
    let chosen = engine.get_untracked();
    let group = NodeRef::<html::Fieldset>::new();
    // What was chosen before the page came alive stays.
    Effect::new(move |_| {
        let checked = group.get().and_then(|group| group.query_selector("input:checked").ok()?);
        let value = checked.and_then(|input| input.get_attribute("value"));
        if let Some(now) = value.and_then(|value| value.parse().ok()) {
            engine.set(now);
        }
    });
    let choices = Engine::ALL
        .into_iter()
        .map(|one| {
            view! {
                <label class="check">
                    <input
                        type="radio"
                        name="engine"
                        value=one.code()
                        checked=one == chosen
                        on:change=move |_| engine.set(one)
                    />
                    <span>{one.label()}</span>
                </label>
            }
            .into_any()
        })
        .collect_view();
    view! {
        <fieldset class="checks checks-row" node_ref=group>
            <legend>"Search"</legend>
            {choices}
            <FieldErrorText id="engine-error".to_owned() error=about(error, "engine", "Search") />
        </fieldset>
    }
    .into_any()
}

/// What is looked for.
#[component]
pub(super) fn What(query: String, error: Signal<Option<AppError>>) -> impl IntoView {
    view! {
        <TextField
            name="query"
            label="What"
            autocomplete="off"
            help="Such as bakery, or dentist for children."
            value=query
            error=about(error, "query", "What")
        />
    }
    .into_any()
}

/// Where, how many and in which language.
#[component]
pub(super) fn Fields(
    given: Given,
    engine: RwSignal<Engine>,
    limit: RwSignal<u32>,
    how_many: &'static str,
    error: Signal<Option<AppError>>,
) -> impl IntoView {
    let options = limits(given.limit, engine);
    view! {
        <TextField
            name="place"
            label="Where"
            autocomplete="off"
            help="A town, such as Berlin, Germany. On Google Maps also coordinates: 52.52, 13.405. The web needs no place."
            value=given.place
            depends=true
            error=about(error, "place", "Where")
        />
        <div class="field">
            <label for="limit">{how_many}</label>
            <select
                id="limit"
                name="limit"
                aria-describedby="limit-error"
                on:change=move |event| limit.set(event_target_value(&event).parse().unwrap_or(LIMIT_STEP))
            >
                {options}
            </select>
            <FieldErrorText id="limit-error".to_owned() error=about(error, "limit", how_many) />
        </div>
        <Choice
            name="language"
            label="Language of the results"
            chosen=given.language
            offered=&LANGUAGES
            error=about(error, "language", "Language")
        />
        <Choice
            name="country"
            label="Country"
            chosen=given.country
            offered=&COUNTRIES
            error=about(error, "country", "Country")
        />
    }
    .into_any()
}

/// What they cost stands beside the numbers; an odd one that was asked for by other means stays on offer.
fn limits(chosen: u32, engine: RwSignal<Engine>) -> impl IntoView {
    let mut offered: Vec<_> = (1..=LIMIT_MAX / LIMIT_STEP).map(|steps| steps * LIMIT_STEP).collect();
    if !offered.contains(&chosen) {
        offered.push(chosen);
        offered.sort_unstable();
    }
    offered
        .into_iter()
        .map(|limit| {
            let label = part(move || match limit.div_ceil(engine.get().page_size()) {
                1 => format!("{limit} results, 1 search"),
                pages => format!("{limit} results, {pages} searches"),
            });
            view! {
                <option value=limit.to_string() selected=limit == chosen>
                    {label}
                </option>
            }
            .into_any()
        })
        .collect_view()
}

/// A choice by code, with none as the first.
#[component]
fn Choice(
    name: &'static str,
    label: &'static str,
    chosen: Option<String>,
    offered: &'static [(&'static str, &'static str)],
    #[prop(into)] error: Signal<Option<String>>,
) -> impl IntoView {
    let error_id = format!("{name}-error");
    let other = chosen.clone().filter(|chosen| offered.iter().all(|(code, _)| code != chosen));
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <select id=name name=name aria-describedby=error_id.clone()>
                <option value="">"Google's choice"</option>
                {other.map(|code| view! { <option value=code.clone() selected=true>{code.clone()}</option> }.into_any())}
                {offered
                    .iter()
                    .map(|(code, label)| {
                        let selected = chosen.as_deref() == Some(*code);
                        view! {
                            <option value=*code selected=selected>
                                {*label}
                            </option>
                        }.into_any()
                    })
                    .collect_view()}
            </select>
            <FieldErrorText id=error_id error=error />
        </div>
    }
    .into_any()
}
