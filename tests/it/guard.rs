//! The guard around pages of this test's own, as the server renders them: its two modes, and a fallback.

use axum::{Router as Routes, body::Body};
use http::{Request, StatusCode, header};
use keyward::{
    app::{
        guard::{ApiKeyGuard, OnMissing},
        ui::{provide_announcer, provide_now},
    },
    model::{access::AccessDecision, ids::ProviderId, service::ServiceId},
};
use leptos::prelude::*;
use leptos_router::components::Router;
use serde_json::json;
use tower::ServiceExt;

use crate::support::{App, Client, both};

const BEHIND: &str = "what is behind the door";

#[component]
fn Explaining() -> impl IntoView {
    view! { <ApiKeyGuard service=ServiceId::DataScraper>{BEHIND}</ApiKeyGuard> }
}

#[component]
fn Redirecting() -> impl IntoView {
    view! {
        <ApiKeyGuard service=ServiceId::DataScraper on_missing=OnMissing::Redirect>
            {BEHIND}
        </ApiKeyGuard>
    }
}

#[component]
fn WithFallback() -> impl IntoView {
    let instead = |closed: AccessDecision| {
        let status = closed.blocking().next().map(|verdict| verdict.status.code());
        view! { <p>"Instead: " {status}</p> }
    };
    view! {
        <ApiKeyGuard service=ServiceId::DataScraper on_missing=OnMissing::Redirect fallback=instead>
            {BEHIND}
        </ApiKeyGuard>
    }
}

/// What the server answers with `view` as a page, to whoever `client` is: the status, where it leads, and the text.
async fn page<V: IntoView + 'static>(
    app: &App,
    client: &Client,
    view: fn() -> V,
) -> (StatusCode, Option<String>, String) {
    let use_cases = app.state.use_cases.clone();
    let context = move || provide_context(use_cases.clone());
    let render = leptos_axum::render_app_async_with_context(context, move || {
        provide_announcer();
        provide_now();
        view! { <Router>{view()}</Router> }
    });
    let request = Request::get("/services/somewhere")
        .header(header::COOKIE, client.cookie.as_deref().unwrap())
        .body(Body::empty())
        .unwrap();
    let response = Routes::new().fallback(render).oneshot(request).await.unwrap();
    let status = response.status();
    let location = response.headers().get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned());
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    // Marks between texts are the framework's.
    (status, location, String::from_utf8(bytes.to_vec()).unwrap().replace("<!>", ""))
}

both! {
    async fn a_missing_key_leads_to_the_set_up_page_and_another_reason_is_explained(app: App) {
        let mut ana = app.user("ana").await;
        let set_up = ServiceId::DataScraper.setup_path();
        let (status, location, text) = page(&app, &ana, Redirecting).await;
        assert_eq!((status, location), (StatusCode::SEE_OTHER, Some(set_up.clone())), "{text}");
        assert!(!text.contains(BEHIND), "{text}");
        assert!(ana.get(&set_up).await.expect(200).text.contains("Needed by Data Scraper"));
        let (status, location, text) = page(&app, &ana, Explaining).await;
        assert_eq!((status, location), (StatusCode::OK, None));
        assert!(text.contains("Data Scraper needs SerpAPI") && !text.contains(BEHIND), "{text}");

        let key = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
        ana.post("/api/user-api-keys/store", &key).await.expect(201);
        for (status, location, text) in [page(&app, &ana, Redirecting).await, page(&app, &ana, Explaining).await] {
            assert_eq!((status, location), (StatusCode::OK, None));
            assert!(text.contains(BEHIND) && !text.contains("is closed"), "{text}");
        }

        for situation in ["invalid", "exhausted"] {
            app.control("PUT", "/keys/serpapi/plenty", Some(json!({"situation": situation}))).await;
            ana.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.expect(200);
            for (status, location, text) in [page(&app, &ana, Redirecting).await, page(&app, &ana, Explaining).await] {
                assert_eq!((status, location), (StatusCode::OK, None), "{situation}");
                assert!(text.contains("Data Scraper is closed") && !text.contains(BEHIND), "{situation}: {text}");
                assert!(text.contains("card-serpapi"), "{situation}: the form that fixes it");
            }
        }
    }

    async fn a_fallback_stands_in_whatever_closes_the_service(app: App) {
        let mut ana = app.user("ana").await;
        let closed = async |client: &Client, instead: &str| {
            let (status, location, text) = page(&app, client, WithFallback).await;
            assert_eq!((status, location), (StatusCode::OK, None));
            assert!(text.contains(&format!("Instead: {instead}")), "{text}");
            assert!(!text.contains(BEHIND) && !text.contains("card-serpapi"), "{text}");
        };
        closed(&ana, "missing").await;
        let key = json!({"provider": ProviderId::SERPAPI, "credentials": App::test_key("serpapi", "plenty")});
        ana.post("/api/user-api-keys/store", &key).await.expect(201);
        let (status, _, text) = page(&app, &ana, WithFallback).await;
        assert_eq!(status, StatusCode::OK);
        assert!(text.contains(BEHIND) && !text.contains("Instead: "), "{text}");
        app.control("PUT", "/keys/serpapi/plenty", Some(json!({"situation": "invalid"}))).await;
        ana.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.expect(200);
        closed(&ana, "invalid").await;
    }
}
