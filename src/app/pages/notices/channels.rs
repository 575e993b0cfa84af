use leptos::{ev::FocusEvent, html, prelude::*, task::spawn_local, web_sys::HtmlInputElement};

use super::log::log;
use crate::{
    api::notices::{
        AddNoticeChannel, ConfirmNoticeChannel, DeleteNoticeChannel, EnableNoticeChannel,
        RotateNoticeChannel, TestNoticeChannel, notice_channels,
    },
    app::{
        pages::work::{about, latest, say},
        post::{Post, PostForm},
        ui::{
            BusyButton, ButtonKind, ErrorNotice, FieldErrorText, Mark, Moment, Notice, Phrase, Pill,
            TextField, Tone, copy, focus_soon, part,
        },
    },
    model::{
        error::AppError,
        notice::{ChannelKind, ChannelPage, ChannelState, ChannelView, IssuedChannel, MessageView},
    },
};

const MESSAGE: &str = "channels-message";
const TITLE: &str = "channels-title";

/// What can be done with the places.
#[derive(Clone, Copy)]
struct Acts {
    confirm: Post<()>,
    test: Post<MessageView>,
    rotate: Post<IssuedChannel>,
    enable: Post<()>,
    delete: Post<()>,
}

/// The places where the user is told, how to add one and how to remove one.
pub(super) fn channels(first: ChannelPage) -> AnyView {
    let mail = first.mail;
    let list = RwSignal::new(first.channels);
    let issued = RwSignal::new(None::<IssuedChannel>);
    let add = Post::to::<AddNoticeChannel>();
    let acts = Acts {
        confirm: Post::to::<ConfirmNoticeChannel>(),
        test: Post::to::<TestNoticeChannel>(),
        rotate: Post::to::<RotateNoticeChannel>(),
        enable: Post::to::<EnableNoticeChannel>(),
        delete: Post::to::<DeleteNoticeChannel>(),
    };
    let again = move || {
        spawn_local(async move {
            if let Ok(page) = notice_channels().await {
                list.try_set(page.channels);
            }
        });
    };
    let say = say();
    let form = NodeRef::<html::Form>::new();
    for made in [add, acts.rotate] {
        Effect::new(move |_| {
            if let Some(Ok(channel)) = &*made.value().read() {
                let shows = channel.secret.is_some();
                issued.set(Some(channel.clone()));
                if let Some(form) = form.get_untracked() {
                    form.reset();
                }
                focus_soon(if shows { "channel-secret" } else { TITLE });
                again();
            }
        });
    }
    for (done, words) in
        [(acts.confirm, "Confirmed."), (acts.enable, "Switched on."), (acts.delete, "Removed.")]
    {
        Effect::new(move |_| {
            if matches!(&*done.value().read(), Some(Ok(()))) {
                say(words.to_owned());
                issued.set(None);
                focus_soon(TITLE);
                again();
            }
        });
    }
    Effect::new(move |_| {
        if let Some(Ok(_)) = &*acts.test.value().read() {
            again();
        }
    });
    let acts_error = latest(
        [
            acts.confirm.outcome(),
            acts.test.outcome(),
            acts.rotate.outcome(),
            acts.enable.outcome(),
            acts.delete.outcome(),
        ],
        MESSAGE,
    );
    let empty = part(move || {
        list.read().is_empty().then(|| {
            view! { <p class="muted">"Nowhere else yet: what happens is told on the pages only."</p> }
                .into_any()
        })
    });
    let fresh = part(move || issued.get().and_then(fresh));
    view! {
        <section class="section" aria-labelledby=TITLE>
            <h2 id=TITLE tabindex="-1">
                "Where else it is told"
            </h2>
            <ErrorNotice error=acts_error fields=["code".to_owned()] id=MESSAGE />
            {empty}
            <ul class="cards cards-list">
                <For
                    each=move || list.get()
                    key=|one| (one.id, one.state, one.rotating_until, one.failing_since)
                    children=move |one| channel(one, acts)
                />
            </ul>
            {fresh}
            {add_form(add, form, mail)}
        </section>
    }
    .into_any()
}

