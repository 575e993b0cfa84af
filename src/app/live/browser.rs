//! One connection for each browser. Its tabs agree on a leader by a lock (Web Locks): whoever holds it opens the
//! `EventSource` and passes what it hears to the others by a `BroadcastChannel`. When the leader's tab closes,
//! the browser hands the lock to the next tab, which goes on after what it has heard. Both names hold the user's
//! id, so that tabs of two accounts do not mix. Where the browser lacks either, each tab connects by itself.
//!
//! Every tab counts the numbers. One that is left out means that something was missed, while the tab was frozen
//! or had just been opened: then all pages read again.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use js_sys::{Function, Promise, Reflect};
use leptos::prelude::*;
use serde::Deserialize;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{BroadcastChannel, EventSource, MessageEvent};

use super::{Live, any_under_way};
use crate::model::{event::Topic, ids::UserId, page::Me};

/// The first change is told at once; what comes this soon after it is told together.
const BURST: Duration = Duration::from_millis(200);
/// How long a leader may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// A connection that was refused is tried again after this long, then twice as long, …
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// … up to this.
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// What pages follow.
const FOLLOWED: [Topic; 5] = [Topic::Keys, Topic::Searches, Topic::Calls, Topic::Notices, Topic::Account];

/// What tabs say to each other beside the events: "Is anybody there?"
const ASK: &str = "ask";
/// "The connection is lost."
const LOST: &str = "lost";

/// What a tab reads of an event.
#[derive(Deserialize)]
struct News {
    seq: i64,
    topic: Topic,
}

/// A tab's line to the server. Dropped, it is closed, and another tab may lead.
pub(super) struct Line(Rc<Inner>);

struct Inner {
    user: UserId,
    live: Live,
    /// The number of the last event heard.
    seen: Cell<i64>,
    /// What the pages are about to be told.
    pending: Cell<[bool; FOLLOWED.len()]>,
    /// They were told something a moment ago.
    just_told: Cell<bool>,
    /// Counts what was heard, to find out that nothing was.
    heard: Cell<u32>,
    channel: Option<BroadcastChannel>,
    source: RefCell<Option<Source>>,
    leads: Cell<bool>,
    pause: Cell<Duration>,
    /// Gives the lock back.
    release: RefCell<Option<Function>>,
    closed: Cell<bool>,
    on_message: RefCell<Option<OnMessage>>,
    visible: RefCell<Option<WindowListenerHandle>>,
}

type OnMessage = Closure<dyn FnMut(MessageEvent)>;

/// The leader's connection.
struct Source {
    source: EventSource,
    _heard: OnMessage,
    _failed: Closure<dyn FnMut()>,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.source.close();
    }
}

impl Line {
    /// Opens the line of this user, who has seen a page with everything up to `me.seen`.
    pub(super) fn open(me: &Me, live: Live) -> Self {
        let name = format!("keyward-live-{}", me.id);
        let locks = part(&window(), "navigator").and_then(|navigator| part(&navigator, "locks"));
        let channel = locks.as_ref().and_then(|_| BroadcastChannel::new(&name).ok());
        let inner = Rc::new(Inner {
            user: me.id,
            live,
            seen: Cell::new(me.seen),
            pending: Cell::default(),
            just_told: Cell::default(),
            heard: Cell::new(0),
            channel,
            source: RefCell::default(),
            leads: Cell::new(false),
            pause: Cell::new(FIRST_PAUSE),
            release: RefCell::default(),
            closed: Cell::new(false),
            on_message: RefCell::default(),
            visible: RefCell::default(),
        });
        inner.watch_visibility();
        match (&inner.channel, locks) {
            (Some(channel), Some(locks)) => {
                inner.listen_to(channel);
                inner.say(ASK);
                if inner.wait_for_lock(&locks, &name).is_none() {
                    inner.lead();
                }
            }
            _ => inner.lead(),
        }
        Self(inner)
    }

