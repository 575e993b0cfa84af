//! Certificates and versions of TLS: what is not in order is refused before the credential is sent. The
//! authority that the tests trust is put in the place of the system's, in a process of its own; the client
//! is the one that Keyward ships.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
    version::{TLS12, TLS13},
};
use secrecy::SecretString;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::{
    behaviours::read_head,
    support::{CANARY, ENDPOINT, Room, Server, eventually, hurry, in_own_process, response, yes},
};
use crate::{
    model::check::Outcome,
    providers::{EgressSettings, catalogue::Catalogue},
};

#[test]
fn bad_certificates_and_old_versions_get_nothing() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    in_own_process("tls::asks_servers_with_certificates", &[("SSL_CERT_FILE", path)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by bad_certificates_and_old_versions_get_nothing"]
async fn asks_servers_with_certificates() {
    let trusted = Authority::new();
    std::fs::write(std::env::var("SSL_CERT_FILE").unwrap(), &trusted.pem).unwrap();
    let names = names();

    // The controls: the same servers, with nothing wrong.
    for version in [&TLS12, &TLS13] {
        let good = trusted.certificate(&names, |_| {});
        for (room, server) in both_ways(|| Secure::start(good.clone(), version)).await {
            for candidate in room.candidates() {
                let outcome = room.check(&candidate).await.outcome;
                assert!(matches!(outcome, Outcome::Valid | Outcome::Limited), "{candidate:?}: {outcome:?}");
            }
            let heads = server.plaintext();
            assert!(heads.iter().filter(|text| text.contains(CANARY)).count() >= 5, "{heads:?}");
        }
    }

    // In order, and sends elsewhere, without TLS at that: nobody goes there.
    let target = Server::answering(|_| yes()).await;
    let away = response(302, &format!("location: http://{}/\r\n", target.addr), b"");
    let good = trusted.certificate(&names, |_| {});
    for (room, server) in both_ways(|| Secure::answering(good.clone(), &TLS13, away.clone())).await {
        let candidates = room.candidates();
        for candidate in &candidates {
            let report = room.check(candidate).await;
            let found = (report.outcome, report.http_status);
            assert_eq!(found, (Outcome::Unreachable, Some(302)), "{candidate:?}");
        }
        eventually(|| server.plaintext().len() >= candidates.len()).await;
        assert_eq!(server.plaintext().len(), candidates.len(), "one request each");
    }
    assert!(target.heads().is_empty());

    for (name, bad) in [
        ("self-signed", self_signed(&names)),
        ("of an authority that nobody trusts", Authority::new().certificate(&names, |_| {})),
        ("of another host", trusted.certificate(&["elsewhere.example".to_owned()], |_| {})),
        ("expired", trusted.certificate(&names, |params| params.not_after = date_time_ymd(2020, 1, 1))),
        (
            "not yet valid",
            trusted.certificate(&names, |params| params.not_before = date_time_ymd(4000, 1, 1)),
        ),
    ] {
        for (room, server) in both_ways(|| Secure::start(bad.clone(), &TLS13)).await {
            expect_nothing(&room, &server, name).await;
        }
    }
    for (room, server) in both_ways(Secure::start_outdated).await {
        expect_nothing(&room, &server, "TLS 1.1").await;
    }
}

/// Every check fails, and the server learns nothing but that somebody connected.
async fn expect_nothing(room: &Room, server: &Secure, name: &str) {
    let candidates = room.candidates();
    for candidate in &candidates {
        assert_eq!(room.check(candidate).await.outcome, Outcome::Unreachable, "{name} {candidate:?}");
    }
    eventually(|| server.plaintext().len() >= candidates.len()).await;
    let seen = server.plaintext();
    assert_eq!(seen.len(), candidates.len(), "{name}: one connection each, none tried again");
    assert!(seen.iter().all(String::is_empty), "{name}: {seen:?}");
}

/// The names that the certificates are for: every origin of the catalogue, and this machine.
fn names() -> Vec<String> {
    let catalogue = Catalogue::shared();
    let hosts = catalogue.iter().flat_map(|provider| &provider.file.realms).map(|realm| realm.origin.host());
    let typed = ENDPOINT.trim_start_matches("https://");
    hosts.chain([typed, "localhost"]).map(str::to_owned).collect()
}

/// The two clients, each with a server: one that asks an address of the operator, and one that asks the
/// catalogue's own addresses, which lead here through a proxy.
async fn both_ways<F: Future<Output = Secure>>(start: impl Fn() -> F) -> [(Room, Secure); 2] {
    let (direct, behind_proxy) = (start().await, start().await);
    let base = format!("https://localhost:{}", direct.addr.port());
    let proxy = SecretString::from(format!("http://{}", behind_proxy.addr));
    let settings = EgressSettings::new(Catalogue::shared(), &[].into(), Some(&proxy)).unwrap();
    let patient = |catalogue: &mut Catalogue| hurry(catalogue, 10_000);
    [(Room::with(&base, patient), direct), (Room::new(settings, patient), behind_proxy)]
}

/// A certificate and its key.
pub(super) type Certified = (CertificateDer<'static>, Arc<KeyPair>);

pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) pem: String,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    pub(super) fn certificate(
        &self,
        names: &[String],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Certified {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        (params.signed_by(&key, &self.issuer).unwrap().der().clone(), Arc::new(key))
    }
}

fn self_signed(names: &[String]) -> Certified {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    (certificate.der().clone(), Arc::new(key))
}

/// A server that keeps what it could read of each connection in plain text. Asked as a proxy, it is the
/// other end of the tunnel as well.
struct Secure {
    addr: SocketAddr,
    plaintext: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Secure {
    async fn start(certified: Certified, version: &'static SupportedProtocolVersion) -> Self {
        Self::answering(certified, version, yes()).await
    }

    async fn answering(
        (certificate, key): Certified,
        version: &'static SupportedProtocolVersion,
        answer: Vec<u8>,
    ) -> Self {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::listen(move |stream| {
            let (acceptor, answer) = (acceptor.clone(), answer.clone());
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return Vec::new() };
                let mut seen = Vec::new();
                while !seen.ends_with(b"\r\n\r\n") && stream.read_buf(&mut seen).await.unwrap_or_default() > 0
                {
                }
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
                seen
            }
        })
        .await
    }

    /// A server of 2006: whatever it is offered, it chooses TLS 1.1. Alerts are no plain text.
    async fn start_outdated() -> Self {
        Self::listen(|mut stream| async move {
            let mut hello = [0; 5];
            let _ = stream.read_exact(&mut hello).await;
            let mut rest = vec![0; usize::from(u16::from_be_bytes([hello[3], hello[4]]))];
            let _ = stream.read_exact(&mut rest).await;
            let _ = stream.write_all(&server_hello_of_tls_1_1()).await;
            let mut seen = Vec::new();
            let _ = stream.read_to_end(&mut seen).await;
            let is_alert = seen.first() == Some(&21) && seen.len() == 7;
            if is_alert { Vec::new() } else { seen }
        })
        .await
    }

    async fn listen<F, R>(serve: F) -> Self
    where
        F: Fn(TcpStream) -> R + Send + Sync + 'static,
        R: Future<Output = Vec<u8>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let plaintext = Arc::new(Mutex::new(Vec::new()));
        let (kept, serve) = (Arc::clone(&plaintext), Arc::new(serve));
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut first = [0];
                let _ = stream.peek(&mut first).await;
                if first == *b"C" {
                    read_head(&mut stream).await;
                    let _ = stream.write_all(b"HTTP/1.1 200 Go\r\n\r\n").await;
                }
                // One after the other: who asks waits for each answer, and then it has been noted.
                let seen = serve(stream).await;
                kept.lock().unwrap().push(String::from_utf8_lossy(&seen).into_owned());
            }
        });
        Self { addr, plaintext, task }
    }

    fn plaintext(&self) -> Vec<String> {
        self.plaintext.lock().unwrap().clone()
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn server_hello_of_tls_1_1() -> Vec<u8> {
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    // No session, ECDHE-RSA with AES-128-CBC and SHA-1, no compression.
    hello.extend([0, 0xc0, 0x13, 0]);
    let length = u8::try_from(hello.len()).unwrap();
    [&[22, 3, 2, 0, length + 4, 2, 0, 0, length], hello.as_slice()].concat()
}