fn add_form(add: Post<IssuedChannel>, form: NodeRef<html::Form>, mail: bool) -> AnyView {
    let error: Signal<Option<AppError>> = latest([add.outcome()], "channel-message").into();
    let kinds = ChannelKind::ALL
        .iter()
        .map(|kind| {
            let off = *kind == ChannelKind::Email && !mail;
            let label = if off { "E-mail (not set up on this installation)" } else { kind.label() };
            view! {
                <option value=kind.code() disabled=off selected=*kind == ChannelKind::Webhook>
                    {label}
                </option>
            }
            .into_any()
        })
        .collect_view();
    view! {
        <details class="panel panel-flush fold">
            <summary>
                <strong>"Add a place"</strong>
            </summary>
            <noscript>
                <p class="fold-body">
                    "The secret of a webhook is shown once, which takes JavaScript. Without it, add one with POST /api/notifications/channels."
                </p>
            </noscript>
            <div class="fold-body">
                <PostForm action=add node_ref=form>
                    <div class="field">
                        <label for="channel-kind">"Kind"</label>
                        <select id="channel-kind" name="kind" aria-describedby="channel-kind-error">
                            {kinds}
                        </select>
                        <FieldErrorText
                            id="channel-kind-error".to_owned()
                            error=about(error, "kind", "This kind")
                        />
                    </div>
                    <TextField
                        name="address"
                        label="Address"
                        autocomplete="off"
                        depends=true
                        help="Of the receiver, as Slack, Discord, Teams or your own program shows it: https, on the public internet. Leave it empty for e-mail, which goes to the address of your account."
                        error=about(error, "address", "The address")
                    />
                    <ErrorNotice error=error fields=["kind", "address"].map(str::to_owned) id="channel-message" />
                    <div class="actions">
                        <BusyButton busy=add.pending() label="Add it" busy_label="Adding…" />
                    </div>
                </PostForm>
            </div>
        </details>
    }
    .into_any()
}

/// The secret of a webhook, which is shown this once; or that a code is on its way.
fn fresh(issued: IssuedChannel) -> Option<AnyView> {
    let Some(secret) = issued.secret else {
        let waits = issued.view.state == ChannelState::Unconfirmed;
        return waits.then(|| {
            view! {
                <Notice tone=Tone::Neutral>
                    <p>"A code is on its way to " {issued.view.label} ". Enter it above."</p>
                </Notice>
            }
            .into_any()
        });
    };
    let copied = RwSignal::new(false);
    let text = StoredValue::new(secret);
    let to_clipboard = move |_| spawn_local(async move { copied.set(copy(&text.get_value()).await) });
    let select = |event: FocusEvent| event_target::<HtmlInputElement>(&event).select();
    let label = part(move || if copied.get() { "Copied" } else { "Copy" });
    Some(
        view! {
            <div class="panel">
                <Notice tone=Tone::Good>
                    <p>
                        "This secret signs what is sent to " <strong>{issued.view.label}</strong>
                        ". Copy it now: it is not shown again."
                    </p>
                </Notice>
                <div class="copy">
                    <input
                        id="channel-secret"
                        class="input-code"
                        type="text"
                        readonly
                        aria-label="The secret"
                        value=text.get_value()
                        on:focus=select
                    />
                    <button type="button" class=ButtonKind::Primary.class() on:click=to_clipboard>
                        {label}
                    </button>
                </div>
            </div>
        }
        .into_any(),
    )
}

