use leptos::prelude::*;
use leptos_meta::Title;

use super::{password::PasswordForm, sessions::Sessions};
use crate::{
    api::auth::account,
    app::{live::Since, problem::Problem},
    model::event::Topic,
};

/// The account: password and sessions.
#[component]
pub fn AccountSettings() -> impl IntoView {
    let since = Since::now(Topic::Account);
    let asked = Resource::new(|| (), |()| account());
    view! {
        <Title text="Account" />
        <div class="page page-narrow">
            <h1>"Account"</h1>
            <Suspense fallback=|| {
                view! { <div class="page-waiting" aria-busy="true"></div> }
            }>
                {move || Suspend::new(async move {
                    match asked.await {
                        Ok(page) => {
                            let sessions = RwSignal::new(page.sessions);
                            view! {
                                <p class="page-lead">{page.email.clone()}</p>
                                <PasswordForm email=page.email sessions=sessions />
                                <Sessions sessions=sessions since=since />
                            }
                            .into_any()
                        }
                        Err(error) => view! { <Problem error=error /> }.into_any(),
                    }
                })}
            </Suspense>
        </div>
    }
}
