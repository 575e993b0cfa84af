use std::collections::HashMap;

use leptos::prelude::*;

use super::{board::Board, choice::FormChoice, field::KeyField, heading_id};
use crate::{
    app::{
        post::{Post, PostForm},
        ui::{BusyButton, ButtonKind, ErrorNotice, External, focus_first_invalid, part},
    },
    model::{
        error::AppError,
        key::KeyView,
        provider::{Cost, ProviderInfo},
    },
};

/// The form that stores a key, or replaces the stored one.
#[component]
pub(super) fn KeyForm(
    /// The provider.
    info: ProviderInfo,
    /// The version that is replaced; none while nothing is stored.
    replaces: Option<i64>,
    /// Stores.
    store: Post<KeyView>,
    /// Replaces.
    replace: Post<KeyView>,
    /// Why the last attempt failed.
    error: Signal<Option<AppError>>,
    /// The id of the form to begin with.
    first_form: Option<String>,
    /// Closes the form; none where it stays open.
    on_cancel: Option<Callback<()>>,
    /// The page.
    board: Board,
) -> impl IntoView {
    let provider = info.id.clone();
    let form_element = format!("form-{provider}");
    let message_id = format!("{form_element}-message");
    let checking = board.page().with_untracked(|page| page.checking);
    let known = |id: &String| info.forms.iter().any(|form| form.id == *id);
    let usual = info.forms.first().map(|form| form.id.clone()).unwrap_or_default();
    let chosen = RwSignal::new(first_form.filter(known).unwrap_or(usual));
    let typed = RwSignal::new(HashMap::new());
    let fields = info.forms.iter().flat_map(|form| &form.fields);
    let first = fields.filter_map(|field| Some((field.name.clone(), field.choices.first()?.value.clone())));
    let defaults = StoredValue::new(first.collect::<HashMap<_, _>>());
    let busy = Signal::derive(move || store.pending().get() || replace.pending().get());

    Effect::new({
        let (form_element, message_id) = (form_element.clone(), message_id.clone());
        move |_| {
            let tries = store.version().get() + replace.version().get();
            if tries > 0 && error.read().is_some() {
                focus_first_invalid(form_element.clone(), message_id.clone());
            }
        }
    });

    let fields = {
        let forms = info.forms.clone();
        let (provider, message_id) = (provider.clone(), message_id.clone());
        part(move || {
            let chosen = chosen.get();
            forms
                .iter()
                .filter(|form| form.id == chosen)
                .flat_map(|form| form.fields.clone())
                .map(|field| {
                    view! {
                        <KeyField
                            field=field
                            provider=provider.clone()
                            typed=typed
                            defaults=defaults
                            error=error
                            message_id=message_id.clone()
                            board=board
                        />
                    }
                })
                .collect_view()
        })
    };
    let field_names: Vec<_> =
        info.forms.iter().flat_map(|form| &form.fields).map(|field| field.name.clone()).collect();
    let name = info.name.clone();
    // What costs money is asked for whoever agrees to it.
    let billed = checking && info.check_cost == Cost::Billed;
    let asks = checking && !billed;
    let (label, busy_label) = match (asks, replaces) {
        (true, None) => ("Check and save", format!("Asking {}…", info.name)),
        (true, Some(_)) => ("Check and replace", format!("Asking {}…", info.name)),
        (false, None) if billed => ("Save", format!("Asking {}…", info.name)),
        (false, Some(_)) if billed => ("Replace", format!("Asking {}…", info.name)),
        (false, None) => ("Save unchecked", "Saving…".to_owned()),
        (false, Some(_)) => ("Replace unchecked", "Saving…".to_owned()),
    };
    let opened_by = match replaces {
        None => vec![("edit", provider.to_string())],
        Some(version) => vec![("replace", provider.to_string()), ("version", version.to_string())],
    };
    let cancel = on_cancel.map(|on_cancel| {
        view! {
            <a
                class="button button-quiet"
                href=format!("{}#{}", board.link(&[]), heading_id(&provider))
                data-noscroll
                on:click=move |event| {
                    event.prevent_default();
                    on_cancel.run(());
                }
            >
                "Cancel"
            </a>
        }
        .into_any()
    });
    let body = {
        let provider = provider.to_string();
        let note = replaces.filter(|_| asks).map(|_| {
            view! { <p class="field-help">"The stored one stays in use until the new one is accepted."</p> }.into_any()
        });
        let cost = cost_of_checks(info.check_cost, &info.name).filter(|_| checking);
        let cost = cost.map(|text| view! { <p class="field-help">{text}</p> }.into_any());
        let agree = billed.then(|| {
            let sentence = format!("Try it once, and let {name} charge my account for that");
            view! {
                <label class="check">
                    <input type="checkbox" name="spend" />
                    {sentence}
                </label>
            }
            .into_any()
        });
        view! {
            <input type="hidden" name="provider" value=provider />
            {fields}
            {note}
            {cost}
            {agree}
            <ErrorNotice error=error provider=name fields=field_names id=message_id />
            <div class="actions">
                <BusyButton kind=ButtonKind::Primary busy=busy label=label busy_label=busy_label />
                {cancel}
            </div>
        }
        .into_any()
    };
    let action = if replaces.is_some() { replace } else { store };
    let form = view! { <PostForm action=action>{body}</PostForm> };
    view! {
        <div class="key-form" id=form_element>
            <FormChoice info=info.clone() chosen=chosen opened_by=opened_by board=board />
            {form}
            <Guidance info=info open=replaces.is_none() />
        </div>
    }
    .into_any()
}

/// What a check costs, where it is not free.
pub(super) fn cost_of_checks(cost: Cost, name: &str) -> Option<String> {
    match cost {
        Cost::Free => None,
        Cost::Counts => Some(format!("Each check counts as one request at {name}.")),
        Cost::Billed => Some(format!(
            "{name} offers no check without charge, so Keyward stores this key without trying it, unless you agree."
        )),
    }
}

/// How to obtain the credential.
#[component]
fn Guidance(
    /// The provider.
    info: ProviderInfo,
    /// Unfolded at first.
    open: bool,
) -> impl IntoView {
    view! {
        <details class="guidance" open=open>
            <summary>"Where do I get it?"</summary>
            <ol>
                {info.steps.into_iter().map(|step| view! { <li>{step}</li> }.into_any()).collect_view()}
            </ol>
            {info.least_privilege.map(|advice| view! { <p>"As little as it needs: " {advice}</p> }.into_any())}
            <p>
                <External href=info.links.keys label=format!("Open the key page at {}", info.name) />
            </p>
            <p>
                <External href=info.links.documentation label=format!("How {} describes it", info.name) />
            </p>
        </details>
    }
    .into_any()
}
