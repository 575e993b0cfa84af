use leptos::{ev::SubmitEvent, html, prelude::*, task::spawn_local, web_sys};

use super::{Lacks, recorder::Recorder, send::form};
use crate::{
    app::{
        guard::Guard,
        links::with_query,
        ui::{
            BusyButton, ButtonKind, ErrorNotice, FieldErrorText, Notice, TextField, Tone,
            focus_first_invalid, focus_soon, part,
        },
    },
    model::{
        error::{AppError, ErrorCode, FieldError},
        service::ServiceId,
        voices::{CONSENT, ClonedVoice, Container, FILE_MAX, FILES_MAX, TOTAL_MAX},
    },
};

const FORM: &str = "clone-form";
const MESSAGE: &str = "clone-message";
const PATH: &str = "/api/services/voice-cloning/voices";

/// Samples, a name and the consent; then the voice.
#[component]
pub(super) fn CloneForm() -> impl IntoView {
    let (busy, error) = (RwSignal::new(false), RwSignal::new(None::<AppError>));
    let made = RwSignal::new(None::<(ClonedVoice, String)>);
    let recorded = RwSignal::new(false);
    let element = NodeRef::<html::Form>::new();
    let guard = use_context::<Guard>();
    let alive = RwSignal::new(false);
    Effect::new(move |_| alive.set(true));
    let send = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(element) = element.get_untracked().filter(|_| !busy.get_untracked()) else { return };
        busy.set(true);
        error.set(None);
        spawn_local(async move {
            let answer = match wrong(&element).await {
                Some(wrong) => Err(wrong),
                None => form(PATH, &element).await,
            };
            busy.try_set(false);
            match answer {
                Ok(voice) => {
                    made.try_set(Some((voice, value_of(&element, "name"))));
                    element.reset();
                    recorded.try_set(false);
                    focus_soon("made");
                }
                Err(refused) => {
                    let closed = refused.code == ErrorCode::MissingApiKeys;
                    error.try_set(Some(refused));
                    match guard {
                        Some(guard) if closed => guard.ask_again(),
                        _ => focus_first_invalid(FORM, MESSAGE),
                    }
                }
            }
        });
    };
    let about = move |name: &'static str, sentence: fn(FieldError) -> String| {
        Signal::derive(move || error.with(|error| Some(sentence(*error.as_ref()?.errors.get(name)?))))
    };
    let files = about("files", |error| match error {
        FieldError::Required => "Choose a file, or record something.".to_owned(),
        FieldError::TooLong => format!(
            "At most {FILES_MAX} samples, each up to {} MB and all together up to {} MB.",
            FILE_MAX >> 20,
            TOTAL_MAX >> 20
        ),
        _ => format!("A sample is no sound that is taken, or is there twice. Use {}.", Container::NAMES),
    });
    let consent = about("consent", |_| "Without this declaration no voice is cloned.".to_owned());
    let made = part(move || {
        let (voice, name) = made.get()?;
        let path = ServiceId::VoiceCloning.path();
        let speak = with_query(path, [("voice", voice.id.as_str()), ("named", name.as_str())]);
        let later = voice.requires_verification.then(|| {
            view! { <p>"ElevenLabs wants the voice to be verified on its own page before it speaks."</p> }
        });
        Some(view! {
            <Notice tone=Tone::Good id=Some("made".to_owned())>
                <p>"The voice " <strong>{name}</strong> " is made."</p>
                {later}
                <p>
                    <a href=format!("{speak}#studio")>"Speak with it"</a>
                </p>
            </Notice>
        })
    });
    let fields = ["name", "description", "files", "consent"].map(str::to_owned);
    view! {
        <div aria-live="polite">{made}</div>
        <noscript>
            <p>"Cloning here needs JavaScript; programs use the API."</p>
        </noscript>
        <div class="panel" id=FORM>
            <form node_ref=element novalidate on:submit=send>
                <div class="field">
                    <label for="files">"Files"</label>
                    <input
                        id="files"
                        name="files"
                        type="file"
                        multiple
                        accept="audio/*,.mp3,.wav,.m4a,.flac,.ogg,.webm"
                        aria-describedby="files-help files-error"
                        aria-invalid=move || files.read().is_some().then_some("true")
                    />
                    <p class="field-help" id="files-help">
                        {format!(
                            "{}, up to {} MB each and {} MB together. One or two minutes of one clear voice without music are best; more than three do not help.",
                            Container::NAMES,
                            FILE_MAX >> 20,
                            TOTAL_MAX >> 20,
                        )}
                    </p>
                    <FieldErrorText id="files-error".to_owned() error=files />
                </div>
                <Recorder recorded=recorded />
                <input type="hidden" name="source" value=move || if recorded.get() { "microphone" } else { "files" } />
                <TextField
                    name="name"
                    label="Name"
                    autocomplete="off"
                    error=about("name", |error| error.sentence("Name"))
                />
                <TextField
                    name="description"
                    label="Description"
                    autocomplete="off"
                    optional=true
                    error=about("description", |error| error.sentence("Description"))
                />
                <label class="check">
                    <input type="checkbox" name="remove_noise" />
                    "Take background noise out of the samples"
                </label>
                <div class="field">
                    <label class="check">
                        <input
                            type="checkbox"
                            name="consent"
                            aria-describedby="consent-help consent-error"
                            aria-invalid=move || consent.read().is_some().then_some("true")
                        />
                        {CONSENT}
                    </label>
                    <p class="field-help" id="consent-help">
                        "This declaration is kept with the date and your account, also after the voice is deleted."
                    </p>
                    <FieldErrorText id="consent-error".to_owned() error=consent />
                </div>
                <ErrorNotice error=error provider="ElevenLabs" fields=fields id=MESSAGE />
                <Lacks error=error needed="the permission to clone (create_instant_voice_clone)" />
                <div class="actions">
                    {move || {
                        alive
                            .get()
                            .then(|| {
                                view! {
                                    <BusyButton
                                        kind=ButtonKind::Primary
                                        busy=busy
                                        label="Clone the voice"
                                        busy_label="Sending…"
                                    />
                                }
                            })
                    }}
                </div>
            </form>
        </div>
    }
    .into_any()
}

/// What a field of the form holds.
fn value_of(form: &web_sys::HtmlFormElement, name: &str) -> String {
    let field = form.query_selector(&format!("[name={name}]")).ok().flatten();
    let field = field
        .and_then(|field| leptos::wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlInputElement>(field).ok());
    field.map(|field| field.value()).unwrap_or_default()
}

/// What the server would refuse, found before anything is sent: size and kind of every sample, and the consent.
async fn wrong(form: &web_sys::HtmlFormElement) -> Option<AppError> {
    #[cfg(target_arch = "wasm32")]
    {
        use crate::model::voices::{VoiceDraft, VoiceInput};

        let consent = form.query_selector("[name=consent]:checked").ok().flatten().is_some();
        let name = value_of(form, "name");
        let voice = VoiceInput { name, description: value_of(form, "description") };
        let draft = VoiceDraft { voice, consent, ..VoiceDraft::default() };
        let samples = super::recorder::heads(form).await;
        draft.check_heads(samples.iter().map(|(head, size)| (head.as_slice(), *size))).err()
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = form;
        None
    }
}
