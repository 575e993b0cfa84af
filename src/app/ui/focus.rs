use leptos::{prelude::*, wasm_bindgen::JsCast, web_sys::HtmlElement};

/// Moves the focus to the element with this id once the page has been redrawn. For the browser only.
pub fn focus_soon(id: impl Into<String>) {
    let id = id.into();
    request_animation_frame(move || {
        if let Some(element) = document().get_element_by_id(&id) {
            focus(element.dyn_into().ok());
        }
    });
}

/// Moves the focus to the first input marked invalid inside the element with this id, or else to the
/// element with the id `or`. For the browser only.
pub fn focus_first_invalid(inside: impl Into<String>, or: impl Into<String>) {
    let (inside, or) = (inside.into(), or.into());
    request_animation_frame(move || {
        let invalid = document()
            .get_element_by_id(&inside)
            .and_then(|element| element.query_selector("[aria-invalid=true]").ok().flatten());
        focus(invalid.or_else(|| document().get_element_by_id(&or)).and_then(|e| e.dyn_into().ok()));
    });
}

/// Moves the focus to the element with this id once the page has been redrawn, if it got lost then: not when
/// it stands somewhere that is still in sight, the page as a whole aside. For the browser only.
pub fn focus_unless_elsewhere(id: impl Into<String>) {
    let id = id.into();
    request_animation_frame(move || {
        let elsewhere = document().active_element().is_some_and(|active| {
            !["BODY", "MAIN"].contains(&active.tag_name().as_str())
                && active.closest("[hidden]").is_ok_and(|hidden| hidden.is_none())
        });
        if !elsewhere {
            focus(document().get_element_by_id(&id).and_then(|element| element.dyn_into().ok()));
        }
    });
}

fn focus(element: Option<HtmlElement>) {
    if let Some(element) = element {
        // A refusal leaves the focus where it is, which is no harm.
        let _ = element.focus();
    }
}
