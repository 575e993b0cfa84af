use leptos::{ev::SubmitEvent, html, prelude::*, task::spawn_local};
use leptos_router::hooks::use_query_map;

use super::{
    Lacks, left,
    player::{Made, Player},
    send::{Listener, sound},
    trouble,
};
use crate::{
    app::{
        asked::Asked,
        guard::Guard,
        ui::{BusyButton, ButtonKind, ErrorNotice, FieldErrorText, focus_first_invalid, grouped, part},
    },
    model::{
        error::{AppError, ErrorCode, FieldError},
        ids::VoiceId,
        voices::{SPEECH_MAX, SpeechFormat, SpeechInput, SpeechModel, StudioView},
    },
};

const FORM: &str = "speech-form";
const MESSAGE: &str = "speech-message";

/// Speaks with the voice that the address names.
#[component]
pub(super) fn Studio(asked: Asked<Option<StudioView>>) -> impl IntoView {
    asked.again_when_open();
    view! {
        <section class="section" aria-labelledby="studio">
            <h2 id="studio" tabindex="-1">
                "Studio"
            </h2>
            <Transition fallback=|| ()>
                {move || Suspend::new(async move {
                    match asked.await {
                        Ok(None) => ().into_any(),
                        Ok(Some(studio)) => view! { <Desk studio=studio /> }.into_any(),
                        Err(error) => trouble(error, "“User: read” (user_read)"),
                    }
                })}
            </Transition>
        </section>
    }
    .into_any()
}

