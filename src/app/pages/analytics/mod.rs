mod chart;
mod costs;
mod quotas;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use self::chart::Chart;
use crate::{
    api::{analytics::ReadUsage, wire::ask},
    app::{
        asked::Asked,
        guard::ApiKeyGuard,
        links::with_query,
        problem::Problem,
        ui::{Moment, Phrase, grouped},
    },
    model::{
        provider::provider_name,
        report::UsageTable,
        service::ServiceId,
        usage::{Failure, Operation, Range, Totals, UsageReport},
    },
};

/// Analytics: what keys were used for, what failed, how long it took.
#[component]
pub fn AnalyticsPage() -> impl IntoView {
    let query = use_query_map();
    let range = Memo::new(move |_| {
        query.with(|query| query.get_str("range").and_then(|range| range.parse().ok())).unwrap_or_default()
    });
    // The server does not know the browser's zone; days are in UTC until the page is alive.
    let offset = RwSignal::new(0);
    Effect::new(move |_| offset.set(zone_offset()));
    // Here and not behind the guard: what is asked for must come in the same order on the server and in the browser.
    let asked = Asked::<UsageReport>::for_each(
        move || format!("{} {}", range.get(), offset.get()),
        move || ask(ReadUsage { range: range.get_untracked(), offset: offset.get_untracked() }),
    );
    view! {
        <Title text=ServiceId::Analytics.name() />
        <ApiKeyGuard service=ServiceId::Analytics>
            <Usage asked=asked range=range offset=offset />
        </ApiKeyGuard>
    }
}

#[component]
fn Usage(asked: Asked<UsageReport>, range: Memo<Range>, offset: RwSignal<i32>) -> impl IntoView {
    // Whoever has just brought the first key has had calls since.
    Effect::new(move |_| {
        if matches!(asked.get_untracked(), Some(Ok(report)) if report.totals.calls == 0) {
            asked.refetch();
        }
    });
    view! {
        <div class="page">
            <div class="section-head">
                <h1>{ServiceId::Analytics.name()}</h1>
                <Ranges chosen=range />
            </div>
            <Transition fallback=|| {
                view! { <div class="page-waiting" aria-busy="true"></div> }
            }>
                {move || Suspend::new(async move {
                    match asked.await {
                        Ok(report) => {
                            view! { <Report report=report offset=offset.get_untracked() /> }.into_any()
                        }
                        Err(error) => view! { <Problem error=error /> }.into_any(),
                    }
                })}
            </Transition>
        </div>
    }
    .into_any()
}

/// Minutes that the browser's zone is ahead of UTC.
fn zone_offset() -> i32 {
    #[cfg(target_arch = "wasm32")]
    return -(js_sys::Date::new_0().get_timezone_offset() as i32);
    #[cfg(not(target_arch = "wasm32"))]
    return 0;
}

#[component]
fn Ranges(chosen: Memo<Range>) -> impl IntoView {
    let links = Range::ALL.map(|range| {
        let href = with_query(ServiceId::Analytics.path(), [("range", range.code())]);
        let current = move || (chosen.get() == range).then_some("true");
        view! {
            <li>
                <a href=href aria-current=current data-noscroll>
                    {range.label()}
                </a>
            </li>
        }
    });
    view! {
        <nav aria-label="Time range">
            <ul class="ranges">{links.into_iter().collect_view()}</ul>
        </nav>
    }
    .into_any()
}

#[component]
fn Report(report: UsageReport, offset: i32) -> impl IntoView {
    if report.totals.calls == 0 && report.before.calls == 0 {
        return view! {
            <p class="muted">
                "No call in this time. Every check of a key and every call of a service will be counted here."
            </p>
        }
        .into_any();
    }
    let UsageReport { range, totals, before, operations, costs, failures, steps, quotas, .. } = report;
    let csv = |table, of| csv_link(table, of, range, offset);
    let (of_steps, of_operations) =
        (csv(UsageTable::Steps, "calls over time"), csv(UsageTable::Operations, "operations"));
    let (of_costs, of_failures) = (csv(UsageTable::Costs, "costs"), csv(UsageTable::Failures, "what failed"));
    view! {
        <Figures totals=totals before=before range=range />
        <Chart range=range steps=steps offset=offset csv=of_steps />
        {quotas::quotas(quotas, offset, csv(UsageTable::Quotas, "quotas"))}
        <Operations operations=operations csv=of_operations />
        {costs::costs(costs, of_costs)}
        <Failures failures=failures csv=of_failures />
    }
    .into_any()
}

/// A table as a file, for the range that is shown.
fn csv_link(table: UsageTable, of: &'static str, range: Range, offset: i32) -> AnyView {
    view! {
        <a class="csv" href=table.path(range, offset) download="" rel="external">
            "CSV"
            <span class="visually-hidden">{format!(" of {of}")}</span>
        </a>
    }
    .into_any()
}

