//! Where requests go: an origin and a path prefix, and nothing a request could change about them.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Deserialize;
use url::{Host, Url};

use super::resolver::is_public;

/// Scheme, host and port of an address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(with = "String")]
#[serde(try_from = "String")]
pub(crate) struct Origin(Url);

impl TryFrom<String> for Origin {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (origin, prefix) = split(&text)?;
        if prefix.is_empty() { Ok(origin) } else { Err("an origin has no path") }
    }
}

impl Origin {
    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    fn ip(&self) -> Option<IpAddr> {
        match self.0.host()? {
            Host::Domain(_) => None,
            Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
        }
    }

    /// Whether it is this machine: `localhost`, 127.0.0.0/8 or ::1.
    pub(crate) fn is_loopback(&self) -> bool {
        self.0.host_str() == Some("localhost") || self.ip().is_some_and(|ip| ip.to_canonical().is_loopback())
    }

    pub(crate) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// `https://host:port`, the port always written: what credentials are bound to.
    pub(crate) fn canonical(&self) -> String {
        format!("{}://{}:{}", self.0.scheme(), self.host(), self.port())
    }

    /// Reads what a user typed: https, a public host with a full name, and nothing after it. Anything that two
    /// parsers could read differently is refused, so only the plain characters of names and ports are taken.
    pub(crate) fn typed(text: &str) -> Option<Self> {
        let text = text.trim();
        let (scheme, rest) = text.split_at_checked("https://".len())?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
        if !scheme.eq_ignore_ascii_case("https://") || !rest.bytes().all(plain) {
            return None;
        }
        let (origin, prefix) = split(&format!("https://{rest}")).ok()?;
        let public = match origin.0.host()? {
            Host::Domain(name) => is_full_name(name),
            // Only as four decimal numbers: `1.2.3` and `0x5db8d822` mean addresses too, to some.
            Host::Ipv4(ip) => {
                is_public(IpAddr::V4(ip)) && rest.split(':').next() == Some(ip.to_string().as_str())
            }
            Host::Ipv6(ip) => is_public(IpAddr::V6(ip)),
        };
        (prefix.is_empty() && public && origin.port() != 0).then_some(origin)
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// Whether it is a name of the public internet by its form: two labels at least, and none of the endings that are
/// only known inside a network. Where it leads is judged when it is resolved.
fn is_full_name(name: &str) -> bool {
    const INSIDE: [&str; 9] =
        ["localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "arpa"];
    let label =
        |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(label)
        && last.bytes().any(|b| b.is_ascii_alphabetic())
        && !INSIDE.contains(&last)
}

/// An origin and a path prefix without a slash at its end.
fn split(text: &str) -> Result<(Origin, String), &'static str> {
    let url = Url::parse(text).map_err(|_| "is not an absolute address")?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none_or(str::is_empty) {
        return Err("must start with https://, or with http:// for a loopback address");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not hold a query or fragment");
    }
    let prefix = url.path().trim_end_matches('/').to_owned();
    let mut origin = url;
    origin.set_path("");
    Ok((Origin(origin), prefix))
}

/// An address that the operator set in place of a provider's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    origin: Origin,
    prefix: String,
}

impl BaseUrl {
    /// Reads `https://host[:port][/prefix]`, or the same with `http` for a loopback host.
    ///
    /// # Errors
    /// What is wrong, to be put after the name of the setting. The value is not repeated.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (origin, prefix) = split(text.trim())?;
        if !origin.is_https() && !origin.is_loopback() {
            return Err("must be https; plain http is for loopback addresses such as http://127.0.0.1:4010");
        }
        Ok(Self { origin, prefix })
    }

    pub(crate) fn host(&self) -> &str {
        self.origin.host()
    }

    /// Whether it lies at `origin`.
    pub(crate) fn is_at(&self, origin: &Origin) -> bool {
        self.origin == *origin
    }
}

impl std::fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.origin, self.prefix)
    }
}

/// Where a realm's requests go now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Destination<'a> {
    pub(crate) origin: &'a Origin,
    prefix: &'a str,
    /// The operator chose it, so it may be a private address.
    pub(crate) by_operator: bool,
}

