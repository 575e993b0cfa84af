//! A sample from the microphone. It becomes a file of the form like any other; nothing leaves the page before the form
//! is sent.

#[cfg(target_arch = "wasm32")]
mod browser;

use leptos::{html, prelude::*};

use super::send::forget;
use crate::app::{
    guard::Guard,
    ui::{Announcer, Icon, Mark, Notice, Tone, focus_soon, part},
};

#[cfg(target_arch = "wasm32")]
pub(super) use browser::heads;

/// Shorter samples make poor voices, in seconds.
const ENOUGH: u32 = 30;
/// Longer ones do not make better voices.
const PLENTY: u32 = 120;
/// A recording ends by itself then.
#[cfg_attr(not(target_arch = "wasm32"), expect(dead_code, reason = "only a browser records"))]
const LONGEST: u32 = 180;

/// Why there is no recording.
#[cfg_attr(not(target_arch = "wasm32"), expect(dead_code, reason = "only a browser records"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// The browser does not let pages record here.
    NotHere,
    /// The user, or the browser's settings, said no.
    Denied,
    /// There is no microphone.
    NoMicrophone,
    /// Anything else, such as a microphone that another program uses.
    Failed,
}

impl Trouble {
    const fn sentence(self) -> &'static str {
        match self {
            Self::NotHere => {
                "This browser cannot record here: it takes https, or an address on this machine. Choose files instead."
            }
            Self::Denied => {
                "The microphone is not allowed. Allow it for this page in the browser's address bar, load the page again, or choose files instead."
            }
            Self::NoMicrophone => "No microphone was found. Connect one, or choose files instead.",
            Self::Failed => {
                "The microphone cannot be used; another program may be using it. Try again, or choose files instead."
            }
        }
    }
}

#[cfg_attr(not(target_arch = "wasm32"), expect(dead_code, reason = "only a browser records"))]
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Idle,
    Asking,
    Recording,
    Done { url: String, seconds: u32 },
    Trouble(Trouble),
}

/// Records a sample. `recorded` follows whether there is one; set back from outside, it is thrown away.
#[component]
pub(super) fn Recorder(recorded: RwSignal<bool>) -> impl IntoView {
    let state = RwSignal::new(State::Idle);
    let (level, seconds) = (RwSignal::new(0_u32), RwSignal::new(0_u32));
    let file = NodeRef::<html::Input>::new();
    let announcer = use_context::<Announcer>();
    let say = move |sentence: &str| {
        if let Some(announcer) = announcer {
            announcer.say(sentence.to_owned());
        }
    };
    let drop_take = move || {
        if let State::Done { url, .. } = state.get_untracked() {
            forget(&url);
        }
        if let Some(file) = file.get_untracked() {
            file.set_value("");
        }
    };
    let take = Take::new(state, level, seconds, file);
    on_cleanup(move || {
        take.end();
        if let Some(State::Done { url, .. }) = state.try_get_untracked() {
            forget(&url);
        }
    });
    Effect::new(move |before: Option<bool>| {
        let done = recorded.get();
        // A take that is being made anew is not done.
        let thrown_away = matches!(state.get_untracked(), State::Done { .. });
        if before == Some(true) && !done && thrown_away {
            drop_take();
            state.set(State::Idle);
        }
        done
    });
    Effect::new(move |before: Option<State>| {
        let now = state.get();
        match (&before, &now) {
            (Some(State::Recording), State::Done { .. }) => {
                recorded.set(true);
                say("The recording has ended.");
                focus_soon("record-again");
            }
            (Some(State::Asking), State::Recording) => {
                say("Recording.");
                focus_soon("record-stop");
            }
            _ => {}
        }
        now
    });
    // Nothing is recorded out of sight.
    if let Some(guard) = use_context::<Guard>() {
        Effect::new(move |_| {
            if !guard.is_open() {
                take.end();
            }
        });
    }
    let start = move |_| {
        drop_take();
        state.set(State::Asking);
        recorded.set(false);
        take.begin();
    };
    let shown = part(move || {
        match state.get() {
        State::Idle => {
            view! {
                <button type="button" class="button" on:click=start>
                    "Record"
                </button>
            }
            .into_any()
        }
        State::Asking => view! { <p role="status">"Allow the microphone, if the browser asks."</p> }.into_any(),
        State::Recording => {
            view! {
                <button type="button" id="record-stop" class="button button-primary" on:click=move |_| take.end()>
                    <Icon mark=Mark::Pause />
                    "Stop"
                </button>
                <meter class="level" min="0" max="100" value=move || level.get().to_string() aria-label="Level"></meter>
                <span class="figures">{move || clock(seconds.get())}</span>
                <p class="field-help">{move || guidance(seconds.get(), level.get())}</p>
            }
            .into_any()
        }
        State::Done { url, seconds } => {
            view! {
                <audio controls src=url aria-label="Your recording"></audio>
                <span class="figures">{clock(seconds)}</span>
                <button type="button" id="record-again" class="button" on:click=start>
                    "Record again"
                </button>
                <button type="button" class="button button-quiet" on:click=move |_| recorded.set(false)>
                    "Throw away"
                </button>
                <p class="field-help">{verdict(seconds)}</p>
            }
            .into_any()
        }
        State::Trouble(trouble) => {
            view! {
                <div role="alert">
                    <Notice tone=Tone::Caution>
                        <p>{trouble.sentence()}</p>
                    </Notice>
                </div>
                <button type="button" class="button" on:click=start>
                    "Try again"
                </button>
            }
            .into_any()
        }
    }
    });
    let alive = RwSignal::new(false);
    Effect::new(move |_| alive.set(true));
    view! {
        <div class="field" role="group" aria-labelledby="record-label" hidden=move || !alive.get()>
            <p id="record-label">
                <strong>"Or the microphone"</strong>
            </p>
            <div class="recorder">{shown}</div>
            <input type="file" name="files" hidden tabindex="-1" aria-label="Recording" node_ref=file />
        </div>
    }
    .into_any()
}