#[component]
fn Figures(totals: Totals, before: Totals, range: Range) -> impl IntoView {
    let percent = |totals: &Totals| totals.success_percent().map(|percent| format!("{percent:.1} %"));
    let milliseconds = |value: Option<i64>| value.map(duration);
    let count = |value: i64| Some(grouped(value));
    let figures = [
        ("Calls", count(totals.calls), count(before.calls)),
        ("Succeeded", percent(&totals), percent(&before)),
        ("Half took at most", milliseconds(totals.p50_ms), milliseconds(before.p50_ms)),
        ("95 % took at most", milliseconds(totals.p95_ms), milliseconds(before.p95_ms)),
    ];
    let figures = figures.map(|(name, now, before)| {
        view! {
            <div class="figure">
                <dt>{name}</dt>
                <dd>
                    <strong>{now.unwrap_or_else(|| "–".to_owned())}</strong>
                    <span class="muted">{before.map(|before| format!("before: {before}"))}</span>
                </dd>
            </div>
        }
    });
    view! {
        <dl class="figure-row figures" aria-label=format!("The last {}", range.label())>
            {figures.into_iter().collect_view()}
        </dl>
    }
    .into_any()
}

/// Milliseconds for people.
fn duration(milliseconds: i64) -> String {
    match milliseconds {
        ..1_000 => format!("{milliseconds} ms"),
        _ => format!("{:.1} s", milliseconds as f64 / 1_000.0),
    }
}

#[component]
fn Operations(operations: Vec<Operation>, csv: AnyView) -> impl IntoView {
    let rows = operations.into_iter().map(|row| {
        let totals = row.totals;
        let service = row.service.map_or("Key checks", ServiceId::name);
        let took = |value: Option<i64>| value.map_or_else(|| "–".to_owned(), duration);
        let succeeded = totals.success_percent().map(|percent| format!("{percent:.1} %"));
        view! {
            <tr>
                <th scope="row">{provider_name(&row.provider)}</th>
                <td>{service}</td>
                <td>{row.operation.replace('_', " ")}</td>
                <td class="number">{grouped(totals.calls)}</td>
                <td class="number">{succeeded}</td>
                <td class="number">{grouped(totals.units)}</td>
                <td class="number">{took(totals.p50_ms)}</td>
                <td class="number">{took(totals.p95_ms)}</td>
                <td class="number">{took(totals.p99_ms)}</td>
            </tr>
        }
    });
    view! {
        <section class="section" aria-labelledby="operations">
            <div class="section-head">
                <h2 id="operations">"What was asked"</h2>
                {csv}
            </div>
            <div class="panel panel-flush">
                <div class="table-scroll" role="region" aria-label="Table of operations" tabindex="0">
                    <table class="usage figures">
                        {head(
                            &["Provider", "For", "Operation"],
                            &["Calls", "Succeeded", "Units", "p50", "p95", "p99"],
                        )}
                        <tbody>{rows.collect_view()}</tbody>
                    </table>
                </div>
            </div>
            <p class="muted">
                "Units are what the provider counts, such as searches or characters. Times are rounded up."
            </p>
        </section>
    }
    .into_any()
}

/// The head of a table: first the columns with words, then those with numbers.
fn head(words: &[&'static str], numbers: &[&'static str]) -> AnyView {
    let cell = |name: &'static str, class| {
        view! {
            <th scope="col" class=class>
                {name}
            </th>
        }
    };
    let words = words.iter().map(|name| cell(name, None));
    let numbers = numbers.iter().map(|name| cell(name, Some("number")));
    view! {
        <thead>
            <tr>{words.chain(numbers).collect_view()}</tr>
        </thead>
    }
    .into_any()
}

#[component]
fn Failures(failures: Vec<Failure>, csv: AnyView) -> impl IntoView {
    let content = if failures.is_empty() {
        view! { <p class="muted">"Nothing failed."</p> }.into_any()
    } else {
        let rows = failures.into_iter().map(|failure| {
            let (what, helps) = failure.explanation();
            let times = match failure.calls {
                1 => "once".to_owned(),
                calls => format!("{} times", grouped(calls)),
            };
            let provider = provider_name(&failure.provider);
            let href = format!("/settings/api-keys#card-{}", failure.provider);
            view! {
                <li class="card card-plain">
                    <div class="card-body">
                        <h3>{what}</h3>
                        <p class="muted">
                            {format!("{provider}, {times}, last ")} <Moment at=failure.last_at phrase=Phrase::Ago />
                        </p>
                        <p>
                            {helps} " "
                            <a href=href>
                                "To the key" <span class="visually-hidden">{format!(" of {provider}")}</span>
                            </a>
                        </p>
                    </div>
                </li>
            }
        });
        view! { <ul class="cards cards-list">{rows.collect_view()}</ul> }.into_any()
    };
    view! {
        <section class="section" aria-labelledby="failures">
            <div class="section-head">
                <h2 id="failures">"What failed"</h2>
                {csv}
            </div>
            {content}
        </section>
    }
    .into_any()
}
