use leptos::prelude::*;

use super::part::part;
use super::{notice::Notice, pill::Tone};
use crate::model::error::AppError;

/// Why something failed, said aloud when it appears. Stays silent about an error that names fields which
/// show it themselves.
#[component]
pub fn ErrorNotice(
    /// The error.
    #[prop(into)]
    error: Signal<Option<AppError>>,
    /// The provider's name, if one is concerned.
    #[prop(optional, into)]
    provider: Option<String>,
    /// The fields that show their errors themselves.
    #[prop(optional, into)]
    fields: Vec<String>,
    /// The id of the message, to move the focus to.
    #[prop(optional, into)]
    id: Option<String>,
) -> impl IntoView {
    let message = part(move || {
        let error = error.get()?;
        let shown_there = error.errors.keys().any(|name| fields.contains(name));
        let detail = error.detail(provider.as_deref());
        (!shown_there).then(|| {
            view! {
                <Notice tone=Tone::Bad id=id.clone()>
                    <p>{detail}</p>
                </Notice>
            }
        })
    });
    view! { <div class="live" aria-live="polite">{message}</div> }
}
