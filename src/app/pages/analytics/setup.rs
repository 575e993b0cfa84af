use leptos::prelude::*;

use crate::{app::pages::service_list::service_row, model::access::AccessDecision};

/// How many services are open, and what is missing for the others.
pub(super) fn setup(services: Vec<AccessDecision>) -> AnyView {
    let (open, closed): (Vec<_>, Vec<_>) = services.into_iter().partition(|decision| decision.granted);
    let count = format!("{} of {} services open", open.len(), open.len() + closed.len());
    let closed: Vec<_> = closed.iter().map(|decision| service_row(decision, None, String::new())).collect();
    let rows = if closed.is_empty() {
        view! { <p class="muted">"Every service has the keys it needs."</p> }.into_any()
    } else {
        view! {
            <div class="panel panel-flush">
                <ul class="service-rows">{closed}</ul>
            </div>
        }
        .into_any()
    };
    view! {
        <section class="section" aria-labelledby="setup">
            <div class="section-head">
                <h2 id="setup">"Set-up"</h2>
                <p class="muted">{count}</p>
            </div>
            {rows}
        </section>
    }
    .into_any()
}
