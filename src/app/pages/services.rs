use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{LazyRoute, lazy_route};

use crate::{app::guard::ApiKeyGuard, model::service::ServiceId};

/// AI Calling Agent.
pub struct AiCallingPage;

#[lazy_route]
impl LazyRoute for AiCallingPage {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        view! { <GuardedPage service=ServiceId::AiCalling /> }.into_any()
    }
}

/// Voice Cloning.
pub struct VoiceCloningPage;

#[lazy_route]
impl LazyRoute for VoiceCloningPage {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        view! { <GuardedPage service=ServiceId::VoiceCloning /> }.into_any()
    }
}

/// Calling Operations.
pub struct CallingPage;

#[lazy_route]
impl LazyRoute for CallingPage {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        view! { <GuardedPage service=ServiceId::Calling /> }.into_any()
    }
}

/// Analytics.
pub struct AnalyticsPage;

#[lazy_route]
impl LazyRoute for AnalyticsPage {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        view! { <GuardedPage service=ServiceId::Analytics /> }.into_any()
    }
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
