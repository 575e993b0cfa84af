use leptos::prelude::*;

use super::head;
use crate::{
    app::ui::grouped,
    model::usage::{Range, Step},
};

/// The drawing, in its own units.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 160.0;
/// Bars of one call can be seen beside those of a thousand.
const LEAST: f64 = 2.0;

/// Calls step by step as bars, the failed ones hatched on top; the same as a table below.
#[component]
pub(super) fn Chart(range: Range, steps: Vec<Step>, offset: i32, csv: AnyView) -> impl IntoView {
    let most = steps.iter().map(|step| step.calls).max().unwrap_or_default();
    let wide = WIDTH / steps.len().max(1) as f64;
    let tall = |calls: i64| match calls {
        0 => 0.0,
        calls => (calls as f64 / most.max(1) as f64 * HEIGHT).max(LEAST),
    };
    let bars = steps
        .iter()
        .enumerate()
        .map(|(index, step)| {
            let (all, failed) = (tall(step.calls), tall(step.failed));
            let (x, width) = (index as f64 * wide + wide * 0.1, wide * 0.8);
            let title = format!("{}: {}", range.step_label(step.begins, offset), counts(*step));
            let failures = (step.failed > 0).then(|| {
                view! {
                    <rect class="bar-failed" x=x y=HEIGHT - all width=width height=failed fill="url(#hatch)" />
                }
                .into_any()
            });
            view! {
                <g>
                    <title>{title}</title>
                    // The whole height is sensitive, so that small bars can be pointed at.
                    <rect class="bar-space" x=index as f64 * wide y=0 width=wide height=HEIGHT />
                    <rect class="bar" x=x y=HEIGHT - all width=width height=all />
                    {failures}
                </g>
            }
            .into_any()
        })
        .collect_view();
    let (first, last) = (steps.first().copied(), steps.last().copied());
    let label = |step: Option<Step>| step.map(|step| range.step_label(step.begins, offset));
    let rows = steps
        .iter()
        .rev()
        .filter(|step| step.calls > 0)
        .map(|step| {
            view! {
                <tr>
                    <th scope="row">{range.step_label(step.begins, offset)}</th>
                    <td class="number">{grouped(step.calls)}</td>
                    <td class="number">{grouped(step.failed)}</td>
                </tr>
            }
            .into_any()
        })
        .collect_view();
    let zone = if offset == 0 { "in UTC" } else { "in your time zone" };
    let step_long = match range {
        Range::Day => "an hour",
        Range::Week | Range::Month | Range::Quarter => "a day",
        Range::Year => "a week",
    };
    view! {
        <section class="section" aria-labelledby="calls">
            <div class="section-head">
                <h2 id="calls">"Calls"</h2>
                <p class="muted">{format!("up to {} {step_long}, {zone}", grouped(most))}</p>
                {csv}
            </div>
            <div class="panel">
                <svg
                    class="chart"
                    viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                    preserveAspectRatio="none"
                    role="img"
                    aria-label="Calls over time; the table below has the numbers"
                >
                    {bars}
                </svg>
                <div class="chart-ends muted" aria-hidden="true">
                    <span>{label(first)}</span>
                    <span class="chart-key">
                        <span class="key-failed"></span>
                        "failed"
                    </span>
                    <span>{label(last)}</span>
                </div>
            </div>
            <details class="panel panel-flush fold">
                <summary>"As a table"</summary>
                <table class="usage usage-steps figures">
                    <caption class="visually-hidden">"Calls over time, the latest first"</caption>
                    {head(&[range.step_name()], &["Calls", "Failed"])}
                    <tbody>{rows}</tbody>
                </table>
            </details>
        </section>
    }
    .into_any()
}

fn counts(step: Step) -> String {
    let calls = match step.calls {
        1 => "1 call".to_owned(),
        calls => format!("{} calls", grouped(calls)),
    };
    match step.failed {
        0 => calls,
        failed => format!("{calls}, {} failed", grouped(failed)),
    }
}
