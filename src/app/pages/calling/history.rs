use std::time::Duration;

use leptos::{html, prelude::*};
use leptos_router::hooks::use_query_map;

use super::call::{StatePill, cost, length};
use crate::{
    api::{
        calling::{ListCalls, calls},
        wire::ask,
    },
    app::{
        asked::Asked,
        links::with_query,
        live::Since,
        pages::work::{self, Followed, follow_address, in_place},
        ui::{Moment, Phrase, day_here, focus_soon, part},
    },
    model::{
        calling::{CallList, CallView, Group},
        event::Topic,
        ids::CallId,
        service::ServiceId,
        time::Timestamp,
    },
};

/// How often the list is read again while one of its calls is under way and nobody tells the browser of changes.
const WHILE_OPEN: Duration = Duration::from_secs(5);

/// Which part of the history the address asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Wish {
    before: Option<CallId>,
    number: String,
    group: Option<Group>,
    /// The first and the last day, each as its midnight in UTC.
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

/// A day, whose last moment is before the next one begins.
const DAY: Duration = Duration::from_secs(86_400);

impl Wish {
    fn of_address() -> Memo<Self> {
        let query = use_query_map();
        Memo::new(move |_| {
            query.with(|query| Self {
                before: query.get_str("before").and_then(|id| id.parse().ok()),
                number: query.get_str("number").map(|text| text.trim().to_owned()).unwrap_or_default(),
                group: query.get_str("group").and_then(|group| group.parse().ok()),
                since: query.get_str("since").and_then(Timestamp::midnight),
                until: query.get_str("until").and_then(Timestamp::midnight),
            })
        })
    }

    /// The address of a part.
    fn path(&self, before: Option<CallId>) -> String {
        let before = before.map(|id| id.to_string()).unwrap_or_default();
        let (since, until) = (date(self.since), date(self.until));
        let given = [
            ("number", self.number.as_str()),
            ("group", self.group.map_or("", Group::code)),
            ("since", &since),
            ("until", &until),
            ("before", &before),
        ];
        let path =
            with_query(ServiceId::Calling.path(), given.into_iter().filter(|(_, value)| !value.is_empty()));
        format!("{path}#calls")
    }

    fn has_days(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }

    fn is_filter(&self) -> bool {
        !self.number.is_empty() || self.group.is_some() || self.has_days()
    }

    /// The question to the server. Days are those of the user's zone once that is known, and until then those of UTC.
    fn question(self, here: bool) -> ListCalls {
        let begins = |day: Timestamp| if here { day_here(day) } else { day };
        let Self { before, number, group, since, until } = self;
        let until = until.map(|day| begins(day.plus(DAY)));
        ListCalls { cursor: before, number, group, since: since.map(begins), until }
    }
}

/// A day as forms and addresses have it.
fn date(day: Option<Timestamp>) -> String {
    day.map(Timestamp::iso_date).unwrap_or_default()
}

/// The user's calls. Needs no key.
#[component]
pub(super) fn History() -> impl IntoView {
    let wish = Wish::of_address();
    let since = Since::now(Topic::Calls);
    // The server does not know the zone.
    let here = RwSignal::new(false);
    Effect::new(move |_| here.set(true));
    let asked = Asked::<CallList>::for_each(
        move || {
            let wish = wish.get();
            let zone = if wish.has_days() && here.get() { " here" } else { "" };
            format!("{}{zone}", wish.path(wish.before))
        },
        move || ask(wish.get_untracked().question(here.get_untracked())),
    );
    // The list is drawn anew for another part of it.
    let asked_here = RwSignal::new(false);
    let filter = Memo::new(move |_| Wish { before: None, ..wish.get() });
    work::list(asked, "calls", "Calls", move |list| {
        if asked_here.try_get_untracked() == Some(true) {
            asked_here.set(false);
            focus_soon("calls");
        }
        let wish = wish.get_untracked();
        view! { <Calls list=list wish=wish since=since asked_here=asked_here here=here filter=filter /> }
            .into_any()
    })
}

