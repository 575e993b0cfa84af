//! One page per address.

mod account;
mod analytics;
mod api_keys;
mod calling;
mod demo;
mod home;
mod login;
mod next_step;
mod notices;
mod operator;
mod password;
mod register;
mod scraper;
mod service_list;
mod services;
mod sessions;
mod tables;
mod tokens;
mod voices;
mod work;

pub use account::AccountSettings;
pub use analytics::AnalyticsPage;
pub use api_keys::ApiKeySettings;
pub use calling::{CallPage, CallingPage};
pub use demo::DemoPage;
pub use home::HomePage;
pub use login::LoginPage;
pub use notices::{NoticeSettingsPage, NoticesPage};
pub use operator::{HEALTH, OperatorHealthPage};
pub use register::RegisterPage;
pub use scraper::{BatchPage, BatchStartPage, SavedPage, ScraperPage, SearchPage};
pub use services::AiCallingPage;
pub use voices::{VoiceClonePage, VoiceCloningPage};
