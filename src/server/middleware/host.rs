//! The host check of an installation on loopback: a page of another site whose name suddenly means
//! 127.0.0.1 (DNS rebinding) must not reach it, and neither must an installation be used by others
//! before its operator has said under which address.

use http::{HeaderMap, Uri, header, uri::Authority};

use crate::config::PublicUrl;

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Whether the request is meant for this installation. Other than on loopback that is the business
/// of the proxy in front.
pub(super) fn is_ours(uri: &Uri, headers: &HeaderMap, public: &PublicUrl) -> bool {
    if !public.is_loopback() {
        return true;
    }
    let mut hosts = headers.get_all(header::HOST).iter().peekable();
    let named = hosts.peek().is_some() || uri.authority().is_some();
    named
        && uri.authority().is_none_or(|authority| is_accepted(authority, public))
        && hosts.all(|host| {
            Authority::try_from(host.as_bytes()).is_ok_and(|authority| is_accepted(&authority, public))
        })
}

/// The public address, or another way to write loopback with the same port.
fn is_accepted(authority: &Authority, public: &PublicUrl) -> bool {
    let host = authority.host().to_ascii_lowercase();
    let implied = if public.is_https() { 443 } else { 80 };
    let with_user = authority.as_str().contains('@');
    !with_user
        && authority.port_u16().unwrap_or(implied) == public.port()
        && (host == public.host() || LOOPBACK.contains(&host.as_str()))
}

/// Whether `origin` is the installation's own, by the same rule.
pub(super) fn is_own_origin(origin: &str, public: &PublicUrl) -> bool {
    if origin == public.origin() {
        return true;
    }
    let scheme = if public.is_https() { "https://" } else { "http://" };
    public.is_loopback()
        && origin
            .strip_prefix(scheme)
            .and_then(|authority| authority.parse::<Authority>().ok())
            .is_some_and(|authority| is_accepted(&authority, public))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(public: &str, target: &str, hosts: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, host.parse().unwrap());
        }
        is_ours(&target.parse().unwrap(), &headers, &PublicUrl::parse(public).unwrap())
    }

    #[test]
    fn on_loopback_only_loopback_is_answered() {
        let here = |hosts: &[&str]| ours("http://127.0.0.1:3000", "/", hosts);
        for host in ["127.0.0.1:3000", "localhost:3000", "LOCALHOST:3000", "[::1]:3000"] {
            assert!(here(&[host]), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:3000",
            "127.0.0.1",
            "127.0.0.1:3001",
            "localhost.evil.example:3000",
            "user@127.0.0.1:3000",
            "0.0.0.0:3000",
            "192.168.1.7:3000",
            "127.0.0.1:3000/",
            "",
        ] {
            assert!(!here(&[host]), "{host}");
        }
        assert!(!here(&[]));
        assert!(!here(&["127.0.0.1:3000", "evil.example"]));
    }

    #[test]
    fn the_target_counts_as_much_as_the_header() {
        let with = |target, host: &str| ours("http://127.0.0.1:3000", target, &[host]);
        assert!(with("http://localhost:3000/", "127.0.0.1:3000"));
        assert!(!with("http://evil.example/", "127.0.0.1:3000"));
        assert!(!with("http://localhost:3000/", "evil.example"));
    }

    #[test]
    fn the_implied_port_may_be_left_out() {
        assert!(ours("http://localhost", "/", &["localhost"]));
        assert!(ours("http://localhost", "/", &["localhost:80"]));
        assert!(ours("https://localhost", "/", &["localhost"]));
        assert!(!ours("https://localhost", "/", &["localhost:80"]));
    }

    #[test]
    fn elsewhere_the_proxy_decides() {
        assert!(ours("https://keys.example.org", "/", &["10.0.0.7:8080"]));
        assert!(ours("https://keys.example.org", "/", &[]));
    }
}
