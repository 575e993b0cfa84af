//! The HTTP client.

use std::{collections::HashSet, time::Duration};

use bytes::Bytes;
use reqwest::{
    NoProxy, Proxy, Request, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue},
    redirect::Policy,
};
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout_at};

use super::{
    Fault,
    body::{Body, Reader},
    bulkhead::{Place, SMALL},
    origin::Destination,
    resolver::VettingResolver,
    upload::Upload,
};
use crate::providers::{rules::Reply, settings::EgressProxy};

const CONNECT: Duration = Duration::from_secs(3);
const IDLE: Duration = Duration::from_secs(30);
const USER_AGENT: &str = concat!("Keyward/", env!("CARGO_PKG_VERSION"));
/// How long a check waits for the head of an answer. Somebody looks at a form meanwhile, and what comes of a check is
/// short: a provider that has not begun by then is as good as silent.
pub(crate) const FIRST_ANSWER: Duration = Duration::from_secs(10);
/// What never goes through the proxy.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// Sends requests to providers. Each half is there only if something needs it, for making one reads
/// the system's certificate store.
pub(crate) struct Client {
    /// To origins of the catalogue: https, names vetted.
    vetted: Option<reqwest::Client>,
    /// To addresses that the operator set.
    trusting: Option<reqwest::Client>,
}

impl Client {
    /// A client for origins of the catalogue, for addresses set by the operator, or for both; nothing stands for
    /// none, and the names of their hosts are given. It uses `proxy`, and never one from the environment.
    pub(crate) fn new(
        proxy: Option<&EgressProxy>,
        catalogue: Option<HashSet<String>>,
        operator: Option<HashSet<String>>,
    ) -> reqwest::Result<Self> {
        let through = proxy.map(|proxy| proxy.host().to_owned());
        let vetted = |names| {
            let resolver = VettingResolver::new(names, through.clone());
            builder(proxy)?.https_only(true).dns_resolver(resolver).build()
        };
        let trusting = |mut names: HashSet<String>| {
            names.extend(through.clone());
            builder(proxy)?.dns_resolver(VettingResolver::trusting(names)).build()
        };
        Ok(Self { vetted: catalogue.map(vetted).transpose()?, trusting: operator.map(trusting).transpose()? })
    }

    /// Sends `request`, whose address was made from `to`, and waits for the head of the answer as long as
    /// `patience` says. `upload` is its body, unless it has one.
    pub(crate) async fn begin(
        &self,
        to: Destination<'_>,
        mut request: Request,
        upload: Option<&Upload>,
        accept: Accept,
        patience: Patience,
    ) -> Result<Begun, Fault> {
        if to.is_forbidden() {
            return Err(Fault::NoConnection);
        }
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static(accept.types()));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let client = if to.by_operator { &self.trusting } else { &self.vetted };
        let client = client.as_ref().ok_or(Fault::NotSent)?;
        if let Some(upload) = upload {
            let builder = RequestBuilder::from_parts(client.clone(), request);
            request = builder.multipart(upload.form()?).build().map_err(|_| Fault::NotSent)?;
        }
        let mut response = match timeout_at(patience.head(), client.execute(request)).await {
            Ok(answer) => answer.map_err(|error| fault(&error))?,
            Err(_) => return Err(Fault::TimedOut),
        };
        let status = response.status();
        if status.is_redirection() {
            return Err(Fault::Redirected(status.as_u16()));
        }
        let headers = std::mem::take(response.headers_mut());
        Ok(Begun { status, headers, response, deadline: patience.all })
    }
}

/// How long an answer may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Until when all of it must have come.
    pub(crate) all: Instant,
    /// How long it may be until its head has come, where that is less.
    pub(crate) first: Option<Duration>,
}

impl Patience {
    /// Until when the head must have come, if the request goes now.
    fn head(self) -> Instant {
        self.first.map_or(self.all, |first| self.all.min(Instant::now() + first))
    }
}

/// What kind of answer is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accept {
    Json,
    Anything,
}

