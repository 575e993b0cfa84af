use leptos::prelude::*;
use leptos_meta::Title;

use super::{password::PasswordForm, sessions::Sessions};
use crate::{
    api::{auth::Account, wire::ask},
    app::{asked::Asked, problem::Problem},
    model::page::AccountPage,
};

/// The account: password and sessions.
#[component]
pub fn AccountSettings() -> impl IntoView {
    let asked = Asked::<AccountPage>::once(|| ask(Account {}));
    view! {
        <Title text="Account" />
        <div class="page page-narrow">
            <h1>"Account"</h1>
            <Transition fallback=|| {
                view! { <div class="page-waiting" aria-busy="true"></div> }
            }>
                {move || Suspend::new(async move {
                    match asked.await {
                        Ok(page) => {
                            let sessions = RwSignal::new(page.sessions);
                            view! {
                                <p class="page-lead">{page.email.clone()}</p>
                                <PasswordForm email=page.email sessions=sessions />
                                <Sessions sessions=sessions />
                            }
                            .into_any()
                        }
                        Err(error) => view! { <Problem error=error /> }.into_any(),
                    }
                })}
            </Transition>
        </div>
    }
}
