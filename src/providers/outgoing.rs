//! Messages to addresses that users typed: the one thing that leaves for a place which is in no catalogue. An address is
//! https, on the public internet by its form and again when its name is resolved; no redirect is followed, nothing of the
//! answer is read but its status, and all of it has 15 seconds. The operator may name origins inside, which are taken as
//! they are.

use std::{collections::HashSet, fmt, time::Duration};

use reqwest::{
    Method, Request,
    header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use url::Url;

use super::{
    EgressSettings, SettingError,
    egress::{
        Fault,
        client::{Accept, Client, Patience},
        origin::{Destination, Origin},
    },
};

/// How long a receiver may take for everything.
const BUDGET: Duration = Duration::from_secs(15);

/// The way to receivers.
pub struct Outgoing {
    client: Client,
    inside: Vec<Origin>,
}

/// An address to which messages may be sent. What follows the host is often a secret.
#[derive(Debug)]
pub struct Address {
    text: SecretString,
    origin: Origin,
    by_operator: bool,
}

impl Address {
    /// The host, and the port where it is not the usual one: what may be shown.
    pub fn host(&self) -> String {
        self.origin.to_string().split("://").nth(1).unwrap_or_default().to_owned()
    }

    /// Whether the host is `name`.
    pub fn is_at(&self, name: &str) -> bool {
        self.origin.host() == name
    }

    /// Whether the operator named its origin.
    pub fn is_inside(&self) -> bool {
        self.by_operator
    }

    /// The whole address.
    pub fn secret(&self) -> &SecretString {
        &self.text
    }
}

/// The answer of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Its status.
    pub status: u16,
    /// How long it wants to be left alone.
    pub retry_after: Option<Duration>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoReceipt {
    /// No connection: refused, no such name, an address that is not allowed, no trust in the certificate.
    NoConnection,
    /// Nothing came in time.
    TimedOut,
    /// A redirect, with its status.
    Redirected(u16),
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("inside", &self.inside).finish_non_exhaustive()
    }
}

impl Outgoing {
    /// The way out, with the origins that the operator named in `KEYWARD_NOTIFY_ORIGINS`.
    ///
    /// # Errors
    /// An origin that is none, or the client cannot be made.
    pub fn new(settings: &EgressSettings, inside: &[String]) -> Result<Self, SettingError> {
        let wrong = |problem| SettingError {
            variable: "KEYWARD_NOTIFY_ORIGINS".to_owned(),
            problem,
            remedy: "Write origins like https://chat.intranet.example:8443, with commas between them",
        };
        let inside = inside.iter().map(|text| Origin::try_from(text.clone()));
        let inside: Vec<_> =
            inside.collect::<Result<_, _>>().map_err(|_| wrong("holds something that is no origin"))?;
        let names = inside.iter().map(|origin| origin.host().to_owned()).collect();
        let client = Client::new(settings.proxy.as_ref(), Some(HashSet::new()), Some(names));
        let client = client.map_err(|_| wrong("cannot be used: the HTTP client could not be made"))?;
        Ok(Self { client, inside })
    }

    /// Reads what a user typed; nothing where no message may be sent there.
    pub fn read(&self, text: &str) -> Option<Address> {
        let text = text.trim();
        let url = Url::parse(text).ok()?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return None;
        }
        let inside =
            self.inside.iter().find(|origin| url.origin().ascii_serialization() == origin.to_string());
        if let Some(origin) = inside {
            return Some(Address { text: text.into(), origin: origin.clone(), by_operator: true });
        }
        let after_scheme = text.get("https://".len()..)?;
        let end = after_scheme.find(['/', '?']).map_or(text.len(), |at| "https://".len() + at);
        let origin = Origin::typed(text.get(..end)?)?;
        // Whatever follows must not be read as another origin by anybody.
        let same = url.origin().ascii_serialization() == origin.to_string();
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        (same && plain).then(|| Address { text: text.into(), origin, by_operator: false })
    }

    /// Sends `body`, which is JSON, with these headers.
    ///
    /// # Errors
    /// No answer came, or one that leads elsewhere.
    pub async fn post(
        &self,
        to: &Address,
        headers: &[(&'static str, String)],
        body: Vec<u8>,
    ) -> Result<Receipt, NoReceipt> {
        // EXPOSE: the request goes there.
        let url = Url::parse(to.text.expose_secret()).map_err(|_| NoReceipt::NoConnection)?;
        let mut request = Request::new(Method::POST, url);
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).map_err(|_| NoReceipt::NoConnection)?;
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        *request.body_mut() = Some(body.into());
        let patience = Patience { all: Instant::now() + BUDGET, first: None };
        let destination = Destination::link(&to.origin, to.by_operator);
        let begun = self.client.begin(destination, request, None, Accept::Anything, patience).await;
        let head = begun.map_err(no_receipt)?.head();
        let seconds = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(Receipt { status: head.status, retry_after: seconds.map(Duration::from_secs) })
    }
}

