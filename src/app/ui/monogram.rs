use leptos::prelude::*;

/// The one or two characters that stand for a provider in lists.
#[component]
pub fn Monogram(
    /// The characters.
    #[prop(into)]
    text: String,
) -> impl IntoView {
    view! {
        <span class="monogram" aria-hidden="true">
            {text}
        </span>
    }
}
