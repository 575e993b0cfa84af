use leptos::prelude::*;

use crate::{
    api::auth::{EndOtherSessions, EndSession, account},
    app::{
        live::{SLOW, Since},
        post::{Post, PostForm},
        ui::{
            Announcer, BusyButton, ErrorNotice, Mark, Moment, Phrase, Pill, Tone, describe_user_agent,
            focus_soon,
        },
    },
    model::{page::SessionView, token::TokenView},
};

/// Where the user is signed in, and how to end that.
#[component]
pub(super) fn Sessions(
    /// The sessions.
    sessions: RwSignal<Vec<SessionView>>,
    /// The API tokens, which are read with them.
    tokens: RwSignal<Vec<TokenView>>,
    /// Since when the lists follow changes.
    since: Since,
) -> impl IntoView {
    let end = Post::to::<EndSession>();
    let end_others = Post::to::<EndOtherSessions>();
    let announcer = use_context::<Announcer>();
    let read_again = move || {
        leptos::task::spawn_local(async move {
            if let Ok(page) = account().await {
                sessions.set(page.sessions);
                tokens.set(page.tokens);
            }
        });
    };
    Effect::new(move |_| {
        let ended = matches!(&*end.value().read(), Some(Ok(())))
            || matches!(&*end_others.value().read(), Some(Ok(())));
        if ended {
            if let Some(announcer) = announcer {
                announcer.say("The session has ended.");
            }
            focus_soon("sessions-title");
            read_again();
        }
    });
    since.follow(|| SLOW, read_again);
    let error = Signal::derive(move || end.error().or_else(|| end_others.error()));
    let several = Memo::new(move |_| sessions.read().len() > 1);
    view! {
        <section class="section" aria-labelledby="sessions-title">
            <div class="section-head">
                <h2 id="sessions-title" tabindex="-1">
                    "Sessions"
                </h2>
                {move || {
                    several
                        .get()
                        .then(|| {
                            view! {
                                <PostForm action=end_others>
                                    <BusyButton
                                        busy=end_others.pending()
                                        label="End all others"
                                        busy_label="Ending…"
                                    />
                                </PostForm>
                            }
                        })
                }}
            </div>
            <ErrorNotice error=error />
            <ul class="cards">
                {move || {
                    sessions
                        .get()
                        .into_iter()
                        .map(|session| view! { <Session session=session end=end /> })
                        .collect_view()
                }}
            </ul>
        </section>
    }
    .into_any()
}

#[component]
fn Session(session: SessionView, end: Post<()>) -> impl IntoView {
    let id = session.id;
    let busy = Signal::derive(move || end.sends("id", &id.to_string()));
    let device = session.user_agent.as_deref().map_or("A program".to_owned(), describe_user_agent);
    view! {
        <li class="card card-plain">
            <div class="card-body">
                <div class="card-head">
                    <div class="card-title">
                        <h3>{device.clone()}</h3>
                        <p class="muted">
                            "Opened " <Moment at=session.created_at />
                            {session.address.map(|address| format!(" from {address}"))} ", last used "
                            <Moment at=session.last_seen_at phrase=Phrase::Ago />
                        </p>
                    </div>
                    {if session.current {
                        view! { <Pill tone=Tone::Good mark=Mark::Check label="This one" /> }.into_any()
                    } else {
                        view! {
                            <PostForm action=end>
                                <input type="hidden" name="id" value=id.to_string() />
                                <BusyButton busy=busy label="End" busy_label="Ending…" />
                            </PostForm>
                        }
                        .into_any()
                    }}
                </div>
            </div>
        </li>
    }
    .into_any()
}
