use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::login::{AlreadySignedIn, failure, field_error, next_in_address};
use crate::{
    app::{
        links::on_the_way,
        post::PostForm,
        ui::{BusyButton, ButtonKind, ErrorNotice, TextField},
        viewer::Viewer,
    },
    model::error::{AppError, ErrorCode},
};

/// Opens an account.
#[component]
pub fn RegisterPage() -> impl IntoView {
    let viewer = expect_context::<Viewer>();
    let action = viewer.register;
    let next = next_in_address();
    let error = failure(action);
    let to_login = on_the_way("/login", next.as_deref());
    let hidden_next =
        next.clone().map(|next| view! { <input type="hidden" name="next" value=next /> }.into_any());
    // An invitation's link carries its code.
    let code = use_query_map().with_untracked(|query| query.get("code")).unwrap_or_default();
    let invited = !code.is_empty();
    view! {
        <Title text="Create an account" />
        <div class="page page-form">
            <h1>"Create an account"</h1>
            <p class="page-lead">"It lives on this installation only. No mail is sent."</p>
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
                        autocomplete="new-password"
                        help="At least 8 characters. Length counts, not symbols."
                        error=field_error(error, "password", "The password")
                    />
                    <Transition fallback=|| ()>
                        {move || {
                            let code = code.clone();
                            Suspend::new(async move {
                                let known = viewer.installation.await;
                                let asked = invited || known.is_ok_and(|known| known.needs_code);
                                view! { <CodeField code=code asked=asked error=error /> }.into_any()
                            })
                        }}
                    </Transition>
                    <ErrorNotice
                        error=error
                        fields=["email", "password", "code"].map(str::to_owned)
                        id="form-message"
                    />
                    <div class="actions">
                        <BusyButton
                            kind=ButtonKind::Primary
                            busy=action.pending()
                            label="Create account"
                            busy_label="Creating…"
                        />
                    </div>
                </PostForm>
            </div>
            <p class="page-after">
                "You have an account? " <a href=to_login>"Sign in"</a> "."
            </p>
        </div>
    }
    .into_any()
}

/// The field for an invitation; folded away where registering does not ask for one.
#[component]
fn CodeField(
    /// The code in the address, if any.
    code: String,
    /// Registering takes a code here.
    asked: bool,
    /// What went wrong.
    error: Signal<Option<AppError>>,
) -> impl IntoView {
    let open = move || {
        asked
            || error.with(|error| {
                error
                    .as_ref()
                    .is_some_and(|e| e.code == ErrorCode::RegistrationClosed || e.errors.contains_key("code"))
            })
    };
    view! {
        <details class="guidance" prop:open=open open=open>
            <summary>"I have an invitation or a one-time code"</summary>
            <TextField
                name="code"
                label="Code"
                value=code
                autocomplete="off"
                optional=true
                error=field_error(error, "code", "The code")
            />
        </details>
    }
}
