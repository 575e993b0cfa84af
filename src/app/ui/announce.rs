use leptos::prelude::*;

/// Says results aloud to screen readers, wherever on the page they come from.
#[derive(Debug, Clone, Copy)]
pub struct Announcer(RwSignal<String>);

impl Announcer {
    /// Says a sentence. It replaces the one before.
    pub fn say(self, sentence: impl Into<String>) {
        self.0.set(sentence.into());
    }
}

/// Makes one [`Announcer`] for the whole site, read out by [`LiveRegion`].
pub fn provide_announcer() -> Announcer {
    let announcer = Announcer(RwSignal::new(String::new()));
    provide_context(announcer);
    announcer
}

/// The region that screen readers listen to. Stands on every page, empty at first.
#[component]
pub fn LiveRegion() -> impl IntoView {
    let announcer = use_context::<Announcer>();
    view! {
        <div class="visually-hidden" role="status" aria-live="polite">
            {move || announcer.map(|announcer| announcer.0.get())}
        </div>
    }
}
