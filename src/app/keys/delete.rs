use leptos::{html, prelude::*};
use leptos_router::hooks::use_query_map;

use super::{board::Board, heading_id};
use crate::{
    api::keys::DeleteKey,
    app::{
        post::{Post, PostForm},
        ui::{Announcer, BusyButton, ButtonKind, ErrorNotice, External, focus_soon},
    },
    model::{error::AppError, ids::ProviderId, page::ProviderCard, provider::ProviderInfo},
};

/// The control that deletes a key: a dialog, or without JavaScript a link to a page that asks the same.
#[component]
pub(super) fn DeleteKeyControl(
    /// The provider.
    info: ProviderInfo,
    /// The card as it is now.
    card: Memo<Option<ProviderCard>>,
    /// Deletes.
    delete: Post<()>,
    /// Why the last attempt failed.
    error: Signal<Option<AppError>>,
    /// The page.
    board: Board,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    let title_id = format!("delete-{}", info.id);
    let labelled_by = title_id.clone();
    let close = move || {
        if let Some(dialog) = dialog.get() {
            dialog.close();
        }
    };
    view! {
        <a
            class="button button-quiet"
            href=board.link(&[("delete", info.id.as_str())])
            on:click=move |event| {
                if let Some(dialog) = dialog.get()
                    && dialog.show_modal().is_ok()
                {
                    event.prevent_default();
                }
            }
        >
            "Delete"
            <span class="visually-hidden">{format!(" the {} key", info.name)}</span>
        </a>
        <dialog node_ref=dialog aria-labelledby=labelled_by>
            <h2 id=title_id>{title(&info)}</h2>
            {move || card.get().map(|card| view! { <Consequences card=card /> })}
            <DeleteForm provider=info.id.clone() delete=delete error=error name=info.name.clone()>
                <button type="button" class="button button-quiet" on:click=move |_| close()>
                    "Keep it"
                </button>
            </DeleteForm>
        </dialog>
    }
    .into_any()
}

/// The provider whose key the address wants to delete.
pub fn named_for_deletion() -> Memo<Option<ProviderId>> {
    let query = use_query_map();
    Memo::new(move |_| query.with(|query| query.get_str("delete")?.parse().ok()))
}

/// The page that asks before a key is deleted, for browsers without JavaScript.
#[component]
pub fn DeletePage(
    /// The card.
    card: ProviderCard,
    /// The page's data.
    board: Board,
) -> impl IntoView {
    let delete = Post::to::<DeleteKey>();
    let error = super::errors::error_of(delete, card.info.id.clone(), true);
    after_delete(&card, delete, board);
    view! {
        <div class="page page-narrow">
            <h1>{title(&card.info)}</h1>
            <Consequences card=card.clone() />
            <DeleteForm provider=card.info.id.clone() delete=delete error=error name=card.info.name.clone()>
                <a class="button button-quiet" href=board.link(&[])>
                    "Keep it"
                </a>
            </DeleteForm>
        </div>
    }
    .into_any()
}

/// Shows and says what a deletion changed.
pub(super) fn after_delete(card: &ProviderCard, delete: Post<()>, board: Board) {
    let (provider, name) = (card.info.id.clone(), card.info.name.clone());
    let announcer = use_context::<Announcer>();
    Effect::new(move |_| {
        if matches!(&*delete.value().read(), Some(Ok(()))) {
            board.put(&provider, None);
            if let Some(announcer) = announcer {
                announcer.say(format!("The {name} key is deleted."));
            }
            focus_soon(heading_id(&provider));
        }
    });
}

fn title(info: &ProviderInfo) -> String {
    format!("Delete the {} for {}?", info.noun, info.name)
}

#[component]
fn Consequences(card: ProviderCard) -> impl IntoView {
    let names: Vec<_> = card.closes.iter().map(|service| service.name()).collect();
    let closes = match names.as_slice() {
        [] => "No open service needs it.".to_owned(),
        [one] => format!("{one} closes. What it made stays available."),
        [all @ .., last] => {
            format!("{} and {last} close. What they made stays available.", all.join(", "))
        }
    };
    let info = card.info;
    view! {
        <p>{closes}</p>
        <p class="muted">
            {format!("Keyward forgets the stored value. {} goes on accepting it until you revoke it there. ", info.name)}
            <External href=info.links.revoke label=format!("Revoke it at {}", info.name) />
        </p>
    }
    .into_any()
}

#[component]
fn DeleteForm(
    provider: ProviderId,
    name: String,
    delete: Post<()>,
    error: Signal<Option<AppError>>,
    /// The way out.
    children: Children,
) -> impl IntoView {
    view! {
        <PostForm action=delete>
            <input type="hidden" name="provider" value=provider.to_string() />
            <ErrorNotice error=error provider=name />
            <div class="actions">
                <BusyButton
                    kind=ButtonKind::Danger
                    busy=delete.pending()
                    label="Delete it"
                    busy_label="Deleting…"
                />
                {children()}
            </div>
        </PostForm>
    }
    .into_any()
}