/// Minutes and seconds.
fn clock(seconds: u32) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// What to say while it records.
fn guidance(seconds: u32, level: u32) -> String {
    let length = match seconds {
        0..ENOUGH => "Go on: one or two minutes are best. Read something aloud.",
        ENOUGH..PLENTY => "Good. A little more makes it better.",
        _ => "That is enough; it ends by itself after three minutes.",
    };
    let loudness = if seconds > 2 && level < 3 {
        " Nothing is heard: speak louder, or check the microphone."
    } else {
        ""
    };
    format!("{length}{loudness}")
}

/// What to say of a recording.
fn verdict(seconds: u32) -> &'static str {
    if seconds < ENOUGH {
        "That is short: the voice will not be very like. One or two minutes are best."
    } else {
        "Listen to it before you send it."
    }
}

/// The recording that is under way, if there is one.
#[derive(Clone, Copy)]
struct Take {
    #[cfg(target_arch = "wasm32")]
    inner: browser::Take,
}

#[cfg(target_arch = "wasm32")]
impl Take {
    fn new(
        state: RwSignal<State>,
        level: RwSignal<u32>,
        seconds: RwSignal<u32>,
        file: NodeRef<html::Input>,
    ) -> Self {
        Self { inner: browser::Take::new(state, level, seconds, file) }
    }

    /// Asks for the microphone, and records.
    fn begin(self) {
        self.inner.begin();
    }

    /// Ends the recording, which then becomes a file.
    fn end(self) {
        self.inner.end();
    }
}

/// On the server nothing is recorded.
#[cfg(not(target_arch = "wasm32"))]
impl Take {
    fn new(_: RwSignal<State>, _: RwSignal<u32>, _: RwSignal<u32>, _: NodeRef<html::Input>) -> Self {
        Self {}
    }

    fn begin(self) {}

    fn end(self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_told_in_words() {
        assert_eq!((clock(5), clock(125)), ("0:05".to_owned(), "2:05".to_owned()));
        assert!(guidance(5, 50).starts_with("Go on") && guidance(5, 0).contains("louder"));
        assert!(guidance(40, 50).starts_with("Good") && guidance(180, 50).starts_with("That is enough"));
        assert!(verdict(10).contains("short") && !verdict(60).contains("short"));
    }
}
