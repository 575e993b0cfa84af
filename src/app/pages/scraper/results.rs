use std::{collections::HashSet, sync::Arc};

use leptos::{ev, html, prelude::*, wasm_bindgen::JsCast, web_sys::HtmlElement};

use super::{
    filter::{FilterForm, Wish},
    row::Row,
    window::{PART, Window},
};
use crate::{
    api::{
        scraper::{ReadBatchResults, ReadResults},
        wire::{self, Answer, ask},
    },
    app::ui::{ErrorNotice, grouped, part},
    model::{
        error::AppError,
        scraper::{Column, Direction, Engine, ResultKey, ResultRow, ResultsOf, ResultsPage},
    },
};

/// How near to the end of the rows somebody has to come before more are read, in pixels.
const NEAR: i32 = 600;

/// The call that reads results like this.
pub(super) fn read(of: ResultsOf, wish: Wish) -> Answer {
    let Wish { sort, filter, after } = wish;
    match of {
        ResultsOf::Search(id) => ask(ReadResults { id, sort, filter, cursor: after }),
        ResultsOf::Batch(id) => ask(ReadBatchResults { id, sort, filter, cursor: after }),
    }
}

async fn page_of(of: ResultsOf, wish: Wish) -> Result<Shown, AppError> {
    wire::read::<ResultsPage>(&read(of, wish).await?).map(Into::into)
}

/// The rows on the page. They are shared: whoever has read on has thousands, and looks at them all with each part.
struct Shown {
    items: Vec<(ResultKey, Arc<ResultRow>)>,
    next: Option<ResultKey>,
    matching: u32,
}

impl From<ResultsPage> for Shown {
    fn from(ResultsPage { items, next, matching }: ResultsPage) -> Self {
        let items = items.into_iter().map(|(key, row)| (key, Arc::new(row))).collect();
        Self { items, next, matching }
    }
}

impl Shown {
    /// How many parts the rows make.
    fn parts(&self) -> usize {
        self.items.len().div_ceil(PART)
    }

    /// The rows of a part.
    fn part(&self, number: usize) -> Vec<(ResultKey, Arc<ResultRow>)> {
        self.items.chunks(PART).nth(number).unwrap_or_default().to_vec()
    }

    /// Puts the next part behind the rows. A row that has moved meanwhile is not shown twice.
    fn extend(&mut self, next: Self) {
        let known: HashSet<_> = self.items.iter().map(|(key, _)| *key).collect();
        self.items.extend(next.items.into_iter().filter(|(key, _)| !known.contains(key)));
        self.next = next.next;
        self.matching = next.matching;
    }
}

/// The table of results. Sorting, filtering and turning pages are links and a form, so that they work
/// without JavaScript and have addresses; with it, more rows follow where the rows end.
#[component]
pub(super) fn Results(
    /// Whose results.
    of: ResultsOf,
    /// What was asked.
    engine: Engine,
    /// The address of the page.
    path: String,
    /// Results in all; the table is read again when more have arrived.
    found: Memo<u32>,
    /// The results as they were when the page was opened.
    first: ResultsPage,
) -> impl IntoView {
    let wish = Wish::of_address();
    let page = RwSignal::new(Shown::from(first));
    let error = RwSignal::new(None);
    let newer = RwSignal::new(false);
    let load = Action::new(move |(wanted, grown): &(Wish, bool)| {
        let (wanted, grown) = (wanted.clone(), *grown);
        async move {
            let answer = page_of(of, wanted.clone()).await;
            // An answer that was overtaken by another wish, or came when the page was left, is dropped.
            if wish.try_get_untracked().as_ref() != Some(&wanted) {
                return;
            }
            error.set(answer.as_ref().err().cloned());
            let Ok(answer) = answer else { return };
            // Rows are not taken from under the eyes of whoever has read on.
            let reads_on = grown && page.with_untracked(|page| page.items.len() > answer.items.len());
            newer.set(reads_on);
            if reads_on {
                page.update(|page| page.matching = answer.matching);
            } else {
                page.set(answer);
            }
        }
    });
    Effect::new(move |before: Option<(Wish, u32)>| {
        let now = (wish.get(), found.get());
        if let Some(before) = before.filter(|before| *before != now) {
            load.dispatch((now.0.clone(), before.0 == now.0));
        }
        now
    });
    let again = part(move || {
        newer.get().then(|| {
            view! {
                <p class="search-pages">
                    <button
                        type="button"
                        class="button"
                        on:click=move |_| {
                            load.dispatch((wish.get_untracked(), false));
                        }
                    >
                        "Show what was found since"
                    </button>
                </p>
            }
            .into_any()
        })
    });
    let more = Action::new(move |after: &ResultKey| {
        let (after, wanted) = (*after, wish.get_untracked());
        async move {
            let answer = page_of(of, Wish { after: Some(after), ..wanted.clone() }).await;
            let goes_on = || page.try_with_untracked(|page| page.next) == Some(Some(after));
            if wish.try_get_untracked().as_ref() != Some(&wanted) || !goes_on() {
                return;
            }
            error.set(answer.as_ref().err().cloned());
            if let Ok(answer) = answer {
                page.update(|page| page.extend(answer));
            }
        }
    });
    // Without results there is nothing to sort; why there are none stands above.
    let any = Memo::new(move |_| found.get() > 0);
    view! {
        <ErrorNotice error=error />
        {again}
        {move || {
            let path = path.clone();
            any.get()
                .then(|| {
                    view! { <Table of=of engine=engine wish=wish page=page more=more found=found path=path /> }
                })
        }}
    }
    .into_any()
}

