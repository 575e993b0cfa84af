//! Every answer of every catalogue file, given to the real probe by a server on loopback.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::support::{CANARY, KEY_SID, Room, SID, response};
use crate::{
    model::{
        ability::{Answer, abilities},
        access::{CredentialState, Policy},
        check::{CheckReport, Outcome},
        key::{KeyMetadata, Source},
        status::{KeyStatus, Reason},
    },
    providers::{
        Candidate, Spending,
        catalogue::{
            Catalogue, Provider,
            answers::DocumentedAnswer,
            schema::{Auth, Form, Method, Probe, ProviderFile},
        },
        conformance::CALLER,
        metadata::quota_in_words,
    },
};

/// What a request must look like, and what it is answered.
struct Line {
    call: String,
    method: &'static str,
    path: String,
    /// Parts of the head, or of the body, without which it is not a request of this call.
    needed: Vec<String>,
    answer: Vec<u8>,
}

/// Answers by the script of the moment.
struct Stage {
    addr: SocketAddr,
    script: Arc<Mutex<Vec<Line>>>,
    problems: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stage =
            Self { addr: listener.local_addr().unwrap(), script: Arc::default(), problems: Arc::default() };
        let (script, problems) = (Arc::clone(&stage.script), Arc::clone(&stage.problems));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream, &script, &problems).await;
            }
        });
        stage
    }

    fn play(&self, script: Vec<Line>) {
        *self.script.lock().unwrap() = script;
    }
}

async fn serve(mut stream: TcpStream, script: &Mutex<Vec<Line>>, problems: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&request).into_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.unwrap();
    let whole = format!("{head}{}", String::from_utf8_lossy(&body));
    let answer = {
        let script = script.lock().unwrap();
        let start = |line: &&Line| whole.starts_with(&format!("{} {} HTTP/1.1\r\n", line.method, line.path));
        match script.iter().find(start) {
            Some(line) => {
                let missing = line.needed.iter().filter(|part| !whole.contains(*part));
                problems.lock().unwrap().extend(missing.map(|part| format!("{}: no {part}", line.call)));
                line.answer.clone()
            }
            None => {
                problems.lock().unwrap().push(format!("nobody expects {head}"));
                response(599, "", b"")
            }
        }
    };
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
}

/// Fields that fit a form: the canary for secrets, and values that the answers of the files mention.
fn candidate(room: &Room, provider: &Provider, form: &Form) -> Candidate {
    let endpoint = |file: &ProviderFile| {
        let host = file.endpoint.as_ref()?.hosts.first()?.replace('*', "name");
        Some(format!("https://{host}/"))
    };
    let typed = endpoint(&provider.file).unwrap_or_default();
    let needed = form.fields.iter().filter(|field| !field.optional && field.when.is_none());
    let fields: Vec<_> = needed
        .map(|field| match field.name.as_str() {
            _ if field.secret => (field.name.as_str(), CANARY),
            "account_sid" => ("account_sid", SID),
            "api_key_sid" => ("api_key_sid", KEY_SID),
            "endpoint" => ("endpoint", typed.as_str()),
            other => panic!("{}: what stands in {other}?", provider.info.id),
        })
        .collect();
    room.candidate(&provider.info.id, &fields)
}

fn line(call: &Probe, candidate: &Candidate, answer: &DocumentedAnswer) -> Line {
    let mut path = call.path.fill_path(|name| candidate.value(name)).unwrap();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(&call.query);
    let mut needed = Vec::new();
    match &candidate.form().auth {
        Auth::Query { name, value } => {
            query.append_pair(name, &value.fill(|name| candidate.value(name)).unwrap());
        }
        Auth::Header { name, value } => {
            needed.push(format!("{name}: {}\r\n", value.fill(|name| candidate.value(name)).unwrap()));
        }
        Auth::Basic { .. } => needed.push("authorization: Basic ".to_owned()),
        Auth::Body { .. } => needed.push(CANARY.to_owned()),
    }
    let file = &candidate.catalogue().file;
    for (name, value) in &file.headers {
        needed.extend(value.fill(|name| candidate.value(name)).map(|value| format!("{name}: {value}\r\n")));
    }
    // Some providers turn away whoever does not say what it is.
    needed.push("user-agent: Keyward/".to_owned());
    needed.extend(call.body.iter().flatten().map(|(name, value)| format!("\"{name}\":{value}")));
    let query = query.finish();
    if !query.is_empty() {
        path = format!("{path}?{query}");
    }
    let method = match call.method {
        Method::Get => "GET",
        Method::Delete => "DELETE",
        Method::Post => "POST",
    };
    Line { call: call.operation.clone(), method, path, needed, answer: bytes(answer) }
}

