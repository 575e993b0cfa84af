use std::time::Duration;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::{LEAD, form::again_path};
use crate::{
    api::{
        calling::{CallRecordings, DeleteCall, HangUpCall, ReadCall, call},
        wire::ask,
    },
    app::{
        asked::Asked,
        live::Since,
        pages::work::{self, Followed, deletion, is_deleting, latest, refresh_link, say},
        post::{Post, PostForm},
        ui::{
            BusyButton, ButtonKind, ErrorNotice, Mark, Moment, Notice as NoticeBox, Phrase, Pill, Tone,
            focus_soon, part,
        },
    },
    model::{
        calling::{CallState, CallView, EventSource, RecordingLink},
        error::{AppError, ErrorCode},
        event::Topic,
        ids::CallId,
        service::ServiceId,
    },
};

/// How often a call under way is asked for while nobody tells the browser of changes.
const WHILE_OPEN: Duration = Duration::from_secs(2);

/// The id of the message about what was done here.
const MESSAGE: &str = "call-message";

/// One call: how it stands while it lasts, and what became of it. Needs no key.
#[component]
pub fn CallPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get_str("id")?.parse::<CallId>().ok()));
    let since = Since::now(Topic::Calls);
    let asked = Asked::<CallView>::for_each(
        move || id.get().map(|id| id.to_string()).unwrap_or_default(),
        move || match id.get_untracked() {
            Some(id) => ask(ReadCall { id }),
            None => Box::pin(async { Err(AppError::new(ErrorCode::NotFound)) }),
        },
    );
    work::one(asked, ServiceId::Calling.name(), move |first| {
        view! { <Whole first=first since=since /> }.into_any()
    })
}

#[component]
fn Whole(first: CallView, since: Since) -> impl IntoView {
    let service = ServiceId::Calling;
    let title = format!("Call to {}", first.request.to);
    let again = again_path(first.id);
    let view = RwSignal::new(first);
    view! {
        <Title text=title />
        <div class="page">
            <h1>{service.name()}</h1>
            <p class="page-lead">{LEAD}</p>
            <p class="actions">
                <a class="button" href=service.path()>
                    "New call"
                </a>
                <a class="button button-quiet" href=again>
                    "Call again"
                </a>
            </p>
            <Panel view=view since=since />
        </div>
    }
    .into_any()
}

/// The state of a call in icon and word.
#[component]
pub(super) fn StatePill(
    /// The state.
    state: CallState,
) -> impl IntoView {
    let (tone, mark) = match state {
        CallState::Queued => (Tone::Neutral, Mark::Clock),
        CallState::Placing | CallState::Initiated | CallState::Ringing => (Tone::Neutral, Mark::Spinner),
        CallState::InProgress | CallState::Completed => (Tone::Good, Mark::Check),
        CallState::Busy | CallState::NoAnswer | CallState::Unknown => (Tone::Caution, Mark::Alert),
        CallState::Failed | CallState::NotPlaced => (Tone::Bad, Mark::Cross),
        CallState::Canceled => (Tone::Neutral, Mark::Pause),
    };
    view! { <Pill tone=tone mark=mark label=state.label() /> }
}

