use leptos::{html, prelude::*};
use leptos_router::hooks::use_query_map;

use super::{Lacks, trouble};
use crate::{
    api::{
        voices::{DeleteVoice, ListVoices, RenameVoice},
        wire::ask,
    },
    app::{
        asked::Asked,
        links::with_query,
        pages::work::{follow_address, in_address, in_place, latest},
        post::{Post, PostForm},
        ui::{BusyButton, ButtonKind, ErrorNotice, Moment, Phrase, focus_soon, part},
    },
    model::{
        service::ServiceId,
        voices::{DESCRIPTION_MAX, NAME_MAX, SEARCH_MAX, VoiceKind, VoicePage, VoiceView},
    },
};

/// The id of the message about what was done here.
const MESSAGE: &str = "voices-message";

/// The voices that the address asks for, on their way or there.
#[derive(Clone, Copy)]
pub(super) struct Listing {
    asked: Asked<Option<VoicePage>>,
    wish: Memo<(String, VoiceKind, Option<String>)>,
    again: RwSignal<u32>,
}

/// Asks for them.
pub(super) fn listing() -> Listing {
    let query = use_query_map();
    let given = move |name: &str| query.with(|query| query.get_str(name).unwrap_or_default().to_owned());
    let wish = Memo::new(move |_| {
        let kind = given("kind").parse::<VoiceKind>().unwrap_or_default();
        let cursor = Some(given("cursor")).filter(|cursor| !cursor.is_empty());
        (given("search"), kind, cursor)
    });
    let again = RwSignal::new(0_u32);
    let asked = Asked::<Option<VoicePage>>::for_each(
        move || format!("{} {:?}", again.get(), wish.get()),
        move || {
            let (search, kind, cursor) = wish.get_untracked();
            ask(ListVoices { search, kind, cursor })
        },
    );
    Listing { asked, wish, again }
}

/// The voices, with what can be done with them.
#[component]
pub(super) fn Voices(listing: Listing) -> impl IntoView {
    let Listing { asked, wish, again } = listing;
    asked.again_when_open();
    let rename = Post::to::<RenameVoice>();
    let delete = Post::to::<DeleteVoice>();
    for changed in [rename, delete] {
        Effect::new(move |_| {
            if changed.version().get() > 0 && changed.error().is_none() {
                again.update(|again| *again += 1);
                focus_soon("voices");
            }
        });
    }
    let error = latest([rename.outcome(), delete.outcome()], MESSAGE);
    view! {
        <section class="section" aria-labelledby="voices">
            <h2 id="voices" tabindex="-1">
                "Voices"
            </h2>
            <Filter wish=wish />
            <ErrorNotice error=error provider="ElevenLabs" id=MESSAGE />
            <Lacks error=error needed="“Voices: write” (voices_write)" />
            <Transition fallback=|| {
                view! { <p class="muted" aria-busy="true">"Asking ElevenLabs…"</p> }
            }>
                {move || Suspend::new(async move {
                    let (search, kind, cursor) = wish.get_untracked();
                    let voice = ["voice", "named"].map(in_address).into();
                    match asked.await {
                        Ok(None) => ().into_any(),
                        Ok(Some(page)) => {
                            shown(page, Place { search, kind, cursor, voice }, rename, delete)
                        }
                        Err(error) => trouble(error, "“Voices: read” (voices_read)"),
                    }
                })}
            </Transition>
        </section>
    }
    .into_any()
}

/// What the address says, so that a link changes one thing of it and keeps the rest.
#[derive(Clone)]
struct Place {
    search: String,
    kind: VoiceKind,
    cursor: Option<String>,
    /// The voice of the studio: its id, and its name.
    voice: (String, String),
}

impl Place {
    fn path(&self, at: &str) -> String {
        let given = [
            ("search", self.search.as_str()),
            ("kind", self.kind.code()),
            ("cursor", self.cursor.as_deref().unwrap_or_default()),
            ("voice", &self.voice.0),
            ("named", &self.voice.1),
        ];
        let given = given.into_iter().filter(|(_, value)| !value.is_empty());
        format!("{}#{at}", with_query(ServiceId::VoiceCloning.path(), given))
    }
}

/// Works without JavaScript: the address is what is asked for.
#[component]
fn Filter(wish: Memo<(String, VoiceKind, Option<String>)>) -> impl IntoView {
    let asked = Memo::new(move |_| wish.with(|(search, kind, _)| (search.clone(), *kind)));
    let form = NodeRef::<html::Form>::new();
    follow_address(form, asked);
    let submit = in_place(ServiceId::VoiceCloning.path().to_owned());
    let kinds = VoiceKind::ALL.map(|one| {
        view! {
            <option value=one.code() selected=move || asked.with(|(_, kind)| *kind == one)>
                {one.label()}
            </option>
        }
        .into_any()
    });
    let query = use_query_map();
    // The studio keeps its voice.
    let kept = ["voice", "named"].map(|name| {
        part(move || {
            let value = query.with(|query| query.get(name)).filter(|value| !value.is_empty());
            value.map(|value| view! { <input type="hidden" name=name value=value /> }.into_any())
        })
    });
    view! {
        <form
            class="list-filter"
            action=ServiceId::VoiceCloning.path()
            method="get"
            role="search"
            node_ref=form
            on:submit=submit
        >
            {kept.into_iter().collect_view()}
            <div class="field">
                <label for="search">"Search"</label>
                <input
                    id="search"
                    name="search"
                    type="search"
                    maxlength=SEARCH_MAX.to_string()
                    value=move || asked.with(|(search, _)| search.clone())
                    autocomplete="off"
                />
            </div>
            <div class="field">
                <label for="kind">"Kind"</label>
                <select id="kind" name="kind">
                    {kinds.collect_view()}
                </select>
            </div>
            <div class="actions">
                <button type="submit" class="button">
                    "Show"
                </button>
            </div>
        </form>
    }
    .into_any()
}

