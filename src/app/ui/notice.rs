use leptos::prelude::*;

use super::{
    icon::{Icon, Mark},
    pill::Tone,
};

/// A sentence or two that stand out, with an icon before them.
#[component]
pub fn Notice(
    /// The colour, and with it the icon.
    tone: Tone,
    /// The element's id, for `aria-describedby` and for the focus.
    #[prop(optional_no_strip)]
    id: Option<String>,
    /// The words.
    children: Children,
) -> impl IntoView {
    let mark = match tone {
        Tone::Good => Mark::Check,
        Tone::Caution => Mark::Alert,
        Tone::Bad => Mark::Cross,
        Tone::Neutral => Mark::Clock,
    };
    view! {
        <div class=format!("notice {}", tone.class()) id=id tabindex="-1">
            <Icon mark=mark />
            <div>{children()}</div>
        </div>
    }
}
