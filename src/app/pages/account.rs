use leptos::prelude::*;
use leptos_meta::Title;

use super::{password::PasswordForm, sessions::Sessions, tokens::Tokens};
use crate::{
    api::{auth::Account, wire::ask},
    app::{asked::Asked, live::Since, problem::Problem},
    model::{event::Topic, page::AccountPage},
};

/// The account: password, sessions and API tokens.
#[component]
pub fn AccountSettings() -> impl IntoView {
    let since = Since::now(Topic::Account);
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
                            let tokens = RwSignal::new(page.tokens);
                            view! {
                                <p class="page-lead">{page.email.clone()}</p>
                                <Sessions sessions=sessions tokens=tokens since=since />
                                <Tokens tokens=tokens />
                                <PasswordForm email=page.email sessions=sessions tokens=tokens />
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
