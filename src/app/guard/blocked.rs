use leptos::prelude::*;

use super::door::Door;
use crate::{
    app::{
        keys::{Board, DeletePage, Diverted, KeyCard, named_for_deletion, provide_board},
        live::Since,
        ui::{count_word, part},
    },
    model::{
        access::{AccessDecision, Block, Verdict},
        ids::ProviderId,
        page::SettingsPage,
        provider::provider_name,
        service::{Needs, ServiceId},
    },
};

/// What keeps a service closed, provider by provider, with the forms that fix it.
#[component]
pub(super) fn BlockedService(
    /// What opens it.
    page: SettingsPage,
    /// The guard's decision. Taken anew as soon as the cards know better.
    door: Door,
    /// The service was open before, and what was typed on it is kept.
    kept: bool,
    /// Since when the cards follow changes.
    since: Since,
    /// Links to what stays available.
    extra: ViewFn,
) -> impl IntoView {
    let decision = door.decision();
    let first = decision.get_untracked();
    let service = first.service;
    let board = provide_board(page, service.path());
    // The cards read everything again after each change; their decision is the newer one.
    Effect::new(move |_| {
        let Some(newer) = board.page().with(|page| page.decision(service).cloned()) else { return };
        door.decide(newer);
    });
    board.follow(since);

    let deleting = named_for_deletion();
    let doomed = move || {
        let provider = deleting.get()?;
        board.page().with_untracked(|page| page.card(&provider).filter(|card| card.key.is_some()).cloned())
    };
    let providers = StoredValue::new(rows(&first, board));
    part(move || {
        if let Some(card) = doomed() {
            return view! { <DeletePage card=card board=board /> }.into_any();
        }
        let extra = extra.clone();
        view! {
            <div class="page page-narrow">
                <h1>{move || decision.with(heading)}</h1>
                <p class="page-lead">{service.summary()} " " {move || decision.with(ready_sentence)}</p>
                {kept.then(|| view! { <p>"What you typed here is kept, and is back when it opens."</p> })}
                <Diverted board=board />
                <h2 class="visually-hidden">"Keys"</h2>
                <ul class="cards">
                    {providers
                        .get_value()
                        .into_iter()
                        .map(|(provider, open)| view! { <KeyCard provider=provider board=board open=open /> })
                        .collect_view()}
                </ul>
                <p class="page-after">
                    {extra.run()} " This page opens as soon as the keys work. All keys are on the "
                    <a href=service.setup_path()>"API keys page"</a> "."
                </p>
            </div>
        }
        .into_any()
    })
}

/// The providers to show and whether their forms are open. What keeps the service closed comes first. A
/// service that any key opens offers every provider.
fn rows(decision: &AccessDecision, board: Board) -> Vec<(ProviderId, bool)> {
    board.page().with_untracked(|page| {
        if decision.service.needs() == Needs::AnyStored {
            return page.cards.iter().map(|card| (card.info.id.clone(), false)).collect();
        }
        let mut required: Vec<_> = decision.providers.iter().filter(|verdict| !verdict.optional).collect();
        required.sort_by_key(|verdict| !verdict.blocks());
        required.into_iter().map(|verdict| (verdict.provider.clone(), verdict.wants_a_new_key())).collect()
    })
}

/// What the closed service is called.
pub(super) fn heading(decision: &AccessDecision) -> String {
    let service = decision.service.name();
    let blocking: Vec<_> = decision.blocking().collect();
    match blocking.as_slice() {
        [] if decision.service == ServiceId::Analytics => format!("{service} needs a stored key"),
        [] => service.to_owned(),
        [one] => match &one.verdict {
            Verdict::Blocked { block: Block::Missing, .. } => {
                format!("{service} needs {}", provider_name(&one.provider))
            }
            _ => format!("{service} is closed"),
        },
        several => format!("{service} needs {} things", count_word(several.len())),
    }
}

/// The providers that are not the problem: `Twilio is ready.`
fn ready_sentence(decision: &AccessDecision) -> String {
    let ready: Vec<_> = decision
        .providers
        .iter()
        .filter(|verdict| !verdict.optional && !verdict.blocks())
        .map(|verdict| provider_name(&verdict.provider))
        .collect();
    match ready.as_slice() {
        [] => String::new(),
        [one] => format!("{one} is ready."),
        [all @ .., last] => format!("{} and {last} are ready.", all.join(", ")),
    }
}