#[component]
fn Table(
    of: ResultsOf,
    engine: Engine,
    /// What the address says.
    wish: Memo<Wish>,
    /// The rows that are shown.
    page: RwSignal<Shown>,
    /// Reads on.
    more: Action<ResultKey, ()>,
    /// Results in all.
    found: Memo<u32>,
    /// The address of the page.
    path: String,
) -> impl IntoView {
    let batch = matches!(of, ResultsOf::Batch(_));
    let heads = engine
        .columns()
        .iter()
        .map(|column| view! { <Head column=*column engine=engine wish=wish path=path.clone() /> })
        .collect_view();
    let others: &[&str] = match (engine, batch) {
        (Engine::Web, false) => &["Displayed link", "Snippet"],
        (Engine::Web, true) => &["Displayed link", "Snippet", "Query"],
        (Engine::Maps, true) => &["Map", "Query"],
        (Engine::Maps, false) => &["Map"],
    };
    let others_count = others.len();
    let others = others.iter().map(|label| view! { <th scope="col">{*label}</th> }.into_any()).collect_view();
    let nothing = part(move || {
        page.with(|page| page.items.is_empty())
            .then(|| view! { <p class="search-empty muted">"No result passes the filter."</p> }.into_any())
    });
    let region = NodeRef::<html::Div>::new();
    // Only the parts around what is in sight are drawn: thousands of rows would take the browser's breath away.
    let heights = StoredValue::new(Vec::new());
    let window = RwSignal::new(Window::first());
    let look = move || {
        let Some(region) = region.get_untracked() else { return };
        heights.update_value(|heights| measure(&region, heights));
        let parts = page.with_untracked(Shown::parts);
        let seen = heights.with_value(|heights| {
            Window::around(heights, parts, region.scroll_top(), region.client_height())
        });
        if window.get_untracked() != seen {
            window.set(seen);
        }
    };
    let scrolled = move |_: ev::Event| {
        look();
        let Some(region) = region.get_untracked() else { return };
        let left = region.scroll_height() - region.scroll_top() - region.client_height();
        if let Some(after) = page.with_untracked(|page| page.next)
            && left < NEAR
            && !more.pending().get_untracked()
        {
            more.dispatch(after);
        }
    };
    // Another order or another page begins at its top.
    Effect::new(move |before: Option<Wish>| {
        let now = wish.get();
        if let Some(region) = region.get_untracked()
            && before.is_some_and(|before| before != now)
        {
            region.set_scroll_top(0);
        }
        now
    });
    Effect::new(move |_| {
        page.track();
        request_animation_frame(look);
    });
    let columns = engine.columns().len() + others_count;
    let above = part(move || gap(window.read().above, columns));
    let below = part(move || gap(window.read().below, columns));
    let parts = move || window.get().parts(page.with(Shown::parts)).collect::<Vec<_>>();
    view! {
        <FilterForm wish=wish engine=engine path=path.clone() />
        <div
            class="table-scroll table-long"
            role="region"
            aria-labelledby="results-caption"
            tabindex="0"
            node_ref=region
            on:scroll=scrolled
        >
            <table class="results" class:results-web=engine == Engine::Web>
                <caption id="results-caption" class="visually-hidden">
                    "Results"
                </caption>
                <thead>
                    <tr>{heads} {others}</tr>
                </thead>
                {above}
                <For
                    each=parts
                    key=|number| *number
                    children=move |number| {
                        view! {
                            <tbody data-part=number.to_string()>
                                // Rows that stay are not drawn again when more follow.
                                <For
                                    each=move || page.with(|page| page.part(number))
                                    key=|(key, _)| *key
                                    children=move |(_, row)| view! { <Row row=row engine=engine batch=batch /> }
                                />
                            </tbody>
                        }
                            .into_any()
                    }
                />
                {below}
            </table>
        </div>
        {nothing}
        <Pages wish=wish page=page more=more found=found path=path />
    }
    .into_any()
}