/// How long it lasted.
pub(super) fn length(view: &CallView) -> Option<String> {
    let seconds = view.seconds?;
    Some(match seconds {
        0..60 => format!("{seconds} s"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    })
}

/// What it cost.
pub(super) fn cost(view: &CallView) -> Option<String> {
    let (price, unit) = (view.price.as_deref()?, view.price_unit.as_deref()?);
    // Digits that say nothing.
    let price = if price.contains('.') { price.trim_end_matches('0').trim_end_matches('.') } else { price };
    Some(format!("{price} {unit}"))
}

#[component]
fn Panel(view: RwSignal<CallView>, since: Since) -> impl IntoView {
    let id = view.with_untracked(|view| view.id);
    let hang_up = Post::to::<HangUpCall>();
    let delete = Post::to::<DeleteCall>();
    let error = latest([hang_up.outcome(), delete.outcome()], MESSAGE);
    let open = Memo::new(move |_| view.with(|view| view.state.is_open()));
    let ending = Memo::new(move |_| view.with(|view| view.hanging_up));
    Followed { view, open, since, every: WHILE_OPEN }.one(
        move || Box::pin(call(id)),
        |late, shown| late.state.is_open() && late.state.stage() < shown.state.stage(),
        is_deleting(delete),
        "The call was deleted.",
        ServiceId::Calling.path(),
    );
    let say = say();
    Effect::new(move |before: Option<CallState>| {
        let now = view.with(|view| view.state);
        if before.is_some_and(|before| before != now) {
            say(format!("Call: {}.", now.label()));
        }
        now
    });
    Effect::new(move |_| {
        if let Some(Ok(call)) = &*hang_up.value().read() {
            view.set(call.clone());
            focus_soon("call-title");
        }
    });
    let state = Memo::new(move |_| view.with(|view| view.state));
    let (to, from, ordered) =
        view.with_untracked(|view| (view.request.to.clone(), view.request.from.clone(), view.created_at));
    let (message, own_voice) =
        view.with_untracked(|view| (view.request.message.clone(), view.request.voice.is_some()));
    let controls = move || {
        if !open.get() {
            return deletion(
                delete,
                id.to_string(),
                "The call is deleted from this list for good. What Twilio keeps of it stays there.",
                "Delete it",
            );
        }
        let ends = ending.get().then(|| view! { <p class="muted">"It is being ended."</p> }.into_any());
        view! {
            <PostForm action=hang_up>
                <input type="hidden" name="id" value=id.to_string() />
                <BusyButton kind=ButtonKind::Danger busy=hang_up.pending() label="Hang up" busy_label="Hanging up…" />
            </PostForm>
            {ends}
            {refresh_link(CallView::path_of(id))}
        }
        .into_any()
    };
    view! {
        <section class="panel panel-flush" aria-labelledby="call-title">
            <div class="panel-head search-head">
                <div>
                    <h2 id="call-title" class="figures" tabindex="-1">
                        {to}
                    </h2>
                    <p class="muted figures">{move || view.with(figures)}</p>
                    <p class="muted">"From " {from} ", ordered " <Moment at=ordered /></p>
                </div>
                {move || view! { <StatePill state=state.get() /> }}
            </div>
            <div class="search-notices">{move || view.with(notice)} <ErrorNotice error=error provider="Twilio" id=MESSAGE /></div>
            <div class="call-parts">
                <h3>"Message"</h3>
                <p class="call-said">{message}</p>
                {own_voice.then(|| view! { <p class="muted">"Spoken by a voice of yours at ElevenLabs."</p> }.into_any())}
                {move || view.with(course)}
                <Recordings view=view />
            </div>
            <div class="search-foot">{controls}</div>
        </section>
    }
    .into_any()
}

/// Length and cost, or what is still to be told.
fn figures(view: &CallView) -> String {
    let mut parts = Vec::new();
    parts.extend(length(view));
    match cost(view) {
        Some(cost) => parts.push(cost),
        None if view.state == CallState::Completed => parts.push("no price from Twilio so far".to_owned()),
        None => {}
    }
    parts.join(", ")
}

fn notice(view: &CallView) -> Option<AnyView> {
    let notice = view.notice?;
    let tone = if view.state == CallState::Unknown { Tone::Caution } else { Tone::Bad };
    let to_keys = notice.concerns_the_key().then(|| {
        view! {
            <p>
                <a href=ServiceId::Calling.setup_path()>"To the API keys"</a>
            </p>
        }
        .into_any()
    });
    Some(
        view! {
            <NoticeBox tone=tone>
                <p>{notice.sentence()}</p>
                {to_keys}
            </NoticeBox>
        }
        .into_any(),
    )
}

/// What was heard of the call, each state once.
fn course(view: &CallView) -> Option<AnyView> {
    let mut seen: Vec<CallState> = Vec::new();
    let mut steps = Vec::new();
    for event in &view.events {
        if !seen.contains(&event.state) {
            seen.push(event.state);
            steps.push((event.state, event.source, event.at));
        }
    }
    if steps.is_empty() {
        return None;
    }
    // What comes late is told where it belongs.
    steps.sort_by_key(|(state, _, _)| state.stage());
    let steps = steps
        .into_iter()
        .map(|(state, source, at)| {
            let how = match source {
                EventSource::Answer => "asked",
                EventSource::Report | EventSource::Recording => "reported by Twilio",
            };
            view! {
                <li>
                    {state.label()} " "
                    <span class="muted">
                        <Moment at=at phrase=Phrase::Full /> ", " {how}
                    </span>
                </li>
            }
            .into_any()
        })
        .collect_view();
    Some(
        view! {
            <h3>"Course"</h3>
            <ol class="call-course">{steps}</ol>
        }
        .into_any(),
    )
}

/// The recordings, which are asked for when somebody wants to hear them: their addresses work for a few minutes only.
#[component]
fn Recordings(view: RwSignal<CallView>) -> impl IntoView {
    let id = view.with_untracked(|view| view.id);
    let listen = Post::to::<CallRecordings>();
    let error = Signal::derive(move || listen.error());
    let count = Memo::new(move |_| view.with(|view| view.recordings.len()));
    let players = part(move || {
        let links = listen.value().get()?.ok()?;
        Some(view! { <ul class="call-course">{links.into_iter().map(player).collect_view()}</ul> }.into_any())
    });
    let waits = part(move || {
        let asked = view.with(|view| view.request.record && view.recordings.is_empty());
        let state = view.with(|view| view.state);
        (asked && state == CallState::Completed).then(|| {
            view! { <p class="muted">"The recording is not ready yet, or there is none."</p> }.into_any()
        })
    });
    let offered = part(move || {
        (count.get() > 0).then(|| {
            view! {
                <h3>"Recording"</h3>
                <PostForm action=listen>
                    <input type="hidden" name="id" value=id.to_string() />
                    <div class="actions">
                        <BusyButton busy=listen.pending() label="Listen" busy_label="Asking…" />
                    </div>
                </PostForm>
            }
            .into_any()
        })
    });
    view! {
        {waits}
        {offered}
        {players}
        <ErrorNotice error=error provider="Twilio" />
    }
    .into_any()
}

fn player(link: RecordingLink) -> AnyView {
    let label = format!("Recording of {} seconds", link.seconds);
    view! {
        <li>
            <audio controls preload="metadata" src=link.url aria-label=label></audio>
        </li>
    }
    .into_any()
}
