//! Every route, with the middleware around all of them.

use std::sync::LazyLock;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use leptos::{
    config::LeptosOptions,
    prelude::provide_context,
    reactive::{computed::ScopedFuture, owner::Owner},
};
use leptos_axum::{AxumRouteListing, LeptosRoutes, file_and_error_handler_with_context, generate_route_list};
use tower_http::compression::{
    CompressionLayer, CompressionLevel, DefaultPredicate, Predicate as _, predicate::NotForContentType,
};

use super::{
    docs, media,
    middleware::{self, Site},
    page_policy::provide_page_policy,
    problem::Problem,
    rest,
    state::AppState,
    webhooks,
};
use crate::{
    api::context::UseCases,
    app::{App, shell},
    model::error::ErrorCode,
};

/// The whole site: REST, its documentation, server functions, pages and files.
pub fn router(state: AppState, site: Site) -> Router {
    let use_cases = state.use_cases.clone();
    let reload_port = std::env::var_os("LEPTOS_WATCH").map(|_| state.leptos.reload_port);
    let context = move || {
        provide_context(use_cases.clone());
        provide_page_policy(reload_port);
    };
    let options = state.leptos.clone();
    // It is packed already, and comes in pieces that are to be heard at once.
    let not_sound = DefaultPredicate::new().and(NotForContentType::const_new("audio/"));
    let router = Router::new()
        .merge(rest::routes())
        .merge(docs::routes())
        .merge(webhooks::routes())
        .merge(media::routes())
        .leptos_routes_with_context(&state, PAGES.clone(), context, move || shell(options.clone()))
        .fallback(not_routed)
        .with_state(state)
        .layer(from_fn(apart))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(not_sound));
    middleware::around(router, site)
}

/// Runs a request under a reactive owner of its own. Leptos leaves the owner of a page behind on the thread, and
/// whatever asks for a context there before the page is done would get that page's: a file took a page's headers
/// along in this way.
async fn apart(request: Request<Body>, next: Next) -> Response {
    let owner = Owner::new_root(None);
    owner.clone().unset();
    // Sets the owner for every step of the request, and puts back what was there.
    ScopedFuture { owner, observer: None, fut: next.run(request) }.await
}

/// The pages' addresses, found once: while they are being found, Leptos loads nothing in the whole process,
/// and a page that another router renders at that moment would wait for ever.
static PAGES: LazyLock<Vec<AxumRouteListing>> = LazyLock::new(|| generate_route_list(App));

/// The addresses of the pages, as the router writes them.
pub fn page_paths() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(AxumRouteListing::path)
}

/// A file of the site, or the page that says there is nothing here.
async fn not_routed(
    State(options): State<LeptosOptions>,
    State(use_cases): State<UseCases>,
    request: Request<Body>,
) -> Response {
    let uri = request.uri().clone();
    if uri.path().starts_with("/api/") {
        return Problem::from(ErrorCode::NotFound).into_response();
    }
    let context = move || {
        provide_context(use_cases.clone());
        provide_page_policy(None);
    };
    file_and_error_handler_with_context::<LeptosOptions, _>(context, shell)(uri, State(options), request)
        .await
        .into_response()
}
