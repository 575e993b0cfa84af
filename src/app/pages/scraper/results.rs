use leptos::{ev::SubmitEvent, prelude::*};
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use crate::{
    api::scraper::{ReadResults, search_results},
    app::{
        links::with_query,
        post::fields,
        ui::{ErrorNotice, Icon, Mark, grouped, part},
    },
    model::{
        error::AppError,
        ids::SearchId,
        scraper::{Column, Direction, ResultRow, ResultsPage, SearchView, Sort},
    },
};

/// How the address wants the table.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Wish {
    sort: Sort,
    filter: String,
    after: Option<u32>,
}

impl Wish {
    /// What the address of the page says now.
    pub(super) fn of_address() -> Memo<Self> {
        let query = use_query_map();
        Memo::new(move |_| {
            query.with(|query| Self {
                sort: query.get_str("sort").and_then(|sort| sort.parse().ok()).unwrap_or_default(),
                filter: query.get("filter").unwrap_or_default(),
                after: query.get_str("after").and_then(|after| after.parse().ok()),
            })
        })
    }

    /// Reads the results of a search like this.
    pub(super) async fn read(self, id: SearchId) -> Result<ResultsPage, AppError> {
        search_results(id, self.sort, self.filter, self.after).await
    }

    /// The call that does so.
    pub(super) fn call(self, id: SearchId) -> ReadResults {
        ReadResults { id, sort: self.sort, filter: self.filter, cursor: self.after }
    }

    /// The address of the page with the table like this.
    fn link(&self, path: &str) -> String {
        let after = self.after.map(|after| after.to_string());
        let sort = (self.sort != Sort::default()).then(|| self.sort.to_string());
        let filter = (!self.filter.is_empty()).then_some(self.filter.as_str());
        let given = [("sort", sort.as_deref()), ("filter", filter), ("after", after.as_deref())];
        with_query(path, given.into_iter().filter_map(|(name, value)| Some((name, value?))))
    }
}

/// The table of results. Sorting, filtering and turning pages are links and a form, so that they work
/// without JavaScript and have addresses.
#[component]
pub(super) fn Results(
    /// The search; the table is read again when more has arrived.
    view: RwSignal<SearchView>,
    /// The results as they were when the page was opened.
    first: ResultsPage,
) -> impl IntoView {
    let (id, path) = view.with_untracked(|view| (view.id, view.path()));
    let wish = Wish::of_address();
    let page = RwSignal::new(first);
    let error = RwSignal::new(None);
    let found = Memo::new(move |_| view.with(|view| view.found));
    let load = Action::new(move |wanted: &Wish| {
        let wanted = wanted.clone();
        async move {
            let answer = wanted.clone().read(id).await;
            // An answer that was overtaken by another wish is dropped.
            if wish.get_untracked() == wanted {
                error.set(answer.as_ref().err().cloned());
                if let Ok(answer) = answer {
                    page.set(answer);
                }
            }
        }
    });
    Effect::new(move |before: Option<(Wish, u32)>| {
        let now = (wish.get(), found.get());
        if before.is_some_and(|before| before != now) {
            load.dispatch(now.0.clone());
        }
        now
    });
    // Without results there is nothing to sort; why there are none stands above.
    let any = Memo::new(move |_| found.get() > 0);
    view! {
        <ErrorNotice error=error />
        {move || {
            let path = path.clone();
            any.get().then(|| view! { <Table wish=wish page=page found=found path=path /> })
        }}
    }
    .into_any()
}

#[component]
fn Table(
    /// What the address says.
    wish: Memo<Wish>,
    /// The rows that are shown.
    page: RwSignal<ResultsPage>,
    /// Results in all.
    found: Memo<u32>,
    /// The address of the search's page.
    path: String,
) -> impl IntoView {
    let heads = Column::ALL
        .into_iter()
        .map(|column| view! { <Head column=column wish=wish path=path.clone() /> })
        .collect_view();
    let rows = part(move || {
        page.with(|page| page.items.iter().cloned().map(|row| view! { <Row row=row /> }).collect_view())
    });
    let nothing = part(move || {
        page.with(|page| page.items.is_empty())
            .then(|| view! { <p class="search-empty muted">"No result contains this text."</p> }.into_any())
    });
    view! {
        <Filter wish=wish path=path.clone() />
        <div class="table-scroll" role="region" aria-labelledby="results-caption" tabindex="0">
            <table class="results">
                <caption id="results-caption" class="visually-hidden">
                    "Results"
                </caption>
                <thead>
                    <tr>{heads}</tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {nothing}
        <Pages wish=wish page=page found=found path=path />
    }
    .into_any()
}