/// Notes how high the parts are that are drawn.
fn measure(region: &HtmlElement, heights: &mut Vec<i32>) {
    let mut next = region.first_element_child().and_then(|table| table.first_element_child());
    while let Some(element) = next {
        next = element.next_element_sibling();
        let number = element.get_attribute("data-part").and_then(|number| number.parse::<usize>().ok());
        if let (Some(number), Ok(part)) = (number, element.dyn_into::<HtmlElement>()) {
            heights.resize(heights.len().max(number + 1), 0);
            heights[number] = part.offset_height();
        }
    }
}

/// The room of parts that are not drawn.
fn gap(height: i32, columns: usize) -> Option<AnyView> {
    let cell = || {
        view! {
            <td class="results-gap" colspan=columns.to_string()>
                <svg width="1" height=height.to_string()></svg>
            </td>
        }
        .into_any()
    };
    (height > 0).then(|| view! { <tbody aria-hidden="true"><tr>{cell()}</tr></tbody> }.into_any())
}

#[component]
fn Pages(
    wish: Memo<Wish>,
    page: RwSignal<Shown>,
    more: Action<ResultKey, ()>,
    found: Memo<u32>,
    path: String,
) -> impl IntoView {
    let summary = part(move || {
        let (shown, matching) = page.with(|page| (page.items.len(), page.matching));
        let number = |number: u32| grouped(i64::from(number));
        let (shown, found) = (grouped(i64::try_from(shown).unwrap_or(i64::MAX)), number(found.get()));
        if wish.with(|wish| wish.filter.is_empty()) {
            format!("{shown} of {found} shown")
        } else {
            format!("{shown} of {} that match shown, {found} in all", number(matching))
        }
    });
    let to = {
        let path = path.clone();
        move |after| wish.with(|wish| Wish { after, ..wish.clone() }.link(&path))
    };
    let back = to.clone();
    let first = part(move || {
        wish.with(|wish| wish.after.is_some())
            .then(|| view! { <a href=back(None)>"First page"</a> }.into_any())
    });
    let next = part(move || {
        page.with(|page| page.next).map(|after| view! { <a href=to(Some(after))>"Next page"</a> }.into_any())
    });
    let reading = part(move || more.pending().get().then_some("Reading more…"));
    view! {
        <p class="search-pages muted">
            <span aria-live="polite">{summary}</span>
            {first}
            {next}
            <span>{reading}</span>
        </p>
    }
    .into_any()
}

#[component]
fn Head(column: Column, engine: Engine, wish: Memo<Wish>, path: String) -> impl IntoView {
    let direction =
        Memo::new(move |_| wish.with(|wish| (wish.sort.column == column).then_some(wish.sort.direction)));
    let href = part(move || {
        wish.with(|wish| {
            let sort = wish.sort.after_choosing(column);
            Wish { sort, filter: wish.filter.clone(), after: None }.link(&path)
        })
    });
    let sorted = part(move || {
        direction.get().map(|direction| match direction {
            Direction::Ascending => "ascending",
            Direction::Descending => "descending",
        })
    });
    let arrow = part(move || {
        direction.get().map(|direction| match direction {
            Direction::Ascending => " ▲",
            Direction::Descending => " ▼",
        })
    });
    view! {
        <th scope="col" class:number=is_number(column) aria-sort=sorted>
            <a href=href data-noscroll>
                {column.label(engine)}
                <span aria-hidden="true">{arrow}</span>
            </a>
        </th>
    }
    .into_any()
}

const fn is_number(column: Column) -> bool {
    matches!(column, Column::Position | Column::Rating | Column::Reviews)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::SearchId;

    #[test]
    fn no_row_is_shown_twice() {
        let row =
            |position| (ResultKey { search: SearchId(uuid::Uuid::nil()), position }, ResultRow::default());
        let mut shown =
            Shown::from(ResultsPage { items: vec![row(1), row(2)], next: Some(row(2).0), matching: 3 });
        shown.extend(ResultsPage { items: vec![row(2), row(3)], next: None, matching: 3 }.into());
        let keys: Vec<_> = shown.items.iter().map(|(key, _)| key.position).collect();
        assert_eq!((keys, shown.next), (vec![1, 2, 3], None));
    }
}
