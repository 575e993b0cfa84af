use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::{
    app::{
        links::{Moved, on_the_way},
        post::{Post, PostForm},
        ui::{BusyButton, ButtonKind, ErrorNotice, TextField, focus_first_invalid},
        viewer::Viewer,
    },
    model::{error::AppError, input::next_path},
};

/// Signs in.
#[component]
pub fn LoginPage() -> impl IntoView {
    let viewer = expect_context::<Viewer>();
    let action = viewer.login;
    let next = next_in_address();
    let error = failure(action);
    let to_register = on_the_way("/register", next.as_deref());
    let hidden_next =
        next.clone().map(|next| view! { <input type="hidden" name="next" value=next /> }.into_any());
    view! {
        <Title text="Sign in" />
        <div class="page page-form">
            <h1>"Sign in"</h1>
            <AlreadySignedIn next=next />
            <div class="panel">
                <PostForm action=action>
                    {hidden_next}
                    <TextField
                        name="email"
                        label="E-mail address"
                        kind="email"
                        autocomplete="username"
                        error=field_error(error, "email", "E-mail address")
                    />
                    <TextField
                        name="password"
                        label="Password"
                        kind="password"
                        autocomplete="current-password"
                        error=field_error(error, "password", "Password")
                    />
                    <ErrorNotice error=error fields=["email", "password"].map(str::to_owned) id="form-message" />
                    <div class="actions">
                        <BusyButton
                            kind=ButtonKind::Primary
                            busy=action.pending()
                            label="Sign in"
                            busy_label="Signing in…"
                        />
                    </div>
                </PostForm>
            </div>
            <p class="page-after">
                "No account yet? " <a href=to_register>"Create one"</a> "."
            </p>
        </div>
    }
    .into_any()
}

/// Where the address wants the visitor to go on to, if that is a place of this site.
pub(super) fn next_in_address() -> Option<String> {
    use_query_map().with_untracked(|query| query.get_str("next").and_then(next_path).map(str::to_owned))
}

/// The error of an account form's last attempt. In the browser it also takes the focus to what is wrong, and
/// is forgotten when the page is left.
pub(super) fn failure<T>(action: Post<T>) -> Signal<Option<AppError>>
where
    T: serde::de::DeserializeOwned + Clone + Send + Sync + 'static,
{
    let value = action.value();
    let error = Signal::derive(move || action.error());
    Effect::new(move |_| {
        if action.version().get() > 0 && error.read().is_some() {
            focus_first_invalid("main", "form-message");
        }
    });
    Effect::new(move |_| on_cleanup(move || value.set(None)));
    error
}

/// The sentence about one field.
pub(super) fn field_error(
    error: Signal<Option<AppError>>,
    name: &'static str,
    label: &'static str,
) -> Signal<Option<String>> {
    Signal::derive(move || error.with(|error| Some(error.as_ref()?.errors.get(name)?.sentence(label))))
}

/// Leads on whoever is signed in already.
#[component]
pub(super) fn AlreadySignedIn(
    /// Where to.
    next: Option<String>,
) -> impl IntoView {
    let viewer = expect_context::<Viewer>();
    let next = StoredValue::new(next.unwrap_or_else(|| "/".to_owned()));
    view! {
        <Transition fallback=|| ()>
            {move || Suspend::new(async move {
                let signed_in = matches!(viewer.me.await, Ok(Some(_)));
                signed_in.then(|| view! { <Moved to=next.get_value() /> }.into_any()).into_any()
            })}
        </Transition>
    }
}
