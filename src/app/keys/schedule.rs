use leptos::prelude::*;

use super::form::cost_of_checks;
use crate::{
    app::{
        post::{Post, PostForm},
        ui::{BusyButton, ErrorNotice, part},
    },
    model::{error::AppError, key::KeyView, page::ProviderCard, provider::ProviderInfo, schedule::Every},
};

/// How often the key is checked, and the form that changes it.
pub(super) fn schedule(
    card: Memo<Option<ProviderCard>>,
    post: Post<KeyView>,
    error: Signal<Option<AppError>>,
    info: &ProviderInfo,
) -> impl IntoView + use<> {
    let (provider, name) = (info.id.to_string(), info.name.clone());
    let cost = cost_of_checks(info.check_cost, &info.name);
    // By themselves, so that a check that has been made does not redraw a form in use.
    let of_key = move |read: fn(&KeyView) -> Vec<Every>| {
        Memo::new(move |_| card.with(|card| card.as_ref()?.key.as_ref().map(read)).unwrap_or_default())
    };
    let every = of_key(|key| vec![key.check_every]);
    let choices = of_key(|key| key.check_choices.clone());
    part(move || {
        let choices = choices.get();
        (choices.len() > 1)
            .then(|| form(&choices, every, post, error, provider.clone(), (name.clone(), cost.clone())))
    })
}

fn form(
    choices: &[Every],
    every: Memo<Vec<Every>>,
    post: Post<KeyView>,
    error: Signal<Option<AppError>>,
    provider: String,
    (name, cost): (String, Option<String>),
) -> AnyView {
    let word = move || every.get().first().map(|every| every.label());
    let id = format!("{provider}-check-every");
    let help = format!("{id}-help");
    let about = format!(" how often the {name} key is checked");
    let cost = cost.unwrap_or_else(|| "Each check is a request to the provider.".to_owned());
    let options: Vec<_> = choices
        .iter()
        .map(|choice| {
            let (code, label) = (choice.code(), choice.label());
            let chosen = every.with_untracked(|every| every.contains(choice));
            view! {
                <option value=code selected=chosen>
                    {label}
                </option>
            }
            .into_any()
        })
        .collect();
    view! {
        <details class="guidance">
            <summary>"Checked every " {word} " while it works"</summary>
            <PostForm action=post>
                <input type="hidden" name="provider" value=provider />
                <div class="field">
                    <label for=id.clone()>"Check every"</label>
                    <div class="actions">
                        <select id=id name="check_every" aria-describedby=help.clone()>
                            {options}
                        </select>
                        <BusyButton busy=post.pending() label="Save" busy_label="Saving…" about=about />
                    </div>
                    <p class="field-help" id=help>
                        "More often near the end of its quota, less often while it is in use. " {cost}
                    </p>
                </div>
            </PostForm>
            <ErrorNotice error=error provider=name />
        </details>
    }
    .into_any()
}
