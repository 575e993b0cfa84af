use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::choices::{COUNTRIES, LANGUAGES};
use crate::{
    api::scraper::StartSearch,
    app::{
        guard::Guard,
        links::with_query,
        post::{Post, PostForm},
        ui::{BusyButton, ButtonKind, ErrorNotice, FieldErrorText, TextField, focus_first_invalid},
    },
    model::{
        error::{AppError, ErrorCode},
        scraper::{LIMIT_MAX, PAGE_SIZE, SearchRequest},
        service::ServiceId,
    },
};

/// The id of the form, for the focus.
const FORM: &str = "search-form";
/// The id of the message about the whole form.
const MESSAGE: &str = "search-message";

/// The page with the form filled in as for this search.
pub(super) fn again_path(request: &SearchRequest) -> String {
    let (place, limit) = (request.place.to_string(), request.limit.to_string());
    let given = [
        ("query", Some(request.query.as_str())),
        ("place", Some(place.as_str())),
        ("language", request.language.as_deref()),
        ("country", request.country.as_deref()),
        ("limit", Some(limit.as_str())),
    ];
    let path = ServiceId::DataScraper.path();
    with_query(path, given.into_iter().filter_map(|(name, value)| Some((name, value?))))
}

/// Starts a search. Its page follows by itself. What the address gives is filled in.
#[component]
pub(super) fn SearchForm() -> impl IntoView {
    let start = Post::to::<StartSearch>();
    let error = Signal::derive(move || start.error());
    let guard = use_context::<Guard>();
    Effect::new(move |_| {
        if start.version().get() == 0 {
            return;
        }
        match error.with(|error| error.as_ref().map(|error| error.code)) {
            Some(ErrorCode::MissingApiKeys) => {
                if let Some(guard) = guard {
                    guard.ask_again();
                }
            }
            Some(_) => focus_first_invalid(FORM, MESSAGE),
            None => {}
        }
    });
    let address = use_query_map().get_untracked();
    let given = |name: &str| address.get(name).unwrap_or_default();
    let chosen = |name: &str| address.get(name).filter(|code| !code.is_empty());
    let (query, place) = (given("query"), given("place"));
    let (language, country) = (chosen("language"), chosen("country"));
    let limit = given("limit").parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    let limit = limit.unwrap_or(PAGE_SIZE);
    let fields = ["query", "place", "language", "country", "limit"].map(str::to_owned);
    view! {
        <div id=FORM>
            <PostForm action=start>
                <div class="search-fields">
                    <TextField
                        name="query"
                        label="What"
                        autocomplete="off"
                        help="Such as bakery, or dentist for children."
                        value=query
                        error=about(error, "query", "What")
                    />
                    <TextField
                        name="place"
                        label="Where"
                        autocomplete="off"
                        help="A town, such as Berlin, Germany, or coordinates: 52.52, 13.405"
                        value=place
                        error=about(error, "place", "Where")
                    />
                    <div class="field">
                        <label for="limit">"How many"</label>
                        <select id="limit" name="limit" aria-describedby="limit-error">
                            {limits(limit)}
                        </select>
                        <FieldErrorText id="limit-error".to_owned() error=about(error, "limit", "How many") />
                    </div>
                    <Choice
                        name="language"
                        label="Language of the results"
                        chosen=language
                        offered=&LANGUAGES
                        error=about(error, "language", "Language")
                    />
                    <Choice
                        name="country"
                        label="Country"
                        chosen=country
                        offered=&COUNTRIES
                        error=about(error, "country", "Country")
                    />
                </div>
                <ErrorNotice error=error provider="SerpAPI" fields=fields id=MESSAGE />
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

/// The sentence about one field.
pub(super) fn about(
    error: Signal<Option<AppError>>,
    name: &'static str,
    label: &'static str,
) -> Signal<Option<String>> {
    Signal::derive(move || error.with(|error| Some(error.as_ref()?.errors.get(name)?.sentence(label))))
}

/// Whole pages, each with its price; an odd number that was asked for by other means stays on offer.
pub(super) fn limits(chosen: u32) -> impl IntoView {
    let mut offered: Vec<_> = (1..=LIMIT_MAX / PAGE_SIZE).map(|pages| pages * PAGE_SIZE).collect();
    if !offered.contains(&chosen) {
        offered.push(chosen);
        offered.sort_unstable();
    }
    offered
        .into_iter()
        .map(|limit| {
            let label = match limit.div_ceil(PAGE_SIZE) {
                1 => format!("{limit} results, 1 search"),
                pages => format!("{limit} results, {pages} searches"),
            };
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
pub(super) fn Choice(
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
