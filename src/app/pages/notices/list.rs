use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::{
    api::{
        notices::{ListNotices, MarkNoticesRead, notices},
        wire::ask,
    },
    app::{
        asked::Asked,
        links::with_query,
        live::Since,
        pages::work::{self, Followed},
        post::{Post, PostForm},
        ui::{BusyButton, ButtonKind, Mark, Moment, Notice, Phrase, Pill, Tone, part},
    },
    model::{
        event::Topic,
        ids::NoticeId,
        notice::{NoticeList, NoticeView},
    },
};

const PATH: &str = "/notifications";

/// What the user was told of, the latest first.
#[component]
pub fn NoticesPage() -> impl IntoView {
    let query = use_query_map();
    let cursor = Memo::new(move |_| query.with(|query| query.get_str("before")?.parse::<NoticeId>().ok()));
    let since = Since::now(Topic::Notices);
    let about = move || cursor.get().map(|id| id.to_string()).unwrap_or_default();
    let asked =
        Asked::<NoticeList>::for_each(about, move || ask(ListNotices { cursor: cursor.get_untracked() }));
    view! {
        <Title text="Notifications" />
        {work::one(
            asked,
            "Notifications",
            move |list| view! { <Notices list=list cursor=cursor.get_untracked() since=since /> }.into_any(),
        )}
    }
}

#[component]
fn Notices(list: NoticeList, cursor: Option<NoticeId>, since: Since) -> impl IntoView {
    let list = RwSignal::new(list);
    let mark = Post::to::<MarkNoticesRead>();
    let again = move || Box::pin(notices(cursor));
    Followed { view: list, open: Memo::new(|_| false), since, every: crate::app::live::SLOW }
        .list(move || again());
    Effect::new(move |_| {
        if matches!(&*mark.value().read(), Some(Ok(()))) {
            spawn_local(async move {
                if let Ok(now) = again().await {
                    list.try_set(now);
                }
            });
        }
    });
    let unread = Memo::new(move |_| list.read().unread);
    let state = part(move || {
        let words = match unread.get() {
            0 => "Nothing new.".to_owned(),
            1 => "1 is new.".to_owned(),
            more => format!("{more} are new."),
        };
        view! { <span class="muted">{words}</span> }
    });
    let all = part(move || {
        (unread.get() > 0).then(|| {
            view! {
                <PostForm action=mark>
                    <BusyButton
                        busy=mark.pending()
                        kind=ButtonKind::Quiet
                        label="Mark all as read"
                        busy_label="Marking…"
                    />
                </PostForm>
            }
            .into_any()
        })
    });
    let empty = part(move || {
        let words = match cursor {
            None => {
                "Nothing has happened yet. When a key stops working, or an allowance runs out, it is said here."
            }
            Some(_) => "Nothing earlier.",
        };
        list.read().items.is_empty().then(|| view! { <p class="panel muted">{words}</p> }.into_any())
    });
    let given_up = part(move || {
        let places: Vec<_> = list
            .read()
            .given_up
            .iter()
            .map(|place| format!("{} {}", place.kind.label(), place.label))
            .collect();
        (!places.is_empty()).then(|| {
            view! {
                <Notice tone=Tone::Caution>
                    <p>
                        "Nothing of this is sent to " <strong>{places.join(", ")}</strong>
                        " any more: it did not arrive there for days, or is not wanted there. "
                        <a href="/settings/notifications">"Switch it on again or remove it"</a> "."
                    </p>
                </Notice>
            }
            .into_any()
        })
    });
    let next = Memo::new(move |_| list.read().next);
    let earlier = part(move || {
        next.get().map(|id| {
            let path = with_query(PATH, [("before", id.to_string().as_str())]);
            view! { <a href=path>"Earlier ones"</a> }.into_any()
        })
    });
    let latest = cursor.map(|_| view! { <a href=PATH>"Latest ones"</a> }.into_any());
    view! {
        <div class="page page-narrow">
            <div class="section-head">
                <h1>"Notifications"</h1>
                <a href="/settings/notifications">"Settings"</a>
            </div>
            <section class="section" aria-label="What happened">
                <div class="section-head">{state} {all}</div>
                {given_up}
                {empty}
                <ul class="cards cards-list">
                    <For
                        each=move || list.get().items
                        key=|notice| (notice.id, notice.read, notice.resolved_at, notice.times)
                        children=move |notice| one(notice, mark)
                    />
                </ul>
                <p class="actions pages">{latest} {earlier}</p>
            </section>
        </div>
    }
    .into_any()
}

fn one(notice: NoticeView, mark: Post<()>) -> AnyView {
    let pill = match notice.resolved_at {
        Some(_) => view! { <Pill tone=Tone::Good mark=Mark::Check label="Over" /> }.into_any(),
        None if notice.kind.is_grave() => {
            view! { <Pill tone=Tone::Bad mark=Mark::Cross label="Open" /> }.into_any()
        }
        None => view! { <Pill tone=Tone::Caution mark=Mark::Alert label="Open" /> }.into_any(),
    };
    let since = match notice.resolved_at {
        None => view! { "Since " <Moment at=notice.opened_at phrase=Phrase::Ago /> }.into_any(),
        Some(end) => view! { "From " <Moment at=notice.opened_at /> " until " <Moment at=end /> }.into_any(),
    };
    let times = (notice.times > 1).then(|| format!(", {} times", notice.times));
    let class = if notice.read { "card card-plain" } else { "card card-plain card-new" };
    let new = (!notice.read).then(|| view! { <span class="visually-hidden">"New: "</span> }.into_any());
    let (about, id) = (notice.title.clone(), notice.id.to_string());
    let busy = {
        let id = id.clone();
        Signal::derive(move || mark.sends("id", &id))
    };
    let read = (!notice.read).then(|| {
        view! {
            <PostForm action=mark>
                <input type="hidden" name="id" value=id />
                <BusyButton
                    busy=busy
                    kind=ButtonKind::Quiet
                    label="Mark as read"
                    busy_label="Marking…"
                    about=about
                />
            </PostForm>
        }
        .into_any()
    });
    let fix = notice.resolved_at.is_none().then(|| {
        view! {
            <a class="button" href=notice.fix rel="external">
                {notice.kind.page_name()}
                <span class="visually-hidden">{format!(": {}", notice.title)}</span>
            </a>
        }
        .into_any()
    });
    view! {
        <li class=class>
            <div class="card-body">
                <div class="card-head">
                    <div class="card-title">
                        <h2 class="card-name">{new} {notice.title.clone()}</h2>
                        <p class="muted">{since} {times}</p>
                    </div>
                    {pill}
                </div>
                <p>{notice.text}</p>
                <div class="actions">{fix} {read}</div>
            </div>
        </li>
    }
    .into_any()
}
