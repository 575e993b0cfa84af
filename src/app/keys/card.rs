use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{
    board::Board,
    delete::{DeleteKeyControl, after_delete},
    details::{Checked, KeyDetails},
    errors::error_of,
    form::KeyForm,
    heading_id,
    schedule::schedule,
};
use crate::{
    api::keys::{CheckKey, DeleteKey, ReplaceKey, ScheduleKey, StoreKey},
    app::{
        post::{Post, PostForm},
        ui::{
            Announcer, BusyButton, ButtonKind, ErrorNotice, KeyPill, Mark, Monogram, Notice, Pill, Tone,
            focus_soon, key_label, part,
        },
    },
    model::{
        ids::ProviderId,
        key::{KeyView, Source},
        page::ProviderCard,
        provider::Cost,
        service::ServiceId,
    },
};

/// A provider, the key stored for it, and everything that can be done with it.
#[component]
pub fn KeyCard(
    /// The provider. Shows nothing when the catalogue does not have it.
    provider: ProviderId,
    /// The page.
    board: Board,
    /// The form is open at first: to store a key, or to replace the stored one.
    #[prop(optional)]
    open: bool,
    /// Whether the card is in view. One that is not keeps what was typed.
    #[prop(default = Signal::stored(true))]
    shown: Signal<bool>,
) -> impl IntoView {
    let card = board.card(provider.clone());
    let first = card.get_untracked()?;
    let info = first.info.clone();
    let query = use_query_map().get_untracked();
    let names = |parameter: &str| query.get_str(parameter) == Some(provider.as_str());

    let store = Post::to::<StoreKey>();
    let replace = Post::to::<ReplaceKey>();
    let check = Post::to::<CheckKey>();
    let delete = Post::to::<DeleteKey>();
    let reschedule = Post::to::<ScheduleKey>();
    let store_error = error_of(store, provider.clone(), names("edit"));
    let replace_error = error_of(replace, provider.clone(), names("replace"));
    let check_error = error_of(check, provider.clone(), false);
    let delete_error = error_of(delete, provider.clone(), names("delete"));
    let form_error = Signal::derive(move || store_error.get().or_else(|| replace_error.get()));

    // A key of the installation's is not the user's to replace; adding one takes its place.
    let own = Memo::new(move |_| {
        card.with(|card| {
            card.as_ref()?.key.as_ref().filter(|key| key.source == Source::User).map(|k| k.version)
        })
    });
    // The address names the version, so that it stops opening the form once that version is replaced.
    let replaced = || query.get_str("version") == own.get_untracked().map(|v| v.to_string()).as_deref();
    let opened = match own.get_untracked() {
        None => names("edit"),
        Some(_) => names("replace") && replaced(),
    };
    let form_open = RwSignal::new(open || opened || form_error.get_untracked().is_some());
    let first_form = query.get("form").filter(|_| opened);

    let announcer = use_context::<Announcer>();
    let arrived = {
        let (provider, name) = (provider.clone(), info.name.clone());
        move |key: &KeyView| {
            board.put(&provider, Some(key.clone()));
            if let Some(announcer) = announcer {
                let reason = key.status_reason.as_deref().unwrap_or_default();
                announcer.say(format!("{name}: {}. {reason}", key_label(Some(key))));
            }
        }
    };
    for value in [store.value(), replace.value()] {
        let (arrived, heading) = (arrived.clone(), heading_id(&provider));
        Effect::new(move |_| {
            if let Some(Ok(key)) = &*value.read() {
                form_open.set(false);
                arrived(key);
                focus_soon(heading.clone());
            }
        });
    }
    Effect::new(move |_| {
        if let Some(Ok(key)) = &*check.value().read() {
            arrived(key);
        }
    });
    after_delete(&first, delete, board);
    let schedule_error = error_of(reschedule, provider.clone(), false);
    let schedule = schedule(card, reschedule, schedule_error, &info);
    {
        let (provider, name) = (provider.clone(), info.name.clone());
        Effect::new(move |_| {
            if let Some(Ok(key)) = &*reschedule.value().read() {
                board.put(&provider, Some(key.clone()));
                if let Some(announcer) = announcer {
                    announcer.say(format!("{name}: checked every {}.", key.check_every.label()));
                }
            }
        });
    }

    let asking =
        Signal::derive(move || store.pending().get() || replace.pending().get() || check.pending().get());
    let pill = {
        let name = info.name.clone();
        part(move || {
            if asking.get() {
                view! { <Pill tone=Tone::Neutral mark=Mark::Spinner label=format!("Asking {name}…") /> }
                    .into_any()
            } else {
                view! { <KeyPill key=card.get().and_then(|card| card.key) /> }.into_any()
            }
        })
    };
    let checking = board.page().with_untracked(|page| page.checking);
    let details = part(move || {
        let ProviderCard { info, key, .. } = card.get()?;
        Some(view! { <KeyDetails key=key? info=info checking=checking /> })
    });
    let checked = part(move || Some(view! { <Checked key=card.get()?.key? checking=checking /> }));
    let opener = format!("open-{provider}");
    let open_form = {
        let info = info.clone();
        move || {
            form_open.set(true);
            if let Some(field) = info.forms.first().and_then(|form| form.fields.first()) {
                focus_soon(format!("{}-{}", info.id, field.name));
            }
        }
    };
    let on_cancel = {
        let opener = opener.clone();
        Callback::new(move |()| {
            form_open.set(false);
            store.value().set(None);
            replace.value().set(None);
            focus_soon(opener.clone());
        })
    };
    // Each control depends on as little as possible: one that is redrawn loses the focus.
    let stored = Memo::new(move |_| card.with(|card| card.as_ref().is_some_and(|card| card.key.is_some())));
    let billed = info.check_cost == Cost::Billed;
    let check_now = {
        let (provider, name) = (provider.to_string(), info.name.clone());
        part(move || {
            let provider = provider.clone();
            if billed {
                return own.get().is_some().then(|| billed_check(check, provider, &name));
            }
            own.get().is_some().then(|| {
                view! {
                    <PostForm action=check>
                        <input type="hidden" name="provider" value=provider />
                        <BusyButton busy=check.pending() label="Check now" busy_label="Asking…" />
                    </PostForm>
                }
                .into_any()
            })
        })
    };
    // In the head beside the state while nothing is stored, else among the other controls.
    let open_control = |in_head: bool| {
        let (name, provider) = (info.name.clone(), provider.clone());
        let (opener, open_form) = (opener.clone(), open_form.clone());
        part(move || {
            let own = own.get();
            let (label, href) = match own {
                Some(version) => (
                    "Replace",
                    board.link(&[("replace", provider.as_str()), ("version", &version.to_string())]),
                ),
                None => {
                    let label = if stored.get() { "Use your own key" } else { "Add key" };
                    (label, board.link(&[("edit", provider.as_str())]))
                }
            };
            let open_form = open_form.clone();
            (!form_open.get() && stored.get() != in_head).then(|| {
                view! {
                    <a
                        id=opener.clone()
                        class=ButtonKind::Plain.class()
                        href=format!("{href}#card-{provider}")
                        data-noscroll
                        on:click=move |event| {
                            event.prevent_default();
                            open_form();
                        }
                    >
                        {label}
                        <span class="visually-hidden">{format!(" for {name}")}</span>
                    </a>
                }
                .into_any()
            })
        })
    };
    let (open_in_head, open_in_foot) = (open_control(true), open_control(false));
    let deletable = Memo::new(move |_| own.get().is_some());
    let delete_control = {
        let info = info.clone();
        part(move || {
            deletable.get().then(|| {
                view! {
                    <DeleteKeyControl
                        info=info.clone()
                        card=card
                        delete=delete
                        error=delete_error
                        board=board
                    />
                }
            })
        })
    };
    let form = {
        let info = info.clone();
        part(move || {
            let replaces = own.get();
            // What is replaced is usually replaced by its like.
            let stored_form = || card.with_untracked(|card| Some(card.as_ref()?.key.as_ref()?.form.clone()));
            form_open.get().then(|| {
                view! {
                    <KeyForm
                        info=info.clone()
                        replaces=replaces
                        store=store
                        replace=replace
                        error=form_error
                        first_form=first_form.clone().or_else(stored_form)
                        on_cancel=(!open || replaces.is_some()).then_some(on_cancel)
                        board=board
                    />
                }
            })
        })
    };
    let diverted = format!("This installation sends requests for {} to another address: ", info.name);
    let said_once =
        board.page().with_untracked(|page| page.diverted().is_some_and(|base| info.diverted() == Some(base)));
    let instead = info.base_url_override.clone().filter(|_| !said_once).map(|address| {
        view! {
            <Notice tone=Tone::Caution>
                <p>
                    {diverted}
                    <code>{address}</code>
                </p>
            </Notice>
        }
    });
    let added = info.by_operator.then(|| {
        view! {
            <p class="key-note">
                "The operator of this installation added this provider; it does not come with Keyward."
            </p>
        }
    });
    let view = view! {
        <li class="card" id=format!("card-{provider}") hidden=move || !shown.get()>
            <Monogram text=info.monogram.clone() />
            <div class="card-body">
                <div class="card-head">
                    <div class="card-title">
                        <h3 id=heading_id(&provider) tabindex="-1">
                            {info.name.clone()}
                        </h3>
                        <p class="muted">{uses(&info.used_by, &info.summary)}</p>
                    </div>
                    <div class="card-state">{pill} {open_in_head}</div>
                </div>
                {instead}
                {added}
                {details}
                {schedule}
                <ErrorNotice error=check_error provider=info.name.clone() />
                <div class="card-foot">
                    {checked} <div class="actions">{check_now} {open_in_foot} {delete_control}</div>
                </div>
                {form}
            </div>
        </li>
    };
    Some(view.into_any())
}

/// A check that the provider charges for: made for whoever agrees to it, and by schedule never.
fn billed_check(check: Post<KeyView>, provider: String, name: &str) -> AnyView {
    view! {
        <details class="confirm">
            <summary class="button">
                "Check for a charge" <span class="visually-hidden">{format!(" at {name}")}</span>
            </summary>
            <p>
                {format!(
                    "{name} offers no check without charge. It makes one small request with this key, which {name} charges to your account.",
                )}
            </p>
            <PostForm action=check>
                <input type="hidden" name="provider" value=provider />
                <input type="hidden" name="spend" value="true" />
                <BusyButton busy=check.pending() label="Check, and pay for it" busy_label="Asking…" />
            </PostForm>
        </details>
    }
    .into_any()
}

/// The services that use a provider, or what it is for.
fn uses(services: &[ServiceId], summary: &str) -> String {
    if services.is_empty() {
        format!("{summary} No service uses it yet.")
    } else {
        services.iter().map(|service| service.name()).collect::<Vec<_>>().join(", ")
    }
}
