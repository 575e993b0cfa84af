//! Pages that follow changes: the server tells a browser what of its user has changed, and the pages that show
//! it read again. What is told holds ids only, so a page never shows what it was not given in the ordinary way.
//!
//! A browser holds one connection, however many tabs are open: its part `browser` says how.

#[cfg(target_arch = "wasm32")]
mod browser;

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::{links::on_the_way, post::any_under_way, viewer::Viewer};
use crate::{api::auth::me, model::event::Topic};

/// How often a page reads again while nobody tells it anything.
pub const SLOW: Duration = Duration::from_secs(60);
/// Who is signed in is asked a second time after this long: a changed password brings its new session with an
/// answer that may be under way, or just arriving.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// What has changed so far, counted.
#[derive(Clone, Copy)]
struct Live {
    keys: RwSignal<u32>,
    searches: RwSignal<u32>,
    calls: RwSignal<u32>,
    notices: RwSignal<u32>,
    account: RwSignal<u32>,
    /// Whether the browser is being told.
    connected: RwSignal<bool>,
}

impl Live {
    fn counter(self, topic: Topic) -> Option<RwSignal<u32>> {
        match topic {
            Topic::Keys => Some(self.keys),
            Topic::Searches => Some(self.searches),
            Topic::Calls => Some(self.calls),
            Topic::Notices => Some(self.notices),
            Topic::Account => Some(self.account),
            Topic::Hello | Topic::Reset => None,
        }
    }
}

/// Follows the changes of whoever is signed in, for all pages. Belongs inside the router.
pub(super) fn provide_live(viewer: Viewer) {
    let live = Live {
        keys: RwSignal::new(0),
        searches: RwSignal::new(0),
        calls: RwSignal::new(0),
        notices: RwSignal::new(0),
        account: RwSignal::new(0),
        connected: RwSignal::new(false),
    };
    provide_context(live);
    #[cfg(target_arch = "wasm32")]
    Effect::new(move |line: Option<Option<browser::Line>>| {
        let line = line.flatten();
        match viewer.me.get() {
            Some(Ok(Some(me))) => match line {
                Some(line) if line.is_of(me.id) => Some(line),
                other => {
                    // The old user's line is closed before the new one's is opened.
                    drop(other);
                    Some(browser::Line::open(&me, live))
                }
            },
            Some(Ok(None)) => None,
            // Not known for the moment.
            Some(Err(_)) | None => line,
        }
    });
    let navigate = use_navigate();
    Since::now(Topic::Account).follow(
        || SLOW,
        move || {
            let navigate = navigate.clone();
            ask_who(viewer, true, move |here| {
                let login = on_the_way("/login", Some(here));
                navigate(&login, NavigateOptions { replace: true, ..Default::default() });
            });
        },
    );
}

/// Asks who is signed in, and puts the frame right if that has changed. Whoever is not signed in any more is
/// led to the log-in page by `leave`, which gets the address to come back to.
fn ask_who(viewer: Viewer, first: bool, leave: impl FnOnce(&str) + 'static) {
    spawn_local(async move {
        let Ok(now) = me().await else { return };
        let id = |me: &Option<_>| me.as_ref().map(|me: &crate::model::page::Me| me.id);
        let before = viewer.me.get_untracked().and_then(|me| id(&me.ok()?));
        if id(&now) == before {
            return;
        }
        if now.is_none() && (first || any_under_way()) {
            return set_timeout(move || ask_who(viewer, false, leave), ASK_AGAIN);
        }
        viewer.ask_again();
        // Signing out leads to the log-in page by itself.
        if now.is_none() && !viewer.logout.pending().get_untracked() {
            let location = window().location();
            let path = location.pathname().unwrap_or_default();
            if path != "/login" && path != "/register" {
                leave(&format!("{path}{}", location.search().unwrap_or_default()));
            }
        }
    });
}

/// A moment from which a page follows a topic: that of asking for its data, so that no change between the
/// question and the answer is missed.
#[derive(Clone, Copy)]
pub struct Since {
    live: Option<Live>,
    topic: Topic,
    count: u32,
}

impl Since {
    /// From now on.
    pub fn now(topic: Topic) -> Self {
        let live = use_context::<Live>();
        let counter = live.and_then(|live| live.counter(topic));
        Self { live, topic, count: counter.map_or(0, |counter| counter.get_untracked()) }
    }

    /// Calls `read_again` after each change, and every `slow` while the browser is not told of changes and the
    /// page is in view. Ends with the owner that it is called under.
    pub fn follow(self, slow: impl Fn() -> Duration + 'static, read_again: impl Fn() + Clone + 'static) {
        let Some(live) = self.live else { return };
        let Some(counter) = live.counter(self.topic) else { return };
        let now_and_then = read_again.clone();
        Effect::new(move |before: Option<u32>| {
            let count = counter.get();
            if before.unwrap_or(self.count) != count {
                untrack(&read_again);
            }
            count
        });
        Effect::new(move |_| {
            let every = slow();
            if live.connected.get() {
                return;
            }
            let read_again = now_and_then.clone();
            let poll = move || {
                if !document().hidden() {
                    untrack(&read_again);
                }
            };
            if let Ok(handle) = set_interval_with_handle(poll, every) {
                on_cleanup(move || handle.clear());
            }
        });
    }
}
