//! What the pages of all that takes time have in common: of searches, of several at once, and of calls.

use std::{pin::Pin, time::Duration};

use leptos::{ev::SubmitEvent, html, prelude::*, task::spawn_local};
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};
use serde::de::DeserializeOwned;

use crate::{
    app::{
        asked::Asked,
        guard::Guard,
        live::{SLOW, Since},
        post::{Outcome, Post, PostForm, fields},
        problem::{NotFound, Problem},
        ui::{Announcer, BusyButton, ButtonKind, focus_first_invalid, focus_soon, part},
    },
    model::error::{AppError, ErrorCode},
};

/// An answer that a page reads again.
pub(super) type Reading<T> = Pin<Box<dyn Future<Output = Result<T, AppError>>>>;

/// A page about one thing: `show` draws it, and where it cannot be had, that is said under `heading`.
pub(super) fn one<T: DeserializeOwned + Send + 'static>(
    asked: Asked<T>,
    heading: &'static str,
    show: impl Fn(T) -> AnyView + Copy + Send + Sync + 'static,
) -> AnyView {
    view! {
        <Transition fallback=|| {
            view! { <div class="page-waiting" aria-busy="true"></div> }
        }>
            {move || Suspend::new(async move {
                match asked.await {
                    Ok(first) => show(first),
                    Err(error) if error.code == ErrorCode::NotFound => view! { <NotFound /> }.into_any(),
                    Err(error) => {
                        view! {
                            <div class="page">
                                <h1>{heading}</h1>
                                <Problem error=error />
                            </div>
                        }
                        .into_any()
                    }
                }
            })}
        </Transition>
    }
    .into_any()
}

/// The list below a service: `show` draws it, and where it cannot be had, that is said under `heading`.
pub(super) fn list<T: DeserializeOwned + Send + 'static>(
    asked: Asked<T>,
    id: &'static str,
    heading: &'static str,
    show: impl Fn(T) -> AnyView + Copy + Send + Sync + 'static,
) -> AnyView {
    view! {
        <Transition fallback=|| ()>
            {move || Suspend::new(async move {
                match asked.await {
                    Ok(list) => show(list),
                    // The guard above leads to the log-in page.
                    Err(error) if error.code == ErrorCode::Unauthenticated => ().into_any(),
                    Err(error) => {
                        view! {
                            <div class="page">
                                <h2 id=id>{heading}</h2>
                                <Problem error=error />
                            </div>
                        }
                        .into_any()
                    }
                }
            })}
        </Transition>
    }
    .into_any()
}

/// What a page shows and reads again when it has changed.
pub(super) struct Followed<T: 'static> {
    /// What is shown.
    pub(super) view: RwSignal<T>,
    /// Whether it is still under way.
    pub(super) open: Memo<bool>,
    /// Since when changes count.
    pub(super) since: Since,
    /// How often it is asked for while it is under way and nobody tells the browser of changes.
    pub(super) every: Duration,
}

impl<T: PartialEq + Send + Sync + 'static> Followed<T> {
    /// Follows a list.
    pub(super) fn list(self, read: impl Fn() -> Reading<T> + Clone + 'static) {
        let view = self.view;
        self.changes(move || {
            let newer = read();
            spawn_local(async move {
                if let Ok(newer) = newer.await {
                    renew(view, newer);
                }
            });
        });
    }

    /// Follows one thing, and leads back to `home` when it was deleted elsewhere, which is said aloud as `gone`.
    /// An answer that was `overtaken` by what is shown is dropped, such as by the answer to the user's own stop.
    pub(super) fn one(
        self,
        read: impl Fn() -> Reading<T> + Clone + 'static,
        overtaken: fn(&T, &T) -> bool,
        deleting: impl Fn() -> bool + Clone + 'static,
        gone: &'static str,
        home: &'static str,
    ) {
        let (view, open) = (self.view, self.open);
        let navigate = use_navigate();
        let say = say();
        self.changes(move || {
            // The user's own deletion leads back by itself.
            if deleting() {
                return;
            }
            let (now, navigate) = (read(), navigate.clone());
            spawn_local(async move {
                match now.await {
                    Ok(now) if view.try_with_untracked(|shown| overtaken(&now, shown)) == Some(true) => {}
                    Ok(now) => renew(view, now),
                    // Not when the page was left meanwhile.
                    Err(error) if error.code == ErrorCode::NotFound && open.try_get_untracked().is_some() => {
                        say(gone.to_owned());
                        navigate(home, NavigateOptions { replace: true, ..Default::default() });
                    }
                    // The next change is another chance.
                    Err(_) => {}
                }
            });
        });
    }

    fn changes(self, read_again: impl Fn() + Clone + 'static) {
        let Self { open, since, every, .. } = self;
        since.follow(move || if open.get() { every } else { SLOW }, read_again);
    }
}

/// Nothing is drawn again for an answer that says the same, or on a page that was left.
fn renew<T: PartialEq + Send + Sync + 'static>(view: RwSignal<T>, now: T) {
    if view.try_with_untracked(|view| *view != now) == Some(true) {
        view.set(now);
    }
}

