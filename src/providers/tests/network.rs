//! A network of a test's own: a namespace in which every address leads to this machine, with listeners that count who
//! connects to which, and a name server that says what the test wants.

use std::{
    collections::BTreeMap,
    io::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket},
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

/// Makes the namespace: every address of either version is this machine's, and names are asked of 127.0.0.1 only.
const SET_UP: &str = r#"
ip link set lo up
ip route add local 0.0.0.0/0 dev lo
ip -6 route add local ::/0 dev lo
printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:2\n' > "$1/resolv.conf"
printf 'hosts: files dns\n' > "$1/nsswitch.conf"
mount --bind "$1/resolv.conf" /etc/resolv.conf
[ ! -e /etc/nsswitch.conf ] || mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf
"#;

/// Set where the machine can: then a test that cannot run fails.
const DEMANDED: &str = "KEYWARD_TEST_NETWORK";

/// Runs an ignored test of `providers::tests` in such a network. Where this machine allows none, says so on the
/// terminal, past the test runner, which shows nothing of tests that pass.
pub(super) fn in_own_network(test: &str, variables: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let folder_name = folder.path().to_str().unwrap();
    let enter = match ways_in(folder_name) {
        Ok(enter) => enter,
        Err(why) if std::env::var_os(DEMANDED).is_some() => {
            panic!("{DEMANDED} is set, and there is no network of its own: {why}")
        }
        Err(why) => {
            let text = format!("SKIPPED providers::tests::{test}: no network of its own: {why}\n");
            std::io::stderr().write_all(text.as_bytes()).unwrap();
            return;
        }
    };
    let script = format!("set -e\n{SET_UP}\nshift\nexec \"$@\"");
    let output = Command::new(enter[0])
        .args(&enter[1..])
        .args(["sh", "-c", &script, "sh", folder_name])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("providers::tests::{test}"), "--ignored", "--nocapture"])
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// The command that enters a new network as root, or as an ordinary user where that is allowed; or why there is none.
fn ways_in(folder: &str) -> Result<&'static [&'static str], String> {
    const WAYS: [&[&str]; 2] =
        [&["unshare", "--net", "--mount"], &["unshare", "--user", "--map-root-user", "--net", "--mount"]];
    let mut problems = Vec::new();
    for way in WAYS {
        let script = format!("set -e\n{SET_UP}");
        let tried = Command::new(way[0]).args(&way[1..]).args(["sh", "-c", &script, "sh", folder]).output();
        match tried {
            Ok(output) if output.status.success() => return Ok(way),
            Ok(output) => {
                problems.push(format!(
                    "{}: {}",
                    way.join(" "),
                    String::from_utf8_lossy(&output.stderr).trim()
                ));
            }
            Err(error) => problems.push(format!("{}: {error}", way.join(" "))),
        }
    }
    Err(problems.join("; "))
}

/// Counts connections by the address they were made to.
#[derive(Clone, Default)]
pub(super) struct Connections(Arc<Mutex<BTreeMap<IpAddr, usize>>>);

impl Connections {
    /// Listens on every address at these ports, and hangs up on whoever comes.
    pub(super) fn count(ports: &[u16]) -> Self {
        let connections = Self::default();
        for port in ports {
            let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, *port)).unwrap();
            let connections = connections.clone();
            thread::spawn(move || {
                while let Ok((stream, _)) = listener.accept() {
                    connections.note(stream.local_addr().unwrap().ip());
                }
            });
        }
        connections
    }

    pub(super) fn note(&self, to: IpAddr) {
        *self.0.lock().unwrap().entry(to.to_canonical()).or_default() += 1;
    }

    /// Those so far.
    pub(super) fn so_far(&self) -> BTreeMap<IpAddr, usize> {
        self.0.lock().unwrap().clone()
    }

    /// How many went to `address`.
    pub(super) fn to(&self, address: &str) -> usize {
        self.so_far().get(&address.parse().unwrap()).copied().unwrap_or_default()
    }
}

/// What a name server says about a name.
#[derive(Debug, Clone)]
pub(super) enum Record {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Cname(&'static str),
}

impl Record {
    pub(super) fn address(text: &str) -> Self {
        match text.parse().unwrap() {
            IpAddr::V4(address) => Self::A(address),
            IpAddr::V6(address) => Self::Aaaa(address),
        }
    }

    const fn kind(&self) -> u16 {
        match self {
            Self::A(_) => 1,
            Self::Cname(_) => 5,
            Self::Aaaa(_) => 28,
        }
    }

    fn data(&self) -> Vec<u8> {
        match self {
            Self::A(address) => address.octets().to_vec(),
            Self::Aaaa(address) => address.octets().to_vec(),
            Self::Cname(name) => labels(name),
        }
    }
}

fn labels(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// Serves names on 127.0.0.1:53, for no longer than the moment (a TTL of 0). `records` is asked for a name in small
/// letters and how often addresses of version 4 were asked for it before; without records there is no such name.
pub(super) fn serve_names(records: impl Fn(&str, usize) -> Vec<Record> + Send + 'static) {
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    thread::spawn(move || {
        let mut asked = BTreeMap::<String, usize>::new();
        let mut packet = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut packet) {
            let Some(question) = Question::read(&packet[..length]) else { continue };
            let times = asked.entry(question.name.clone()).or_default();
            let before = *times;
            if question.kind == 1 {
                *times += 1;
            }
            let answer = question.answer(&packet[..2], &records(&question.name, before));
            let _ = socket.send_to(&answer, from);
        }
    });
}

struct Question {
    name: String,
    kind: u16,
    bytes: Vec<u8>,
}

impl Question {
    fn read(packet: &[u8]) -> Option<Self> {
        let mut rest = packet.get(12..)?;
        let mut parts = Vec::new();
        while let (length @ 1.., after) = rest.split_first().map(|(l, r)| (usize::from(*l), r))? {
            parts.push(String::from_utf8_lossy(after.get(..length)?).to_ascii_lowercase());
            rest = after.get(length..)?;
        }
        let kind = u16::from_be_bytes([*rest.get(1)?, *rest.get(2)?]);
        let end = packet.len() - rest.len() + 5;
        Some(Self { name: parts.join("."), kind, bytes: packet.get(12..end)?.to_vec() })
    }

    /// A name that leads to another is answered with both, as a resolver would.
    fn answer(&self, id: &[u8], records: &[Record]) -> Vec<u8> {
        let alias = records.iter().find_map(|record| match record {
            Record::Cname(name) => Some(*name),
            _ => None,
        });
        let fitting: Vec<_> =
            records.iter().filter(|record| record.kind() == self.kind || record.kind() == 5).collect();
        let code = if records.is_empty() { 3 } else { 0 };
        let mut answer = id.to_vec();
        answer.extend([0x85, 0x80 | code, 0, 1, 0, u8::try_from(fitting.len()).unwrap(), 0, 0, 0, 0]);
        answer.extend(&self.bytes);
        for record in fitting {
            match alias.filter(|_| record.kind() != 5) {
                Some(alias) => answer.extend(labels(alias)),
                None => answer.extend([0xc0, 12]),
            }
            let data = record.data();
            answer.extend(record.kind().to_be_bytes());
            answer.extend([0, 1, 0, 0, 0, 0, 0, u8::try_from(data.len()).unwrap()]);
            answer.extend(data);
        }
        answer
    }
}
