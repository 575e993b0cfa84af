//! One page per address.

mod account;
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
mod voices;

pub use account::AccountSettings;
pub use api_keys::ApiKeySettings;
pub use demo::DemoPage;
pub use home::HomePage;
pub use login::LoginPage;
pub use register::RegisterPage;
pub use scraper::{BatchPage, BatchStartPage, ScraperPage, SearchPage};
pub use services::{AiCallingPage, AnalyticsPage, CallingPage};
pub use voices::{VoiceClonePage, VoiceCloningPage};