fn channel(one: ChannelView, acts: Acts) -> AnyView {
    // Copied into each of the forms below.
    let id = StoredValue::new(one.id.to_string());
    let whose = StoredValue::new(format!("{} {}", one.kind.label(), one.label));
    let busy =
        move |sends: fn(Acts, &str) -> bool| Signal::derive(move || id.with_value(|id| sends(acts, id)));
    let (tone, mark, state) = match one.state {
        ChannelState::Unconfirmed => (Tone::Neutral, Mark::Clock, "Not confirmed"),
        ChannelState::Active => (Tone::Good, Mark::Check, "Active"),
        ChannelState::Failing => (Tone::Caution, Mark::Alert, "Failing"),
        ChannelState::Off => (Tone::Bad, Mark::Pause, "Off"),
    };
    let trouble = one.failing_since.map(|since| {
        let rest = match one.state {
            ChannelState::Off => ". Nothing is sent until you switch it on again.",
            _ => ". What is told is sent there all the same.",
        };
        view! { <p class="muted">"Nothing has arrived since " <Moment at=since phrase=Phrase::Ago /> {rest}</p> }
            .into_any()
    });
    let rotating = one.rotating_until.map(|until| {
        view! {
            <p class="muted">"The old secret signs as well until " <Moment at=until /> "."</p>
        }
        .into_any()
    });
    let hidden = move || view! { <input type="hidden" name="id" value=id.get_value() /> };
    let confirmed = one.state != ChannelState::Unconfirmed;
    let confirm = (!confirmed).then(|| confirm(acts.confirm));
    let test = confirmed.then(|| {
        view! {
            <PostForm action=acts.test>
                {hidden()}
                <BusyButton
                    busy=busy(|acts, id| acts.test.sends("id", id))
                    label="Send a test"
                    busy_label="Sending…"
                    about=whose.get_value()
                />
            </PostForm>
        }
        .into_any()
    });
    let enable = (one.state == ChannelState::Off).then(|| {
        view! {
            <PostForm action=acts.enable>
                {hidden()}
                <BusyButton
                    busy=busy(|acts, id| acts.enable.sends("id", id))
                    label="Switch on again"
                    busy_label="Switching…"
                    about=whose.get_value()
                />
            </PostForm>
        }
        .into_any()
    });
    let about_whose = move || view! { <span class="visually-hidden">": " {whose.get_value()}</span> };
    let rotate = (one.kind == ChannelKind::Webhook).then(|| {
        view! {
            <details class="confirm">
                <summary class="button button-quiet">"New secret" {about_whose()}</summary>
                <p>"What is sent is signed with the old one as well, for a day."</p>
                <PostForm action=acts.rotate>
                    {hidden()}
                    <BusyButton
                        busy=busy(|acts, id| acts.rotate.sends("id", id))
                        label="Make a new secret"
                        busy_label="Making…"
                    />
                </PostForm>
            </details>
        }
        .into_any()
    });
    view! {
        <li class="card card-plain">
            <div class="card-body">
                <div class="card-head">
                    <div class="card-title">
                        <h3>{one.kind.label()}</h3>
                        <p class="muted channel-label">{one.label.clone()}</p>
                    </div>
                    <Pill tone=tone mark=mark label=state />
                </div>
                {trouble}
                {rotating}
                {confirm}
                {tested(one.id, acts.test)}
                <div class="actions">{test} {enable}</div>
                <div class="saved-more">
                    {confirmed.then(|| log(one.id, whose.get_value()))}
                    {rotate}
                    <details class="confirm">
                        <summary class="button button-quiet">"Remove" {about_whose()}</summary>
                        <p>"Nothing more is sent there, and its log goes too."</p>
                        <PostForm action=acts.delete>
                            {hidden()}
                            <BusyButton
                                kind=ButtonKind::Danger
                                busy=busy(|acts, id| acts.delete.sends("id", id))
                                label="Remove it"
                                busy_label="Removing…"
                            />
                        </PostForm>
                    </details>
                </div>
            </div>
        </li>
    }
    .into_any()
}

/// Asks for the code that was sent.
fn confirm(confirm: Post<()>) -> AnyView {
    let error = Signal::derive(move || confirm.error());
    view! {
        <PostForm action=confirm>
            <TextField
                name="code"
                label="Code from the e-mail"
                autocomplete="one-time-code"
                error=about(error, "code", "The code")
            />
            <div class="actions">
                <BusyButton busy=confirm.pending() label="Confirm" busy_label="Confirming…" />
            </div>
        </PostForm>
    }
    .into_any()
}

/// What became of the test, where this place was tried last.
fn tested(id: crate::model::ids::ChannelId, test: Post<MessageView>) -> AnyView {
    let result = part(move || {
        let Some(Ok(sent)) = test.value().get() else { return None };
        if sent.channel != id {
            return None;
        }
        let (tone, words) = match (sent.fault, sent.http_status) {
            (None, _) => (Tone::Good, "The test has arrived.".to_owned()),
            (Some(fault), Some(status)) => (Tone::Bad, format!("{} It answered {status}.", fault.sentence())),
            (Some(fault), None) => (Tone::Bad, fault.sentence().to_owned()),
        };
        Some(view! { <Notice tone=tone><p>{words}</p></Notice> }.into_any())
    });
    view! { <div class="live" aria-live="polite">{result}</div> }.into_any()
}
