use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    api::{voices::ListClones, wire::ask},
    app::{
        asked::Asked,
        links::with_query,
        problem::Problem,
        ui::{Mark, Moment, Phrase, Pill, Tone},
    },
    model::{
        error::ErrorCode,
        ids::CloneId,
        service::ServiceId,
        voices::{CloneList, CloneState, CloneView},
    },
};

/// What was cloned here, and what was declared. Needs no key.
#[component]
pub(super) fn Clones() -> impl IntoView {
    let query = use_query_map();
    let before = Memo::new(move |_| query.with(|query| query.get_str("before")?.parse::<CloneId>().ok()));
    let asked = Asked::<CloneList>::for_each(
        move || before.get().map(|id| id.to_string()).unwrap_or_default(),
        move || ask(ListClones { cursor: before.get_untracked() }),
    );
    view! {
        <Transition fallback=|| ()>
            {move || Suspend::new(async move {
                match asked.await {
                    Ok(list) => shown(list),
                    // The guard above leads to the log-in page.
                    Err(error) if error.code == ErrorCode::Unauthenticated => ().into_any(),
                    Err(error) => {
                        view! {
                            <div class="page">
                                <h2 id="clones">"What was cloned"</h2>
                                <Problem error=error />
                            </div>
                        }
                        .into_any()
                    }
                }
            })}
        </Transition>
    }
}

fn shown(list: CloneList) -> AnyView {
    let empty = list.items.is_empty();
    let empty = empty.then(|| {
        view! { <p class="muted">"Nothing yet. Each clone is listed here with the consent that was declared for it."</p> }
            .into_any()
    });
    let older = list.next.map(|id| {
        let href = with_query(ServiceId::VoiceCloning.path(), [("before", id.to_string().as_str())]);
        view! { <a href=format!("{href}#clones")>"Earlier clones"</a> }.into_any()
    });
    view! {
        <div class="page page-history">
            <section class="section" aria-labelledby="clones">
                <h2 id="clones" tabindex="-1">
                    "What was cloned"
                </h2>
                {empty}
                <ul class="cards cards-list">{list.items.into_iter().map(row).collect_view()}</ul>
                <p class="actions pages">{older}</p>
            </section>
        </div>
    }
    .into_any()
}

fn row(clone: CloneView) -> AnyView {
    let (tone, mark) = match clone.state {
        CloneState::Made => (Tone::Good, Mark::Check),
        CloneState::Refused => (Tone::Bad, Mark::Cross),
        CloneState::Sent => (Tone::Caution, Mark::Alert),
    };
    let samples = if clone.files == 1 { "1 sample".to_owned() } else { format!("{} samples", clone.files) };
    view! {
        <li class="card card-plain">
            <div class="card-body">
                <div class="card-head">
                    <div>
                        <h3>{clone.name}</h3>
                        <p class="muted">{samples} " " {clone.source.label()}</p>
                    </div>
                    <Pill tone=tone mark=mark label=clone.state.label() />
                </div>
                <p>"Declared " <Moment at=clone.consented_at phrase=Phrase::Full /> ": “" {clone.statement} "”"</p>
            </div>
        </li>
    }
    .into_any()
}