    /// Whether it is this user's.
    pub(super) fn is_of(&self, user: UserId) -> bool {
        self.0.user == user
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let line = &self.0;
        line.closed.set(true);
        line.source.take();
        if let Some(channel) = &line.channel {
            channel.close();
        }
        if let Some(release) = line.release.take() {
            // A lock that is not given back ends with the tab.
            let _ = release.call0(&JsValue::NULL);
        }
        if let Some(visible) = line.visible.take() {
            visible.remove();
        }
        line.live.connected.set(false);
    }
}

impl Inner {
    /// Leads as soon as the lock is free. None when the browser does not take the order.
    fn wait_for_lock(self: &Rc<Self>, locks: &JsValue, name: &str) -> Option<()> {
        let line = Rc::clone(self);
        let hold = Closure::once_into_js(move || -> JsValue {
            if line.closed.get() {
                return JsValue::UNDEFINED;
            }
            line.lead();
            // Held until this promise is kept: when the line is closed, or never.
            Promise::new(&mut |keep, _| {
                line.release.replace(Some(keep));
            })
            .into()
        });
        let request: Function = part(locks, "request")?.dyn_into().ok()?;
        let held = request.call2(locks, &name.into(), &hold).ok()?;
        // The order may also be refused later; then this tab connects by itself.
        let line = Rc::clone(self);
        let refused = Closure::once_into_js(move || {
            if !line.leads.get() {
                line.lead();
            }
        });
        let catch: Function = part(&held, "catch")?.dyn_into().ok()?;
        catch.call1(&held, &refused).ok()?;
        Some(())
    }

    fn lead(self: &Rc<Self>) {
        self.leads.set(true);
        self.connect();
    }

    fn connect(self: &Rc<Self>) {
        if self.closed.get() {
            return;
        }
        let Ok(source) = EventSource::new(&format!("/api/events?after={}", self.seen.get())) else { return };
        let line = Rc::downgrade(self);
        let heard = Closure::new(move |message: MessageEvent| {
            if let (Some(line), Some(text)) = (line.upgrade(), message.data().as_string()) {
                line.pause.set(FIRST_PAUSE);
                line.hear(&text);
                line.say(&text);
            }
        });
        let line = Rc::downgrade(self);
        let failed = Closure::new(move || {
            if let Some(line) = line.upgrade() {
                line.lost();
            }
        });
        for topic in Topic::ALL {
            // A listener that could not be added would leave the line silent, and the slow reading going.
            let _ = source.add_event_listener_with_callback(topic.code(), heard.as_ref().unchecked_ref());
        }
        source.set_onerror(Some(failed.as_ref().unchecked_ref()));
        self.source.replace(Some(Source { source, _heard: heard, _failed: failed }));
    }

    /// The connection is gone. The browser tries again by itself unless the server refused it.
    fn lost(self: &Rc<Self>) {
        self.live.connected.set(false);
        self.say(LOST);
        let refused = |source: &Source| source.source.ready_state() == EventSource::CLOSED;
        if self.source.borrow().as_ref().is_some_and(refused) {
            // Perhaps because the session has ended.
            self.tell(FOLLOWED.map(|topic| topic == Topic::Account));
            let pause = self.pause.get();
            self.pause.set((pause * 2).min(LAST_PAUSE));
            let line = Rc::clone(self);
            set_timeout(move || line.connect(), pause);
        }
    }

    /// Takes in an event, from the server or from the leading tab.
    fn hear(self: &Rc<Self>, text: &str) {
        let Ok(News { seq, topic }) = serde_json::from_str(text) else { return };
        self.heard.set(self.heard.get().wrapping_add(1));
        self.live.connected.set(true);
        let seen = self.seen.get();
        match topic {
            Topic::Reset => {
                self.seen.set(seq);
                self.tell([true; FOLLOWED.len()]);
            }
            _ if seq <= seen => {}
            Topic::Keys | Topic::Searches | Topic::Calls | Topic::Notices | Topic::Account
                if seq == seen.saturating_add(1) =>
            {
                self.seen.set(seq);
                self.tell(FOLLOWED.map(|other| other == topic));
            }
            // Something in between was missed.
            _ => {
                self.seen.set(seq);
                self.tell([true; FOLLOWED.len()]);
            }
        }
    }