impl Accept {
    const fn types(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Anything => "*/*",
        }
    }
}

/// An answer whose body is still to be read.
pub(crate) struct Begun {
    status: StatusCode,
    headers: HeaderMap,
    response: Response,
    deadline: Instant,
}

impl Begun {
    /// Reads the whole answer, at most `max_bytes` long.
    ///
    /// An answer whose body is too long, compressed or broken still has a status; where that is an
    /// error, it is returned without the body, for it may say enough.
    pub(crate) async fn whole(self, place: &Place<'_>, max_bytes: usize) -> Result<Reply, Fault> {
        let Self { status, headers, response, deadline } = self;
        let body = match timeout_at(deadline, read(response, &headers, max_bytes, place)).await {
            Ok(read) => read,
            Err(_) => Err(Fault::TimedOut),
        };
        let body =
            body.or_else(|fault| if is_error(status) { Ok(Body::new(Vec::new())) } else { Err(fault) })?;
        Ok(Reply { status: status.as_u16(), headers, body })
    }

    /// The head alone, as an answer without a body.
    pub(crate) fn head(&self) -> Reply {
        Reply { status: self.status.as_u16(), headers: self.headers.clone(), body: Body::new(Vec::new()) }
    }

    /// Whether the body comes as it is, and does not announce more than `max_bytes`.
    pub(crate) fn is_plain(&self, max_bytes: usize) -> bool {
        let announced = self.response.content_length().unwrap_or_default();
        is_identity(&self.headers) && usize::try_from(announced).is_ok_and(|announced| announced <= max_bytes)
    }

    /// Gives the body another time than the head had.
    pub(crate) fn until(mut self, deadline: Instant) -> Self {
        self.deadline = deadline;
        self
    }

    /// Until when all of it must have come.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The next piece of the body; nothing at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        match timeout_at(self.deadline, self.response.chunk()).await {
            Ok(chunk) => chunk.map_err(|error| fault(&error)),
            Err(_) => Err(Fault::TimedOut),
        }
    }
}

fn is_identity(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity")
}

pub(super) fn builder(proxy: Option<&EgressProxy>) -> reqwest::Result<reqwest::ClientBuilder> {
    let builder = reqwest::Client::builder()
        .redirect(Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .no_proxy()
        // One request at a time on a connection, so that one that is given up takes its connection with it.
        .http1_only()
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .user_agent(USER_AGENT);
    Ok(match proxy {
        Some(proxy) => {
            // EXPOSE: the operator's own password for the operator's own proxy.
            let address = proxy.address().expose_secret();
            builder.proxy(Proxy::all(address)?.no_proxy(NoProxy::from_string(LOOPBACK)))
        }
        None => builder,
    })
}

fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// The body. One that is too long, or compressed although that was not asked for, reads as empty.
async fn read(
    mut response: Response,
    headers: &HeaderMap,
    max_bytes: usize,
    place: &Place<'_>,
) -> Result<Body, Fault> {
    let empty = || Body::new(Vec::new());
    if !is_identity(headers) {
        return Ok(empty());
    }
    let announced = response.content_length().unwrap_or_default();
    let Ok(mut reader) = Reader::new(max_bytes, announced) else { return Ok(empty()) };
    // One that says its length waits before it is read, one that does not when it turns out to be large.
    let mut large = if announced > SMALL as u64 { Some(place.large_answer().await?) } else { None };
    while let Some(chunk) = response.chunk().await.map_err(|error| fault(&error))? {
        if large.is_none() && reader.len() + chunk.len() > SMALL {
            large = Some(place.large_answer().await?);
        }
        if reader.push(&chunk).is_err() {
            return Ok(empty());
        }
    }
    Ok(reader.finish())
}

/// The error itself is dropped: its text holds the address, and in it may be the credential.
fn fault(error: &reqwest::Error) -> Fault {
    if error.is_connect() {
        Fault::NoConnection
    } else if error.is_timeout() {
        Fault::TimedOut
    } else if error.is_builder() {
        Fault::NotSent
    } else {
        Fault::Broken
    }
}
