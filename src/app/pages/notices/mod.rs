//! What the user is told of: the list, and the settings.

mod channels;
mod list;
mod log;
mod rules;
mod settings;

pub use list::NoticesPage;
pub use settings::NoticeSettingsPage;
