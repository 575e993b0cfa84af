//! The content security policy of pages.

use http::{HeaderValue, header::CONTENT_SECURITY_POLICY};
use leptos::{nonce::use_nonce, prelude::use_context};
use leptos_axum::ResponseOptions;

/// The policy of a page whose scripts carry `nonce`. `reload_port` is the port of cargo-leptos'
/// reload socket while developing.
pub fn content_security_policy(nonce: &str, reload_port: Option<u32>) -> String {
    // The reload script connects to the host name of the page.
    let reload =
        reload_port.map(|port| format!(" ws://127.0.0.1:{port} ws://localhost:{port}")).unwrap_or_default();
    format!(
        "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; media-src 'self' blob:; connect-src 'self'{reload}; object-src 'none'; base-uri 'none'; \
         frame-ancestors 'none'; form-action 'self'"
    )
}

/// Sets the policy of the page that is being rendered. Belongs into the context function given to
/// `leptos_routes_with_context`: the nonce exists by then and the headers are not sent yet.
pub fn provide_page_policy(reload_port: Option<u32>) {
    let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>()) else { return };
    if let Ok(policy) = HeaderValue::from_str(&content_security_policy(&nonce, reload_port)) {
        response.insert_header(CONTENT_SECURITY_POLICY, policy);
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body};
    use http::Request;
    use leptos::prelude::*;
    use tower::ServiceExt;

    use super::*;

    #[test]
    fn only_development_opens_a_socket() {
        assert!(!content_security_policy("n", None).contains("ws:"));
        // Speech lies at an address of the page's own.
        assert!(content_security_policy("n", None).contains("media-src 'self' blob:;"));
        assert!(content_security_policy("n", Some(3001)).contains("connect-src 'self' ws://127.0.0.1:3001 "));
    }

    #[tokio::test]
    async fn a_rendered_page_carries_the_nonce_of_its_scripts() {
        // Starts leptos' executor, which only this function does.
        let _ = leptos_axum::generate_route_list(|| ());
        let page = leptos_axum::render_app_to_stream_with_context(
            || provide_page_policy(None),
            || view! { <script nonce=use_nonce()>"0"</script> },
        );
        let app: Router = Router::new().fallback(page);
        let response = app.oneshot(Request::new(Body::empty())).await.unwrap();
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let html = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(nonce.len() >= 16 && html.contains(&format!("nonce=\"{nonce}\"")), "{policy}\n{html}");
    }
}