#[component]
fn Desk(studio: StudioView) -> impl IntoView {
    let query = use_query_map();
    let voice = Memo::new(move |_| query.with(|query| query.get_str("voice")?.parse::<VoiceId>().ok()));
    let named = Memo::new(move |_| {
        let named = query.with(|query| query.get_str("named").map(str::to_owned));
        named.filter(|name| !name.is_empty()).or_else(|| Some(voice.get()?.to_string())).unwrap_or_default()
    });
    let StudioView { models, plan } = studio;
    let plan = RwSignal::new(plan);
    let models_hidden = models.is_none();
    let models = StoredValue::new(models.unwrap_or_default());
    let model = RwSignal::new(models.with_value(|models| models.first().map(|model| model.id.clone())));
    let format = RwSignal::new(SpeechFormat::default());
    let text = RwSignal::new(String::new());
    let [stability, similarity, style, speed] = [50, 75, 0, 100].map(RwSignal::new);
    let (busy, error) = (RwSignal::new(false), RwSignal::new(None::<AppError>));
    let made = Made::new();
    let stopped = RwSignal::new(false);
    let guard = use_context::<Guard>();

    let speak = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(voice) = voice.get_untracked() else { return };
        if busy.get_untracked() {
            return;
        }
        let input = SpeechInput {
            text: text.get_untracked(),
            model: model.get_untracked().unwrap_or_default(),
            format: format.get_untracked(),
            stability: Some(stability.get_untracked()),
            similarity: Some(similarity.get_untracked()),
            style: Some(style.get_untracked()),
            speed: Some(speed.get_untracked()),
        };
        let longest = models.with_value(|models| chosen(models, model.get_untracked().as_deref())?.longest);
        let checked = input.check().and_then(|request| match longest {
            Some(longest) if request.text.chars().count() > longest as usize => {
                Err(AppError::field("text", FieldError::TooLong))
            }
            _ => serde_json::to_string(&input).map_err(|_| AppError::new(ErrorCode::BadRequest)),
        });
        let json = match checked {
            Ok(json) => json,
            Err(wrong) => {
                error.set(Some(wrong));
                focus_first_invalid(FORM, MESSAGE);
                return;
            }
        };
        busy.set(true);
        stopped.set(false);
        error.set(None);
        // As ElevenLabs counts it, once it tells.
        let charge = move |cost: Option<i64>| {
            plan.try_update(|plan| {
                if let (Some(plan), Some(cost)) = (plan, cost) {
                    plan.used = plan.used.saturating_add(cost);
                }
            });
        };
        let listener = Listener {
            begun: Box::new(move |heard| {
                charge(heard.cost);
                made.begin(heard, input.format);
            }),
            // Nobody listens any more, either, when the page was left.
            goes_on: Box::new(move || stopped.try_get_untracked() == Some(false)),
        };
        let kind = input.format.media_type();
        spawn_local(async move {
            let path = format!("/api/services/voice-cloning/voices/{voice}/speech");
            let answer = sound(&path, json, kind, listener).await;
            busy.try_set(false);
            match answer {
                Ok(whole) => {
                    if !made.is_begun() {
                        charge(whole.heard.cost);
                    }
                    made.end(whole, input.format);
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

    let about_text = Signal::derive(move || {
        error.with(|error| Some(error.as_ref()?.errors.get("text")?.sentence("Text")))
    });
    let priced = Memo::new(move |_| {
        let characters = text.with(|text| text.trim().chars().count());
        let chosen = models.with_value(|models| chosen(models, model.get().as_deref()).cloned());
        let left = plan.with(|plan| plan.as_ref().map(|plan| (plan.left(), plan.beyond)));
        price(characters, chosen.as_ref(), left)
    });
    let price = part(move || priced.get().0);
    // Said aloud when it begins to be true, and not with each letter.
    let warning = Memo::new(move |_| priced.get().1);
    let area = NodeRef::<html::Textarea>::new();
    let (model_field, format_field) = (NodeRef::<html::Select>::new(), NodeRef::<html::Select>::new());
    let format_of = |code: String| SpeechFormat::ALL.into_iter().find(|format| format.code() == code);
    // What was typed and chosen before the page came alive stays.
    Effect::new(move |_| {
        if let Some(area) = area.get() {
            text.set(area.value());
        }
        if let Some(chosen) = model_field.get().map(|field| field.value()).filter(|id| !id.is_empty()) {
            model.set(Some(chosen));
        }
        if let Some(chosen) = format_field.get().and_then(|field| format_of(field.value())) {
            format.set(chosen);
        }
    });
    let alive = RwSignal::new(false);
    Effect::new(move |_| alive.set(true));
    let whose = part(move || match voice.get() {
        Some(_) => view! { <p>"Voice: " <strong>{named.get()}</strong></p> }.into_any(),
        None => {
            view! { <p class="muted">"Choose a voice first: “Speak” beside one of the list."</p> }.into_any()
        }
    });
    let left_now = Signal::derive(move || plan.with(|plan| plan.as_ref().map(|plan| plan.left())));
    let stop = part(move || {
        (busy.get() && made.is_coming()).then(|| {
            view! {
                <button type="button" class="button" on:click=move |_| stopped.set(true)>
                    "Stop"
                </button>
            }
            .into_any()
        })
    });
    let hidden = models_hidden.then(|| {
        view! { <p class="field-help">"The key may not list models (models_read), so ElevenLabs chooses, and what it costs is not known before."</p> }
            .into_any()
    });
    let meter = part(move || {
        match plan.get() {
        Some(plan) => left(&plan),
        None => {
            view! { <p class="muted">"What is left of the plan is not known: the key may not read it (user_read)."</p> }
                .into_any()
        }
    }
    });
    let models_offered = models.with_value(|models| {
        models
            .iter()
            .map(|model| view! { <option value=model.id.clone()>{model.name.clone()}</option> }.into_any())
            .collect_view()
    });
    let formats = SpeechFormat::ALL
        .map(|format| view! { <option value=format.code()>{format.label()}</option> }.into_any());
    view! {
        <div class="panel speech-desk" id=FORM>
            {meter}
            {whose}
            <form on:submit=speak>
                <div class="field">
                    <label for="text">"Text"</label>
                    <textarea
                        id="text"
                        rows="5"
                        node_ref=area
                        aria-describedby="text-price text-error"
                        aria-invalid=move || about_text.read().is_some().then_some("true")
                        on:input=move |event| text.set(event_target_value(&event))
                    ></textarea>
                    <p class="field-help" id="text-price">
                        {price} <span aria-live="polite">{move || warning.get()}</span>
                    </p>
                    <FieldErrorText id="text-error".to_owned() error=about_text />
                </div>
                <div class="search-fields">
                    <div class="field" hidden=models_hidden>
                        <label for="model">"Model"</label>
                        <select id="model" node_ref=model_field on:change=move |event| model.set(Some(event_target_value(&event)))>
                            {models_offered}
                        </select>
                    </div>
                    <div class="field">
                        <label for="format">"Format"</label>
                        <select
                            id="format"
                            node_ref=format_field
                            on:change=move |event| format.set(format_of(event_target_value(&event)).unwrap_or_default())
                        >
                            {formats.collect_view()}
                        </select>
                    </div>
                    <Share id="stability" label="Stability" help="Low is livelier, high is more even." value=stability />
                    <Share id="similarity" label="Similarity" help="How close it stays to its samples." value=similarity />
                    <Share id="style" label="Style" help="How much of their style it takes on." value=style />
                    <Share id="speed" label="Speed" help="100 % is as it is." value=speed least=70 most=120 />
                </div>
                {hidden}
                <ErrorNotice error=error provider="ElevenLabs" fields=vec!["text".to_owned()] id=MESSAGE />
                <Lacks error=error needed="“Text to speech” (text_to_speech)" />
                <div class="actions">
                    {move || {
                        (alive.get() && voice.get().is_some())
                            .then(|| {
                                view! {
                                    <BusyButton
                                        kind=ButtonKind::Primary
                                        busy=busy
                                        label="Speak it"
                                        busy_label="Speaking…"
                                    />
                                }
                            })
                    }}
                    {stop}
                    <noscript>
                        <p>"Speaking here needs JavaScript; programs use the API."</p>
                    </noscript>
                </div>
            </form>
            <Player made=made left=left_now />
        </div>
    }
    .into_any()
}

fn chosen<'m>(models: &'m [SpeechModel], id: Option<&str>) -> Option<&'m SpeechModel> {
    models.iter().find(|model| Some(model.id.as_str()) == id)
}

/// What a text costs, and what there is to mind about it, beside what is left.
fn price(characters: usize, model: Option<&SpeechModel>, left: Option<(i64, bool)>) -> (String, String) {
    let counted = format!("{} of {} characters.", grouped(characters as i64), grouped(i64::from(SPEECH_MAX)));
    let Some(model) = model.filter(|_| characters > 0) else { return (counted, String::new()) };
    let cost = model.cost(characters);
    let warning = match left {
        Some((left, false)) if cost > left => format!("Only {} are left of the plan.", grouped(left)),
        Some((left, true)) if cost > left => {
            "That goes beyond the plan, and ElevenLabs charges for it.".to_owned()
        }
        _ => String::new(),
    };
    (format!("{counted} With {} it costs {}.", model.name, grouped(cost)), warning)
}

/// A share in per cent.
#[component]
fn Share(
    id: &'static str,
    label: &'static str,
    help: &'static str,
    value: RwSignal<u32>,
    #[prop(default = 0)] least: u32,
    #[prop(default = 100)] most: u32,
) -> impl IntoView {
    let help_id = format!("{id}-help");
    let field = NodeRef::<html::Input>::new();
    // What was chosen before the page came alive stays.
    Effect::new(move |_| {
        if let Some(share) = field.get().and_then(|field| field.value().parse().ok()) {
            value.set(share);
        }
    });
    view! {
        <div class="field">
            <label for=id>
                {label} " " <span class="muted figures">{move || format!("{} %", value.get())}</span>
            </label>
            <input
                id=id
                type="range"
                node_ref=field
                min=least.to_string()
                max=most.to_string()
                value=value.get_untracked().to_string()
                aria-describedby=help_id.clone()
                on:input=move |event| {
                    if let Ok(share) = event_target_value(&event).parse() {
                        value.set(share);
                    }
                }
            />
            <p class="field-help" id=help_id>
                {help}
            </p>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_is_told_before_and_what_it_exceeds() {
        let flash =
            SpeechModel { id: "f".to_owned(), name: "Flash".to_owned(), longest: None, per_thousand: 500 };
        let told = |characters, model, left| price(characters, model, Some(left));
        let nothing = |counted: &str| (counted.to_owned(), String::new());
        assert_eq!(told(0, Some(&flash), (5, false)), nothing("0 of 10,000 characters."));
        let fits = nothing("9 of 10,000 characters. With Flash it costs 5.");
        assert_eq!(told(9, Some(&flash), (5, false)), fits);
        assert_eq!(told(12, Some(&flash), (5, false)).1, "Only 5 are left of the plan.");
        assert!(told(12, Some(&flash), (5, true)).1.ends_with("charges for it."));
        assert_eq!(told(12, None, (5, false)), nothing("12 of 10,000 characters."));
    }
}
