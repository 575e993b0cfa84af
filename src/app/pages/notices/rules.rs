use leptos::prelude::*;

use crate::{
    api::notices::SetNoticeRules,
    app::{
        pages::work::{about, latest, say},
        post::{Post, PostForm},
        ui::{BusyButton, ErrorNotice, FieldErrorText, zone_here},
    },
    model::{
        error::AppError,
        notice::{NoticeKind, NoticeRules},
    },
};

const MESSAGE: &str = "rules-message";

/// The rules, each with a box, and the quiet hours.
pub(super) fn rules(first: NoticeRules) -> AnyView {
    let save = Post::to::<SetNoticeRules>();
    let error: Signal<Option<AppError>> = latest([save.outcome()], MESSAGE).into();
    let say = say();
    Effect::new(move |_| {
        if matches!(&*save.value().read(), Some(Ok(_))) {
            say("Saved.".to_owned());
        }
    });
    let boxes = NoticeKind::ALL
        .into_iter()
        .map(|kind| {
            view! {
                <label class="check">
                    <input type="checkbox" name=format!("on[{}]", kind.code()) checked=first.on.contains(&kind) />
                    <span>{kind.rule()}</span>
                </label>
            }
            .into_any()
        })
        .collect_view();
    let quiet = first.quiet;
    let (from, to) = (quiet.as_ref().map(|quiet| quiet.from), quiet.as_ref().map_or(7, |quiet| quiet.to));
    let zone = RwSignal::new(quiet.map(|quiet| quiet.zone).unwrap_or_default());
    // Whoever has none yet is offered the one of the browser.
    Effect::new(move |_| {
        if zone.with_untracked(String::is_empty) {
            zone.set(zone_here().unwrap_or_default());
        }
    });
    view! {
        <section class="section" aria-labelledby="rules-title">
            <h2 id="rules-title">"What is told"</h2>
            <div class="panel">
                <PostForm action=save>
                    <fieldset class="checks">
                        <legend>"Tell me when"</legend>
                        {boxes}
                    </fieldset>
                    <p class="field-help">"And when it is over again."</p>
                    <fieldset class="checks">
                        <legend>"Quiet hours"</legend>
                        <p class="field-help">
                            "E-mails and chats wait until they are over. Webhooks do not."
                        </p>
                        <div class="list-filter">
                            {hours("quiet_from", "From", from, true)}
                            {hours("quiet_to", "Until", Some(to), false)}
                            <div class="field">
                                <label for="zone">"Time zone"</label>
                                <input
                                    id="zone"
                                    name="zone"
                                    type="text"
                                    maxlength="64"
                                    autocomplete="off"
                                    spellcheck="false"
                                    aria-describedby="zone-error"
                                    value=zone.get_untracked()
                                    prop:value=zone
                                    on:input:target=move |event| zone.set(event.target().value())
                                />
                            </div>
                        </div>
                        <FieldErrorText id="zone-error".to_owned() error=about(error, "zone", "The time zone") />
                    </fieldset>
                    <ErrorNotice error=error fields=["zone".to_owned()] id=MESSAGE />
                    <div class="actions">
                        <BusyButton busy=save.pending() label="Save" busy_label="Saving…" />
                    </div>
                </PostForm>
            </div>
        </section>
    }
    .into_any()
}

/// A choice of an hour.
fn hours(name: &'static str, label: &'static str, chosen: Option<u8>, or_none: bool) -> AnyView {
    let none = or_none.then(|| {
        view! {
            <option value="" selected=chosen.is_none()>
                "None"
            </option>
        }
        .into_any()
    });
    let options = (0..24_u8)
        .map(|hour| {
            view! {
                <option value=hour.to_string() selected=chosen == Some(hour)>
                    {format!("{hour:02}:00")}
                </option>
            }
            .into_any()
        })
        .collect_view();
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <select id=name name=name>
                {none}
                {options}
            </select>
        </div>
    }
    .into_any()
}
