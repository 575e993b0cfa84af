use leptos::prelude::*;

use super::head;
use crate::{
    app::ui::{Moment, Phrase, duration, grouped},
    model::{provider::provider_name, report::VersionUse},
};

/// How each version of a key did. Nothing where no key was ever replaced or deleted.
pub(super) fn versions(versions: Vec<VersionUse>, csv: AnyView) -> AnyView {
    if versions.iter().all(|version| version.in_use && version.version == 1) {
        return ().into_any();
    }
    let rows: Vec<_> = versions
        .into_iter()
        .map(|row| {
            let totals = row.totals;
            let succeeded = totals.success_percent().map(|percent| format!("{percent:.1} %"));
            let failure = row.failure.map(|outcome| outcome.replace('_', " "));
            let state = if row.in_use { "in use" } else { "replaced or deleted" };
            view! {
                <tr>
                    <th scope="row">{provider_name(&row.provider)}</th>
                    <td>{format!("{}, {state}", row.version)}</td>
                    <td>
                        <Moment at=row.first_at />
                    </td>
                    <td>
                        <Moment at=row.last_at phrase=Phrase::Ago />
                    </td>
                    <td>{failure}</td>
                    <td class="number">{grouped(totals.calls)}</td>
                    <td class="number">{succeeded}</td>
                    <td class="number">{grouped(totals.units)}</td>
                    <td class="number">{duration(totals.p50_ms)}</td>
                    <td class="number">{duration(totals.p95_ms)}</td>
                    <td class="number">{duration(totals.p99_ms)}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    view! {
        <section class="section" aria-labelledby="versions">
            <div class="section-head">
                <h2 id="versions">"Versions of keys"</h2>
                {csv}
            </div>
            <div class="panel panel-flush">
                <div class="table-scroll" role="region" aria-label="Table of versions of keys" tabindex="0">
                    <table class="usage figures">
                        {head(
                            &["Provider", "Version", "First used", "Last used", "Failed mostly"],
                            &["Calls", "Succeeded", "Units", "p50", "p95", "p99"],
                        )}
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </div>
        </section>
    }
    .into_any()
}
