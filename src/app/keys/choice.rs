use leptos::prelude::*;

use super::board::Board;
use crate::{
    app::ui::{focus_soon, part},
    model::provider::{FormInfo, ProviderInfo},
};

/// The choice between the ways to give a credential, for providers that have more than one.
#[component]
pub(super) fn FormChoice(
    /// The provider.
    info: ProviderInfo,
    /// The id of the chosen form.
    chosen: RwSignal<String>,
    /// The parameter that keeps the form open without JavaScript, with its value.
    opened_by: Vec<(&'static str, String)>,
    /// The page.
    board: Board,
) -> impl IntoView {
    (info.forms.len() > 1).then(|| {
        let provider = info.id.clone();
        let options = info
            .forms
            .into_iter()
            .map(|FormInfo { id, label, .. }| {
                let mut parameters: Vec<_> =
                    opened_by.iter().map(|(name, value)| (*name, value.as_str())).collect();
                parameters.push(("form", &id));
                let href = format!("{}#card-{provider}", board.link(&parameters));
                let element = format!("{provider}-form-{id}");
                let current = {
                    let id = id.clone();
                    part(move || (*chosen.read() == id).then_some("true"))
                };
                let focus = element.clone();
                view! {
                    <a
                        id=element
                        href=href
                        data-noscroll
                        aria-current=current
                        on:click=move |event| {
                            event.prevent_default();
                            chosen.set(id.clone());
                            focus_soon(focus.clone());
                        }
                    >
                        {label}
                    </a>
                }
                .into_any()
            })
            .collect_view();
        view! {
            <nav class="segments" aria-label=format!("What to give for {}", info.name)>
                {options}
            </nav>
        }
        .into_any()
    })
}
