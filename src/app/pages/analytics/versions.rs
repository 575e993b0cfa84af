use leptos::prelude::*;

use super::head;
use crate::{
    app::ui::{Moment, Phrase, grouped},
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
                    <td class="number">{grouped(row.calls)}</td>
                    <td class="number">{grouped(row.failed)}</td>
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
                        {head(&["Provider", "Version", "First used", "Last used"], &["Calls", "Failed"])}
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </div>
        </section>
    }
    .into_any()
}
