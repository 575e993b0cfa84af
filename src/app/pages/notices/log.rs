use leptos::{prelude::*, task::spawn_local};

use crate::{
    api::notices::notice_messages,
    app::ui::{Moment, Phrase, part},
    model::{
        error::AppError,
        ids::{ChannelId, MessageId},
        notice::{MessageEvent, MessageList, MessageState, MessageView},
    },
};

/// What was sent to a place, read when it is opened.
pub(super) fn log(id: ChannelId, whose: String) -> AnyView {
    let shown = RwSignal::new(None::<Result<MessageList, AppError>>);
    let read = move |before: Option<MessageId>| {
        spawn_local(async move {
            let part = notice_messages(id, before).await;
            shown.try_update(|shown| match (shown, part) {
                (Some(Ok(all)), Ok(more)) if before.is_some() => {
                    all.items.extend(more.items);
                    all.next = more.next;
                }
                (shown, part) => *shown = Some(part),
            });
        });
    };
    let rows = part(move || {
        shown.with(|shown| {
            Some(match shown.as_ref()? {
                Err(error) => view! { <p>{error.detail(None)}</p> }.into_any(),
                Ok(list) if list.items.is_empty() => {
                    view! { <p class="muted">"Nothing was sent in the last 30 days."</p> }.into_any()
                }
                Ok(list) => {
                    let items = list.items.iter().cloned().map(row).collect_view();
                    view! { <ul class="message-log">{items}</ul> }.into_any()
                }
            })
        })
    });
    let next = Memo::new(move |_| shown.with(|shown| shown.as_ref()?.as_ref().ok()?.next));
    let more = part(move || {
        let next = next.get()?;
        Some(
            view! {
                <button type="button" class="button button-quiet" on:click=move |_| read(Some(next))>
                    "Earlier ones"
                </button>
            }
            .into_any(),
        )
    });
    view! {
        <details class="confirm" on:toggle=move |_| read(None)>
            <summary class="button button-quiet">
                "Log" <span class="visually-hidden">{format!(": {whose}")}</span>
            </summary>
            {rows}
            {more}
        </details>
    }
    .into_any()
}

fn row(message: MessageView) -> AnyView {
    let what = match (message.event, message.kind) {
        (MessageEvent::Test, _) | (_, None) => "Test".to_owned(),
        (MessageEvent::Opened, Some(kind)) => kind.code().to_owned(),
        (MessageEvent::Resolved, Some(kind)) => format!("{} is over", kind.code()),
    };
    let state = match message.state {
        MessageState::Sent => "Arrived.",
        MessageState::Waiting if message.attempts == 0 => "Waits.",
        MessageState::Waiting => "Tried again.",
        MessageState::Failed => "Did not arrive.",
        MessageState::Dropped if message.attempts == 0 => "Not sent: it was no longer so.",
        MessageState::Dropped => "Not sent again: it was no longer so.",
    };
    let status = message.http_status.map(|status| format!(" It answered {status}."));
    let fault = message.fault.map(|fault| format!(" {}", fault.sentence()));
    let attempts = (message.attempts > 1).then(|| format!(" {} attempts.", message.attempts));
    let next =
        message.next_at.map(|at| view! { " Next " <Moment at=at phrase=Phrase::Ahead /> "." }.into_any());
    view! {
        <li>
            <strong>{what}</strong>
            " "
            <span class="muted">
                <Moment at=message.created_at phrase=Phrase::Ago />
            </span>
            <br />
            {state}
            {fault}
            {status}
            {attempts}
            {next}
        </li>
    }
    .into_any()
}
