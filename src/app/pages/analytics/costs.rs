use leptos::prelude::*;

use super::head;
use crate::{
    app::ui::grouped,
    model::{money::Charge, provider::provider_name, service::ServiceId},
};

/// What was paid, where providers say it call by call.
pub(super) fn costs(costs: Vec<Charge>, csv: AnyView) -> AnyView {
    if costs.is_empty() {
        return ().into_any();
    }
    let rows = costs.into_iter().map(|row| {
        view! {
            <tr>
                <th scope="row">{provider_name(&row.provider)}</th>
                <td>{row.service.map(ServiceId::name)}</td>
                <td>{row.operation.replace('_', " ")}</td>
                <td class="number">{grouped(row.calls)}</td>
                <td class="number">{format!("{} {}", row.amount, row.currency)}</td>
            </tr>
        }
        .into_any()
    });
    view! {
        <section class="section" aria-labelledby="costs">
            <div class="section-head">
                <h2 id="costs">"What it cost"</h2>
                {csv}
            </div>
            <div class="panel panel-flush">
                <div class="table-scroll" role="region" aria-label="Table of costs" tabindex="0">
                    <table class="usage figures">
                        {head(&["Provider", "For", "Operation"], &["Priced", "Cost"])}
                        <tbody>{rows.collect_view()}</tbody>
                    </table>
                </div>
            </div>
            <p class="muted">
                "As the provider has charged your account, once it has priced a call. What it charges besides, such as for recordings, is not in it."
            </p>
        </section>
    }
    .into_any()
}
