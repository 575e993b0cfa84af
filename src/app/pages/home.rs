use leptos::prelude::*;
use leptos_meta::Title;

use super::service_list::{ServiceList, open_count};
use crate::{
    api::{keys::KeySettings, wire::ask},
    app::{asked::Asked, problem::Problem},
    model::{error::ErrorCode, page::SettingsPage, provider::provider_name, service::ServiceId},
};

/// The start page: what Keyward is, or for whoever is signed in the state of every service.
#[component]
pub fn HomePage() -> impl IntoView {
    let asked = Asked::<SettingsPage>::once(|| ask(KeySettings {}));
    view! {
        <Title text="" />
        <Transition fallback=|| {
            view! { <div class="page-waiting" aria-busy="true"></div> }
        }>
            {move || Suspend::new(async move {
                match asked.await {
                    Ok(page) => view! { <Overview page=page /> }.into_any(),
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
fn Overview(page: SettingsPage) -> impl IntoView {
    view! {
        <div class="page page-narrow">
            <h1>"Overview"</h1>
            <State page=page />
        </div>
    }
}

#[component]
fn State(page: SettingsPage) -> impl IntoView {
    let stored = page.cards.iter().filter(|card| card.key.is_some()).count();
    let ready = page.cards.iter().filter(|card| card.is_ready()).count();
    let lead = match stored {
        0 => "No key is stored yet. Add your first one, and the services that need it open.".to_owned(),
        1 => format!("1 key stored, {ready} working."),
        _ => format!("{stored} keys stored, {ready} working."),
    };
    let first = if stored == 0 { "Add your first key" } else { "Your API keys" };
    let class = if stored == 0 { "button button-primary" } else { "button" };
    let count = open_count(&page);
    view! {
        <p class="page-lead">{lead}</p>
        <p class="actions">
            <a class=class href="/settings/api-keys">
                {first}
            </a>
        </p>
        <section class="section" aria-labelledby="services-title">
            <div class="section-head">
                <h2 id="services-title">"Services"</h2>
                <span class="muted">{count}</span>
            </div>
            <div class="panel panel-flush">
                <ServiceList page=Signal::stored(page) summaries=true />
            </div>
        </section>
    }
    .into_any()
}

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
