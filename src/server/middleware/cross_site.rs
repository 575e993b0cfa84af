//! The cross-site rule: what changes something must come from Keyward's own pages, or from a
//! program that brings no session cookie. It holds for server functions, forms and REST alike.

use http::{HeaderMap, HeaderName, Method, header};

use super::{Site, host};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Providers call these from elsewhere by nature; each verifies a signature instead.
const WEBHOOKS: &str = "/webhooks/";

/// Whether the request may be carried out, as far as its origin goes. Browsers set both headers
/// themselves; no script can.
pub(super) fn is_allowed(method: &Method, path: &str, headers: &HeaderMap, site: &Site) -> bool {
    let safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    if safe || path.starts_with(WEBHOOKS) {
        return true;
    }
    let fetch_sites = headers.get_all(SEC_FETCH_SITE);
    if fetch_sites.iter().next().is_some() {
        return fetch_sites.iter().all(|value| value == "same-origin" || value == "none");
    }
    let origins = headers.get_all(header::ORIGIN);
    if origins.iter().next().is_some() {
        return origins
            .iter()
            .all(|value| value.to_str().is_ok_and(|origin| host::is_own_origin(origin, &site.public_url)));
    }
    !has_cookie(headers, site.session_cookie)
}

fn has_cookie(headers: &HeaderMap, name: &str) -> bool {
    headers.get_all(header::COOKIE).iter().any(|line| {
        line.as_bytes().split(|byte| *byte == b';').any(|pair| {
            pair.split(|byte| *byte == b'=').next().is_some_and(|own| own.trim_ascii() == name.as_bytes())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{super::tests::site, *};

    fn allowed_on(public: &str, method: &Method, path: &str, headers: &[(&str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        is_allowed(method, path, &map, &site(public))
    }

    fn allowed(headers: &[(&str, &str)]) -> bool {
        [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::from_bytes(b"BREW").unwrap()]
            .map(|method| allowed_on("https://keys.example.org", &method, "/api/auth/logout", headers))
            .iter()
            .fold(None, |all: Option<bool>, one| {
                assert!(all.is_none_or(|all| all == *one), "methods differ");
                Some(*one)
            })
            .unwrap()
    }

    const COOKIE: (&str, &str) = ("cookie", "theme=dark; session=x");

    #[test]
    fn sec_fetch_site_decides_where_it_is_sent() {
        for site in ["same-origin", "none"] {
            assert!(allowed(&[("sec-fetch-site", site), COOKIE]), "{site}");
            assert!(allowed(&[("sec-fetch-site", site), ("origin", "https://evil.example")]), "{site}");
        }
        for site in ["cross-site", "same-site", "", "Same-Origin", "same-origin, none"] {
            assert!(!allowed(&[("sec-fetch-site", site)]), "{site}");
            assert!(!allowed(&[("sec-fetch-site", site), ("origin", "https://keys.example.org")]), "{site}");
        }
        assert!(!allowed(&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn else_origin_decides() {
        assert!(allowed(&[("origin", "https://keys.example.org"), COOKIE]));
        for origin in [
            "null",
            "",
            "http://keys.example.org",
            "https://keys.example.org:8443",
            "https://keys.example.org/",
            "https://keys.example.org.evil.example",
            "https://sub.keys.example.org",
            "https://KEYS.example.org",
        ] {
            assert!(!allowed(&[("origin", origin)]), "{origin}");
        }
        assert!(!allowed(&[("origin", "https://keys.example.org"), ("origin", "https://evil.example")]));
    }

    #[test]
    fn with_neither_a_session_cookie_is_refused() {
        assert!(allowed(&[]));
        assert!(allowed(&[("cookie", "theme=dark; sessions=x; my_session=y; a=session")]));
        assert!(!allowed(&[COOKIE]));
        assert!(!allowed(&[("cookie", "session=")]));
        assert!(!allowed(&[("cookie", "theme=dark"), ("cookie", "a=b;session =x")]));
    }

    #[test]
    fn reading_and_signed_webhooks_are_free() {
        let cross = [("sec-fetch-site", "cross-site"), COOKIE];
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert!(allowed_on("https://keys.example.org", &method, "/", &cross));
        }
        assert!(allowed_on("https://keys.example.org", &Method::POST, "/webhooks/twilio", &cross));
        assert!(!allowed_on("https://keys.example.org", &Method::POST, "/webhooks", &cross));
        assert!(!allowed_on("https://keys.example.org", &Method::POST, "/api/webhooks/x", &cross));
    }

    #[test]
    fn on_loopback_every_spelling_of_it_is_the_same_place() {
        let from = |origin| {
            allowed_on("http://127.0.0.1:3000", &Method::POST, "/api/rpc/x", &[("origin", origin), COOKIE])
        };
        assert!(from("http://127.0.0.1:3000") && from("http://localhost:3000") && from("http://[::1]:3000"));
        assert!(
            !from("http://localhost:3001")
                && !from("https://localhost:3000")
                && !from("http://evil.example:3000")
        );
    }
}
