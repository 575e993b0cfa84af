//! Addresses of this site, and going there.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
};

use crate::model::input::next_path;

/// A value for a query string. Leaves the unreserved characters (RFC 3986, 2.3) and `/` as they are.
pub fn query_value(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            value.push(char::from(byte));
        } else {
            value.push_str(&format!("%{byte:02X}"));
        }
    }
    value
}

/// `path` with these query parameters.
pub fn with_query<'a>(path: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut url = path.to_owned();
    for (index, (name, value)) in parameters.into_iter().enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        url.push_str(name);
        url.push('=');
        url.push_str(&query_value(value));
    }
    url
}

/// The page at `path`, entered on the way to `next` if that is a place of this site.
pub fn on_the_way(path: &str, next: Option<&str>) -> String {
    with_query(path, next.and_then(next_path).filter(|next| *next != "/").map(|next| ("next", next)))
}

/// Where the visitor is, without what a failed form post left in the address.
pub fn here() -> String {
    let location = use_location();
    let path = location.pathname.get_untracked();
    let query = location.query.get_untracked();
    let kept: Vec<_> = query
        .into_iter()
        .filter(|(name, _)| !name.starts_with("__"))
        .map(|(name, value)| (name.into_owned(), value))
        .collect();
    with_query(&path, kept.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// Takes the visitor elsewhere: 303 from the server, and in the browser a navigation that leaves no
/// trace in the history. Shows nothing but a link for whoever is not taken.
#[component]
pub fn Moved(
    /// The address, on this site.
    #[prop(into)]
    to: String,
) -> impl IntoView {
    #[cfg(feature = "ssr")]
    see_other(&to);
    let navigate = use_navigate();
    Effect::new({
        let to = to.clone();
        move |_| navigate(&to, NavigateOptions { replace: true, ..Default::default() })
    });
    view! {
        <p class="page-lead">
            <a href=to>"Continue"</a>
        </p>
    }
}

/// Takes a visitor who is not signed in to the log-in page, and afterwards back here.
#[component]
pub fn ToLogin() -> impl IntoView {
    view! { <Moved to=on_the_way("/login", Some(&here())) /> }
}

/// Answers 303 See Other.
#[cfg(feature = "ssr")]
fn see_other(to: &str) {
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>()
        && let Ok(location) = http::HeaderValue::from_str(to)
    {
        response.insert_header(http::header::LOCATION, location);
        response.set_status(http::StatusCode::SEE_OTHER);
    }
}

/// Sets the status of the page that the server is answering with. Does nothing in the browser.
pub fn answer_with(status: u16) {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>()
        && let Ok(status) = http::StatusCode::from_u16(status)
    {
        response.set_status(status);
    }
    #[cfg(not(feature = "ssr"))]
    let _ = status;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn next_is_kept_only_when_it_is_safe() {
        assert_eq!(on_the_way("/login", Some("/analytics")), "/login?next=/analytics");
        assert_eq!(
            on_the_way("/login", Some("/settings/api-keys?service=calling&next=/x")),
            "/login?next=/settings/api-keys%3Fservice%3Dcalling%26next%3D/x"
        );
        for dropped in [None, Some("/"), Some("//evil.example"), Some("/login")] {
            assert_eq!(on_the_way("/login", dropped), "/login");
        }
    }

    proptest! {
        #[test]
        fn a_query_value_cannot_break_out(text in any::<String>()) {
            let value = query_value(&text);
            prop_assert!(value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~/%".contains(&b)));
        }
    }
}