fn shown(page: VoicePage, place: Place, rename: Post<()>, delete: Post<()>) -> AnyView {
    let nothing = page.items.is_empty().then(|| view! { <p class="muted">"No such voice."</p> }.into_any());
    let total = page.total.map(|total| {
        let words = if total == 1 { "1 voice".to_owned() } else { format!("{total} voices") };
        view! { <p class="muted">{words}</p> }.into_any()
    });
    let next = page.next.clone().map(|next| {
        let more = Place { cursor: Some(next), ..place.clone() };
        view! { <a href=more.path("voices")>"More voices"</a> }.into_any()
    });
    let first = place.cursor.is_some().then(|| {
        let first = Place { cursor: None, ..place.clone() };
        view! { <a href=first.path("voices")>"From the beginning"</a> }.into_any()
    });
    view! {
        {total}
        {nothing}
        <ul class="cards cards-list">
            // By name as well: a form that was open for one voice is never another one's.
            <For
                each=move || page.items.clone()
                key=|voice| (voice.id.clone(), voice.name.clone())
                children=move |voice| row(voice, &place, rename, delete)
            />
        </ul>
        <p class="actions pages">{first} {next}</p>
    }
    .into_any()
}

fn row(voice: VoiceView, place: &Place, rename: Post<()>, delete: Post<()>) -> AnyView {
    let VoiceView { id, name, category, description, labels, own, has_preview, created_at } = voice;
    let preview = format!("/api/services/voice-cloning/voices/{id}/preview");
    let speak = Place { voice: (id.to_string(), name.clone()), ..place.clone() }.path("studio");
    let labels: Vec<_> = labels.into_values().collect();
    let about = [Some(category.label().to_owned()), Some(labels.join(", ")).filter(|text| !text.is_empty())];
    let about = about.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let made = created_at.map(|at| view! { ", made " <Moment at=at phrase=Phrase::Ago /> });
    let description = description.map(|text| view! { <p>{text}</p> }.into_any());
    let listen =
        has_preview.then(|| view! { <Listen id=id.to_string() path=preview name=name.clone() /> }.into_any());
    let change = own.then(|| {
        let id = id.to_string();
        view! {
            {renaming(id.clone(), name.clone(), rename)}
            {deleting(id, &name, delete)}
        }
        .into_any()
    });
    view! {
        <li class="card card-plain">
            <div class="card-body">
                <h3>{name.clone()}</h3>
                <p class="muted">{about} {made}</p>
                {description}
                <div class="actions voice-actions">
                    {listen}
                    <a class="button" href=speak>
                        "Speak" <span class="visually-hidden">{format!(" with {name}")}</span>
                    </a>
                    {change}
                </div>
            </div>
        </li>
    }
    .into_any()
}

fn renaming(id: String, name: String, rename: Post<()>) -> AnyView {
    let field = format!("rename-{id}");
    let about = format!("{field}-about");
    let whose = format!(" {name}");
    view! {
        <details class="confirm">
            <summary class="button button-quiet">
                "Rename" <span class="visually-hidden">{whose}</span>
            </summary>
            <PostForm action=rename>
                <input type="hidden" name="id" value=id />
                <div class="field">
                    <label for=field.clone()>"Name"</label>
                    <input id=field name="name" value=name required maxlength=NAME_MAX.to_string() />
                </div>
                <div class="field">
                    <label for=about.clone()>"Description, if it is to change"</label>
                    <input id=about name="description" maxlength=DESCRIPTION_MAX.to_string() />
                </div>
                <div class="actions">
                    <BusyButton busy=rename.pending() label="Rename it" busy_label="Renaming…" />
                </div>
            </PostForm>
        </details>
    }
    .into_any()
}

fn deleting(id: String, name: &str, delete: Post<()>) -> AnyView {
    let whose = format!(" {name}");
    let busy = {
        let id = id.clone();
        Signal::derive(move || delete.sends("id", &id))
    };
    view! {
        <details class="confirm">
            <summary class="button button-quiet">
                "Delete" <span class="visually-hidden">{whose}</span>
            </summary>
            <p>"The voice is deleted at ElevenLabs, for good. Whatever uses it there stops working."</p>
            <PostForm action=delete>
                <input type="hidden" name="id" value=id />
                <BusyButton
                    kind=ButtonKind::Danger
                    busy=busy
                    label="Delete it"
                    busy_label="Deleting…"
                />
            </PostForm>
        </details>
    }
    .into_any()
}

/// Plays a preview. Nothing is fetched before somebody wants to hear it; without JavaScript the link leads to the sound.
#[component]
fn Listen(id: String, path: String, name: String) -> impl IntoView {
    let (open, broken) = (RwSignal::new(false), RwSignal::new(false));
    let link = path.clone();
    let player = format!("player-{id}");
    let label = format!("Preview of {name}");
    part(move || {
        if broken.get() {
            return view! { <p role="status">"The preview cannot be had at the moment."</p> }.into_any();
        }
        if open.get() {
            return view! {
                <audio
                    id=player.clone()
                    controls
                    autoplay
                    src=path.clone()
                    aria-label=label.clone()
                    on:error=move |_| broken.set(true)
                ></audio>
            }
            .into_any();
        }
        let focused = player.clone();
        view! {
            <a
                class="button"
                rel="external"
                href=link.clone()
                on:click=move |event| {
                    event.prevent_default();
                    open.set(true);
                    focus_soon(focused.clone());
                }
            >
                "Listen" <span class="visually-hidden">{format!(" to {name}")}</span>
            </a>
        }
        .into_any()
    })
}