fn bytes(answer: &DocumentedAnswer) -> Vec<u8> {
    let kind = if answer.json.is_some() { "application/json" } else { "text/html" };
    let mut headers = format!("content-type: {kind}\r\n");
    for (name, value) in &answer.headers {
        headers.push_str(&format!("{name}: {value}\r\n"));
    }
    response(answer.status, &headers, answer.body().as_bytes())
}

/// The answers of all calls of the check: the row's own, those it names, and the good ones.
fn script(provider: &Provider, candidate: &Candidate, row: &DocumentedAnswer) -> Vec<Line> {
    let answers = &provider.file.answers;
    let made = provider.file.probe.iter().filter(|call| call.when.fits(&candidate.form().id));
    made.map(|call| {
        let of_call = |answer: &&DocumentedAnswer| answer.call == call.operation;
        let named = row.beside.get(&call.operation);
        let answer = match named {
            _ if row.call == call.operation => row,
            Some(name) => answers.iter().filter(of_call).find(|a| a.name.as_ref() == Some(name)).unwrap(),
            None => answers
                .iter()
                .find(of_call)
                .unwrap_or_else(|| panic!("{}: the call {} has no answer", provider.info.id, call.operation)),
        };
        line(call, candidate, answer)
    })
    .collect()
}

/// All that is kept, by name.
fn shown(metadata: &KeyMetadata) -> BTreeMap<String, String> {
    let mut all = metadata.facts.clone();
    all.extend(metadata.account.clone().map(|account| ("account".to_owned(), account)));
    all.extend(metadata.plan.clone().map(|plan| ("plan".to_owned(), plan)));
    all.extend(metadata.quota.as_ref().map(|quota| ("quota".to_owned(), quota_in_words(quota))));
    all.extend(metadata.capabilities.iter().map(|(name, answer)| {
        let answer = answer.map_or("unknown", |answer| if answer { "yes" } else { "no" });
        (name.clone(), answer.to_owned())
    }));
    all
}

/// What services can do with the key, by the ability's id: the same in all of them.
fn abilities_of(provider: &Provider, report: &CheckReport) -> BTreeMap<String, Answer> {
    let status = report.outcome.status().unwrap_or(KeyStatus::Unverified);
    let id = provider.info.id.clone();
    let state = CredentialState::of(id, status, Some(report.reason), &report.metadata, Source::User);
    let policy = Policy { unverified_counts: false };
    let services = abilities(&state, &report.metadata, &provider.info, policy);
    assert_eq!(
        services.iter().map(|one| one.service).collect::<Vec<_>>(),
        provider.info.used_by,
        "{}: nothing for services that do not use it",
        provider.info.id
    );
    let mut answers = BTreeMap::new();
    for ability in services.into_iter().flat_map(|one| one.abilities) {
        let before = answers.insert(ability.id, ability.answer);
        assert!(before.is_none_or(|before| before == ability.answer));
    }
    answers
}

#[test]
fn every_ability_is_told_for_some_documented_answer() {
    for provider in Catalogue::shared().iter() {
        let told = |answer: Answer| -> BTreeSet<&str> {
            let rows = provider.file.answers.iter().filter_map(|row| row.can.as_ref());
            rows.flatten().filter(|(_, told)| **told == answer).map(|(id, _)| id.as_str()).collect()
        };
        let (yes, no, unknown) = (told(Answer::Yes), told(Answer::No), told(Answer::Unknown));
        let all: BTreeSet<_> = yes.iter().chain(&unknown).copied().collect();
        assert_eq!(all, no, "{}: what can be there can be missing", provider.info.id);
        assert_eq!(all.is_empty(), provider.info.used_by.is_empty(), "{}", provider.info.id);
    }
}

async fn ask(room: &Room, candidate: &Candidate) -> CheckReport {
    room.providers.probe(candidate, CALLER, Spending::Agreed).await
}

