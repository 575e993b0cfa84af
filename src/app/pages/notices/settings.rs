use leptos::prelude::*;
use leptos_meta::Title;

use super::{channels::channels, rules::rules};
use crate::{
    api::{
        notices::{ListChannels, ReadNoticeRules},
        wire::ask,
    },
    app::{asked::Asked, pages::work},
    model::notice::{ChannelPage, NoticeRules},
};

/// What the user wants to be told of, and where.
#[component]
pub fn NoticeSettingsPage() -> impl IntoView {
    let asked = Asked::<NoticeRules>::once(|| ask(ReadNoticeRules {}));
    let places = Asked::<ChannelPage>::once(|| ask(ListChannels {}));
    view! {
        <Title text="Notification settings" />
        {work::one(
            asked,
            "Notification settings",
            move |first| {
                view! {
                    <div class="page page-narrow">
                        <h1>"Notification settings"</h1>
                        <p class="page-lead">
                            "What happens to your keys is listed under " <a href="/notifications">"Notifications"</a> "."
                        </p>
                        {rules(first)}
                        {work::list(places, "channels-title", "Where else it is told", channels)}
                    </div>
                }
                .into_any()
            },
        )}
    }
}
