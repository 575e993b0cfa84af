use leptos::{
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{Element, HtmlInputElement},
};

use super::blocked::heading;
use crate::{
    app::ui::{Announcer, focus_unless_elsewhere},
    model::access::AccessDecision,
};

/// The id of the element around a service's own content. A page has one guard.
pub(super) const REGION: &str = "guarded";

/// The decision on a service, and what passing from one to the other takes: saying so aloud, and keeping the
/// focus where the eyes are.
#[derive(Clone, Copy)]
pub(super) struct Door {
    decision: RwSignal<AccessDecision>,
    granted: Memo<bool>,
    opened: Memo<bool>,
    /// The element that had the focus when the service closed.
    left: StoredValue<Option<String>>,
    announcer: Option<Announcer>,
}

impl Door {
    pub(super) fn new(first: AccessDecision) -> Self {
        let decision = RwSignal::new(first);
        let granted = Memo::new(move |_| decision.read().granted);
        let opened = Memo::new(move |before: Option<&bool>| granted.get() || before == Some(&true));
        let announcer = use_context::<Announcer>();
        Self { decision, granted, opened, left: StoredValue::new(None), announcer }
    }

    /// The decision.
    pub(super) fn decision(self) -> ReadSignal<AccessDecision> {
        self.decision.read_only()
    }

    /// Whether the service is open.
    pub(super) fn granted(self) -> Memo<bool> {
        self.granted
    }

    /// Whether it is open or has been, on this page.
    pub(super) fn opened(self) -> Memo<bool> {
        self.opened
    }

    /// Takes a newer decision. For the browser only.
    pub(super) fn decide(self, newer: AccessDecision) {
        // Gone, when the answer took longer than the visit.
        let Some(before) = self.decision.try_get_untracked().filter(|before| *before != newer) else {
            return;
        };
        let sentence = match (before.granted, newer.granted) {
            (true, false) => {
                self.close();
                Some(format!("{}. What you typed is kept.", heading(&newer)))
            }
            (false, true) => {
                focus_unless_elsewhere(self.left.get_value().unwrap_or_else(|| "main".to_owned()));
                Some(format!("{} is open.", newer.service.name()))
            }
            _ => None,
        };
        self.decision.set(newer);
        if let (Some(announcer), Some(sentence)) = (self.announcer, sentence) {
            announcer.say(sentence);
        }
    }

    /// Notes where the focus is, before the content goes out of sight, and empties its secrets.
    fn close(self) {
        let Some(region) = document().get_element_by_id(REGION) else { return };
        let focused = document().active_element().filter(|element| region.contains(Some(element)));
        self.left.set_value(focused.map(|element| element.id()).filter(|id| !id.is_empty()));
        empty_secrets(&region);
        focus_unless_elsewhere("main");
    }
}

/// Empties passwords, and whatever stands in the form of a key.
fn empty_secrets(region: &Element) {
    let inputs = region.get_elements_by_tag_name("input");
    for input in (0..inputs.length()).filter_map(|index| inputs.item(index)) {
        let of_a_key = input.closest(".key-form").is_ok_and(|form| form.is_some());
        if let Ok(input) = input.dyn_into::<HtmlInputElement>()
            && (of_a_key || input.type_() == "password")
        {
            input.set_value("");
        }
    }
}
