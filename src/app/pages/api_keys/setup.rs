use leptos::prelude::*;

use crate::{
    app::{
        keys::Board,
        pages::service_list::{ServicePill, progress, why},
        ui::{Announcer, Icon, Mark},
    },
    model::service::ServiceId,
};

/// How far the set-up of one service is, and the way on once it is open. Never leads away by itself.
#[component]
pub(super) fn ServiceSetup(
    /// The service.
    service: ServiceId,
    /// Where to go on to; a place of this site.
    next: Option<String>,
    /// The page.
    board: Board,
) -> impl IntoView {
    let page = board.page();
    let granted = Memo::new(move |_| page.with(|page| page.decision(service).is_some_and(|d| d.granted)));
    let announcer = use_context::<Announcer>();
    Effect::new(move |before: Option<bool>| {
        let now = granted.get();
        if before == Some(false)
            && now
            && let Some(announcer) = announcer
        {
            announcer.say(format!("{} is open.", service.name()));
        }
        now
    });
    let next = next.unwrap_or_else(|| service.path().to_owned());
    let leads_to_service = next.split(['?', '#']).next() == Some(service.path());
    let words =
        if leads_to_service { format!("Continue to {}", service.name()) } else { "Continue".to_owned() };
    view! {
        <section class="panel setup" aria-labelledby="setup-title">
            <div class="setup-text">
                <div class="setup-head">
                    <h2 id="setup-title">{service.name()}</h2>
                    {move || page.with(|page| page.decision(service).cloned()).map(|decision| view! { <ServicePill decision=decision /> })}
                </div>
                <p class="muted">
                    {move || page.with(|page| {
                        page.decision(service)
                            .map(|decision| format!("{}{}", why(decision), progress(decision).unwrap_or_default()))
                    })}
                </p>
            </div>
            {move || {
                granted
                    .get()
                    .then(|| {
                        view! {
                            <a class="button button-primary" href=next.clone()>
                                {words.clone()}
                                <Icon mark=Mark::Arrow />
                            </a>
                        }.into_any()
                    })
            }}
        </section>
    }
}
