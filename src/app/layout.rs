//! The frame around every page.

use leptos::{html, prelude::*, task::spawn_local, wasm_bindgen::JsCast, web_sys::HtmlElement};
use leptos_router::{components::A, hooks::use_location};

use super::{
    live::{SLOW, Since, provide_live},
    pages::HEALTH,
    post::PostForm,
    ui::{Icon, LiveRegion, Mark, focus_soon, part},
    viewer::{Viewer, provide_viewer},
};
use crate::{
    api::auth::me,
    model::{event::Topic, page::Me, service::ServiceId},
};

/// Header, main region and footer.
#[component]
pub fn Frame(
    /// The page.
    children: Children,
) -> impl IntoView {
    let viewer = provide_viewer();
    provide_live(viewer);
    forget_failed_post();
    follow_navigation();
    view! {
        <a class="skip-link" href="#main" rel="external">
            "Skip to the content"
        </a>
        <Transition fallback=|| ()>
            {move || Suspend::new(async move {
                let demo = viewer.installation.await.is_ok_and(|installation| installation.demo);
                demo.then(|| {
                    view! {
                        <aside class="demo-banner" aria-label="Demonstration">
                            "Demonstration: a simulator stands in for every provider. "
                            <a href="/demo">"Test keys"</a>
                        </aside>
                    }
                    .into_any()
                })
                .into_any()
            })}
        </Transition>
        <header class="site-header">
            <A href="/" exact=true attr:class="brand">
                <Icon mark=Mark::Shield />
                "Keyward"
            </A>
            <Transition fallback=|| ()>
                {move || Suspend::new(async move {
                    match viewer.me.await {
                        Ok(Some(me)) => view! { <SignedIn me=me viewer=viewer /> }.into_any(),
                        Ok(None) | Err(_) => view! { <SignedOut /> }.into_any(),
                    }
                })}
            </Transition>
        </header>
        <main id="main" tabindex="-1">
            {children()}
        </main>
        <footer class="site-footer">
            <p>
                "Keyward holds your keys sealed and spends them only on your own requests. "
                // Made on the server: no page of the application.
                <a href="/docs/api" rel="external">
                    "API"
                </a>
            </p>
        </footer>
        <LiveRegion />
    }
}

/// The short name of a service in the navigation.
const fn short_name(service: ServiceId) -> &'static str {
    match service {
        ServiceId::DataScraper => "Data Scraper",
        ServiceId::AiCalling => "AI Calling",
        ServiceId::VoiceCloning => "Voices",
        ServiceId::Calling => "Calls",
        ServiceId::Analytics => "Analytics",
    }
}

#[component]
fn SignedIn(me: Me, viewer: Viewer) -> impl IntoView {
    let menu = NodeRef::<html::Div>::new();
    let close = move |_| {
        if let Some(menu) = menu.get() {
            // Closed already is what was wanted.
            let _ = menu.hide_popover();
        }
    };
    let nav = NodeRef::<html::Nav>::new();
    let path = use_location().pathname;
    // On a phone the row is longer than the screen: the page that one is on is in sight in it.
    Effect::new(move |_| {
        path.track();
        request_animation_frame(move || {
            let Some(nav) = nav.try_get_untracked().flatten() else { return };
            let current = nav.query_selector("[aria-current]").ok().flatten();
            if let Some(current) = current.and_then(|link| link.dyn_into::<HtmlElement>().ok()) {
                let beside = (nav.client_width() - current.offset_width()) / 2;
                nav.set_scroll_left(current.offset_left() - nav.offset_left() - beside);
            }
        });
    });
    view! {
        <nav class="site-nav" aria-label="Main" node_ref=nav>
            <A href="/" exact=true>
                "Overview"
            </A>
            {ServiceId::ALL
                .into_iter()
                .map(|service| view! { <A href=service.path()>{short_name(service)}</A> })
                .collect_view()}
            <A href="/settings/api-keys">"API keys"</A>
        </nav>
        <div class="site-account">
            {bell(me.unread)}
            <button type="button" class="account-button" popovertarget="account-menu">
                <span class="visually-hidden">"Account menu of "</span>
                <span class="account-email">{me.email}</span>
            </button>
            <div id="account-menu" class="menu" popover="auto" node_ref=menu>
                <A href="/settings/account" on:click=close>
                    "Account"
                </A>
                <A href="/settings/api-keys" on:click=close>
                    "API keys"
                </A>
                <A href="/settings/notifications" on:click=close>
                    "Notification settings"
                </A>
                {me
                    .operator
                    .then(|| {
                        view! {
                            <A href=HEALTH on:click=close>
                                "Health of this installation"
                            </A>
                        }
                        .into_any()
                    })}
                <PostForm action=viewer.logout>
                    <button type="submit">"Sign out"</button>
                </PostForm>
            </div>
        </div>
    }
    .into_any()
}

/// Leads to the notices, with how many are new.
fn bell(unread: i64) -> AnyView {
    let unread = RwSignal::new(unread);
    Since::now(Topic::Notices).follow(
        || SLOW,
        move || {
            spawn_local(async move {
                if let Ok(Some(me)) = me().await {
                    unread.try_set(me.unread);
                }
            });
        },
    );
    let count = part(move || {
        let count = match unread.get() {
            0 => return None,
            1..=99 => unread.get().to_string(),
            _ => "99+".to_owned(),
        };
        Some(
            view! { <span class="badge">{count} <span class="visually-hidden">" new"</span></span> }
                .into_any(),
        )
    });
    view! {
        <A href="/notifications" attr:class="bell">
            <Icon mark=Mark::Bell />
            <span class="visually-hidden">"Notifications"</span>
            {count}
        </A>
    }
    .into_any()
}

#[component]
fn SignedOut() -> impl IntoView {
    view! {
        <nav class="site-nav site-nav-end" aria-label="Main">
            <A href="/login">"Sign in"</A>
            <A href="/register">"Create account"</A>
        </nav>
    }
}

/// Takes what a failed form post left out of the address, once the forms have read it: errors do not belong
/// in the history, and a reload should not show them again.
fn forget_failed_post() {
    Effect::new(move |_| {
        let location = window().location();
        let search = location.search().unwrap_or_default();
        if !search.contains("__err=") {
            return;
        }
        let kept: Vec<_> = search
            .trim_start_matches('?')
            .split('&')
            .filter(|pair| !pair.starts_with("__err=") && !pair.starts_with("__path="))
            .collect();
        let mut address = location.pathname().unwrap_or_default();
        if !kept.is_empty() {
            address.push('?');
            address.push_str(&kept.join("&"));
        }
        if let Ok(history) = window().history() {
            let state = history.state().unwrap_or_default();
            // Cosmetic: an address that keeps the error does no harm.
            let _ = history.replace_state_with_url(&state, "", Some(&address));
        }
    });
}

/// Moves the focus to the new page after a navigation in the browser, as a full load would.
fn follow_navigation() {
    let path = use_location().pathname;
    Effect::new(move |before: Option<String>| {
        let now = path.get();
        if before.is_some_and(|before| before != now) {
            focus_soon("main");
        }
        now
    });
}
