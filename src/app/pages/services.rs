use leptos::prelude::*;
use leptos_meta::Title;

use crate::{app::guard::ApiKeyGuard, model::service::ServiceId};

/// AI Calling Agent.
#[component]
pub fn AiCallingPage() -> impl IntoView {
    view! { <GuardedPage service=ServiceId::AiCalling /> }
}

/// A service that is guarded like any other and, once open, says that this version cannot do it yet.
#[component]
fn GuardedPage(
    /// The service.
    service: ServiceId,
) -> impl IntoView {
    view! {
        <Title text=service.name() />
        <ApiKeyGuard service=service>
            <div class="page page-narrow">
                <h1>{service.name()}</h1>
                <p class="page-lead">{service.summary()}</p>
                <p>
                    "Your keys are ready for it. The service itself is not part of this version of Keyward; a later version brings it, and nothing has to be set up again then."
                </p>
                <p class="actions">
                    <a class="button" href="/">
                        "To the overview"
                    </a>
                </p>
            </div>
        </ApiKeyGuard>
    }
}
