//! Voice Cloning: voices, speech made with them, and new ones.

mod clone;
#[cfg(target_arch = "wasm32")]
mod feed;
mod history;
mod list;
mod player;
mod recorder;
mod send;
mod studio;

use leptos::prelude::*;
use leptos_meta::Title;

use self::{
    clone::CloneForm,
    history::Clones,
    list::{Voices, listing},
    studio::Studio,
};
use crate::{
    api::{voices::ReadStudio, wire::ask},
    app::{
        asked::Asked,
        guard::ApiKeyGuard,
        problem::Problem,
        ui::{Notice, QuotaMeter, Tone, part},
    },
    model::{
        error::{AppError, ErrorCode},
        key::Quota,
        service::ServiceId,
        status::Reason,
        voices::{PlanView, StudioView},
    },
};

/// The page that clones. It is loaded whole: only its document may use the microphone.
const NEW: &str = "/services/voice-cloning/new";

/// What the page is about, and what it costs.
const LEAD: &str = "The voices of your ElevenLabs account. Speech costs characters of your plan; listening to previews and making voices does not.";

/// Lists the voices and speaks with them. What was cloned, and who consented, stays when the key dies.
#[component]
pub fn VoiceCloningPage() -> impl IntoView {
    // Asked for here and not behind the guard: what is asked for must come in the same order on the server and in the
    // browser, and what is behind the guard comes when it comes. While the service is closed, nobody is asked.
    let listing = listing();
    let studio = Asked::<Option<StudioView>>::once(|| ask(ReadStudio {}));
    view! {
        <Title text=ServiceId::VoiceCloning.name() />
        <ApiKeyGuard
            service=ServiceId::VoiceCloning
            blocked_extra=|| view! { <a href="#clones">"What was cloned"</a> ", and who consented, stays available." }
        >
            <div class="page">
                <h1>{ServiceId::VoiceCloning.name()}</h1>
                <p class="page-lead">{LEAD}</p>
                <p class="actions">
                    <a class="button button-primary" href=NEW rel="external">
                        "Clone a voice"
                    </a>
                </p>
                <Voices listing=listing />
                <Studio asked=studio />
            </div>
        </ApiKeyGuard>
        <Clones />
    }
}

/// Makes a voice from samples.
#[component]
pub fn VoiceClonePage() -> impl IntoView {
    let studio = Asked::<Option<StudioView>>::once(|| ask(ReadStudio {}));
    view! {
        <Title text="Clone a voice" />
        <ApiKeyGuard service=ServiceId::VoiceCloning>
            <div class="page">
                <h1>"Clone a voice"</h1>
                <p class="page-lead">
                    "From files, or from a recording that you make here. The samples go to ElevenLabs and are not kept by Keyward."
                </p>
                <p>
                    <a href=ServiceId::VoiceCloning.path()>"All voices"</a>
                </p>
                <Places asked=studio />
                <CloneForm />
            </div>
        </ApiKeyGuard>
    }
}

/// How many voices there may still be.
#[component]
fn Places(asked: Asked<Option<StudioView>>) -> impl IntoView {
    asked.again_when_open();
    view! {
        <Transition fallback=|| ()>
            {move || Suspend::new(async move {
                // Where nothing can be asked, the form says why when it is sent.
                let studio = asked.await.ok().flatten()?;
                let sentence = places(studio.plan)?;
                Some(view! { <p class="muted">{sentence}</p> }.into_any())
            })}
        </Transition>
    }
    .into_any()
}

fn places(plan: Option<PlanView>) -> Option<String> {
    Some(match plan {
        None => "How many voices your plan still has room for is not known: the key may not read the plan (user_read).".to_owned(),
        Some(plan) if plan.is_full() => {
            "All places for voices of your own are taken. Delete a voice first, or change the plan at ElevenLabs.".to_owned()
        }
        Some(PlanView { voices: Some(voices), voices_max: Some(most), .. }) => {
            format!("{voices} of {most} places for voices of your own are taken.")
        }
        Some(_) => return None,
    })
}

/// What was asked for and could not be had. `needed` is the permission that it takes.
fn trouble(error: AppError, needed: &'static str) -> AnyView {
    if error.code == ErrorCode::Unauthenticated {
        return view! { <Problem error=error /> }.into_any();
    }
    let detail = error.detail(Some("ElevenLabs"));
    let lacks = lacks(&error, needed);
    view! {
        <Notice tone=Tone::Bad>
            <p>{detail} {lacks}</p>
        </Notice>
    }
    .into_any()
}

/// Says which permission a key lacks, where it lacks one.
fn lacks(error: &AppError, needed: &str) -> Option<String> {
    let sentence = format!(" It needs {needed}: give it to the key at ElevenLabs, or make another one.");
    (error.reason == Some(Reason::MissingPermissions)).then_some(sentence)
}

/// The same below a form.
#[component]
fn Lacks(
    /// What went wrong.
    #[prop(into)]
    error: Signal<Option<AppError>>,
    /// The permission that it takes.
    needed: &'static str,
) -> impl IntoView {
    part(move || {
        let sentence = error.with(|error| lacks(error.as_ref()?, needed));
        sentence.map(|sentence| view! { <p class="field-help">{sentence}</p> }.into_any())
    })
}

/// What is left of the plan.
fn left(plan: &PlanView) -> AnyView {
    let quota = Quota {
        used: Some(plan.used),
        limit: Some(plan.limit),
        unit: "characters".to_owned(),
        resets_at: plan.resets_at,
    };
    view! { <QuotaMeter quota=quota /> }.into_any()
}
