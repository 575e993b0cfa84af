mod availability;
mod chart;
mod costs;
mod quotas;
mod setup;
mod versions;

use std::time::Duration;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use self::chart::Chart;
use super::tables::{head, ranges};
use crate::{
    api::{analytics::ReadUsage, wire::ask},
    app::{
        asked::Asked,
        guard::ApiKeyGuard,
        links::with_query,
        problem::Problem,
        ui::{Moment, Phrase, duration, grouped},
    },
    model::{
        ids::ProviderId,
        provider::provider_name,
        report::{AnalyticsPage as Page, Failure, UsageTable},
        service::ServiceId,
        usage::{Operation, Range, Totals, UsageReport},
    },
};

/// How often the report of a day is read again.
const AGAIN: Duration = Duration::from_secs(10);
/// A longer range changes less, and is more to read.
const AGAIN_LONG: Duration = Duration::from_secs(60);
/// So many kinds of failures are shown, the most frequent.
const FAILURES_SHOWN: usize = 10;

/// Analytics: what keys were used for, what failed, how long it took.
#[component]
pub fn AnalyticsPage() -> impl IntoView {
    let query = use_query_map();
    let range = Memo::new(move |_| {
        query.with(|query| query.get_str("range").and_then(|range| range.parse().ok())).unwrap_or_default()
    });
    let provider = Memo::new(move |_| {
        query.with(|query| query.get_str("provider").and_then(|id| id.parse::<ProviderId>().ok()))
    });
    // The server does not know the browser's zone; days are in UTC until the page is alive.
    let offset = RwSignal::new(0);
    Effect::new(move |_| offset.set(zone_offset()));
    // Whether it is the page that asks, and not whoever looks at it.
    let again = StoredValue::new(false);
    // Here and not behind the guard: what is asked for must come in the same order on the server and in the browser.
    let asked = Asked::<Page>::for_each(
        move || format!("{} {} {:?}", range.get(), offset.get(), provider.get()),
        move || {
            ask(ReadUsage {
                range: range.get_untracked(),
                offset: offset.get_untracked(),
                provider: provider.get_untracked(),
                again: again.try_update_value(std::mem::take).unwrap_or_default(),
            })
        },
    );
    view! {
        <Title text=ServiceId::Analytics.name() />
        <ApiKeyGuard service=ServiceId::Analytics>
            <Usage asked=asked range=range provider=provider offset=offset again=again />
        </ApiKeyGuard>
    }
}

#[component]
fn Usage(
    asked: Asked<Page>,
    range: Memo<Range>,
    provider: Memo<Option<ProviderId>>,
    offset: RwSignal<i32>,
    again: StoredValue<bool>,
) -> impl IntoView {
    // Whoever has just brought the first key has had calls since.
    Effect::new(move |_| {
        if matches!(asked.get_untracked(), Some(Ok(page)) if page.usage.totals.calls == 0) {
            asked.refetch();
        }
    });
    follow(asked, range, again);
    view! {
        <div class="page">
            <div class="section-head">
                <h1>{ServiceId::Analytics.name()}</h1>
                {ranges(&Range::ALL, range, move |range| provider.with(|id| address(range, id.as_ref())))}
            </div>
            <Transition fallback=|| {
                view! { <div class="page-waiting" aria-busy="true"></div> }
            }>
                {move || Suspend::new(async move {
                    match asked.await {
                        Ok(Page { usage, services }) => {
                            view! {
                                <Report report=usage offset=offset.get_untracked() />
                                {setup::setup(services)}
                            }
                            .into_any()
                        }
                        Err(error) => view! { <Problem error=error /> }.into_any(),
                    }
                })}
            </Transition>
        </div>
    }
    .into_any()
}

/// New calls show by themselves, but not under the hands of whoever reads: while a part of the report is open or has the
/// focus, it stays as it is.
fn follow(asked: Asked<Page>, range: Memo<Range>, again: StoredValue<bool>) {
    Effect::new(move |_| {
        let every = if range.get() == Range::Day { AGAIN } else { AGAIN_LONG };
        let in_use = || {
            let part = document().query_selector(".page details[open], .page section :focus");
            document().hidden() || part.ok().flatten().is_some()
        };
        let read_again = move || {
            if !in_use() {
                again.set_value(true);
                asked.refetch();
            }
        };
        if let Ok(handle) = set_interval_with_handle(read_again, every) {
            on_cleanup(move || handle.clear());
        }
    });
}

