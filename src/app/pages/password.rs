use leptos::{html, prelude::*};

use super::login::{failure, field_error};
use crate::{
    api::auth::ChangePassword,
    app::{
        post::{Post, PostForm},
        ui::{BusyButton, ErrorNotice, Notice, TextField, Tone, focus_soon},
    },
    model::{page::SessionView, token::TokenView},
};

/// Changes the password.
#[component]
pub(super) fn PasswordForm(
    /// The e-mail address, so that password managers know whose password it is.
    email: String,
    /// The sessions, of which a change leaves only this one.
    sessions: RwSignal<Vec<SessionView>>,
    /// The tokens, of which a change leaves none.
    tokens: RwSignal<Vec<TokenView>>,
) -> impl IntoView {
    let action = Post::to::<ChangePassword>();
    let error = failure(action);
    let form = NodeRef::<html::Form>::new();
    let changed = move || matches!(&*action.value().read(), Some(Ok(())));
    Effect::new(move |_| {
        if changed() {
            tokens.update(Vec::clear);
            sessions.update(|sessions| sessions.retain(|session| session.current));
            if let Some(form) = form.get_untracked() {
                form.reset();
            }
            focus_soon("password-changed");
        }
    });
    view! {
        <section class="section" aria-labelledby="password-title">
            <h2 id="password-title">"Password"</h2>
            <div class="panel">
                <PostForm action=action node_ref=form>
                    <input type="email" name="username" value=email autocomplete="username" hidden />
                    <TextField
                        name="current"
                        label="Current password"
                        kind="password"
                        autocomplete="current-password"
                        error=field_error(error, "current", "The current password")
                    />
                    <TextField
                        name="new"
                        label="New password"
                        kind="password"
                        autocomplete="new-password"
                        help="At least 8 characters. Every other session and every API token ends."
                        error=field_error(error, "new", "The new password")
                    />
                    <ErrorNotice error=error fields=["current", "new"].map(str::to_owned) id="form-message" />
                    <div class="live" aria-live="polite">
                        {move || {
                            changed()
                                .then(|| {
                                    view! {
                                        <Notice tone=Tone::Good id=Some("password-changed".to_owned())>
                                            <p>"The password is changed. Every other session and every API token has ended."</p>
                                        </Notice>
                                    }
                                })
                        }}
                    </div>
                    <div class="actions">
                        <BusyButton busy=action.pending() label="Change password" busy_label="Changing…" />
                    </div>
                </PostForm>
            </div>
        </section>
    }
    .into_any()
}
