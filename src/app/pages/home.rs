use leptos::prelude::*;
use leptos_meta::Title;

use super::{
    next_step::{NextStep, next_step},
    service_list::{ServiceList, open_count},
};
use crate::{
    api::{keys::KeySettings, wire::ask},
    app::{
        asked::Asked,
        keys::{not_answering, provide_board},
        live::Since,
        problem::Problem,
        ui::{Icon, Mark, part},
    },
    model::{
        error::ErrorCode, event::Topic, page::SettingsPage, provider::provider_name, service::ServiceId,
    },
};

/// The start page: what Keyward is, or for whoever is signed in the state of every service.
#[component]
pub fn HomePage() -> impl IntoView {
    let since = Since::now(Topic::Keys);
    let asked = Asked::<SettingsPage>::once(|| ask(KeySettings {}));
    view! {
        <Title text="" />
        <Transition fallback=|| {
            view! { <div class="page-waiting" aria-busy="true"></div> }
        }>
            {move || Suspend::new(async move {
                match asked.await {
                    Ok(page) => view! { <Overview page=page since=since /> }.into_any(),
                    Err(error) if error.code == ErrorCode::Unauthenticated => {
                        view! { <Introduction /> }.into_any()
                    }
                    Err(error) => {
                        view! {
                            <div class="page page-narrow">
                                <h1>"Overview"</h1>
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

#[component]
fn Overview(page: SettingsPage, since: Since) -> impl IntoView {
    view! {
        <div class="page page-narrow">
            <h1>"Overview"</h1>
            <State page=page since=since />
        </div>
    }
}

#[component]
fn State(page: SettingsPage, since: Since) -> impl IntoView {
    let board = provide_board(page, "/");
    board.follow(since);
    let page = board.page();
    let lead = move || {
        let (stored, ready) = page.with(|page| {
            let stored = page.cards.iter().filter(|card| card.key.is_some()).count();
            (stored, page.cards.iter().filter(|card| card.is_ready()).count())
        });
        match stored {
            0 => "No key is stored yet. A service opens as soon as the keys it needs work.".to_owned(),
            1 => format!("1 key stored, {ready} working."),
            _ => format!("{stored} keys stored, {ready} working."),
        }
    };
    let count = move || page.with(open_count);
    let step = Memo::new(move |_| page.with(|page| next_step(&page.decisions)));
    let step = move || step.get().map(|step| view! { <Next step=step /> });
    let outages = part(move || {
        let keys =
            page.with(|page| page.cards.iter().filter_map(|card| card.key.clone()).collect::<Vec<_>>());
        let down = keys.into_iter().filter_map(|key| {
            let since = key.provider_down_since?;
            Some(not_answering(&key.name, since, key.last_validated))
        });
        down.collect_view().into_any()
    });
    view! {
        <p class="page-lead">{lead}</p>
        {outages}
        {step}
        <section class="section" aria-labelledby="services-title">
            <div class="section-head">
                <h2 id="services-title">"Services"</h2>
                <span class="muted">{count}</span>
            </div>
            <div class="panel panel-flush">
                <ServiceList page=page summaries=true />
            </div>
        </section>
    }
    .into_any()
}

/// The one thing that helps most now.
#[component]
fn Next(step: NextStep) -> impl IntoView {
    view! {
        <section class="panel setup" aria-labelledby="next-title">
            <div class="setup-text">
                <h2 id="next-title">{step.title}</h2>
                <p class="muted">{step.why}</p>
            </div>
            {step
                .label
                .map(|label| {
                    view! {
                        <a class="button button-primary" href=step.href>
                            {label}
                            <Icon mark=Mark::Arrow />
                        </a>
                    }
                })}
        </section>
    }
}

/// What happens to a key, for whoever has never seen Keyward.
const STEPS: [(&str, &str); 3] = [
    (
        "Bring a key",
        "Paste it from your own account with SerpAPI, ElevenLabs, OpenAI, Twilio or others. Keyward asks the provider at once whether it works and what it allows.",
    ),
    (
        "It is sealed",
        "AES-256-GCM, under a data key of your own. No page, log or answer shows it again, and it leaves the server only in requests to its own provider.",
    ),
    (
        "Services open",
        "Each opens as soon as the keys it needs work. When one stops working, the service says so, and shows the form that fixes it.",
    ),
];

#[component]
fn Introduction() -> impl IntoView {
    view! {
        <div class="page page-narrow">
            <h1>"Your keys, your accounts, your bills"</h1>
            <p class="page-lead">
                "Keyward runs services with the API keys you bring. Each key is checked with its provider, sealed, and used for nothing but your own requests. You pay the provider directly."
            </p>
            <p class="actions">
                <a class="button button-primary" href="/register">
                    "Create an account"
                </a>
                <a class="button" href="/login">
                    "Sign in"
                </a>
            </p>
            <section class="section" aria-labelledby="steps-title">
                <h2 id="steps-title">"How it works"</h2>
                <ol class="steps">
                    {STEPS
                        .into_iter()
                        .map(|(title, text)| {
                            view! {
                                <li>
                                    <strong>{title}</strong>
                                    <p class="muted">{text}</p>
                                </li>
                            }
                        })
                        .collect_view()}
                </ol>
            </section>
            <section class="section" aria-labelledby="services-title">
                <h2 id="services-title">"Services"</h2>
                <div class="panel panel-flush">
                    <ul class="service-rows">
                        {ServiceId::ALL
                            .into_iter()
                            .map(|service| {
                                view! {
                                    <li class="service-row">
                                        <strong>{service.name()}</strong>
                                        <p>{service.summary()}</p>
                                        <p class="muted">{needs(service)}</p>
                                    </li>
                                }
                            })
                            .collect_view()}
                    </ul>
                </div>
            </section>
        </div>
    }
    .into_any()
}

/// What a service needs: `Needs a SerpAPI key.`
fn needs(service: ServiceId) -> String {
    let names: Vec<_> = service
        .requirements()
        .iter()
        .filter(|requirement| !requirement.optional)
        .map(|requirement| provider_name(requirement.provider))
        .collect();
    if names.is_empty() {
        "Needs any stored key.".to_owned()
    } else {
        format!("Needs your own access to {}.", super::service_list::listed(names))
    }
}