    /// Tells the pages: at once, or, when they were told something a moment ago, at the end of that moment.
    fn tell(self: &Rc<Self>, news: [bool; FOLLOWED.len()]) {
        let pending = self.pending.get();
        self.pending.set(std::array::from_fn(|topic| pending[topic] || news[topic]));
        if self.just_told.replace(true) {
            return;
        }
        self.tell_pending();
        let line = Rc::clone(self);
        set_timeout(
            move || {
                line.just_told.set(false);
                if line.pending.get().contains(&true) {
                    line.tell([false; FOLLOWED.len()]);
                }
            },
            BURST,
        );
    }

    fn tell_pending(&self) {
        let mut pending = self.pending.take();
        if self.closed.get() {
            return;
        }
        // An answer under way may bring a new session, and what is asked with the old one would be refused.
        if any_under_way() {
            let later = FOLLOWED.map(|topic| topic == Topic::Account);
            self.pending.set(std::array::from_fn(|topic| later[topic] && pending[topic]));
            pending = std::array::from_fn(|topic| !later[topic] && pending[topic]);
        }
        let counters = FOLLOWED.map(|topic| self.live.counter(topic));
        for (told, counter) in pending.into_iter().zip(counters) {
            if let (true, Some(counter)) = (told, counter) {
                counter.update(|count| *count = count.wrapping_add(1));
            }
        }
    }

    /// Says something to the other tabs.
    fn say(&self, text: &str) {
        if let Some(channel) = &self.channel {
            // A closed channel reaches nobody, as wanted.
            let _ = channel.post_message(&text.into());
        }
    }

    fn listen_to(self: &Rc<Self>, channel: &BroadcastChannel) {
        let line = Rc::downgrade(self);
        let heard = Closure::new(move |message: MessageEvent| {
            let (Some(line), Some(text)) = (line.upgrade(), message.data().as_string()) else { return };
            match text.as_str() {
                ASK => line.answer(),
                LOST => line.live.connected.set(false),
                text => line.hear(text),
            }
        });
        channel.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        self.on_message.replace(Some(heard));
    }

    /// The leader says where it stands, in the words of the server.
    fn answer(&self) {
        if self.leads.get() && self.live.connected.get_untracked() {
            self.say(&format!(r#"{{"seq":{},"topic":"{}"}}"#, self.seen.get(), Topic::Hello.code()));
        }
    }

    /// A page that comes into view again may have been frozen, and its leader as well.
    fn watch_visibility(self: &Rc<Self>) {
        let line = Rc::downgrade(self);
        let handle = window_event_listener_untyped("visibilitychange", move |_| {
            if let Some(line) = line.upgrade()
                && !document().hidden()
            {
                line.look_again();
            }
        });
        self.visible.replace(Some(handle));
    }

    fn look_again(self: &Rc<Self>) {
        if !self.live.connected.get_untracked() {
            self.tell([true; FOLLOWED.len()]);
        }
        if self.leads.get() {
            return;
        }
        let heard = self.heard.get();
        self.say(ASK);
        let line = Rc::clone(self);
        set_timeout(
            move || {
                if !line.leads.get() && line.heard.get() == heard && line.live.connected.get_untracked() {
                    line.live.connected.set(false);
                    line.tell([true; FOLLOWED.len()]);
                }
            },
            PATIENCE,
        );
    }
}

/// A property that the browser may lack. Written by hand because the crate `web-sys` counts Web Locks among what
/// may still change.
fn part(of: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(of, &name.into()).ok().filter(|part| !part.is_undefined() && !part.is_null())
}
