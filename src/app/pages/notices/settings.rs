use leptos::prelude::*;
use leptos_meta::Title;

use super::rules::rules;
use crate::{
    api::{notices::ReadNoticeRules, wire::ask},
    app::{asked::Asked, pages::work},
    model::notice::NoticeRules,
};

/// What the user wants to be told of, and where.
#[component]
pub fn NoticeSettingsPage() -> impl IntoView {
    let asked = Asked::<NoticeRules>::once(|| ask(ReadNoticeRules {}));
    view! {
        <Title text="Notification settings" />
        {work::one(
            asked,
            "Notification settings",
            |first| {
                view! {
                    <div class="page page-narrow">
                        <h1>"Notification settings"</h1>
                        <p class="page-lead">
                            "What happens to your keys is listed under " <a href="/notifications">"Notifications"</a> "."
                        </p>
                        {rules(first)}
                    </div>
                }
                .into_any()
            },
        )}
    }
}
