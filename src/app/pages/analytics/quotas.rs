use leptos::prelude::*;

use super::head;
use crate::{
    app::ui::{Day, Moment, grouped},
    model::{
        provider::provider_name,
        quota::{Forecast, Outlook, QuotaHistory, QuotaPoint},
        time::Timestamp,
    },
};

/// The drawing, in its own units.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 96.0;

/// What is left of each quota, over time, and how long it lasts.
pub(super) fn quotas(quotas: Vec<QuotaHistory>, csv: AnyView, offset: i32) -> AnyView {
    if quotas.is_empty() {
        return ().into_any();
    }
    let quotas: Vec<_> = quotas.into_iter().map(|history| quota(history, offset)).collect();
    view! {
        <section class="section" aria-labelledby="quotas">
            <div class="section-head">
                <h2 id="quotas">"What is left"</h2>
                {csv}
            </div>
            {quotas}
        </section>
    }
    .into_any()
}

fn quota(history: QuotaHistory, offset: i32) -> AnyView {
    let QuotaHistory { provider, unit, points, forecast } = history;
    let Some(last) = points.last().copied() else { return ().into_any() };
    let name = provider_name(&provider);
    let stands = match (last.left(), last.limit) {
        (Some(left), Some(limit)) => format!("{} of {} {unit} left", grouped(left), grouped(limit)),
        _ => format!("{} {unit} used", grouped(last.used)),
    };
    let pace = forecast.as_ref().and_then(|forecast| forecast.per_day);
    let pace = pace.map(|count| format!(" About {} a day.", grouped(count)));
    let sentence = forecast.as_ref().map(|forecast| {
        let ((text, at), from) = (forecast.words(&name), forecast.made_at);
        let day = at.map(|at| view! { " " <Day at=at from=from /> }.into_any());
        view! { {text} {day} "." }.into_any()
    });
    let drawing = drawing(&points, forecast.as_ref(), &name, &unit, offset);
    let rows: Vec<_> = points
        .iter()
        .rev()
        .map(|point| {
            let left = point.left().map(grouped);
            view! {
                <tr>
                    <th scope="row">
                        <Moment at=point.at />
                    </th>
                    <td class="number">{grouped(point.used)}</td>
                    <td class="number">{left}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    view! {
        <div class="panel">
            <h3>{format!("{name} {unit}")}</h3>
            <p>{stands} ". " {sentence} {pace}</p>
            {drawing}
        </div>
        <details class="panel panel-flush fold">
            <summary>
                "All figures" <span class="visually-hidden">{format!(" of {name} {unit}")}</span>
            </summary>
            <table class="usage usage-steps figures">
                <caption class="visually-hidden">{format!("{name} {unit}, the latest first")}</caption>
                {head(&["When"], &["Used", "Left"])}
                <tbody>{rows}</tbody>
            </table>
        </details>
    }
    .into_any()
}

/// What is left as a line, and where it leads as a dashed one. Of a single figure there is nothing to draw.
fn drawing(
    points: &[QuotaPoint],
    forecast: Option<&Forecast>,
    name: &str,
    unit: &str,
    offset: i32,
) -> Option<AnyView> {
    let (first, last) = (points.first()?, points.last()?);
    let left = |point: &QuotaPoint| point.left().map(|left| left as f64);
    let span = (last.at.0 - first.at.0) as f64;
    let most = points.iter().filter_map(|point| point.limit).max()? as f64;
    if span <= 0.0 || most <= 0.0 {
        return None;
    }
    let end = forecast.filter(|forecast| forecast.outlook == Outlook::Ends).and_then(|forecast| forecast.at);
    // As much of the future as of the past, at the most.
    let ahead = end.map_or(0.0, |end| ((end.0 - last.at.0) as f64).min(span));
    let x = |at: Timestamp| (at.0 - first.at.0) as f64 / (span + ahead) * WIDTH;
    let y = |left: f64| HEIGHT - left / most * HEIGHT;
    let line: String = points
        .iter()
        .filter_map(|point| Some(format!("{:.1},{:.1} ", x(point.at), y(left(point)?))))
        .collect();
    let leads = end.zip(left(last)).map(|(end, left)| {
        let share = ahead / ((end.0 - last.at.0) as f64).max(1.0);
        let to = y(left * (1.0 - share.min(1.0)));
        view! { <line class="line-ahead" x1=x(last.at) y1=y(left) x2=WIDTH y2=to /> }.into_any()
    });
    let key = leads.is_some().then(|| {
        view! {
            <span class="chart-key">
                <span class="key-ahead"></span>
                "at this pace"
            </span>
        }
        .into_any()
    });
    let until = Timestamp(last.at.0.saturating_add(ahead as i64));
    let day =
        |at: Timestamp| Timestamp(at.0.saturating_add(i64::from(offset) * 60_000_000)).date_for_people();
    Some(
        view! {
            <svg
                class="chart chart-low"
                viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                preserveAspectRatio="none"
                role="img"
                aria-label=format!("{name} {unit} left over time; the table below has the numbers")
            >
                <polyline class="line" points=line />
                {leads}
            </svg>
            <div class="chart-ends muted" aria-hidden="true">
                <span>{day(first.at)}</span>
                {key}
                <span>{day(until)}</span>
            </div>
        }
        .into_any(),
    )
}
