//! What the user is told of.

use std::collections::HashMap;

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::context::*;
use super::wire::Rpc;
use crate::model::{
    error::AppError,
    ids::{ChannelId, MessageId, NoticeId},
    notice::{ChannelKind, ChannelPage, IssuedChannel, MessageList, MessageView, NoticeList, NoticeRules},
};
#[cfg(feature = "ssr")]
use crate::model::{
    error::{ErrorCode, FieldError},
    notice::{ChannelInput, MarkRead, NoticeKind, Quiet},
};

/// The notices, the latest first, those before `cursor` if given.
#[server(name = ListNotices, prefix = "/api/rpc", endpoint = "notices", protocol = Rpc)]
pub async fn notices(#[server(default)] cursor: Option<NoticeId>) -> Result<NoticeList, AppError> {
    let who = principal().await?;
    use_cases()?.notices.list(who.user, cursor).await
}

/// Marks a notice as read; all where none is named.
#[server(prefix = "/api/rpc", endpoint = "mark_notices_read", protocol = Rpc)]
pub async fn mark_notices_read(#[server(default)] id: Option<NoticeId>) -> Result<(), AppError> {
    let who = principal().await?;
    let which = MarkRead { ids: id.map(|id| vec![id]) };
    use_cases()?.notices.mark_read(who.user, &which).await
}

/// What the user wants to be told of.
#[server(name = ReadNoticeRules, prefix = "/api/rpc", endpoint = "notice_rules", protocol = Rpc)]
pub async fn notice_rules() -> Result<NoticeRules, AppError> {
    let who = principal().await?;
    use_cases()?.notices.rules(who.user).await
}

/// Changes what the user wants to be told of. `on` holds the codes of the rules that were ticked; without a first quiet
/// hour there are none.
#[server(prefix = "/api/rpc", endpoint = "set_notice_rules", protocol = Rpc)]
pub async fn set_notice_rules(
    #[server(default)] on: HashMap<String, String>,
    #[server(default)] quiet_from: String,
    #[server(default)] quiet_to: String,
    #[server(default)] zone: String,
) -> Result<NoticeRules, AppError> {
    let who = principal().await?;
    let kinds = on.keys().map(|code| NoticeKind::from_code(code)).collect::<Option<_>>();
    let on = kinds.ok_or_else(|| AppError::field("on", FieldError::Unknown))?;
    let hour = |name: &str, text: &str| {
        text.trim().parse::<u8>().map_err(|_| AppError::field(name, FieldError::OutOfRange))
    };
    let quiet = match quiet_from.trim() {
        "" => None,
        from => Some(Quiet {
            from: hour("quiet_from", from)?,
            to: hour("quiet_to", &quiet_to)?,
            zone: zone.trim().to_owned(),
        }),
    };
    use_cases()?.notices.set_rules(who.user, &NoticeRules { on, quiet }).await
}

/// The places where the user is told besides.
#[server(name = ListChannels, prefix = "/api/rpc", endpoint = "notice_channels", protocol = Rpc)]
pub async fn notice_channels() -> Result<ChannelPage, AppError> {
    let who = principal().await?;
    use_cases()?.notices.channels(who.user).await
}

/// Adds a place. Refused to a plain form post where the answer holds a secret: the answer to one is a redirect, which
/// has no place for it, and it would be lost.
#[server(prefix = "/api/rpc", endpoint = "add_notice_channel", protocol = Rpc)]
pub async fn add_notice_channel(
    kind: ChannelKind,
    #[server(default)] address: String,
) -> Result<IssuedChannel, AppError> {
    let added = async {
        let who = principal().await?;
        if kind == ChannelKind::Webhook && posted_plainly()? {
            return Err(AppError::new(ErrorCode::BadRequest));
        }
        let input = ChannelInput { kind, address };
        use_cases()?.notices.add_channel((who.user, &who.email), &input).await
    };
    added.await
}

/// Believes the e-mail address whose code this is.
#[server(prefix = "/api/rpc", endpoint = "confirm_notice_channel", protocol = Rpc)]
pub async fn confirm_notice_channel(code: String) -> Result<(), AppError> {
    let who = principal().await?;
    use_cases()?.notices.confirm_channel(who.user, &code).await
}

/// Sends a message that shows whether messages arrive.
#[server(prefix = "/api/rpc", endpoint = "test_notice_channel", protocol = Rpc)]
pub async fn test_notice_channel(id: ChannelId) -> Result<MessageView, AppError> {
    let who = principal().await?;
    use_cases()?.notices.test_channel(who.user, id).await
}

/// Gives a webhook another secret. Refused to a plain form post, as above.
#[server(prefix = "/api/rpc", endpoint = "rotate_notice_channel", protocol = Rpc)]
pub async fn rotate_notice_channel(id: ChannelId) -> Result<IssuedChannel, AppError> {
    let who = principal().await?;
    if posted_plainly()? {
        return Err(AppError::new(ErrorCode::BadRequest));
    }
    use_cases()?.notices.rotate_channel(who.user, id).await
}

/// Sends to a place again that was given up.
#[server(prefix = "/api/rpc", endpoint = "enable_notice_channel", protocol = Rpc)]
pub async fn enable_notice_channel(id: ChannelId) -> Result<(), AppError> {
    let who = principal().await?;
    use_cases()?.notices.enable_channel(who.user, id).await?;
    Ok(())
}

/// Removes a place.
#[server(prefix = "/api/rpc", endpoint = "delete_notice_channel", protocol = Rpc)]
pub async fn delete_notice_channel(id: ChannelId) -> Result<(), AppError> {
    let who = principal().await?;
    use_cases()?.notices.delete_channel(who.user, id).await
}

/// What was sent to a place, the latest first, those before `cursor` if given.
#[server(name = ListMessages, prefix = "/api/rpc", endpoint = "notice_messages", protocol = Rpc)]
pub async fn notice_messages(
    id: ChannelId,
    #[server(default)] cursor: Option<MessageId>,
) -> Result<MessageList, AppError> {
    let who = principal().await?;
    use_cases()?.notices.messages(who.user, id, cursor).await
}
