use std::collections::HashMap;

use leptos::{html, prelude::*};

use super::board::Board;
use crate::{
    app::ui::{FieldErrorText, Icon, Mark, part},
    model::{
        error::{AppError, ErrorCode},
        ids::ProviderId,
        provider::{Characters, FieldInfo, Shape, lookalike},
    },
};

/// One input of a provider's form. A secret is never drawn again once it was sent; what else was typed
/// stays, also from one form of the provider to the other.
#[component]
pub(super) fn KeyField(
    /// The input.
    field: FieldInfo,
    /// The provider, with which ids on the page begin.
    provider: ProviderId,
    /// What was typed into fields that are not secret, by name.
    typed: RwSignal<HashMap<String, String>>,
    /// The first choice of each field that has choices, by name.
    defaults: StoredValue<HashMap<String, String>>,
    /// What is wrong with what was sent.
    error: Signal<Option<AppError>>,
    /// The id of the form's own error message, which describes the secrets too.
    message_id: String,
    /// The page, which knows how the keys of the other providers look.
    board: Board,
) -> impl IntoView {
    let FieldInfo { name, label, secret, optional, placeholder, help, shapes, choices, when } = field;
    let id = format!("{provider}-{name}");
    let input_name = format!("credentials[{name}]");
    let (help_id, hint_id, error_id) = (format!("{id}-help"), format!("{id}-hint"), format!("{id}-error"));

    let wrong = {
        let (name, label) = (name.clone(), label.clone());
        Signal::derive(move || error.with(|error| Some(error.as_ref()?.errors.get(&name)?.sentence(&label))))
    };
    // A refusal without named fields is about the secret as a whole.
    let refused =
        move || secret && !optional && error.with(|e| e.as_ref().is_some_and(|e| e.key_status.is_some()));
    let invalid = part(move || (wrong.read().is_some() || refused()).then_some("true"));

    // Without JavaScript it is always there, and may be left empty.
    let conditional = when.is_some();
    let alive = RwSignal::new(false);
    Effect::new(move |_| alive.set(true));
    let absent = Memo::new(move |_| {
        alive.get()
            && when.as_ref().is_some_and(|when| {
                let given = typed.with(|typed| typed.get(&when.field).cloned());
                let given =
                    given.or_else(|| defaults.with_value(|defaults| defaults.get(&when.field).cloned()));
                !when.holds(given.as_deref())
            })
    });

    let one_of_few = !choices.is_empty();
    let hint = RwSignal::new(None::<String>);
    let hinted = Memo::new(move |_| hint.read().is_some());
    let shown = typed.with_untracked(|typed| typed.get(&name).cloned()).filter(|_| !secret);
    let remember = {
        let (name, label) = (name.clone(), label.clone());
        move |value: String| {
            hint.set(hint_for(value.trim(), &label, &shapes, || {
                let page = board.page();
                page.with_untracked(|page| {
                    let infos = page.cards.iter().map(|card| &card.info);
                    lookalike(infos, &provider, value.trim()).map(|other| other.name.clone())
                })
            }));
            if !secret {
                typed.update(|typed| {
                    typed.insert(name.clone(), value);
                });
            }
        }
    };
    let described = {
        let (help_id, hint_id, error_id) = (help_id.clone(), hint_id.clone(), error_id.clone());
        let has_help = help.is_some() || secret;
        part(move || {
            let ids = [
                (has_help, &help_id),
                (hinted.get(), &hint_id),
                (wrong.read().is_some(), &error_id),
                (refused(), &message_id),
            ];
            let ids: Vec<_> =
                ids.into_iter().filter(|(there, _)| *there).map(|(_, id)| id.as_str()).collect();
            (!ids.is_empty()).then(|| ids.join(" "))
        })
    };
    // A definite refusal empties the secrets: sending the same again is pointless. Any other failure leaves
    // them, so that nobody has to fetch a key twice because a network was down.
    let element = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        let refused = error.with(|e| e.as_ref().is_some_and(|e| e.code == ErrorCode::InvalidApiKey));
        if let (true, true, Some(element)) = (secret, refused, element.get_untracked()) {
            element.set_value("");
        }
    });
    let input = if !one_of_few {
        view! {
            <input
                node_ref=element
                id=id.clone()
                name=input_name
                type=if secret { "password" } else { "text" }
                class="input-code"
                value=shown
                placeholder=placeholder
                required=!optional && !conditional
                disabled=move || absent.get()
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                data-1p-ignore="true"
                data-lpignore="true"
                data-bwignore="true"
                data-form-type="other"
                aria-invalid=invalid
                aria-describedby=described
                on:input=move |event| remember(event_target_value(&event))
            />
        }
        .into_any()
    } else {
        view! {
            <select
                id=id.clone()
                name=input_name
                disabled=move || absent.get()
                aria-invalid=invalid
                aria-describedby=described
                on:change=move |event| remember(event_target_value(&event))
            >
                {choices
                    .into_iter()
                    .map(|choice| {
                        let selected = shown.as_deref() == Some(choice.value.as_str());
                        view! {
                            <option value=choice.value selected=selected>
                                {choice.label}
                            </option>
                        }.into_any()
                    })
                    .collect_view()}
            </select>
        }
        .into_any()
    };
    view! {
        <div class="field" hidden=move || absent.get()>
            <label for=id>{label} {(optional && !one_of_few).then(|| view! { <span class="muted">" (optional)"</span> }.into_any())}</label>
            {input}
            <p class="field-help" id=help_id>
                {help} {secret.then_some(" Keyward never shows it again.")}
            </p>
            <p class="field-hint" id=hint_id hidden=move || !hinted.get()>
                <Icon mark=Mark::Alert />
                <span>{move || hint.get()}</span>
            </p>
            <FieldErrorText id=error_id error=wrong />
        </div>
    }
    .into_any()
}

