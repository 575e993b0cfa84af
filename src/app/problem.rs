//! What a page shows instead of its content when that could not be had.

use leptos::prelude::*;
use leptos_meta::Title;

use super::{
    links::{ToLogin, answer_with, here},
    ui::{Notice, Tone},
};
use crate::model::error::{AppError, ErrorCode};

/// An error in the place of a page's content. A visitor who is not signed in goes to the log-in page.
#[component]
pub fn Problem(
    /// The error.
    error: AppError,
) -> impl IntoView {
    if error.code == ErrorCode::Unauthenticated {
        return view! { <ToLogin /> }.into_any();
    }
    answer_with(error.code.status());
    view! {
        <Notice tone=Tone::Bad>
            <p>{error.detail(None)}</p>
            <p>
                <a href=here() rel="external">
                    "Try again"
                </a>
            </p>
        </Notice>
    }
    .into_any()
}

/// The page for addresses that do not exist.
#[component]
pub fn NotFound() -> impl IntoView {
    answer_with(404);
    view! {
        <Title text="Page not found" />
        <div class="page page-narrow">
            <h1>"There is no page here"</h1>
            <p class="page-lead">
                "The address may be mistyped, or the page has moved. Nothing of yours is lost."
            </p>
            <p class="actions">
                <a class="button" href="/">
                    "To the overview"
                </a>
                <a class="button button-quiet" href="/settings/api-keys">
                    "API keys"
                </a>
            </p>
        </div>
    }
}
