use leptos::prelude::*;

use super::groups::is_meant;
use crate::{
    app::ui::part,
    model::{page::SettingsPage, service::ServiceId},
};

/// Finds providers. With JavaScript the cards follow while somebody types; without, the form asks for the page
/// again.
#[component]
pub(super) fn Search(
    /// What is looked for.
    words: RwSignal<String>,
    /// The cards.
    page: ReadSignal<SettingsPage>,
    /// The service that the page is about, to be kept in the address.
    service: Option<ServiceId>,
) -> impl IntoView {
    let found = part(move || {
        let words = words.get();
        if words.trim().is_empty() {
            return String::new();
        }
        let found = page.with(|page| page.cards.iter().filter(|card| is_meant(&card.info, &words)).count());
        match found {
            0 => "No provider of this name. Whoever runs this installation can add one.".to_owned(),
            1 => "1 provider".to_owned(),
            found => format!("{found} providers"),
        }
    });
    let kept = service
        .map(|service| view! { <input type="hidden" name="service" value=service.slug() /> }.into_any());
    view! {
        <search>
            <form class="finder" method="get" action="/settings/api-keys" on:submit=|event| event.prevent_default()>
                {kept}
                <label for="find-provider">"Find a provider"</label>
                <input
                    id="find-provider"
                    type="search"
                    name="q"
                    autocomplete="off"
                    placeholder="Name or purpose"
                    prop:value=move || words.get()
                    value=words.get_untracked()
                    on:input=move |event| words.set(event_target_value(&event))
                />
                <noscript>
                    <button type="submit" class="button">
                        "Find"
                    </button>
                </noscript>
            </form>
            <p class="muted" aria-live="polite">
                {found}
            </p>
        </search>
    }
    .into_any()
}
