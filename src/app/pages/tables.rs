//! What the pages with figures share.

use leptos::prelude::*;

use crate::{app::ui::part, model::usage::Range};

/// The ranges to choose from, each a link to the page that shows it.
pub(super) fn ranges(
    offered: &[Range],
    chosen: Memo<Range>,
    address: impl Fn(Range) -> String + Copy + Send + Sync + 'static,
) -> AnyView {
    let links = offered.iter().copied().map(|range| {
        let href = part(move || address(range));
        let current = move || (chosen.get() == range).then_some("true");
        view! {
            <li>
                <a href=href aria-current=current data-noscroll>
                    {range.label()}
                </a>
            </li>
        }
    });
    view! {
        <nav aria-label="Time range">
            <ul class="ranges">{links.collect_view()}</ul>
        </nav>
    }
    .into_any()
}

/// The head of a table: first the columns with words, then those with numbers.
pub(super) fn head(words: &[&'static str], numbers: &[&'static str]) -> AnyView {
    let cell = |name: &'static str, class| {
        view! {
            <th scope="col" class=class>
                {name}
            </th>
        }
    };
    let words = words.iter().map(|name| cell(name, None));
    let numbers = numbers.iter().map(|name| cell(name, Some("number")));
    view! {
        <thead>
            <tr>{words.chain(numbers).collect_view()}</tr>
        </thead>
    }
    .into_any()
}
