//! The operator's page: how the installation does, over all users and without telling anything of a single one.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::tables::ranges;
use crate::{
    api::{operator::ReadHealth, wire::ask},
    app::{
        asked::Asked,
        links::with_query,
        problem::Problem,
        ui::{Moment, Phrase, duration, grouped},
    },
    model::{
        operator::{
            CallHealth, FEW, FEW_USERS, HealthReport, KeysAlike, ProviderHealth, RANGES, ServiceReach,
        },
        usage::Range,
    },
};

/// Where it is.
pub const HEALTH: &str = "/operator/health";

/// The page.
#[component]
pub fn OperatorHealthPage() -> impl IntoView {
    let query = use_query_map();
    let range = Memo::<Range>::new(move |_| {
        let asked = query.with(|query| query.get_str("range")?.parse().ok());
        asked.filter(|range| RANGES.contains(range)).unwrap_or_default()
    });
    let asked = Asked::<HealthReport>::for_each(
        move || range.get().to_string(),
        move || ask(ReadHealth { range: range.get_untracked() }),
    );
    view! {
        <Title text="Health of this installation" />
        <div class="page">
            <div class="section-head">
                <h1>"Health of this installation"</h1>
                {ranges(&RANGES, range, |range| with_query(HEALTH, [("range", range.code())]))}
            </div>
            <Transition fallback=|| {
                view! { <div class="page-waiting" aria-busy="true"></div> }
            }>
                {move || Suspend::new(async move {
                    match asked.await {
                        Ok(report) => shown(report),
                        Err(error) => view! { <Problem error=error /> }.into_any(),
                    }
                })}
            </Transition>
        </div>
    }
}

fn shown(report: HealthReport) -> AnyView {
    let HealthReport { at, users, providers, services, range, .. } = report;
    view! {
        <p class="page-lead">
            "Over all users. A figure behind which fewer than 5 users stand is not shown. As of "
            <Moment at=at phrase=Phrase::Ago /> "."
        </p>
        {calls(&providers, range)}
        <p class="muted">
            "Succeeded: what was asked was done. Answered: the provider said something, be it a refusal. What was called off is not counted. Times are rounded up. Few: fewer than 5 users stand behind it, or none at all, so it is not told."
        </p>
        {keys(&providers)}
        {reach(&services, users)}
    }
    .into_any()
}

fn calls(providers: &[ProviderHealth], range: Range) -> AnyView {
    let rows = providers.iter().map(|provider| {
        let cells = match &provider.calls {
            Some(calls) => {
                figures(calls).map(|figure| view! { <td class="number">{figure}</td> }.into_any()).into()
            }
            None => vec![
                view! {
                    <td class="muted" colspan=COLUMNS.len()>
                        {FEW_USERS}
                    </td>
                }
                .into_any(),
            ],
        };
        row(provider.name.clone(), cells)
    });
    let columns = COLUMNS.map(|column| (column, "number"));
    let what = format!("Calls to providers in the last {}", range.label());
    section("calls", what, "Provider", &columns, rows.collect())
}

const COLUMNS: [&str; 7] = ["Calls", "Succeeded", "Answered", "Not answered", "p50", "p95", "p99"];

/// What [`COLUMNS`] name.
fn figures(calls: &CallHealth) -> [String; COLUMNS.len()] {
    let few = || FEW.to_owned();
    let percent = |value: Option<f64>| value.map_or_else(few, |value| format!("{value:.1} %"));
    let took = |value: Option<i64>| value.map_or_else(few, |value| duration(Some(value)));
    [
        grouped(calls.calls),
        percent(calls.success_percent()),
        percent(calls.available_percent()),
        calls.unanswered.map_or_else(few, grouped),
        took(calls.p50_ms),
        took(calls.p95_ms),
        took(calls.p99_ms),
    ]
}

fn keys(providers: &[ProviderHealth]) -> AnyView {
    let rows = providers.iter().map(|provider| {
        let told = |alike: &KeysAlike| format!("{} {}", grouped(alike.keys), alike.label());
        let mut told: Vec<_> = provider.keys.iter().map(told).collect();
        told.push(if told.is_empty() { FEW_USERS.to_owned() } else { format!("else {FEW_USERS} each") });
        row(provider.name.clone(), vec![words(told.join(", "))])
    });
    section("keys", "Keys".to_owned(), "Provider", &[("How they stand", "words")], rows.collect())
}

fn reach(services: &[ServiceReach], users: Option<i64>) -> AnyView {
    let rows =
        services.iter().map(|reach| row(reach.service.name().to_owned(), vec![words(reach.told(users))]));
    section(
        "reach",
        "Services that are set up".to_owned(),
        "Service",
        &[("Open for", "words")],
        rows.collect(),
    )
}

fn words(told: String) -> AnyView {
    let class = if told == FEW_USERS { "words muted" } else { "words" };
    view! { <td class=class>{told}</td> }.into_any()
}

fn row(name: String, cells: Vec<AnyView>) -> AnyView {
    view! {
        <tr>
            <th scope="row">{name}</th>
            {cells}
        </tr>
    }
    .into_any()
}

fn section(
    id: &'static str,
    heading: String,
    first: &'static str,
    columns: &[(&'static str, &'static str)],
    rows: Vec<AnyView>,
) -> AnyView {
    let head = columns.iter().map(|(name, class)| {
        view! {
            <th scope="col" class=*class>
                {*name}
            </th>
        }
    });
    // Two regions of one name could not be told apart.
    let around = format!("Table: {heading}");
    let class = if columns.len() > 1 { "usage figures" } else { "usage usage-steps figures" };
    view! {
        <section class="section" aria-labelledby=id>
            <h2 id=id>{heading}</h2>
            <div class="panel panel-flush">
                <div class="table-scroll" role="region" aria-label=around tabindex="0">
                    <table class=class aria-labelledby=id>
                        <thead>
                            <tr>
                                <th scope="col">{first}</th>
                                {head.collect_view()}
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </div>
        </section>
    }
    .into_any()
}
