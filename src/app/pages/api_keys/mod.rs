mod groups;
mod search;
mod setup;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use self::{
    groups::{Group, group, is_meant},
    search::Search,
    setup::ServiceSetup,
};
use super::service_list::{ServiceList, open_count};
use crate::{
    api::{keys::KeySettings, wire::ask},
    app::{
        asked::Asked,
        keys::{Board, DeletePage, Diverted, KeyCard, named_for_deletion, provide_board},
        live::Since,
        problem::Problem,
        ui::part,
    },
    model::{event::Topic, ids::ProviderId, input::next_path, page::SettingsPage, service::ServiceId},
};

/// The API keys: a card for each provider, and what the keys open. `?service=ID` puts first what that
/// service lacks; `&next=PATH` offers to go on there once it is open.
#[component]
pub fn ApiKeySettings() -> impl IntoView {
    let query = use_query_map();
    let service = Memo::new(move |_| query.with(|query| query.get_str("service")?.parse::<ServiceId>().ok()));
    let since = Since::now(Topic::Keys);
    let asked = Asked::<SettingsPage>::for_each(
        move || service.get().map(|service| service.to_string()).unwrap_or_default(),
        || ask(KeySettings {}),
    );
    view! {
        <Title text="API keys" />
        <Transition fallback=|| {
            view! { <div class="page-waiting" aria-busy="true"></div> }
        }>
            {move || Suspend::new(async move {
                match asked.await {
                    Ok(page) => view! { <Settings page=page service=service.get_untracked() since=since /> }.into_any(),
                    Err(error) => {
                        view! {
                            <div class="page">
                                <h1>"API keys"</h1>
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
fn Settings(page: SettingsPage, service: Option<ServiceId>, since: Since) -> impl IntoView {
    let next =
        use_query_map().with_untracked(|query| query.get_str("next").and_then(next_path).map(str::to_owned));
    // The order is that of the first look: a card does not jump away from under the hand when its key works.
    let groups = StoredValue::new(group(&page, service));
    let board = provide_board(page, "/settings/api-keys");
    let page = board.page();
    board.follow(since);
    let words = RwSignal::new(use_query_map().with_untracked(|query| query.get("q")).unwrap_or_default());
    let deleting = named_for_deletion();
    let doomed = move || {
        let provider = deleting.get()?;
        page.with(|page| page.card(&provider).filter(|card| card.key.is_some()).cloned())
    };
    let doomed = Memo::new(move |_| doomed());
    part(move || {
        if let Some(card) = doomed.get() {
            return view! { <DeletePage card=card board=board /> }.into_any();
        }
        let next = next.clone();
        view! {
            <div class="page">
                <h1>"API keys"</h1>
                <p class="page-lead">
                    "Your keys, your accounts, your bills. Each key is checked with its provider, sealed, and used for nothing but your own requests."
                </p>
                <Diverted board=board />
                {service.map(|service| view! { <ServiceSetup service=service next=next board=board /> })}
                <details class="panel panel-flush fold only-narrow">
                    <summary>
                        <strong>"Services"</strong>
                        <span class="muted">{move || page.with(open_count)}</span>
                    </summary>
                    <ServiceList page=page />
                </details>
                <div class="columns">
                    <div class="column-main">
                        <Search words=words page=page service=service />
                        {groups
                            .get_value()
                            .into_iter()
                            .map(|group| view! { <Cards group=group board=board words=words /> })
                            .collect_view()}
                    </div>
                    <aside class="panel panel-flush only-wide" aria-labelledby="services-title">
                        <div class="panel-head">
                            <h2 id="services-title">"Services"</h2>
                            <span class="muted">{move || page.with(open_count)}</span>
                        </div>
                        <ServiceList page=page />
                    </aside>
                </div>
            </div>
        }
        .into_any()
    })
}

#[component]
fn Cards(group: Group, board: Board, words: RwSignal<String>) -> impl IntoView {
    let Group { id, title, note, providers, counted, open } = group;
    let beside = {
        let providers = providers.clone();
        part(move || match counted {
            true => board.page().with(|page| {
                let ready =
                    providers.iter().filter(|id| page.card(id).is_some_and(|card| card.is_ready())).count();
                format!("{ready} of {} ready", providers.len())
            }),
            false => note.to_owned(),
        })
    };
    let is_meant = move |provider: &ProviderId, words: &str| {
        board
            .page()
            .with_untracked(|page| page.card(provider).is_some_and(|card| is_meant(&card.info, words)))
    };
    let empty = {
        let providers = providers.clone();
        Memo::new(move |_| words.with(|words| !providers.iter().any(|provider| is_meant(provider, words))))
    };
    let title_id = format!("group-{id}");
    let labelled_by = title_id.clone();
    view! {
        <section class="section" aria-labelledby=labelled_by hidden=move || empty.get()>
            <div class="section-head section-head-start">
                <h2 id=title_id>{title}</h2>
                <span class="muted">{beside}</span>
            </div>
            <ul class="cards">
                {providers
                    .into_iter()
                    .map(|provider| {
                        let open = open.contains(&provider);
                        let own = provider.clone();
                        let shown = Memo::new(move |_| words.with(|words| is_meant(&own, words)));
                        view! { <KeyCard provider=provider board=board open=open shown=Signal::from(shown) /> }
                    })
                    .collect_view()}
            </ul>
        </section>
    }
    .into_any()
}
