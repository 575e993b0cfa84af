//! What the user is told of: the list, and the settings.

mod list;
mod rules;
mod settings;

pub use list::NoticesPage;
pub use settings::NoticeSettingsPage;
