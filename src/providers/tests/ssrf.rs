//! Nobody makes Keyward connect into the network it runs in: not by the spelling of an address, not by what a name
//! leads to, not by a name that leads elsewhere each time. In a network where every address is this machine's, so that
//! each connection that is made is seen.

use std::{
    net::{IpAddr, Ipv6Addr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use super::{
    behaviours::read_head,
    endpoint::{azure, typed},
    network::{Connections, Record, in_own_network, serve_names},
    support::{Room, hurry, yes},
    tls::Authority,
};
use crate::{
    model::check::Outcome,
    providers::{
        EgressSettings,
        egress::{origin::Origin, resolver::is_public},
    },
};

const PUBLIC: &str = "93.184.216.34";
const PUBLIC_V6: &str = "2606:2800:220:1::34";
const PORTS: [u16; 4] = [443, 80, 22, 8080];

/// Addresses inside, spelled in every way that some parser takes.
const HOSTS: [&str; 73] = [
    // This machine: plain, short, decimal, octal, hexadecimal, mixed, too long.
    "127.0.0.1",
    "127.0.0.2",
    "127.1",
    "127.0.1",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0177.1",
    "0x7f.0.0.1",
    "0x7f.1",
    "0x7f000001",
    "0X7F000001",
    "0x7f.0x0.0x0.0x1",
    "00000177.0.0.1",
    "127.0.0.1.",
    "127.00.00.01",
    "127.0.0.1.nip.example",
    "0",
    "0.0.0.0",
    "0x0",
    "00",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "localhost.localdomain",
    "ip6-localhost",
    "db.localhost",
    // Version 6: itself, unspecified, mapped, compatible, NAT64, 6to4, Teredo, unique local, link-local.
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:7F00:0001]",
    "[0:0:0:0:0:ffff:7f00:1]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:7f00:0001::1]",
    "[2001:0:7f00:1::]",
    "[fd00::1]",
    "[fd00:ec2::254]",
    "[fc00::1]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fec0::1]",
    "[ff02::1]",
    "[2001:db8::1]",
    "[100::1]",
    "[3fff::1]",
    "[5f00::1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::ffff:10.0.0.7]",
    // Metadata and private networks.
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "10.0.0.7",
    "10.7",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "metadata.google.internal",
    "metadata.internal",
    "instance-data.ec2.internal",
    "kubernetes.default.svc.cluster.local",
];

/// What comes around a host.
const TRICKS: [&str; 31] = [
    "https://93.184.216.34@127.0.0.1",
    "https://public.example.org@127.0.0.1",
    "https://127.0.0.1:443@localhost",
    "https://public.example.org#@127.0.0.1",
    "https://127.0.0.1#@public.example.org",
    "https://public.example.org\\@127.0.0.1",
    "https://public.example.org%40127.0.0.1",
    "https://127.0.0.1\\.public.example.org",
    "https://127.0.0.1%2f.public.example.org",
    "https://127.0.0.1%00.example.org",
    "https://127.0.0.1?.public.example.org",
    "https://127.0.0.1/.public.example.org",
    "https://127.0.0.1;.example.org",
    "https://127\u{3002}0\u{3002}0\u{3002}1",
    "https://127\u{ff0e}0\u{ff0e}0\u{ff0e}1",
    "https://127\u{ff61}0\u{ff61}0\u{ff61}1",
    "https://\u{ff11}\u{ff12}\u{ff17}.0.0.1",
    "https://\u{2460}\u{2461}\u{2466}.0.0.1",
    "https://loc\u{00ad}alhost",
    "https://\u{24db}ocalhost",
    "https://127.0.\t0.1",
    "https://127.0.0\r.1",
    "https://127.0.0\n.1",
    "https://127.0.0.1\r\nHost: x",
    "https:\t//127.0.0.1",
    "https:127.0.0.1",
    "https:/127.0.0.1",
    "https:///127.0.0.1",
    "https:\\\\127.0.0.1",
    "//127.0.0.1",
    "http://127.0.0.1",
];

/// Names that anybody can register, and where they lead.
const NAMES: [(&str, &[&str]); 16] = [
    ("four.inside.example.org", &["127.0.0.1"]),
    ("metadata.inside.example.org", &["169.254.169.254"]),
    ("ten.inside.example.org", &["10.0.0.7"]),
    ("carrier.inside.example.org", &["100.64.0.1"]),
    ("zero.inside.example.org", &["0.0.0.0"]),
    ("six.inside.example.org", &["::1"]),
    ("unspecified.inside.example.org", &["::"]),
    ("local.inside.example.org", &["fd00::1"]),
    ("link.inside.example.org", &["fe80::1"]),
    ("mapped.inside.example.org", &["::ffff:127.0.0.1"]),
    ("nat64.inside.example.org", &["64:ff9b::7f00:1"]),
    ("6to4.inside.example.org", &["2002:7f00:1::"]),
    ("mixed.inside.example.org", &[PUBLIC, "127.0.0.1"]),
    ("mixed6.inside.example.org", &[PUBLIC, "::1"]),
    ("last.inside.example.org", &[PUBLIC_V6, PUBLIC, "10.0.0.7"]),
    ("127.0.0.1.nip.example", &["127.0.0.1"]),
];

fn records(name: &str, times: usize) -> Vec<Record> {
    let addresses = |texts: &[&str]| texts.iter().map(|text| Record::address(text)).collect();
    match name {
        "public.example.org" => addresses(&[PUBLIC]),
        "public6.example.org" => addresses(&[PUBLIC_V6]),
        "alias.example.org" => vec![Record::Cname("public.example.org"), Record::address(PUBLIC)],
        "alias.inside.example.org" => {
            vec![Record::Cname("four.inside.example.org"), Record::address("127.0.0.1")]
        }
        // Public and private in turns.
        "flip.example.org" if times.is_multiple_of(2) => addresses(&[PUBLIC]),
        "flip.example.org" => addresses(&[["127.0.0.1", "169.254.169.254", "10.0.0.7"][times / 2 % 3]]),
        _ => match NAMES.iter().find(|(known, _)| *known == name) {
            Some((_, found)) => addresses(found),
            // Whatever else is asked for leads inside: also what must not be asked for.
            None => addresses(&["127.0.0.1"]),
        },
    }
}

/// A room where any host may be typed.
fn open_room() -> Room {
    Room::new(EgressSettings::default(), |catalogue| {
        hurry(catalogue, 2000);
        catalogue.edit(&azure(), |file| {
            let rule = file.endpoint.as_mut().unwrap();
            rule.hosts.clear();
            rule.ports = PORTS.to_vec();
        });
    })
}

/// Types an address, and has the key checked there if it is taken. Answers whether it was.
async fn ask(room: &Room, address: &str) -> bool {
    let Ok(candidate) = typed(room, address) else { return false };
    let report = room.check(&candidate).await;
    assert!(matches!(report.outcome, Outcome::Unreachable | Outcome::NotAsked), "{address}: {report:?}");
    true
}

#[test]
fn no_spelling_of_an_address_leads_inside() {
    in_own_network("ssrf::types_every_spelling", &[]);
}

#[tokio::test]
#[ignore = "run by no_spelling_of_an_address_leads_inside"]
async fn types_every_spelling() {
    serve_names(records);
    let connections = Connections::count(&PORTS);
    let room = open_room();

    let mut typed = 0;
    for host in HOSTS {
        for suffix in ["", "/", ":80", ":22", ":8080"] {
            ask(&room, &format!("https://{host}{suffix}")).await;
            typed += 1;
        }
        // The same as an address of the catalogue, which is no user's.
        if let Ok(origin) = Origin::try_from(format!("https://{host}")) {
            let room = super::isolation::leading_to(&origin.to_string());
            assert_eq!(room.check(&room.serpapi()).await.outcome, Outcome::Unreachable, "{host}");
        }
    }
    for address in TRICKS {
        ask(&room, address).await;
        typed += 1;
    }
    let mut resolved = 0;
    for name in NAMES.iter().map(|(name, _)| *name).chain(["alias.inside.example.org", "any.example.net"]) {
        for address in [format!("https://{name}"), format!("HTTPS://{}:8080/", name.to_uppercase())] {
            assert!(ask(&room, &address).await, "{address} is not taken, so it proves nothing");
            resolved += 1;
        }
        let room = super::isolation::leading_to(&format!("https://{name}"));
        assert_eq!(room.check(&room.serpapi()).await.outcome, Outcome::Unreachable, "{name}");
    }
    assert!(typed >= 80 && resolved >= 30, "{typed} {resolved}");
    assert_eq!(connections.so_far(), [].into(), "somebody was led inside");

    // The controls: what is outside is reached, by address, by name and by alias; and what is inside would have been
    // counted.
    for (address, reached) in [
        (format!("https://{PUBLIC}"), PUBLIC),
        (format!("https://{PUBLIC}:8080"), PUBLIC),
        ("https://public.example.org".to_owned(), PUBLIC),
        ("https://alias.example.org".to_owned(), PUBLIC),
        ("https://public6.example.org".to_owned(), PUBLIC_V6),
        (format!("https://[{PUBLIC_V6}]"), PUBLIC_V6),
    ] {
        let before = connections.to(reached);
        assert!(ask(&room, &address).await, "{address}");
        assert_eq!(connections.to(reached), before + 1, "{address}");
    }
    for inside in ["127.0.0.1", "169.254.169.254", "10.0.0.7", "::1", "fd00::1", "64:ff9b::7f00:1"] {
        let address: IpAddr = inside.parse().unwrap();
        for (n, port) in PORTS.into_iter().enumerate() {
            drop(TcpStream::connect((address, port)).unwrap());
            super::support::eventually(|| connections.to(inside) == n + 1).await;
        }
    }
}

const TRIES: usize = 1000;
/// Requests on one connection, after which the server hangs up and the name is asked for again.
const KEPT_ALIVE: usize = 3;

#[test]
fn a_name_that_leads_elsewhere_each_time_never_leads_inside() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    in_own_network("ssrf::asks_a_name_that_changes", &[("SSL_CERT_FILE", path)]);
}

