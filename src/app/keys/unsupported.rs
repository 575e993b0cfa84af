use leptos::prelude::*;

use crate::{
    app::ui::{Mark, Monogram, Pill, Tone},
    model::{ids::ProviderId, provider::provider_name},
};

/// A provider that a service needs and this version of Keyward does not support yet.
#[component]
pub fn Unsupported(
    /// The provider.
    provider: ProviderId,
) -> impl IntoView {
    let name = provider_name(&provider);
    let monogram: String = name.chars().take(1).collect();
    view! {
        <li class="card">
            <Monogram text=monogram />
            <div class="card-body">
                <div class="card-head">
                    <h3>{name.clone()}</h3>
                    <Pill tone=Tone::Neutral mark=Mark::Circle label="Not supported yet" />
                </div>
                <p class="key-reason">
                    {format!(
                        "{name} keys cannot be stored in this version of Keyward yet, so there is nothing to set up here for now.",
                    )}
                </p>
            </div>
        </li>
    }
}