#[tokio::test]
async fn every_documented_answer_means_what_its_file_says() {
    let stage = Stage::new().await;
    let room = Room::at(stage.addr);
    let mut wrong = Vec::new();
    let mut rows = 0;
    for provider in Catalogue::shared().iter() {
        for (place, row) in provider.file.answers.iter().enumerate() {
            let forms = &provider.file.forms;
            let form = forms.iter().find(|form| row.form.as_ref().is_none_or(|id| form.id == *id)).unwrap();
            let candidate = candidate(&room, provider, form);
            stage.play(script(provider, &candidate, row));
            let report = ask(&room, &candidate).await;
            rows += 1;
            let at = format!("{} answer {} ({} {})", provider.info.id, place + 1, row.status, row.body());
            if (report.outcome, report.reason) != (row.outcome, row.reason()) {
                wrong.push(format!("{at}: {:?} {:?}", report.outcome, report.reason));
            }
            let kept = shown(&report.metadata);
            if row.shows.as_ref().is_some_and(|shows| *shows != kept) {
                wrong.push(format!("{at}: shows {kept:?}"));
            }
            if row.can.as_ref().is_some_and(|can| *can != abilities_of(provider, &report)) {
                wrong.push(format!("{at}: can {:?}", abilities_of(provider, &report)));
            }
            let accepted = report.outcome.status().is_some_and(|status| status.is_accepted());
            if !accepted && !kept.is_empty() {
                wrong.push(format!("{at}: keeps {kept:?}"));
            }
            assert!(!format!("{report:?}").contains(CANARY), "{at}");
        }
    }
    wrong.extend(stage.problems.lock().unwrap().drain(..));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows > 200, "only {rows} answers");
}

/// What any provider behind a gateway may answer: never a verdict on the key.
fn noise() -> Vec<(u16, &'static str, Outcome, Reason)> {
    use Outcome::{RateLimited, Unreachable};
    vec![
        (401, "<html>Proxy</html>", Unreachable, Reason::UnexpectedAnswer),
        (401, "{}", Unreachable, Reason::UnexpectedAnswer),
        (403, "<html>Attention Required</html>", Unreachable, Reason::UnexpectedAnswer),
        (422, "{}", Unreachable, Reason::UnexpectedAnswer),
        (429, "", RateLimited, Reason::RateLimited),
        (500, "{}", Unreachable, Reason::ProviderFault),
        (503, "<html>", Unreachable, Reason::ProviderFault),
        (200, "<html>Welcome to the hotel</html>", Unreachable, Reason::UnexpectedAnswer),
        (200, "{}", Unreachable, Reason::UnexpectedAnswer),
        (200, "[]", Unreachable, Reason::UnexpectedAnswer),
    ]
}

#[tokio::test]
async fn what_a_gateway_says_condemns_no_key() {
    let stage = Stage::new().await;
    let room = Room::at(stage.addr);
    for provider in Catalogue::shared().iter() {
        for form in &provider.file.forms {
            let candidate = candidate(&room, provider, form);
            for (status, body, outcome, reason) in noise() {
                let answer = response(status, "", body.as_bytes());
                let lines = provider.file.probe.iter().filter(|call| call.when.fits(&form.id));
                let good = |call: &Probe| {
                    provider.file.answers.iter().find(|answer| answer.call == call.operation).unwrap()
                };
                let lines =
                    lines.map(|call| Line { answer: answer.clone(), ..line(call, &candidate, good(call)) });
                stage.play(lines.collect());
                let report = ask(&room, &candidate).await;
                let found = (report.outcome, report.reason);
                assert_eq!(found, (outcome, reason), "{} {status} {body}", provider.info.id);
                assert_eq!(report.metadata, KeyMetadata::default(), "{}", provider.info.id);
            }
        }
    }
    assert_eq!(*stage.problems.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn what_costs_money_is_not_asked_without_consent() {
    let stage = Stage::new().await;
    let room = Room::at(stage.addr);
    let mut spared = BTreeSet::new();
    for provider in Catalogue::shared().iter() {
        let candidate = candidate(&room, provider, &provider.file.forms[0]);
        if provider.info.check_cost != crate::model::provider::Cost::Billed {
            continue;
        }
        let report = room.check(&candidate).await;
        assert_eq!((report.outcome, report.reason), (Outcome::NotAsked, Reason::CheckCostsMoney));
        let stored = room.store(&candidate);
        let report = room
            .providers
            .check_stored(&stored, crate::providers::UsageSource::Check, Spending::Refused)
            .await
            .unwrap();
        assert_eq!(report.outcome, Outcome::NotAsked);
        spared.insert(provider.info.id.as_str());
    }
    assert_eq!(spared, BTreeSet::from(["exa", "perplexity"]));
    assert_eq!(*stage.problems.lock().unwrap(), Vec::<String>::new(), "nothing was sent");
    assert!(room.events().is_empty());
}