impl std::fmt::Display for Destination<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.origin, self.prefix)
    }
}

impl<'a> Destination<'a> {
    /// A realm's own origin.
    pub(crate) fn catalogue(origin: &'a Origin) -> Self {
        Self { origin, prefix: "", by_operator: false }
    }

    /// The operator's address.
    pub(crate) fn operator(base: &'a BaseUrl) -> Self {
        Self { origin: &base.origin, prefix: &base.prefix, by_operator: true }
    }

    /// The origin of an address that an answer holds; `by_operator` where it is the operator's own.
    pub(crate) fn link(origin: &'a Origin, by_operator: bool) -> Self {
        Self { origin, prefix: "", by_operator }
    }

    /// Whether it is an address, rather than a name, that requests must not go to. Names are
    /// judged when they are resolved; addresses never reach the resolver.
    pub(crate) fn is_forbidden(&self) -> bool {
        !self.by_operator && self.origin.ip().is_some_and(|ip| !is_public(ip))
    }

    /// The address of `path` here, or nothing if the URL parser would read the path in any other way.
    pub(crate) fn url(&self, path: &str) -> Option<Url> {
        let whole = format!("{}{path}", self.prefix);
        if !path.starts_with('/') {
            return None;
        }
        let mut url = self.origin.0.clone();
        url.set_path(&whole);
        (url.path() == whole && url.origin() == self.origin.0.origin()).then_some(url)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn base_urls_are_https_or_loopback() {
        for (good, shown) in [
            ("https://gateway.example.org", "https://gateway.example.org"),
            ("https://gateway.example.org:8443/serpapi/", "https://gateway.example.org:8443/serpapi"),
            ("http://127.0.0.1:4010/serpapi", "http://127.0.0.1:4010/serpapi"),
            ("http://[::1]:4010", "http://[::1]:4010"),
            ("http://localhost:4010", "http://localhost:4010"),
            (" http://127.9.9.9 ", "http://127.9.9.9"),
        ] {
            assert_eq!(BaseUrl::parse(good).map(|base| base.to_string()), Ok(shown.to_owned()), "{good}");
        }
        for (bad, why) in [
            ("", "absolute"),
            ("127.0.0.1:4010", "absolute"),
            ("localhost:4010", "must start with"),
            ("ftp://example.org", "must start with"),
            ("http://example.org", "must be https"),
            ("http://10.0.0.1", "must be https"),
            ("http://localhost.example.org", "must be https"),
            ("https://user:pass@example.org", "user name"),
            ("https://example.org?x=1", "query"),
            ("https://example.org#x", "query"),
        ] {
            let error = BaseUrl::parse(bad).expect_err(bad);
            assert!(error.contains(why), "{bad}: {error}");
        }
    }

    #[test]
    fn only_the_operator_may_use_private_addresses() {
        for spelling in [
            "https://127.0.0.1",
            "https://2130706433",
            "https://0x7f.1",
            "https://0177.0.0.1",
            "https://127.1",
            "https://[::1]",
            "https://[::ffff:127.0.0.1]",
            "https://[::ffff:7f00:1]",
            "https://[::]",
            "https://169.254.169.254",
            "https://[fd00::1]",
            "https://[64:ff9b::7f00:1]",
            "https://[2002:7f00:1::]",
            "https://10.0.0.1",
            "https://192.168.0.1",
            "https://0.0.0.0",
            "https://0",
            "https://100.64.0.1",
        ] {
            let origin = Origin::try_from(spelling.to_owned()).unwrap();
            assert!(Destination::catalogue(&origin).is_forbidden(), "{spelling}");
            let base = BaseUrl::parse(spelling).unwrap();
            assert!(!Destination::operator(&base).is_forbidden(), "{spelling}");
        }
        let public = Origin::try_from("https://93.184.216.34".to_owned()).unwrap();
        assert!(!Destination::catalogue(&public).is_forbidden());
    }

    #[test]
    fn a_typed_endpoint_is_an_https_origin_on_the_public_internet() {
        for (typed, shown, canonical) in [
            (
                "https://my-res.openai.azure.com",
                "https://my-res.openai.azure.com",
                "https://my-res.openai.azure.com:443",
            ),
            (
                " HTTPS://My-Res.OpenAI.azure.com/ ",
                "https://my-res.openai.azure.com",
                "https://my-res.openai.azure.com:443",
            ),
            ("https://x.example.org:443", "https://x.example.org", "https://x.example.org:443"),
            ("https://x.example.org:6333/", "https://x.example.org:6333", "https://x.example.org:6333"),
            ("https://93.184.216.34", "https://93.184.216.34", "https://93.184.216.34:443"),
        ] {
            let origin = Origin::typed(typed).unwrap();
            assert_eq!((origin.to_string(), origin.canonical()), (shown.to_owned(), canonical.to_owned()));
        }
        for bad in [
            "",
            "https://",
            "https:///",
            "x.example.org",
            "http://x.example.org",
            "ftp://x.example.org",
            "https://x.example.org/openai",
            "https://x.example.org//",
            "https://x.example.org/.",
            "https://x.example.org?a=b",
            "https://x.example.org#a",
            "https://x.example.org?",
            "https://me@x.example.org",
            "https://me:pw@x.example.org",
            "https://x.example.org\\@evil.example",
            "https://x.example.org%2f",
            "https://x.example.org:0",
            "https://x.example.org:99999",
            "https://x.example.org:",
            "https://x",
            "https://localhost",
            "https://x.localhost",
            "https://printer.local",
            "https://db.internal",
            "https://x.example.org.",
            "https://x..example.org",
            "https://-x.example.org",
            "https://exämple.org",
            "https://x .example.org",
            "https://127.0.0.1",
            "https://127.1",
            "https://2130706433",
            "https://0x7f.1",
            "https://0177.0.0.1",
            "https://10.0.0.1",
            "https://169.254.169.254",
            "https://[::1]",
            "https://[::ffff:127.0.0.1]",
            "https://[fd00::1]",
            "https://[64:ff9b::7f00:1]",
            "https://1.2.3",
            "https://0x5db8d822",
            "https://x.example.org:443:443",
            "https://[x.example.org]",
            "https:x.example.org",
            "https:/x.example.org",
            "javascript:alert(1)",
        ] {
            let read = Origin::typed(bad);
            // A colon with nothing after it is the port of the scheme.
            assert!(read.is_none() || bad.ends_with(':'), "{bad}: {read:?}");
        }
    }

    proptest! {
        /// Whatever is typed: what is read is one canonical spelling, which reads as itself.
        #[test]
        fn what_is_typed_has_one_spelling(text in prop_oneof!["\\PC{0,60}", "https://[a-zA-Z0-9.:@/\\\\%\\[\\]-]{0,40}"]) {
            if let Some(origin) = Origin::typed(&text) {
                prop_assert_eq!(Origin::typed(&origin.to_string()), Some(origin.clone()));
                prop_assert!(origin.is_https() && !Destination::catalogue(&origin).is_forbidden());
                let url = Url::parse(text.trim()).unwrap();
                prop_assert_eq!(url.origin(), origin.0.origin());
                prop_assert_eq!(url.path(), "/");
            }
        }

        #[test]
        fn a_path_changes_neither_origin_nor_prefix(path in prop_oneof!["\\PC*", "/\\PC*", "/[a-z./\\\\%@:?#]{0,20}"]) {
            for base in ["https://api.example.org", "https://gateway.example.org:8443/v1"] {
                let base = BaseUrl::parse(base).unwrap();
                let destination = Destination::operator(&base);
                if let Some(url) = destination.url(&path) {
                    prop_assert_eq!(url.origin(), base.origin.0.origin());
                    let within = url.path().starts_with(&format!("{}/", base.prefix));
                    prop_assert!(within);
                    prop_assert!(url.query().is_none() && url.fragment().is_none());
                    prop_assert!(url.username().is_empty() && url.password().is_none());
                    prop_assert!(!url.path().split('/').any(|segment| segment == ".."));
                }
            }
        }
    }
}
