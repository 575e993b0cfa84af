//! What the user is told of.

use std::collections::HashMap;

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::context::*;
use super::wire::Rpc;
use crate::model::{
    error::AppError,
    ids::NoticeId,
    notice::{NoticeList, NoticeRules},
};
#[cfg(feature = "ssr")]
use crate::model::{
    error::FieldError,
    notice::{MarkRead, NoticeKind},
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

/// Changes what the user wants to be told of. `on` holds the codes of the rules that were ticked.
#[server(prefix = "/api/rpc", endpoint = "set_notice_rules", protocol = Rpc)]
pub async fn set_notice_rules(
    #[server(default)] on: HashMap<String, String>,
) -> Result<NoticeRules, AppError> {
    let who = principal().await?;
    let kinds = on.keys().map(|code| NoticeKind::from_code(code)).collect::<Option<_>>();
    let on = kinds.ok_or_else(|| AppError::field("on", FieldError::Unknown))?;
    use_cases()?.notices.set_rules(who.user, &NoticeRules { on }).await
}
