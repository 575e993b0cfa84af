use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{LazyRoute, lazy_route};

use super::{password::PasswordForm, sessions::Sessions};
use crate::{api::auth::account, app::problem::Problem};

/// The account: password and sessions.
pub struct AccountSettings;

#[lazy_route]
impl LazyRoute for AccountSettings {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
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
                                    <Sessions sessions=sessions />
                                }
                                .into_any()
                            }
                            Err(error) => view! { <Problem error=error /> }.into_any(),
                        }
                    })}
                </Suspense>
            </div>
        }
        .into_any()
    }
}
