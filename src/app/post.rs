//! Forms that call a server function, with and without JavaScript.
//!
//! Leptos' `ServerAction` and `ActionForm` do the same, but bring their whole machinery once for each server
//! function; here it exists once for all, and only reading the answer depends on what it is.

use std::cell::Cell;

use leptos::{
    ev::SubmitEvent,
    form::form_data_from_event,
    html,
    prelude::*,
    reactive::computed::ScopedFuture,
    server::ServerActionError,
    server_fn::{ServerFn, error::ServerFnUrlError},
    task::spawn_local,
    web_sys::UrlSearchParams,
};
use serde::de::DeserializeOwned;

use crate::{api::wire, model::error::AppError};

/// What a form calls, and what came of it.
pub struct Post<T: 'static> {
    line: Line,
    value: RwSignal<Option<Result<T, AppError>>>,
}

/// Whether the answers to a form were errors.
#[derive(Clone, Copy)]
pub struct Outcome {
    /// How many answers have arrived.
    pub version: RwSignal<usize>,
    /// The error of the last.
    pub error: Signal<Option<AppError>>,
}

/// The half of a [`Post`] that does not depend on the answer.
#[derive(Clone, Copy)]
struct Line {
    path: &'static str,
    /// The fields that are under way.
    sent: RwSignal<Option<String>>,
    /// How many answers have arrived.
    version: RwSignal<usize>,
}

impl<T> Clone for Post<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Post<T> {}

impl<T: DeserializeOwned + Clone + Send + Sync + 'static> Post<T> {
    /// A form for `S`. When the page is the answer to a plain post of it that failed, it begins with the error.
    pub fn to<S: ServerFn<Output = T, Error = AppError>>() -> Self {
        Self::at(S::PATH)
    }

    fn at(path: &'static str) -> Self {
        Self {
            line: Line { path, sent: RwSignal::new(None), version: RwSignal::new(0) },
            value: RwSignal::new(error_of_plain_post(path).map(Err)),
        }
    }

    /// The last answer.
    pub fn value(self) -> RwSignal<Option<Result<T, AppError>>> {
        self.value
    }

    /// The error of the last answer.
    pub fn error(self) -> Option<AppError> {
        self.value.with(|value| value.as_ref()?.as_ref().err().cloned())
    }

    /// What its answers say, whatever else they are.
    pub fn outcome(self) -> Outcome {
        Outcome { version: self.version(), error: Signal::derive(move || self.error()) }
    }

    /// How many answers have arrived.
    pub fn version(self) -> RwSignal<usize> {
        self.line.version
    }

    /// Whether the form is under way.
    pub fn pending(self) -> Signal<bool> {
        let sent = self.line.sent;
        Signal::derive(move || sent.with(Option::is_some))
    }

    /// Whether the form is under way with this field.
    pub fn sends(self, name: &str, value: &str) -> bool {
        let field = crate::app::links::with_query("", [(name, value)]);
        let is_field = |sent: &String| sent.split('&').any(|one| Some(one) == field.strip_prefix('?'));
        self.line.sent.with(|sent| sent.as_ref().is_some_and(is_field))
    }

    fn submit(self) -> Submit {
        let Self { line, value } = self;
        Box::new(move |event| {
            // Where the page is gone meanwhile, nobody is left to tell.
            line.submit(&event, Box::new(move |answer| drop(value.try_set(Some(read(answer))))));
        })
    }
}

type Submit = Box<dyn Fn(SubmitEvent)>;
type Done = Box<dyn FnOnce(Result<String, AppError>)>;

fn read<T: DeserializeOwned>(answer: Result<String, AppError>) -> Result<T, AppError> {
    wire::read(&answer?)
}

thread_local! {
    /// How many forms are under way, on whichever page.
    static UNDER_WAY: Cell<u32> = const { Cell::new(0) };
}

/// Whether an answer to a form is still to come.
pub fn any_under_way() -> bool {
    UNDER_WAY.get() > 0
}

impl Line {
    fn submit(self, event: &SubmitEvent, done: Done) {
        if event.default_prevented() {
            return;
        }
        event.prevent_default();
        let Some(fields) = fields(event) else { return };
        let answer = wire::post(self.path, fields.clone());
        self.sent.set(Some(fields));
        UNDER_WAY.set(UNDER_WAY.get() + 1);
        spawn_local(ScopedFuture::new_untracked(async move {
            let answer = answer.await;
            UNDER_WAY.set(UNDER_WAY.get() - 1);
            self.version.try_update(|version| *version += 1);
            done(answer);
            self.sent.try_set(None);
        }));
    }
}

/// The fields of a form as they would be sent without JavaScript.
pub fn fields(event: &SubmitEvent) -> Option<String> {
    let data = form_data_from_event(event).ok()?;
    UrlSearchParams::new_with_str_sequence_sequence(&data).ok()?.to_string().as_string()
}

/// What a plain post to `path` left in the address of the page, which is its answer.
fn error_of_plain_post(path: &str) -> Option<AppError> {
    use_context::<ServerActionError>()
        .filter(|error| error.path() == path)
        .map(|error| ServerFnUrlError::<AppError>::decode_err(error.err()))
}

/// A form that posts its fields; with JavaScript the page stays.
#[component]
pub fn PostForm<T: DeserializeOwned + Clone + Send + Sync + 'static>(
    /// What it calls.
    action: Post<T>,
    /// The `<form>`.
    #[prop(optional)]
    node_ref: Option<NodeRef<html::Form>>,
    /// The fields and controls.
    children: Children,
) -> impl IntoView {
    form(action.line.path, action.submit(), node_ref.unwrap_or_default(), children)
}

fn form(path: &'static str, submit: Submit, element: NodeRef<html::Form>, children: Children) -> AnyView {
    view! {
        <form action=path method="post" node_ref=element on:submit=submit>
            {children()}
        </form>
    }
    .into_any()
}