/// What to say of a value that does not look as usual: whose it looks like, or how values usually look, and
/// that another is fine too.
fn hint_for(
    value: &str,
    label: &str,
    shapes: &[Shape],
    other: impl FnOnce() -> Option<String>,
) -> Option<String> {
    if value.is_empty() || shapes.is_empty() || shapes.iter().any(|shape| shape.matches(value)) {
        return None;
    }
    if let Some(other) = other() {
        return Some(format!("This looks like a key of {other}. If you are sure, send it as it is."));
    }
    let usual: Vec<_> = shapes.iter().filter_map(usual).collect();
    let usual = usual.join(", or ");
    (!usual.is_empty()).then(|| format!("{label} usually {usual}. If you are sure, send it as it is."))
}

fn usual(shape: &Shape) -> Option<String> {
    let mut usual = Vec::new();
    if !shape.prefix.is_empty() {
        usual.push(format!("starts with “{}”", shape.prefix));
    }
    if let Some(length) = shape.length {
        usual.push(format!("has {length} characters"));
    }
    let only = if shape.prefix.is_empty() { "contains only" } else { "goes on with" };
    match shape.characters {
        Some(Characters::Hex) => usual.push(format!("{only} digits and the letters a to f")),
        Some(Characters::Alphanumeric) => usual.push(format!("{only} letters and digits")),
        Some(Characters::Token) | None => {}
    }
    let last = usual.pop()?;
    Some(if usual.is_empty() { last } else { format!("{} and {last}", usual.join(", ")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(prefix: &str, length: Option<usize>, characters: Option<Characters>) -> Shape {
        Shape { prefix: prefix.into(), length, at_least: None, characters }
    }

    #[test]
    fn the_hint_names_what_is_usual() {
        let sid = shape("AC", Some(34), Some(Characters::Hex));
        let hint = |value: &str, shapes: &[Shape]| hint_for(value, "Account SID", shapes, || None);
        assert_eq!(
            hint("x", std::slice::from_ref(&sid)).as_deref(),
            Some(
                "Account SID usually starts with “AC”, has 34 characters and goes on with digits and the letters a to f. If you are sure, send it as it is."
            )
        );
        assert_eq!(
            hint("x", &[shape("sk-proj-", None, None), shape("sk-", Some(51), None)]).as_deref(),
            Some(
                "Account SID usually starts with “sk-proj-”, or starts with “sk-” and has 51 characters. If you are sure, send it as it is."
            )
        );
        assert_eq!(hint(&format!("AC{}", "0f".repeat(16)), std::slice::from_ref(&sid)), None);
        assert_eq!(hint("", std::slice::from_ref(&sid)), None);
        assert_eq!(hint("x", &[shape("", None, None)]), None);
    }

    #[test]
    fn the_key_of_another_provider_is_named() {
        let own = [shape("sk-proj-", None, None)];
        let hint = hint_for("sk-ant-api03-x", "API key", &own, || Some("Anthropic".into())).unwrap();
        assert!(hint.starts_with("This looks like a key of Anthropic."), "{hint}");
        assert_eq!(hint_for("sk-proj-x", "API key", &own, || Some("Anthropic".into())), None);
    }
}