/// Minutes that the browser's zone is ahead of UTC.
fn zone_offset() -> i32 {
    #[cfg(target_arch = "wasm32")]
    return -(js_sys::Date::new_0().get_timezone_offset() as i32);
    #[cfg(not(target_arch = "wasm32"))]
    return 0;
}

#[component]
fn Report(report: UsageReport, offset: i32) -> impl IntoView {
    let filter = filter(&report);
    let UsageReport {
        range,
        totals,
        before,
        operations,
        costs,
        failures,
        steps,
        quotas,
        availability,
        versions,
        provider,
        ..
    } = report;

    let csv = |table: UsageTable, of| csv_link(table.path(range, offset, provider.as_ref()), of);
    let left = quotas::quotas(quotas, csv(UsageTable::Quotas, "quotas"), offset);
    let paid = costs::costs(costs, csv(UsageTable::Costs, "costs"));
    let answered = availability::availability(availability, offset, csv(UsageTable::Availability, "days"));
    let versions = versions::versions(versions, csv(UsageTable::Versions, "versions"));
    if totals.calls == 0 && before.calls == 0 {
        return view! {
            {filter}
            <p class="muted">
                "No call in this time. Every check of a key and every call of a service will be counted here."
            </p>
            {left}
            {paid}
            {hatch()}
            {answered}
        }
        .into_any();
    }
    let (of_steps, of_operations) =
        (csv(UsageTable::Steps, "calls over time"), csv(UsageTable::Operations, "operations"));
    let of_failures = csv(UsageTable::Failures, "what failed");
    view! {
        {filter}
        {hatch()}
        <Figures totals=totals before=before range=range />
        <Chart range=range steps=steps offset=offset csv=of_steps />
        {left}
        <Operations operations=operations csv=of_operations />
        {paid}
        <Failures failures=failures csv=of_failures />
        {answered}
        {versions}
    }
    .into_any()
}

/// The pattern of what failed, for all drawings of the page.
fn hatch() -> AnyView {
    view! {
        <svg class="visually-hidden" aria-hidden="true">
            <defs>
                <pattern
                    id="hatch"
                    width="6"
                    height="6"
                    patternUnits="userSpaceOnUse"
                    patternTransform="rotate(45)"
                >
                    <rect class="hatch-ground" width="6" height="6" />
                    <rect class="hatch-line" width="3" height="6" />
                </pattern>
            </defs>
        </svg>
    }
    .into_any()
}

/// The page for a range, and for one provider or all.
fn address(range: Range, provider: Option<&ProviderId>) -> String {
    let provider = provider.map(|provider| ("provider", provider.as_str()));
    with_query(ServiceId::Analytics.path(), [("range", range.code())].into_iter().chain(provider))
}

/// Which provider it is about. Nothing where there is nothing to choose.
fn filter(report: &UsageReport) -> Option<AnyView> {
    if report.providers.len() < 2 && report.provider.is_none() {
        return None;
    }
    let all = std::iter::once(None).chain(report.providers.iter().map(Some));
    let links: Vec<_> = all
        .map(|provider| {
            let name = provider.map_or_else(|| "All providers".to_owned(), provider_name);
            let current = (report.provider.as_ref() == provider).then_some("true");
            view! {
                <li>
                    <a href=address(report.range, provider) aria-current=current data-noscroll>
                        {name}
                    </a>
                </li>
            }
            .into_any()
        })
        .collect();
    let view = view! {
        <nav aria-label="Provider">
            <ul class="ranges">{links}</ul>
        </nav>
    };
    Some(view.into_any())
}

/// A table as a file, for what is shown.
fn csv_link(path: String, of: &'static str) -> AnyView {
    view! {
        <a class="csv" href=path download="" rel="external">
            "CSV"
            <span class="visually-hidden">{format!(" of {of}")}</span>
        </a>
    }
    .into_any()
}

