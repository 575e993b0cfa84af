use leptos::{html, prelude::*};
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use crate::{
    app::{
        links::with_query,
        pages::work::{follow_address, in_place},
        ui::part,
    },
    model::scraper::{Engine, Filter, ResultKey, Sort},
};

/// A box to tick: its name, its label, and whether a filter has it.
type Flag = (&'static str, &'static str, fn(&Filter) -> bool);

/// Stars that the form offers.
const STARS: [f64; 4] = [3.0, 3.5, 4.0, 4.5];

/// How the address wants the table.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Wish {
    pub(super) sort: Sort,
    pub(super) filter: Filter,
    pub(super) after: Option<ResultKey>,
}

impl Wish {
    /// What the address of the page says now.
    pub(super) fn of_address() -> Memo<Self> {
        let query = use_query_map();
        Memo::new(move |_| query.with(Self::of))
    }

    fn of(query: &ParamsMap) -> Self {
        let flag = |name: &str| query.get_str(name).is_some_and(|value| value == "true");
        let filter = Filter {
            text: query.get("filter").unwrap_or_default(),
            phone: flag("phone"),
            website: flag("website"),
            email: flag("email"),
            rating: query.get_str("rating").and_then(|stars| stars.parse().ok()),
        };
        Self {
            sort: query.get_str("sort").and_then(|sort| sort.parse().ok()).unwrap_or_default(),
            // What cannot be meant is left out, as where there is no such page.
            filter: if filter.check().is_ok() { filter } else { Filter::default() },
            after: query.get_str("after").and_then(|after| after.parse().ok()),
        }
    }

    /// The address of the page with the table like this.
    pub(super) fn link(&self, path: &str) -> String {
        let Self { sort, filter, after } = self;
        let flag = |on: bool| on.then(|| "true".to_owned());
        let given = [
            ("sort", (*sort != Sort::default()).then(|| sort.to_string())),
            ("filter", (!filter.text.is_empty()).then(|| filter.text.clone())),
            ("phone", flag(filter.phone)),
            ("website", flag(filter.website)),
            ("email", flag(filter.email)),
            ("rating", filter.rating.map(|stars| stars.to_string())),
            ("after", after.map(|after| after.to_string())),
        ];
        let given: Vec<_> = given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        with_query(path, given.iter().map(|(name, value)| (*name, value.as_str())))
    }
}

/// What is shown of the results. A form with an address as its answer, so that it works without JavaScript.
#[component]
pub(super) fn FilterForm(wish: Memo<Wish>, engine: Engine, path: String) -> impl IntoView {
    let filter = Memo::new(move |_| wish.with(|wish| wish.filter.clone()));
    let form = NodeRef::<html::Form>::new();
    follow_address(form, filter);
    let sort = part(move || {
        let sort = wish.with(|wish| wish.sort);
        (sort != Sort::default())
            .then(|| view! { <input type="hidden" name="sort" value=sort.to_string() /> }.into_any())
    });
    let everything = {
        let path = path.clone();
        part(move || {
            let all = wish
                .with(|wish| (!wish.filter.is_empty()).then(|| Wish { sort: wish.sort, ..Wish::default() }));
            all.map(|all| {
                view! {
                    <a class="button button-quiet" href=all.link(&path) data-noscroll>
                        "Show all"
                    </a>
                }
                .into_any()
            })
        })
    };
    let submit = in_place(path.clone());
    let all: [Flag; 3] = [
        ("phone", "Phone", |filter| filter.phone),
        ("website", "Website", |filter| filter.website),
        ("email", "E-mail", |filter| filter.email),
    ];
    // A page of the web always has an address, and never a telephone.
    let flags = all.into_iter().filter(|(name, ..)| engine == Engine::Maps || *name == "email");
    let flags = flags
        .map(|(name, label, on)| {
            view! {
                <label class="check">
                    <input type="checkbox" name=name value="true" checked=move || filter.with(on) />
                    <span>{label}</span>
                </label>
            }
            .into_any()
        })
        .collect_view();
    let stars = (engine == Engine::Maps).then(|| stars(filter));
    view! {
        <form method="get" action=path class="search-filter" role="search" node_ref=form on:submit=submit>
            {sort}
            <label for="filter">"Filter"</label>
            <input
                id="filter"
                name="filter"
                type="search"
                maxlength="200"
                autocomplete="off"
                value=move || filter.with(|filter| filter.text.clone())
            />
            <fieldset class="checks checks-row">
                <legend class="visually-hidden">"Only with"</legend>
                {flags}
            </fieldset>
            {stars}
            <button type="submit" class="button">
                "Apply"
            </button>
            {everything}
        </form>
    }
    .into_any()
}

fn stars(filter: Memo<Filter>) -> AnyView {
    let given = filter.with_untracked(|filter| filter.rating);
    let mut offered = STARS.to_vec();
    offered.extend(given.filter(|given| !STARS.contains(given)));
    let options = offered
        .into_iter()
        .map(|stars| {
            view! {
                <option value=stars.to_string() selected=move || filter.with(|filter| filter.rating == Some(stars))>
                    {format!("{stars:.1} and more")}
                </option>
            }
            .into_any()
        })
        .collect_view();
    view! {
        <label for="rating">"Rating"</label>
        <select id="rating" name="rating">
            <option value="">"Any"</option>
            {options}
        </select>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_an_address_and_the_address_the_table() {
        let path = "/services/data-scraper/searches/x";
        assert_eq!(Wish::default().link(path), path);
        let key = "0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a0001.60";
        let wish = Wish {
            sort: "-rating".parse().unwrap(),
            filter: Filter { text: "a b&c".to_owned(), phone: true, rating: Some(4.5), ..Filter::default() },
            after: key.parse().ok(),
        };
        let link = wish.link(path);
        assert_eq!(link, format!("{path}?sort=-rating&filter=a%20b%26c&phone=true&rating=4.5&after={key}"));
        let mut query = ParamsMap::new();
        for (name, value) in
            [("sort", "-rating"), ("filter", "a b&c"), ("phone", "true"), ("rating", "4.5"), ("after", key)]
        {
            query.insert(name, value.to_owned());
        }
        assert_eq!(Wish::of(&query), wish);
        query.insert("rating", "NaN".to_owned());
        assert_eq!(Wish::of(&query).filter, Filter::default());
    }
}
