use leptos::prelude::*;

use super::icon::{Icon, Mark};

/// How much weight a button has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ButtonKind {
    /// The one thing to do here.
    Primary,
    /// One of several.
    #[default]
    Plain,
    /// Takes something away.
    Danger,
    /// Steps back behind the others.
    Quiet,
}

impl ButtonKind {
    /// The classes.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Primary => "button button-primary",
            Self::Plain => "button",
            Self::Danger => "button button-danger",
            Self::Quiet => "button button-quiet",
        }
    }
}

/// A submit button that says what happens while it is busy. It keeps its width and the focus: a
/// `disabled` button would lose it, so further presses are swallowed instead.
#[component]
pub fn BusyButton(
    /// The weight.
    #[prop(optional)]
    kind: ButtonKind,
    /// Whether the request is under way.
    #[prop(into)]
    busy: Signal<bool>,
    /// The words at rest.
    #[prop(into)]
    label: String,
    /// The words while busy.
    #[prop(into)]
    busy_label: String,
    /// What it is about, for those who cannot see beside what it stands.
    #[prop(optional, into)]
    about: Option<String>,
) -> impl IntoView {
    view! {
        <button
            type="submit"
            class=kind.class()
            aria-disabled=move || busy.get().then_some("true")
            on:click=move |event| {
                if busy.get() {
                    event.prevent_default();
                }
            }
        >
            <span class="stack">
                <span class="stack-layer" class:is-hidden=busy>
                    {label}
                </span>
                <span class="stack-layer" class:is-hidden=move || !busy.get()>
                    <Icon mark=Mark::Spinner />
                    {busy_label}
                </span>
            </span>
            {about.map(|about| view! { <span class="visually-hidden">" " {about}</span> })}
        </button>
    }
}
