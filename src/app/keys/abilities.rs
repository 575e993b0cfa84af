use leptos::prelude::*;

use crate::{
    app::ui::{External, Icon, Mark},
    model::ability::{Ability, Answer, ServiceAbilities},
};

/// What a key can and cannot do for one service. What has the same answer for the same reason is said once.
pub(super) fn abilities(of: ServiceAbilities) -> AnyView {
    let alike = |a: &Ability, b: &Ability| a.answer == b.answer && a.reason.is_some() && a.reason == b.reason;
    let rows: Vec<_> = of.abilities.chunk_by(alike).map(row).collect();
    let closed = (!of.serves).then(|| view! { <span class="muted">" · not with this key"</span> }.into_any());
    view! {
        <section class="abilities">
            <h4>{of.service.name()}{closed}</h4>
            <ul>{rows}</ul>
        </section>
    }
    .into_any()
}

fn row(alike: &[Ability]) -> AnyView {
    let Some(Ability { answer, reason, advice, link, .. }) = alike.first() else { return ().into_any() };
    let (mark, class) = match answer {
        Answer::Yes => (Mark::Check, "capability-mark tone-good"),
        Answer::No => (Mark::Cross, "capability-mark tone-bad"),
        Answer::Unknown => (Mark::Circle, "capability-mark tone-neutral"),
    };
    let labels = alike.iter().map(|ability| ability.label.as_str()).collect::<Vec<_>>().join(" · ");
    let text: Vec<_> = [reason, advice].into_iter().flatten().map(String::as_str).collect();
    let link = link.clone().map(|link| view! { <External href=link.url label=link.label /> });
    let why =
        (!text.is_empty()).then(|| view! { <p class="muted">{text.join(" ")} " " {link}</p> }.into_any());
    view! {
        <li>
            <span class=class>
                <Icon mark=mark />
            </span>
            <div>
                <p>
                    {labels} ": " <span class=class>{answer.word()}</span>
                </p>
                {why}
            </div>
        </li>
    }
    .into_any()
}