#[component]
fn Calls(
    list: CallList,
    wish: Wish,
    since: Since,
    asked_here: RwSignal<bool>,
    here: RwSignal<bool>,
    /// What the address asks for, whichever part of it.
    filter: Memo<Wish>,
) -> impl IntoView {
    let form = NodeRef::<html::Form>::new();
    follow_address(form, filter);
    let show = in_place(ServiceId::Calling.path().to_owned());
    let show = move |event| {
        asked_here.set(true);
        show(event);
    };
    let list = RwSignal::new(list);
    let open = Memo::new(move |_| list.read().items.iter().any(|call| call.state.is_open()));
    let first = wish.before.is_none();
    let words = match (first, wish.is_filter()) {
        (_, true) => "No call fits.",
        (true, false) => "No call yet. The calls you place will be listed here.",
        (false, false) => "No earlier call.",
    };
    let following = wish.clone();
    Followed { view: list, open, since, every: WHILE_OPEN }.list(move || {
        let ListCalls { cursor, number, group, since, until } =
            following.clone().question(here.get_untracked());
        Box::pin(calls(cursor, number, group, since, until))
    });
    let empty = Memo::new(move |_| list.read().items.is_empty());
    let empty = move || empty.get().then(|| view! { <p class="muted">{words}</p> }.into_any());
    let zone =
        move || if here.get() { "Days are those of your time zone." } else { "Days are those of UTC." };
    let days = wish.has_days().then(|| view! { <p class="muted">{part(zone)}</p> }.into_any());
    let next = Memo::new(move |_| list.read().next);
    let pages = wish.clone();
    let older =
        move || next.get().map(|id| view! { <a href=pages.path(Some(id))>"Earlier calls"</a> }.into_any());
    let latest = (!first).then(|| view! { <a href=wish.path(None)>"Latest calls"</a> }.into_any());
    let all = wish
        .is_filter()
        .then(|| view! { <a href=format!("{}#calls", ServiceId::Calling.path())>"All calls"</a> }.into_any());
    let groups = Group::ALL
        .into_iter()
        .map(|(group, label)| {
            view! {
                <option value=group.code() selected=wish.group == Some(group)>
                    {label}
                </option>
            }
            .into_any()
        })
        .collect_view();
    view! {
        <div class="page page-history">
            <section class="section" aria-labelledby="calls">
                <h2 id="calls" tabindex="-1">
                    "Calls"
                </h2>
                <form
                    class="list-filter"
                    method="get"
                    action=ServiceId::Calling.path()
                    role="search"
                    node_ref=form
                    on:submit=show
                >
                    <div class="field">
                        <label for="filter-number">"Number"</label>
                        <input
                            id="filter-number"
                            type="search"
                            name="number"
                            inputmode="tel"
                            maxlength="40"
                            value=wish.number.clone()
                        />
                    </div>
                    <div class="field">
                        <label for="filter-group">"State"</label>
                        <select id="filter-group" name="group">
                            <option value="">"Any"</option>
                            {groups}
                        </select>
                    </div>
                    {day("since", "Ordered from", wish.since)}
                    {day("until", "Ordered to", wish.until)}
                    <div class="actions">
                        <button class="button" type="submit">
                            "Show"
                        </button>
                        {all}
                    </div>
                </form>
                {days}
                {empty}
                <ul class="cards cards-list">
                    // A row that did not change is not redrawn and keeps the focus.
                    <For
                        each=move || list.get().items
                        key=|call| (call.id, call.state.code(), call.price.clone())
                        children=|call| view! { <Row call=call /> }
                    />
                </ul>
                <p class="actions pages">{latest} {older}</p>
            </section>
        </div>
    }
    .into_any()
}

/// The field of a day.
fn day(name: &'static str, label: &'static str, chosen: Option<Timestamp>) -> AnyView {
    view! {
        <div class="field">
            <label for=format!("filter-{name}")>{label}</label>
            <input id=format!("filter-{name}") type="date" name=name value=date(chosen) />
        </div>
    }
    .into_any()
}

#[component]
fn Row(call: CallView) -> impl IntoView {
    let more: Vec<_> = [length(&call), cost(&call)].into_iter().flatten().collect();
    let more = more.into_iter().map(|text| format!(", {text}")).collect::<String>();
    view! {
        <li class="card card-plain">
            <div class="card-body">
                <div class="card-head">
                    <div>
                        <h3>
                            <a class="figures" href=call.path()>
                                {call.request.to.clone()}
                            </a>
                        </h3>
                        <p class="muted">
                            "From "
                            {call.request.from.clone()}
                            ", "
                            <Moment at=call.created_at phrase=Phrase::Ago />
                            {more}
                        </p>
                    </div>
                    <StatePill state=call.state />
                </div>
            </div>
        </li>
    }
    .into_any()
}
