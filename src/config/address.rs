//! The address under which the installation is known.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use url::{Host, Url};

use super::reader::Reader;

/// The origin that browsers and webhooks use: scheme, host and port, nothing else. Never taken from
/// a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    host: String,
    port: u16,
    https: bool,
    loopback: bool,
}

impl PublicUrl {
    /// Reads an `http` or `https` address without path, query or user.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let https = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !bare {
            return None;
        }
        let loopback = match url.host()? {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => IpAddr::from(address).to_canonical().is_loopback(),
        };
        Some(Self {
            origin: url.origin().ascii_serialization(),
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
            https,
            loopback,
        })
    }

    /// The origin as browsers write it: `https://keys.example.org`, without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The host; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, given or implied by the scheme.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether browsers reach it through TLS.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Whether only this machine reaches it.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

/// Reads `PUBLIC_URL`. A loopback address may be plain http, any other must be https.
pub(super) fn read(reader: &mut Reader<'_>, site_addr: SocketAddr) -> PublicUrl {
    const NAME: &str = "PUBLIC_URL";
    let fallback = PublicUrl::of(site_addr);
    let Some(text) = reader.text(NAME) else {
        if !fallback.loopback {
            reader.problem(
                NAME,
                "is not set, and LEPTOS_SITE_ADDR is not a loopback address",
                "Set it to the https address that people will use, such as https://keys.example.org",
            );
        }
        return fallback;
    };
    let Some(url) = PublicUrl::parse(text) else {
        reader.problem(
            NAME,
            "is not an http or https address without path, query and user name",
            "Write it like https://keys.example.org",
        );
        return fallback;
    };
    if !url.https && !url.loopback {
        reader.problem(
            NAME,
            "is plain http on an address that others can reach",
            "Put Keyward behind a proxy that speaks https, and write the https address here",
        );
    }
    url
}

impl PublicUrl {
    /// The address under which a server listening on `addr` is reached from its own machine.
    fn of(addr: SocketAddr) -> Self {
        // A container listens on every address; the person beside it opens the loopback one.
        let ip = if addr.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { addr.ip() };
        let addr = SocketAddr::new(ip, addr.port());
        let host = match ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        Self {
            origin: if addr.port() == 80 { format!("http://{host}") } else { format!("http://{addr}") },
            host,
            port: addr.port(),
            https: false,
            loopback: ip.to_canonical().is_loopback(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (text, origin, loopback) in [
            ("https://Keys.Example.org/", "https://keys.example.org", false),
            ("https://keys.example.org:443", "https://keys.example.org", false),
            ("https://keys.example.org:8443", "https://keys.example.org:8443", false),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000", true),
            ("http://localhost:80", "http://localhost", true),
            ("http://[::1]:3000", "http://[::1]:3000", true),
            ("http://[::ffff:127.0.0.1]:3000", "http://[::ffff:7f00:1]:3000", true),
            ("http://localhost.example.org", "http://localhost.example.org", false),
        ] {
            let url = PublicUrl::parse(text).unwrap();
            assert_eq!((url.origin(), url.is_loopback()), (origin, loopback), "{text}");
        }
    }

    #[test]
    fn only_a_bare_http_address_will_do() {
        for text in [
            "",
            "keys.example.org",
            "ftp://keys.example.org",
            "https://keys.example.org/path",
            "https://keys.example.org/?a=b",
            "https://keys.example.org/#a",
            "https://user@keys.example.org/",
            "https://:password@keys.example.org/",
        ] {
            assert_eq!(PublicUrl::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_listening_address_becomes_the_one_to_open() {
        for (addr, origin, loopback) in [
            ("127.0.0.1:3000", "http://127.0.0.1:3000", true),
            ("0.0.0.0:3000", "http://127.0.0.1:3000", true),
            ("[::]:80", "http://127.0.0.1", true),
            ("[::1]:3000", "http://[::1]:3000", true),
            ("192.0.2.7:3000", "http://192.0.2.7:3000", false),
        ] {
            let url = PublicUrl::of(addr.parse().unwrap());
            assert_eq!((url.origin(), url.is_loopback()), (origin, loopback), "{addr}");
            assert_eq!(PublicUrl::parse(origin), Some(url), "{addr}");
        }
    }
}
