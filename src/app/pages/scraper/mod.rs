//! Data Scraper: businesses from Google Maps, and pages of the web.

mod batch;
mod batch_form;
mod choices;
mod files;
mod filter;
mod form;
mod history;
mod results;
mod row;
mod saved;
mod search;
mod window;

use leptos::prelude::*;
use leptos_meta::Title;

use self::{form::SearchForm, history::History};
use crate::{app::guard::ApiKeyGuard, model::service::ServiceId};

pub use self::{batch::BatchPage, batch_form::BatchStartPage, saved::SavedPage, search::SearchPage};

/// The page that starts several searches at once.
const BATCHES: &str = "/services/data-scraper/batches";

/// The page with the saved searches.
const SAVED: &str = "/services/data-scraper/saved";

/// What the page is about, and what it costs.
const LEAD: &str = "Businesses from Google Maps or pages of the web, through your SerpAPI account. One page costs one search: 20 businesses, or 10 pages of the web.";

/// Starts searches and lists the earlier ones. Only starting is behind the guard: what was found stays
/// when the key dies.
#[component]
pub fn ScraperPage() -> impl IntoView {
    view! {
        <Title text=ServiceId::DataScraper.name() />
        <ApiKeyGuard
            service=ServiceId::DataScraper
            blocked_extra=|| view! { <a href="#searches">"Earlier searches"</a> " and their results stay available." }
        >
            <div class="page">
                <h1>{ServiceId::DataScraper.name()}</h1>
                <p class="page-lead">{LEAD}</p>
                <div class="panel">
                    <SearchForm />
                </div>
                <p>
                    <a href=BATCHES>"Several searches at once"</a>
                </p>
            </div>
        </ApiKeyGuard>
        <History />
    }
}
