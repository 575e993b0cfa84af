use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    api::keys::key_settings,
    app::{
        links::with_query,
        live::{SLOW, Since},
        ui::{Notice, Tone},
    },
    model::{
        error::AppError,
        ids::ProviderId,
        key::KeyView,
        page::{ProviderCard, SettingsPage},
    },
};

/// What the cards of one page share: the data, and the address that their links lead to. Changes go into
/// the data, so that a card whose key did not change is not redrawn and keeps what was typed.
#[derive(Clone, Copy)]
pub struct Board {
    page: RwSignal<SettingsPage>,
    again: Action<(), Result<(), AppError>>,
    path: StoredValue<String>,
    kept: StoredValue<Vec<(&'static str, String)>>,
}

/// Provides the [`Board`] of the page at `path`.
pub fn provide_board(initial: SettingsPage, path: &str) -> Board {
    let page = RwSignal::new(initial);
    let query = use_query_map().get_untracked();
    let kept: Vec<_> =
        ["service", "next"].into_iter().filter_map(|name| Some((name, query.get(name)?))).collect();
    let again = Action::new(move |_: &()| async move {
        let newer = key_settings().await?;
        // Gone, when the service has opened meanwhile.
        if page.try_with_untracked(|page| *page != newer) == Some(true) {
            page.set(newer);
        }
        Ok(())
    });
    let board = Board { page, again, path: StoredValue::new(path.to_owned()), kept: StoredValue::new(kept) };
    provide_context(board);
    board
}

impl Board {
    /// The data.
    pub fn page(self) -> ReadSignal<SettingsPage> {
        self.page.read_only()
    }

    /// The card of one provider, as it is now.
    pub fn card(self, provider: ProviderId) -> Memo<Option<ProviderCard>> {
        Memo::new(move |_| self.page.with(|page| page.card(&provider).cloned()))
    }

    /// Puts in what the server answered about one key, and reads the rest again: other services may have
    /// opened or closed with it.
    pub fn put(self, provider: &ProviderId, key: Option<KeyView>) {
        self.page.update(|page| {
            if let Some(card) = page.cards.iter_mut().find(|card| card.info.id == *provider) {
                card.key = key;
            }
        });
        self.refresh();
    }

    /// Reads everything again.
    pub fn refresh(self) {
        self.again.dispatch(());
    }

    /// Reads everything again whenever a key has changed elsewhere: in another window, or by a check in the
    /// background.
    pub fn follow(self, since: Since) {
        since.follow(|| SLOW, move || self.refresh());
    }

    /// The address of this page with these parameters, for controls that work without JavaScript.
    pub fn link(self, parameters: &[(&str, &str)]) -> String {
        self.kept.with_value(|kept| {
            let kept = kept.iter().map(|(name, value)| (*name, value.as_str()));
            self.path.with_value(|path| with_query(path, kept.chain(parameters.iter().copied())))
        })
    }
}

/// Says once that this installation sends the requests for all providers elsewhere, as in a demonstration. A card
/// says it by itself where it differs.
#[component]
pub fn Diverted(
    /// The page.
    board: Board,
) -> impl IntoView {
    let address = board.page.with_untracked(|page| page.diverted().map(str::to_owned));
    address.map(|address| {
        view! {
            <Notice tone=Tone::Caution>
                <p>
                    "This installation sends the requests for every provider to another address: "
                    <code>{address} "…"</code>
                </p>
            </Notice>
        }
        .into_any()
    })
}
