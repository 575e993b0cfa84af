use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{LazyRoute, lazy_route};

use super::{password::PasswordForm, sessions::Sessions};
use crate::{
    api::auth::account,
    app::problem::Problem,
    model::{error::AppError, page::AccountPage},
};

/// The account: password and sessions.
pub struct AccountSettings {
    asked: Resource<Result<AccountPage, AppError>>,
}

#[lazy_route]
impl LazyRoute for AccountSettings {
    fn data() -> Self {
        let asked = Resource::new(|| (), |()| account());
        Self { asked }
    }

    fn view(this: Self) -> AnyView {
        let AccountSettings { asked } = this;
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