#[component]
fn Filter(wish: Memo<Wish>, path: String) -> impl IntoView {
    let typed = wish.with_untracked(|wish| wish.filter.clone());
    let action = path.clone();
    let sort = part(move || {
        let sort = wish.with(|wish| wish.sort);
        (sort != Sort::default())
            .then(|| view! { <input type="hidden" name="sort" value=sort.to_string() /> }.into_any())
    });
    let everything = part(move || {
        let all =
            wish.with(|wish| (!wish.filter.is_empty()).then(|| Wish { sort: wish.sort, ..Wish::default() }));
        all.map(|all| {
            view! {
                <a class="button button-quiet" href=all.link(&path) data-noscroll>
                    "Show all"
                </a>
            }
            .into_any()
        })
    });
    let navigate = use_navigate();
    let submit = {
        let action = action.clone();
        move |event: SubmitEvent| {
            // What cannot be read the browser sends by itself.
            let Some(fields) = fields(&event) else { return };
            event.prevent_default();
            navigate(&format!("{action}?{fields}"), NavigateOptions { scroll: false, ..Default::default() });
        }
    };
    view! {
        <form method="get" action=action class="search-filter" role="search" on:submit=submit>
            {sort}
            <label for="filter">"Filter"</label>
            <input id="filter" name="filter" type="search" maxlength="200" autocomplete="off" value=typed />
            <button type="submit" class="button">
                "Apply"
            </button>
            {everything}
        </form>
    }
    .into_any()
}

#[component]
fn Pages(wish: Memo<Wish>, page: RwSignal<ResultsPage>, found: Memo<u32>, path: String) -> impl IntoView {
    let summary = part(move || {
        let (shown, matching) = page.with(|page| (page.items.len(), page.matching));
        let found = found.get();
        if wish.with(|wish| wish.filter.is_empty()) {
            format!("{shown} of {found} shown")
        } else {
            format!("{shown} of {matching} that match shown, {found} in all")
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
    view! {
        <p class="search-pages muted">
            <span>{summary}</span>
            {first}
            {next}
        </p>
    }
    .into_any()
}

#[component]
fn Head(column: Column, wish: Memo<Wish>, path: String) -> impl IntoView {
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
                {column.label()}
                <span aria-hidden="true">{arrow}</span>
            </a>
        </th>
    }
    .into_any()
}

const fn is_number(column: Column) -> bool {
    matches!(column, Column::Position | Column::Rating | Column::Reviews)
}

#[component]
fn Row(row: ResultRow) -> impl IntoView {
    let website = match (row.link().map(str::to_owned), row.host().map(str::to_owned)) {
        (Some(link), Some(host)) => view! {
            <a href=link target="_blank" rel="noopener noreferrer nofollow">
                {host}
                <Icon mark=Mark::Outside />
                <span class="visually-hidden">" (opens in a new tab)"</span>
            </a>
        }
        .into_any(),
        _ => or_dash(row.website).into_any(),
    };
    view! {
        <tr>
            <td class="number">{row.position}</td>
            <th scope="row">{row.name}</th>
            <td>{or_dash(row.category)}</td>
            <td>{or_dash(row.address)}</td>
            <td class="phone">{or_dash(row.phone)}</td>
            <td>{website}</td>
            <td class="number">{or_dash(row.rating.map(|rating| format!("{rating:.1}")))}</td>
            <td class="number">{or_dash(row.reviews.map(grouped))}</td>
        </tr>
    }
    .into_any()
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "–".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_an_address() {
        let path = "/services/data-scraper/searches/x";
        assert_eq!(Wish::default().link(path), path);
        let wish = Wish { sort: "-rating".parse().unwrap(), filter: "a b&c".to_owned(), after: Some(60) };
        assert_eq!(wish.link(path), format!("{path}?sort=-rating&filter=a%20b%26c&after=60"));
    }
}
