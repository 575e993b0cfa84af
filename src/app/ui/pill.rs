use leptos::prelude::*;

use super::icon::{Icon, Mark};
use crate::model::{key::KeyView, status::KeyStatus};

/// What a colour means. It never stands alone: icon and words say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It works.
    Good,
    /// It works, with a limit.
    Caution,
    /// It does not work.
    Bad,
    /// Nothing to judge.
    Neutral,
}

impl Tone {
    /// The class that carries the colours.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Good => "tone-good",
            Self::Caution => "tone-caution",
            Self::Bad => "tone-bad",
            Self::Neutral => "tone-neutral",
        }
    }
}

/// A state in an icon and a word or two.
#[component]
pub fn Pill(
    /// The colour.
    tone: Tone,
    /// The icon.
    mark: Mark,
    /// The words.
    #[prop(into)]
    label: String,
) -> impl IntoView {
    view! {
        <span class=format!("pill {}", tone.class())>
            <Icon mark=mark />
            <span>{label}</span>
        </span>
    }
}

/// The state of a stored key, or of none.
#[component]
pub fn KeyPill(
    /// The key.
    key: Option<KeyView>,
) -> impl IntoView {
    let (tone, mark) = match &key {
        Some(key) if key.undecryptable => (Tone::Bad, Mark::Lock),
        Some(key) => match key.status {
            KeyStatus::Valid => (Tone::Good, Mark::Check),
            KeyStatus::Limited | KeyStatus::Exhausted => (Tone::Caution, Mark::Alert),
            KeyStatus::Invalid => (Tone::Bad, Mark::Cross),
            KeyStatus::Suspended => (Tone::Bad, Mark::Pause),
            KeyStatus::Unverified => (Tone::Neutral, Mark::Clock),
            KeyStatus::Missing => (Tone::Neutral, Mark::Circle),
        },
        None => (Tone::Neutral, Mark::Circle),
    };
    view! { <Pill tone=tone mark=mark label=key_label(key.as_ref()) /> }
}

/// The words for the state of a stored key, or of none.
pub fn key_label(key: Option<&KeyView>) -> String {
    match key {
        None => KeyStatus::Missing.label().to_owned(),
        Some(key) if key.undecryptable => "Cannot be opened".to_owned(),
        Some(key) => match (&key.metadata.quota, key.status) {
            (Some(quota), KeyStatus::Exhausted) if !quota.unit.is_empty() => {
                format!("No {} left", quota.unit)
            }
            (_, status) => status.label().to_owned(),
        },
    }
}
