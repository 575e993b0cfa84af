use leptos::prelude::*;

use crate::model::scraper::{FileKind, ResultsOf};

/// Links to all results as files of each kind.
#[component]
pub(super) fn Downloads(of: ResultsOf) -> impl IntoView {
    let links = FileKind::ALL
        .into_iter()
        .map(|kind| {
            view! {
                <a class="button" href=of.file_path(kind) download="" rel="external">
                    "Download "
                    {kind.label()}
                </a>
            }
            .into_any()
        })
        .collect_view();
    view! { <span class="downloads">{links}</span> }.into_any()
}