fn no_receipt(fault: Fault) -> NoReceipt {
    match fault {
        Fault::TimedOut => NoReceipt::TimedOut,
        Fault::Redirected(status) => NoReceipt::Redirected(status),
        Fault::NoConnection | Fault::Broken | Fault::NotSent | Fault::Resting(_) => NoReceipt::NoConnection,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outgoing(inside: &[&str]) -> Outgoing {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let inside: Vec<_> = inside.iter().map(|origin| (*origin).to_owned()).collect();
        Outgoing::new(&EgressSettings::default(), &inside).unwrap()
    }

    #[test]
    fn an_address_is_https_and_on_the_public_internet() {
        let outgoing = outgoing(&["http://127.0.0.1:4567", "https://chat.intranet"]);
        for (good, host, inside) in [
            ("https://hooks.example.com/a/b?c=d", "hooks.example.com", false),
            (" https://hooks.example.com ", "hooks.example.com", false),
            ("https://hooks.example.com?x=1", "hooks.example.com", false),
            ("https://hooks.example.com:8443/a%20b", "hooks.example.com:8443", false),
            ("https://93.184.216.34/x", "93.184.216.34", false),
            ("http://127.0.0.1:4567/hook", "127.0.0.1:4567", true),
            ("https://chat.intranet/hook", "chat.intranet", true),
        ] {
            let address = outgoing.read(good).unwrap_or_else(|| panic!("{good}"));
            assert_eq!((address.host().as_str(), address.is_inside()), (host, inside), "{good}");
        }
        for bad in [
            "",
            "hooks.example.com",
            "http://hooks.example.com/a",
            "ftp://hooks.example.com",
            "https://hooks.example.com/a#b",
            "https://me@hooks.example.com/a",
            "https://me:pw@hooks.example.com/a",
            "https://hooks.example.com\\@127.0.0.1/a",
            "https://hooks.example.com/a b",
            "https://hooks.example.com/ä",
            "https://localhost/a",
            "https://127.0.0.1/a",
            "https://127.0.0.1:4567/a",
            "http://127.0.0.1:4568/a",
            "https://10.0.0.1/a",
            "https://[::1]/a",
            "https://169.254.169.254/latest/meta-data",
            "https://metadata.internal/a",
            "https://intranet/a",
            "https:/hooks.example.com/a",
            "javascript:alert(1)",
        ] {
            assert!(outgoing.read(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_origin_of_the_operator_s_has_no_path() {
        let inside = ["https://chat.intranet/x".to_owned()];
        let error = Outgoing::new(&EgressSettings::default(), &inside).unwrap_err();
        assert_eq!(error.variable, "KEYWARD_NOTIFY_ORIGINS");
    }

    proptest! {
        /// Whatever is typed: the request goes to the origin that was vetted.
        #[test]
        fn what_is_typed_goes_where_it_was_vetted(
            text in prop_oneof!["\\PC{0,60}", "https://[a-zA-Z0-9.:@/\\\\%?#\\[\\]-]{0,40}"]
        ) {
            if let Some(address) = outgoing(&[]).read(&text) {
                let url = Url::parse(address.secret().expose_secret()).unwrap();
                prop_assert_eq!(url.origin().ascii_serialization(), address.origin.to_string());
                prop_assert!(address.origin.is_https() && !Destination::catalogue(&address.origin).is_forbidden());
            }
        }
    }
}
