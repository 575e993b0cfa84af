use leptos::prelude::*;

use super::icon::{Icon, Mark};
use super::part::part;

/// A labelled text input with help below it and the error next to it.
#[component]
pub fn TextField(
    /// The name in the form, and the element's id.
    name: &'static str,
    /// The label.
    label: &'static str,
    /// The input's type.
    #[prop(default = "text")]
    kind: &'static str,
    /// What the browser may fill in.
    autocomplete: &'static str,
    /// One sentence below the input.
    #[prop(optional)]
    help: Option<&'static str>,
    /// The value at first.
    #[prop(optional, into)]
    value: Option<String>,
    /// The form can be sent without it.
    #[prop(optional)]
    optional: bool,
    /// Whether the form can be sent without it depends on others, and is seen when it is sent.
    #[prop(optional)]
    depends: bool,
    /// What is wrong with what was sent.
    #[prop(into)]
    error: Signal<Option<String>>,
) -> impl IntoView {
    let help_id = format!("{name}-help");
    let error_id = format!("{name}-error");
    let described = {
        let (help_id, error_id) = (help_id.clone(), error_id.clone());
        part(move || {
            let mut ids = Vec::new();
            if help.is_some() {
                ids.push(help_id.clone());
            }
            if error.read().is_some() {
                ids.push(error_id.clone());
            }
            (!ids.is_empty()).then(|| ids.join(" "))
        })
    };
    view! {
        <div class="field">
            <label for=name>
                {label} {optional.then(|| view! { <span class="muted">" (optional)"</span> }.into_any())}
            </label>
            <input
                id=name
                name=name
                type=kind
                value=value
                autocomplete=autocomplete
                autocapitalize="none"
                spellcheck="false"
                required=!(optional || depends)
                aria-invalid=move || error.read().is_some().then_some("true")
                aria-describedby=described
            />
            {help.map(|help| view! { <p class="field-help" id=help_id>{help}</p> }.into_any())}
            <FieldErrorText id=error_id error=error />
        </div>
    }
    .into_any()
}

/// What is wrong with one field.
#[component]
pub fn FieldErrorText(
    /// The element's id, for `aria-describedby`.
    id: String,
    /// The sentence.
    #[prop(into)]
    error: Signal<Option<String>>,
) -> impl IntoView {
    part(move || {
        error.get().map(|sentence| {
            view! {
                <p class="field-error" id=id.clone()>
                    <Icon mark=Mark::Cross />
                    <span>{sentence}</span>
                </p>
            }
            .into_any()
        })
    })
}
