//! A server that answers as it is told, and a room that asks it.

use std::{
    collections::BTreeMap,
    future::Future,
    net::SocketAddr,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::Value;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

use super::behaviours::read_head;

use crate::{
    clock::ManualClock,
    model::{
        check::CheckReport,
        ids::{KeyId, ProviderId, UserId},
        provider::Cost,
        time::Timestamp,
    },
    providers::{
        Candidate, EgressSettings, Providers, Spending, StoredCredential, UsageEvent, UsageObserver,
        catalogue::Catalogue,
    },
    vault::{KekRing, SecretKind, Vault},
};

/// A secret that cannot occur by chance.
pub(super) const CANARY: &str = "cafe0123beef4567cafe0123beef4567cafe0123beef4567cafe0123beefCNRY";
/// An account SID.
pub(super) const SID: &str = "AC0123456789abcdef0123456789ab9f31";
/// An API key SID.
pub(super) const KEY_SID: &str = "SK0123456789abcdef0123456789ab9f31";
/// An address as users of Azure OpenAI type it.
pub(super) const ENDPOINT: &str = "https://name.openai.azure.com";
/// Ten minutes before a full hour.
pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_795_002_600);

/// A server on loopback that counts its connections and keeps what it was asked.
pub(super) struct Server {
    pub(super) addr: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Each connection is handed over after its request's head was read.
    pub(super) async fn raw<F, R>(behave: F) -> Self
    where
        F: Fn(TcpStream, String) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        let behave = Arc::new(behave);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (behave, seen) = (Arc::clone(&behave), Arc::clone(&seen));
                tokio::spawn(async move {
                    let head = read_head(&mut stream).await;
                    let head = String::from_utf8_lossy(&head).into_owned();
                    seen.lock().unwrap().push(head.clone());
                    behave(stream, head).await;
                });
            }
        });
        Self { addr, heads, task }
    }

    /// Answers each request with whole bytes made from its head, and closes.
    pub(super) async fn answering(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::raw(move |mut stream, head| {
            let bytes = answer(&head);
            async move {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    /// The heads of all requests so far.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// A response with this body.
pub(super) fn response(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A JSON response.
pub(super) fn json(status: u16, body: &Value) -> Vec<u8> {
    response(status, "content-type: application/json\r\n", body.to_string().as_bytes())
}

/// An answer that every check of every provider takes for a yes.
pub(super) fn yes() -> Vec<u8> {
    let body = serde_json::json!({
        // SerpAPI, its search included.
        "account_id": "1", "search_metadata": {"status": "Success"},
        // ElevenLabs.
        "character_count": 1, "character_limit": 9, "can_use_instant_voice_cloning": true, "voices": [],
        // OpenAI, Anthropic, the Gemini API.
        "object": "list", "models": [],
        // The same for others, with what is left of the account.
        "data": {"usage": 0, "balance": "1.00", "remainingCredits": 1},
        "is_available": true, "redacted_api_key": "…", "valid": true, "0": {"id": "m"}, "name": "ana",
        "projects": [], "transcripts": [], "account": {}, "type": "search", "username": "ana", "credits": 1,
        "scopes": ["mail.send"], "login": "ana",
        // Twilio.
        "sid": "AC1", "calls": [],
        "incoming_phone_numbers": [{"phone_number": "+15005550006", "capabilities": {"voice": true}}],
    });
    json(200, &body)
}

/// Runs an ignored test of `providers::tests` in a process of its own, and returns what it wrote.
pub(super) fn in_own_process(test: &str, variables: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("providers::tests::{test}"), "--ignored", "--nocapture"])
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    text
}

/// Keeps the usage events.
#[derive(Default)]
pub(super) struct Recorder(Mutex<Vec<UsageEvent>>);

#[async_trait]
impl UsageObserver for Recorder {
    async fn observe(&self, event: UsageEvent) {
        self.0.lock().unwrap().push(event);
    }
}

/// The room under test.
pub(super) struct Room {
    pub(super) providers: Arc<Providers>,
    pub(super) vault: Arc<Vault>,
    recorder: Arc<Recorder>,
    pub(super) owner: UserId,
}

impl Room {
    /// Every provider at `addr`, over plain http.
    pub(super) fn at(addr: SocketAddr) -> Self {
        Self::with(&format!("http://{addr}"), |_| {})
    }

    /// The same, in a hurry.
    pub(super) fn hasty(addr: SocketAddr) -> Self {
        Self::with(&format!("http://{addr}"), |catalogue| hurry(catalogue, 400))
    }

    /// Every provider at `base`, with a catalogue that was changed.
    pub(super) fn with(base: &str, change: impl FnOnce(&mut Catalogue)) -> Self {
        let base_urls = Catalogue::shared().ids().map(|id| (id.clone(), base.to_owned())).collect();
        Self::new(EgressSettings::new(Catalogue::shared(), &base_urls, None).unwrap(), change)
    }

    pub(super) fn new(settings: EgressSettings, change: impl FnOnce(&mut Catalogue)) -> Self {
        // The second test in a process finds it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut catalogue = Catalogue::embedded().unwrap();
        change(&mut catalogue);
        let vault = Arc::new(Vault::new(KekRing::parse(&KekRing::generate().unwrap()).unwrap()));
        let recorder = Arc::new(Recorder::default());
        let providers = Providers::new(
            catalogue,
            settings,
            Arc::clone(&vault),
            Arc::clone(&recorder) as Arc<dyn UsageObserver>,
            Arc::new(ManualClock::new(NOW)),
        )
        .unwrap();
        Self { providers: Arc::new(providers), vault, recorder, owner: UserId::generate() }
    }

    pub(super) fn candidate(&self, provider: &ProviderId, fields: &[(&str, &str)]) -> Candidate {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), SecretString::from(*value)));
        self.providers.prepare(provider, fields.collect::<BTreeMap<_, _>>()).unwrap()
    }

    /// A candidate for every form of every provider of the catalogue, with the canary in each secret field; without
    /// those whose check costs money, for none is made.
    pub(super) fn candidates(&self) -> Vec<Candidate> {
        let asked = self.providers.catalogue.iter().filter(|p| p.info.check_cost != Cost::Billed);
        let forms = asked.flat_map(|provider| {
            let id = &provider.info.id;
            provider.file.forms.iter().map(move |form| (id, form))
        });
        let candidates = forms.map(|(id, form)| {
            let fields = form.fields.iter().filter(|field| !field.optional).map(|field| {
                let value = match field.name.as_str() {
                    _ if field.secret => CANARY,
                    "account_sid" => SID,
                    "api_key_sid" => KEY_SID,
                    "endpoint" => ENDPOINT,
                    other => panic!("what is a {other}?"),
                };
                (field.name.as_str(), value)
            });
            let candidate = self.candidate(id, &fields.collect::<Vec<_>>());
            assert_eq!(candidate.form().id, form.id, "{id}: another form was taken");
            candidate
        });
        candidates.collect()
    }

    /// A SerpAPI candidate with the canary as its key.
    pub(super) fn serpapi(&self) -> Candidate {
        self.candidate(&ProviderId::SERPAPI, &[("api_key", CANARY)])
    }

    /// A Twilio candidate with the canary as its auth token.
    pub(super) fn twilio(&self) -> Candidate {
        self.candidate(&ProviderId::TWILIO, &[("account_sid", SID), ("auth_token", CANARY)])
    }

    /// A Twilio candidate with the canary as its API key's secret.
    pub(super) fn twilio_key(&self) -> Candidate {
        let fields = [("account_sid", SID), ("api_key_sid", KEY_SID), ("api_key_secret", CANARY)];
        self.candidate(&ProviderId::TWILIO, &fields)
    }

    pub(super) async fn check(&self, candidate: &Candidate) -> CheckReport {
        self.providers.check_candidate(self.owner, candidate, Spending::Refused).await
    }

    /// Seals a candidate as if it had been stored.
    pub(super) fn store(&self, candidate: &Candidate) -> StoredCredential {
        let (row_id, version) = (KeyId::generate(), 1);
        let config = candidate.config();
        let provider = candidate.provider().clone();
        let place = self.providers.record_place(self.owner, row_id, &provider, &config, version).unwrap();
        let dek = self.vault.new_dek(&self.owner.to_string()).unwrap();
        let envelope =
            self.vault.seal(&dek, &place.context(SecretKind::ProviderKey), &candidate.plaintext()).unwrap();
        StoredCredential { owner: self.owner, row_id, provider, config, version, envelope, dek }
    }

    /// The usage events so far.
    pub(super) fn events(&self) -> Vec<UsageEvent> {
        self.recorder.0.lock().unwrap().clone()
    }
}

/// Shortens every deadline to `milliseconds`. That the real ones are the design's is tested with the catalogue.
pub(super) fn hurry(catalogue: &mut Catalogue, milliseconds: u64) {
    for id in Catalogue::shared().ids() {
        catalogue.edit(id, |file| {
            file.budgets.values_mut().for_each(|budget| budget.deadline_ms = milliseconds);
        });
    }
}

/// Waits until `done`, for at most a second.
pub(super) async fn eventually(done: impl Fn() -> bool) {
    for _ in 0..100 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen within a second");
}
