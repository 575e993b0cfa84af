use leptos::prelude::*;

use super::head;
use crate::{
    app::ui::grouped,
    model::{
        provider::provider_name,
        report::{Availability, ProviderDays},
        time::Timestamp,
        usage::{DAY_US, Step},
    },
};

/// A day in the drawing, its own units; and the gap that follows it.
const WIDE: f64 = 6.5;
const PITCH: f64 = 8.0;
const HEIGHT: f64 = 32.0;
/// A day without a call is a stub, so that the days can be counted.
const STUB: f64 = 3.0;
/// A day on which one call of thousands was not answered shows it all the same.
const LEAST: f64 = 8.0;

/// Day by day whether providers answered: a strip for each, and all days with calls as a table.
pub(super) fn availability(of: Availability, offset: i32, csv: AnyView) -> AnyView {
    if of.providers.is_empty() {
        return ().into_any();
    }
    let day =
        move |at: Timestamp| Timestamp(at.0.saturating_add(i64::from(offset) * 60_000_000)).date_for_people();
    let days = (of.ends.0 - of.begins.0) / DAY_US;
    let (first, last) = (day(of.begins), day(Timestamp(of.ends.0 - DAY_US)));
    let strips: Vec<_> = of.providers.iter().map(|provider| strip(provider, of.begins, days, &day)).collect();
    let rows: Vec<_> = of
        .providers
        .iter()
        .flat_map(|provider| {
            provider.days.iter().rev().map(|step| (provider_name(&provider.provider), *step))
        })
        .map(|(name, step)| {
            view! {
                <tr>
                    <th scope="row">{name}</th>
                    <td>{day(step.begins)}</td>
                    <td class="number">{grouped(step.calls)}</td>
                    <td class="number">{grouped(step.failed)}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    view! {
        <section class="section" aria-labelledby="availability">
            <div class="section-head">
                <h2 id="availability">"Whether providers answered"</h2>
                <p class="muted">{format!("{days} days, calls and checks")}</p>
                {csv}
            </div>
            <div class="panel">
                {strips} <div class="chart-ends muted" aria-hidden="true">
                    <span>{first}</span>
                    <span class="chart-key">
                        <span class="key-failed"></span>
                        "not answered"
                    </span>
                    <span>{last}</span>
                </div>
            </div>
            <details class="panel panel-flush fold">
                <summary>"All days"</summary>
                <table class="usage usage-steps figures">
                    <caption class="visually-hidden">
                        "Days with calls, by provider, the latest first, and how many were not answered"
                    </caption>
                    {head(&["Provider", "Day"], &["Calls", "Not answered"])} <tbody>{rows}</tbody>
                </table>
            </details>
        </section>
    }
    .into_any()
}

fn strip(of: &ProviderDays, begins: Timestamp, days: i64, day: &impl Fn(Timestamp) -> String) -> AnyView {
    let name = provider_name(&of.provider);
    let place = |step: &Step| ((step.begins.0 - begins.0) / DAY_US) as f64 * PITCH;
    let bar = |x: f64, y: f64| format!("M{x} {y}h{WIDE}V{HEIGHT}h-{WIDE}z");
    // All days of one kind are one path.
    let good: String = of.days.iter().map(|step| bar(place(step), bad_height(step))).collect();
    let empty: String = (0..days)
        .map(|number| Timestamp(begins.0 + number * DAY_US))
        .filter(|begins| of.days.iter().all(|step| step.begins != *begins))
        .map(|begins| bar(place(&Step { begins, calls: 0, failed: 0 }), HEIGHT - STUB))
        .collect();
    let bad: Vec<_> = of
        .troubled()
        .map(|step| {
            let title = format!(
                "{}: {} of {} not answered",
                day(step.begins),
                grouped(step.failed),
                grouped(step.calls)
            );
            view! {
                <rect
                    class="bar-failed"
                    x=place(step)
                    y=0
                    width=WIDE
                    height=bad_height(step)
                    fill="url(#hatch)"
                >
                    <title>{title}</title>
                </rect>
            }
            .into_any()
        })
        .collect();
    let trouble = match of.troubled().count() {
        0 => String::new(),
        1 => ", with trouble on 1 day".to_owned(),
        count => format!(", with trouble on {count} days"),
    };
    let words = format!("{}{trouble}.", of.words());
    view! {
        <div class="strip-head">
            <h3>{name.clone()}</h3>
            <p class="muted">{words.clone()}</p>
        </div>
        <svg
            class="strip"
            viewBox=format!("0 0 {} {HEIGHT}", days as f64 * PITCH)
            preserveAspectRatio="none"
            role="img"
            aria-label=format!("{name}, day by day. {words}")
        >
            <path class="day-good" d=good />
            <path class="day-none" d=empty />
            {bad}
        </svg>
    }
    .into_any()
}

/// How far down the hatched part of a day reaches.
fn bad_height(step: &Step) -> f64 {
    match step.failed {
        0 => 0.0,
        failed => (failed as f64 / step.calls.max(1) as f64 * HEIGHT).max(LEAST),
    }
}
