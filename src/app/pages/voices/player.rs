use leptos::prelude::*;

use super::send::{Heard, Whole, forget};
use crate::{
    app::ui::{Notice, Tone, grouped, part},
    model::voices::SpeechFormat,
};

/// Speech that comes or has come, until it is spoken again or the page is left.
#[derive(Clone, Copy)]
pub(super) struct Made(RwSignal<Option<Speech>>);

#[derive(Clone, PartialEq)]
struct Speech {
    /// What the player plays.
    plays: String,
    /// All of it, once it has come.
    file: Option<String>,
    complete: bool,
    format: SpeechFormat,
    cost: Option<i64>,
}

impl Speech {
    fn forget(&self) {
        forget(&self.plays);
        self.file.iter().for_each(|file| forget(file));
    }
}

impl Made {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        let made = Self(RwSignal::new(None));
        on_cleanup(move || {
            if let Some(Some(speech)) = made.0.try_get_untracked() {
                speech.forget();
            }
        });
        made
    }

    /// It can be played, and goes on coming.
    pub(super) fn begin(self, heard: Heard, format: SpeechFormat) {
        let Heard { url, cost } = heard;
        self.put(Speech { plays: url, file: None, complete: false, format, cost });
    }

    /// It has come.
    pub(super) fn end(self, whole: Whole, format: SpeechFormat) {
        let Whole { heard: Heard { url, cost }, played, complete } = whole;
        // What plays goes on playing.
        let goes_on = self.0.try_update(|made| match made {
            Some(speech) if speech.file.is_none() && played => {
                (speech.file, speech.complete) = (Some(url.clone()), complete);
                true
            }
            _ => false,
        });
        if goes_on != Some(true) {
            self.put(Speech { plays: url.clone(), file: Some(url), complete, format, cost });
        }
    }

    /// Whether some of it can be played.
    pub(super) fn is_begun(self) -> bool {
        self.0.try_with_untracked(|made| made.as_ref().is_some_and(|speech| speech.file.is_none()))
            == Some(true)
    }

    /// The same, followed.
    pub(super) fn is_coming(self) -> bool {
        self.0.with(|made| made.as_ref().is_some_and(|speech| speech.file.is_none()))
    }

    fn put(self, speech: Speech) {
        match self.0.try_update(|made| made.replace(speech.clone())) {
            Some(before) => before.iter().for_each(Speech::forget),
            // The page was left meanwhile.
            None => speech.forget(),
        }
    }
}

/// Plays what was made, and offers it as a file.
#[component]
pub(super) fn Player(
    made: Made,
    /// What is left of the plan.
    left: Signal<Option<i64>>,
) -> impl IntoView {
    let made = made.0;
    // The player stays when the end has come.
    let playing = Memo::new(move |_| {
        made.with(|made| made.as_ref().map(|speech| (speech.plays.clone(), speech.format)))
    });
    let words = part(move || made.with(|made| made.as_ref().map(|speech| words(speech, left.get()))));
    let sound = part(move || {
        let (url, format) = playing.get()?;
        Some(if format.plays() {
            view! { <audio controls autoplay src=url aria-label="Speech"></audio> }.into_any()
        } else {
            view! { <p>"Browsers do not play this format; download it."</p> }.into_any()
        })
    });
    let file = part(move || {
        let (url, format) =
            made.with(|made| made.as_ref().and_then(|speech| Some((speech.file.clone()?, speech.format))))?;
        let name = format!("speech.{}", format.extension());
        Some(view! { <a class="button" href=url download=name rel="external">"Download"</a> }.into_any())
    });
    view! {
        <div aria-live="polite" hidden=move || playing.read().is_none()>
            <Notice tone=Tone::Good>
                <p>{words}</p>
            </Notice>
            <div class="actions voice-actions">{sound} {file}</div>
        </div>
    }
    .into_any()
}

fn words(speech: &Speech, left: Option<i64>) -> String {
    let cost = match (speech.cost, left) {
        (Some(cost), Some(left)) => {
            format!("It cost {} characters; {} are left.", grouped(cost), grouped(left))
        }
        (Some(cost), None) => format!("It cost {} characters.", grouped(cost)),
        (None, _) => "What it cost was not told.".to_owned(),
    };
    let rest = match (&speech.file, speech.complete) {
        (None, _) => "It plays while it comes.",
        (Some(_), true) => "It is kept until you leave this page or speak again.",
        (Some(_), false) => "It ended early; what had come is kept until you leave this page or speak again.",
    };
    format!("{cost} {rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_cost_and_how_far_it_has_come_is_told() {
        let coming = Speech {
            plays: "blob:a".to_owned(),
            file: None,
            complete: false,
            format: SpeechFormat::default(),
            cost: Some(1_200),
        };
        assert_eq!(words(&coming, Some(5)), "It cost 1,200 characters; 5 are left. It plays while it comes.");
        let ended = Speech { file: Some("blob:b".to_owned()), cost: None, ..coming };
        assert!(words(&ended, None).starts_with("What it cost was not told. It ended early"));
        assert!(words(&Speech { complete: true, ..ended }, None).contains("It is kept"));
    }
}
