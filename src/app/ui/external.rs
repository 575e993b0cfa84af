use leptos::prelude::*;

use super::icon::{Icon, Mark};

/// A link to another site. It opens beside Keyward, tells the site nothing, and says so.
#[component]
pub fn External(
    /// The address.
    #[prop(into)]
    href: String,
    /// The class, for links that look like buttons.
    #[prop(optional)]
    class: &'static str,
    /// The words.
    #[prop(into)]
    label: String,
) -> impl IntoView {
    view! {
        <a class=class href=href target="_blank" rel="noopener noreferrer">
            {label}
            <Icon mark=Mark::Outside />
            <span class="visually-hidden">" (opens in a new tab)"</span>
        </a>
    }
}
