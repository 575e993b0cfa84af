//! The pages. Everything here runs in the browser and, for the first answer, on the server.

pub mod asked;
pub mod guard;
pub mod keys;
mod layout;
pub mod links;
pub mod live;
mod pages;
pub mod post;
pub mod problem;
pub mod ui;
pub mod viewer;

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};

use self::{
    layout::Frame,
    pages::{
        AccountSettings, AiCallingPage, AnalyticsPage, ApiKeySettings, BatchPage, BatchStartPage, CallPage,
        CallingPage, DemoPage, HomePage, LoginPage, NoticeSettingsPage, NoticesPage, OperatorHealthPage,
        RegisterPage, SavedPage, ScraperPage, SearchPage, VoiceClonePage, VoiceCloningPage,
    },
    problem::NotFound,
    ui::{provide_announcer, provide_now},
};

/// The HTML document around the application: the same for pages, for errors and for what does not exist.
#[cfg(feature = "ssr")]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta
                    name="description"
                    content="A self-hosted platform on which every user brings their own API keys."
                />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <leptos_meta::HashedStylesheet options=options.clone() id="leptos" />
                <AutoReload options=options.clone() />
                // The page is complete and works as it is: the browser shows it before it loads the rest.
                <HydrationScripts options=options defer=true />
                <leptos_meta::MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// The application. Every page is complete before it is sent, so that it works without JavaScript.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_announcer();
    provide_now();
    let titled =
        |title: String| if title.is_empty() { "Keyward".to_owned() } else { format!("{title} · Keyward") };
    view! {
        <Title formatter=titled />
        <Router>
            <Frame>
                <FlatRoutes fallback=NotFound>
                    <Route path=path!("/") view=HomePage ssr=SsrMode::Async />
                    <Route path=path!("/demo") view=DemoPage ssr=SsrMode::Async />
                    <Route path=path!("/login") view=LoginPage ssr=SsrMode::Async />
                    <Route path=path!("/register") view=RegisterPage ssr=SsrMode::Async />
                    <Route path=path!("/settings/account") view=AccountSettings ssr=SsrMode::Async />
                    <Route path=path!("/settings/api-keys") view=ApiKeySettings ssr=SsrMode::Async />
                    <Route
                        path=path!("/settings/notifications")
                        view=NoticeSettingsPage
                        ssr=SsrMode::Async
                    />
                    <Route path=path!("/notifications") view=NoticesPage ssr=SsrMode::Async />
                    <Route path=path!("/services/data-scraper") view=ScraperPage ssr=SsrMode::Async />
                    <Route
                        path=path!("/services/data-scraper/searches/:id")
                        view=SearchPage
                        ssr=SsrMode::Async
                    />
                    <Route
                        path=path!("/services/data-scraper/batches")
                        view=BatchStartPage
                        ssr=SsrMode::Async
                    />
                    <Route
                        path=path!("/services/data-scraper/batches/:id")
                        view=BatchPage
                        ssr=SsrMode::Async
                    />
                    <Route
                        path=path!("/services/data-scraper/saved")
                        view=SavedPage
                        ssr=SsrMode::Async
                    />
                    <Route path=path!("/services/ai-calling") view=AiCallingPage ssr=SsrMode::Async />
                    <Route path=path!("/services/voice-cloning") view=VoiceCloningPage ssr=SsrMode::Async />
                    <Route path=path!("/services/voice-cloning/new") view=VoiceClonePage ssr=SsrMode::Async />
                    <Route path=path!("/services/calling") view=CallingPage ssr=SsrMode::Async />
                    <Route path=path!("/services/calling/calls/:id") view=CallPage ssr=SsrMode::Async />
                    <Route path=path!("/analytics") view=AnalyticsPage ssr=SsrMode::Async />
                    <Route path=path!("/operator/health") view=OperatorHealthPage ssr=SsrMode::Async />
                </FlatRoutes>
            </Frame>
        </Router>
    }
}
