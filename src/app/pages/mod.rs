//! One page per address.

mod account;
mod analytics;
mod api_keys;
mod demo;
mod home;
mod login;
mod next_step;
mod password;
mod register;
mod scraper;
mod service_list;
mod services;
mod sessions;
mod tokens;

pub use account::AccountSettings;
pub use analytics::AnalyticsPage;
pub use api_keys::ApiKeySettings;
pub use demo::DemoPage;
pub use home::HomePage;
pub use login::LoginPage;
pub use register::RegisterPage;
pub use scraper::{BatchPage, BatchStartPage, ScraperPage, SearchPage};
pub use services::{AiCallingPage, CallingPage, VoiceCloningPage};