#[component]
fn Figures(totals: Totals, before: Totals, range: Range) -> impl IntoView {
    let percent = |totals: &Totals| totals.success_percent().map(|percent| format!("{percent:.1} %"));
    let count = |value: i64| Some(grouped(value));
    let took = |value: Option<i64>| value.map(|value| duration(Some(value)));
    let of_all = |now: Option<i64>, before: Option<i64>| change(now? as f64, before? as f64);
    let calls = of_all(Some(totals.calls), Some(before.calls));
    let succeeded = points(totals.success_percent(), before.success_percent());
    let figures = [
        ("Calls", count(totals.calls), count(before.calls), calls),
        ("Succeeded", percent(&totals), percent(&before), succeeded),
        ("Half took at most", took(totals.p50_ms), took(before.p50_ms), of_all(totals.p50_ms, before.p50_ms)),
        ("95 % took at most", took(totals.p95_ms), took(before.p95_ms), of_all(totals.p95_ms, before.p95_ms)),
    ];
    let figures = figures.map(|(name, now, before, change)| {
        view! {
            <div class="figure">
                <dt>{name}</dt>
                <dd>
                    <strong>{now.unwrap_or_else(|| "–".to_owned())}</strong>
                    <span class="muted">{before.map(|before| format!("before: {before}"))} {change}</span>
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

/// How much more or less it is than before, in parts of what it was: `, now +19 %`.
fn change(now: f64, before: f64) -> Option<String> {
    let percent = ((now - before) / before * 100.0).round();
    (before > 0.0).then(|| match percent {
        0.0 => ", about the same".to_owned(),
        _ => format!(", now {} %", signed(percent, 0)),
    })
}

/// The same for shares, whose difference is in points.
fn points(now: Option<f64>, before: Option<f64>) -> Option<String> {
    let points = ((now? - before?) * 10.0).round() / 10.0;
    Some(match points {
        0.0 => ", about the same".to_owned(),
        _ => format!(", now {} points", signed(points, 1)),
    })
}

fn signed(number: f64, decimals: usize) -> String {
    let sign = if number < 0.0 { '−' } else { '+' };
    format!("{sign}{:.decimals$}", number.abs())
}

#[component]
fn Operations(operations: Vec<Operation>, csv: AnyView) -> impl IntoView {
    let rows = operations.into_iter().map(|row| {
        let totals = row.totals;
        let service = row.service.map_or("Key checks", ServiceId::name);
        let succeeded = totals.success_percent().map(|percent| format!("{percent:.1} %"));
        view! {
            <tr>
                <th scope="row">{provider_name(&row.provider)}</th>
                <td>{service}</td>
                <td>{row.operation.replace('_', " ")}</td>
                <td class="number">{grouped(totals.calls)}</td>
                <td class="number">{succeeded}</td>
                <td class="number">{grouped(totals.units)}</td>
                <td class="number">{duration(totals.p50_ms)}</td>
                <td class="number">{duration(totals.p95_ms)}</td>
                <td class="number">{duration(totals.p99_ms)}</td>
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

#[component]
fn Failures(failures: Vec<Failure>, csv: AnyView) -> impl IntoView {
    let content = if failures.is_empty() {
        view! { <p class="muted">"Nothing failed."</p> }.into_any()
    } else {
        let more = failures.len().saturating_sub(FAILURES_SHOWN);
        let rows = failures.into_iter().take(FAILURES_SHOWN).map(|failure| {
            let (what, helps) = failure.explanation();
            let times = match failure.calls {
                1 => "once".to_owned(),
                calls => format!("{} times", grouped(calls)),
            };
            let provider = provider_name(&failure.provider);
            let purpose = failure.service.map_or("Key checks", ServiceId::name);
            let asked = format!("{purpose}: {}", failure.operation.replace('_', " "));
            let fix = failure.fix(&provider).map(|(label, href)| view! { <a href=href>{label}</a> }.into_any());
            view! {
                <li class="card card-plain">
                    <div class="card-body">
                        <h3>{what}</h3>
                        <p class="muted">
                            {format!("{provider}, {times}, last ")} <Moment at=failure.last_at phrase=Phrase::Ago />
                            {format!(" – {asked}")}
                        </p>
                        <p>
                            {helps} " " {fix}
                        </p>
                    </div>
                </li>
            }
            .into_any()
        });
        let rows = rows.collect_view();
        let more = (more > 0).then(|| {
            view! { <p class="muted">{format!("{more} rarer kinds are in the CSV.")}</p> }.into_any()
        });
        view! {
            <ul class="cards cards-list">{rows}</ul>
            {more}
        }
        .into_any()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_said_with_its_direction() {
        assert_eq!(change(214.0, 180.0).as_deref(), Some(", now +19 %"));
        assert_eq!(change(90.0, 180.0).as_deref(), Some(", now −50 %"));
        assert_eq!(change(1_001.0, 1_000.0).as_deref(), Some(", about the same"));
        assert_eq!(change(5.0, 0.0), None);
        assert_eq!(points(Some(97.0), Some(99.54)).as_deref(), Some(", now −2.5 points"));
        assert_eq!(points(Some(97.0), None), None);
    }
}