/// Says a sentence to those who listen to the page.
pub(super) fn say() -> impl Fn(String) + Copy {
    let announcer = use_context::<Announcer>();
    move |sentence| {
        if let Some(announcer) = announcer {
            announcer.say(sentence);
        }
    }
}

/// After an answer with an error: the focus goes where it is, and a service that has closed says why.
pub(super) fn mind(
    version: RwSignal<usize>,
    error: Signal<Option<AppError>>,
    form: &'static str,
    message: &'static str,
) {
    let guard = use_context::<Guard>();
    Effect::new(move |_| {
        if version.get() == 0 {
            return;
        }
        match error.with(|error| error.as_ref().map(|error| error.code)) {
            Some(ErrorCode::MissingApiKeys) => {
                if let Some(guard) = guard {
                    guard.ask_again();
                }
            }
            Some(_) => focus_first_invalid(form, message),
            None => {}
        }
    });
}

/// What the address gives for a field, such as what was typed before an error without JavaScript.
pub(super) fn in_address(name: &str) -> String {
    use_query_map().with_untracked(|query| query.get(name)).unwrap_or_default()
}

/// Shows what a form of the address asks for without leaving the page, so that nothing else on it is lost. Without
/// JavaScript the browser sends the form.
pub(super) fn in_place(path: String) -> impl Fn(SubmitEvent) + Clone {
    let navigate = use_navigate();
    move |event: SubmitEvent| {
        // What cannot be read the browser sends by itself.
        let Some(fields) = fields(&event) else { return };
        event.prevent_default();
        navigate(&format!("{path}?{fields}"), NavigateOptions { scroll: false, ..Default::default() });
    }
}

/// The fields of a form follow the address, but nothing that is typed meanwhile is lost.
pub(super) fn follow_address<T: PartialEq + Clone + Send + Sync + 'static>(
    form: NodeRef<html::Form>,
    asked: Memo<T>,
) {
    Effect::new(move |before: Option<T>| {
        let now = asked.get();
        if before.is_some_and(|before| before != now) {
            request_animation_frame(move || {
                if let Some(form) = form.try_get_untracked().flatten() {
                    form.reset();
                }
            });
        }
        now
    });
}

/// The error of whichever form was answered last, with the focus on it where there is one.
pub(super) fn latest<const N: usize>(
    forms: [Outcome; N],
    message: &'static str,
) -> RwSignal<Option<AppError>> {
    // One may be there already, after a plain post.
    let error = RwSignal::new(forms.iter().find_map(|form| form.error.get_untracked()));
    for Outcome { version, error: its } in forms {
        Effect::new(move |_| {
            if version.get() > 0 {
                let now = its.get_untracked();
                if now.is_some() {
                    focus_soon(message);
                }
                error.set(now);
            }
        });
    }
    error
}

/// The sentence about one field.
pub(super) fn about(
    error: Signal<Option<AppError>>,
    name: &'static str,
    label: &'static str,
) -> Signal<Option<String>> {
    Signal::derive(move || error.with(|error| Some(error.as_ref()?.errors.get(name)?.sentence(label))))
}

/// Whether a deletion is under way, or done.
pub(super) fn is_deleting(delete: Post<()>) -> impl Fn() -> bool + Copy {
    move || delete.pending().get_untracked() || delete.value().with_untracked(Option::is_some)
}

/// Deletes what the page shows, after one more question.
pub(super) fn deletion(delete: Post<()>, id: String, warning: &'static str, label: &'static str) -> AnyView {
    view! {
        <details class="confirm">
            <summary class="button button-quiet">"Delete"</summary>
            <p>{warning}</p>
            <PostForm action=delete>
                <input type="hidden" name="id" value=id />
                <BusyButton
                    kind=ButtonKind::Danger
                    busy=delete.pending()
                    label=label
                    busy_label="Deleting…"
                />
            </PostForm>
        </details>
    }
    .into_any()
}

/// Lets go on what ended early, where pages are missing. What they cost at the most stands beside it.
pub(super) fn go_on<T: DeserializeOwned + Clone + Send + Sync + 'static>(
    resume: Post<T>,
    id: String,
    missing: Memo<Option<u32>>,
    label: &'static str,
) -> AnyView {
    part(move || {
        let id = id.clone();
        missing.get().map(|missing| {
            let price = match missing {
                1 => "1 page is missing, for 1 search.".to_owned(),
                pages => format!("{pages} pages are missing, for up to {pages} searches."),
            };
            view! {
                <PostForm action=resume>
                    <input type="hidden" name="id" value=id />
                    <BusyButton busy=resume.pending() label=label busy_label="Going on…" />
                    <span class="field-help">{price}</span>
                </PostForm>
            }
            .into_any()
        })
    })
    .into_any()
}

/// For browsers without JavaScript; it goes as soon as the page is alive.
pub(super) fn refresh_link(path: String) -> AnyView {
    let alive = RwSignal::new(false);
    Effect::new(move |_| alive.set(true));
    part(move || {
        let path = path.clone();
        (!alive.get()).then(|| view! { <a href=path>"Refresh"</a> }.into_any())
    })
    .into_any()
}