#[tokio::test]
#[ignore = "run by a_name_that_leads_elsewhere_each_time_never_leads_inside"]
async fn asks_a_name_that_changes() {
    serve_names(records);
    let authority = Authority::new();
    std::fs::write(std::env::var("SSL_CERT_FILE").unwrap(), &authority.pem).unwrap();
    let (connections, requests) = keep_alive_server(&authority).await;

    let room = open_room();
    let candidate = typed(&room, "https://flip.example.org").unwrap();
    let (mut answered, mut refused) = (0, 0);
    for _ in 0..TRIES {
        let report = room.check(&candidate).await;
        match report.outcome {
            Outcome::Valid => answered += 1,
            Outcome::Unreachable if report.http_status.is_none() => refused += 1,
            _ => panic!("{report:?}"),
        }
    }
    let inside: Vec<_> = connections.so_far().into_keys().filter(|address| !is_public(*address)).collect();
    assert_eq!(inside, [] as [IpAddr; 0]);
    // The name did lead inside, and connections were used again.
    assert!(refused > TRIES / 10 && answered > TRIES / 10, "{refused} {answered}");
    assert_eq!(requests.load(Ordering::SeqCst), answered);
    assert!(connections.to(PUBLIC) < answered, "{:?}", connections.so_far());
}

/// Answers a few requests on each connection to any address.
async fn keep_alive_server(authority: &Authority) -> (Connections, Arc<AtomicUsize>) {
    let (certificate, key) = authority.certificate(&["flip.example.org".to_owned()], |_| {});
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind((Ipv6Addr::UNSPECIFIED, 443)).await.unwrap();
    let (connections, requests) = (Connections::default(), Arc::<AtomicUsize>::default());
    let (noted, counted) = (connections.clone(), Arc::clone(&requests));
    // The shared answer says that the connection closes.
    let answer = String::from_utf8(yes()).unwrap().replacen("connection: close\r\n", "", 1);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            noted.note(stream.local_addr().unwrap().ip());
            let (acceptor, counted, answer) = (acceptor.clone(), Arc::clone(&counted), answer.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                for _ in 0..KEPT_ALIVE {
                    if !read_head(&mut stream).await.ends_with(b"\r\n\r\n") {
                        return;
                    }
                    counted.fetch_add(1, Ordering::SeqCst);
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
                let _ = stream.shutdown().await;
            });
        }
    });
    (connections, requests)
}
