//! The rows of the matrix.

use super::May;

/// One route or server function, and what it answers to whom.
pub struct Row {
    pub method: &'static str,
    /// The path, with placeholders for the owner's things: `{id:search}`.
    pub path: &'static str,
    pub body: &'static str,
    pub accept: &'static str,
    pub may: May,
    /// The answer to the first who is let in.
    pub first: u16,
    /// The answer to those who come after.
    pub again: u16,
    /// The answer to another user: an own, empty world, or nothing there.
    pub stranger: u16,
}

impl Row {
    const fn new(method: &'static str, path: &'static str, may: May, first: u16, stranger: u16) -> Self {
        Self { method, path, body: "", accept: "application/json", may, first, again: first, stranger }
    }

    const fn body(self, body: &'static str) -> Self {
        Self { body, ..self }
    }

    /// What comes after the first success.
    const fn then(self, again: u16) -> Self {
        Self { again, ..self }
    }

    /// A page.
    pub const fn page(path: &'static str) -> Self {
        Self { accept: "text/html", ..Self::new("GET", path, May::Everybody, 200, 200) }
    }

    pub const fn get(path: &'static str) -> Self {
        Self::new("GET", path, May::Read, 200, 200)
    }

    /// What its body says that it is.
    pub fn kind(&self) -> &'static str {
        if self.path.starts_with("/api/rpc/") || self.path.starts_with("/webhooks/") {
            "application/x-www-form-urlencoded"
        } else if self.path == VOICES {
            "multipart/form-data; boundary=x"
        } else {
            "application/json"
        }
    }

    /// The path as it stands in the description.
    pub fn template(&self) -> String {
        ["batch", "call", "channel", "saved", "search", "session", "token", "voice"]
            .iter()
            .fold(self.path.to_owned(), |path, kind| path.replace(&format!("{{id:{kind}}}"), "{id}"))
            .split('?')
            .next()
            .unwrap_or_default()
            .to_owned()
    }
}

const NEW_PERSON: &str = r#"{"email":"new@example.org","password":"correct horse battery"}"#;
const LOG_IN: &str = r#"{"email":"stranger@example.org","password":"correct horse battery"}"#;
const NEW_PASSWORD: &str = r#"{"current":"not the password","new":"another good one"}"#;
const NEW_TOKEN: &str = r#"{"name":"more","scopes":["read"]}"#;
// The simulator's key would cost the matrix its simplicity: a form that is not filled in is refused after the
// question of who asks, and before anything is stored.
const NO_KEY: &str = r#"{"provider":"serpapi","credentials":{}}"#;
const NO_REPLACEMENT: &str = r#"{"credentials":{}}"#;
const SEARCH: &str = r#"{"query":"few cakes","place":"52.52, 13.405","limit":20}"#;
const BATCH: &str = r#"{"queries":["few cakes"],"place":"52.52, 13.405"}"#;
const NO_BATCH: &str = r#"{"queries":[],"place":"52.52, 13.405"}"#;
const NO_SAVED: &str = r#"{"name":"","search":{}}"#;
const NO_CALL: &str = r#"{"to":"","from":"","message":""}"#;
const NO_CHANNEL: &str = r#"{"kind":"webhook","address":""}"#;
const VOICES: &str = "/api/services/voice-cloning/voices";
const NO_SAMPLES: &str = "--x\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\nA\r\n--x--\r\n";
const SPEECH: &str = r#"{"text":"hello"}"#;
const REPORT: &str = "CallStatus=completed&SequenceNumber=9";
const SEARCHES: &str = "/api/services/data-scraper/searches";

pub const ROUTES: &[Row] = &[
    Row::new("POST", "/api/auth/register", May::Everybody, 201, 409).body(NEW_PERSON).then(409),
    Row::new("POST", "/api/auth/login", May::Everybody, 200, 200).body(LOG_IN),
    Row::new("POST", "/api/auth/logout", May::Person, 204, 204).body("{}").then(204),
    Row::new("GET", "/api/auth/me", May::Read, 200, 200),
    Row::new("PUT", "/api/auth/password", May::Person, 422, 422).body(NEW_PASSWORD),
    Row::new("GET", "/api/auth/sessions", May::Person, 200, 200),
    Row::new("DELETE", "/api/auth/sessions", May::Person, 204, 204).then(401),
    Row::new("DELETE", "/api/auth/sessions/{id:session}", May::Person, 204, 404).then(404),
    Row::new("GET", "/api/tokens", May::Person, 200, 200),
    Row::new("POST", "/api/tokens", May::Person, 201, 201).body(NEW_TOKEN),
    Row::new("DELETE", "/api/tokens/{id:token}", May::Person, 204, 404).then(404),
    Row::new("GET", "/api/events", May::Read, 200, 200),
    Row::new("GET", "/api/providers", May::Read, 200, 200),
    Row::new("GET", "/api/user-api-keys", May::Read, 200, 200),
    Row::new("POST", "/api/user-api-keys/store", May::KeysWrite, 422, 422).body(NO_KEY),
    Row::new("POST", "/api/user-api-keys/validate", May::KeysWrite, 200, 404)
        .body(r#"{"provider":"serpapi"}"#),
    Row::new("PUT", "/api/user-api-keys/{provider}", May::KeysWrite, 422, 422).body(NO_REPLACEMENT),
    Row::new("PUT", "/api/user-api-keys/{provider}/schedule", May::KeysWrite, 200, 404)
        .body(r#"{"check_every":"week"}"#),
    Row::new("DELETE", "/api/user-api-keys/{provider}", May::KeysWrite, 204, 404).then(404),
    Row::new("GET", "/api/services", May::Read, 200, 200),
    Row::new("GET", "/api/services/{service}/access", May::Read, 200, 403),
    Row::new("GET", "/api/services/data-scraper/searches", May::Read, 200, 200),
    Row::new("POST", SEARCHES, May::ServicesUse, 201, 403).body(SEARCH),
    Row::new("GET", "/api/services/data-scraper/searches/{id:search}", May::Read, 200, 404),
    Row::new("DELETE", "/api/services/data-scraper/searches/{id:search}", May::ServicesUse, 204, 404)
        .then(404),
    Row::new("GET", "/api/services/data-scraper/searches/{id:search}/results", May::Read, 200, 404),
    Row::new("GET", "/api/services/data-scraper/searches/{id:search}/results.csv", May::Read, 200, 404),
    Row::new("GET", "/api/services/data-scraper/searches/{id:search}/results.xlsx", May::Read, 200, 404),
    Row::new("GET", "/api/services/data-scraper/searches/{id:search}/results.json", May::Read, 200, 404),
    Row::new("POST", "/api/services/data-scraper/searches/{id:search}/cancel", May::ServicesUse, 200, 404)
        .body("{}"),
    // It has ended with all its pages; and without a key nothing goes on.
    Row::new("POST", "/api/services/data-scraper/searches/{id:search}/resume", May::ServicesUse, 409, 403)
        .body("{}"),
    Row::new("POST", "/api/services/data-scraper/batches", May::ServicesUse, 422, 403).body(NO_BATCH),
    Row::new("POST", "/api/services/data-scraper/batches/estimate", May::Read, 200, 200).body(BATCH),
    Row::new("GET", "/api/services/data-scraper/batches/{id:batch}", May::Read, 200, 404),
    Row::new("DELETE", "/api/services/data-scraper/batches/{id:batch}", May::ServicesUse, 204, 404).then(404),
    Row::new("GET", "/api/services/data-scraper/batches/{id:batch}/results", May::Read, 200, 404),
    Row::new("GET", "/api/services/data-scraper/batches/{id:batch}/results.csv", May::Read, 200, 404),
    Row::new("GET", "/api/services/data-scraper/batches/{id:batch}/results.xlsx", May::Read, 200, 404),
    Row::new("GET", "/api/services/data-scraper/batches/{id:batch}/results.json", May::Read, 200, 404),
    Row::new("POST", "/api/services/data-scraper/batches/{id:batch}/cancel", May::ServicesUse, 200, 404)
        .body("{}"),
    Row::new("POST", "/api/services/data-scraper/batches/{id:batch}/resume", May::ServicesUse, 409, 403)
        .body("{}"),
    Row::new("GET", "/api/services/data-scraper/saved-searches", May::Read, 200, 200),
    Row::new("POST", "/api/services/data-scraper/saved-searches", May::ServicesUse, 422, 422).body(NO_SAVED),
    Row::new("GET", "/api/services/data-scraper/saved-searches/{id:saved}", May::Read, 200, 404),
    Row::new("PUT", "/api/services/data-scraper/saved-searches/{id:saved}", May::ServicesUse, 422, 422)
        .body(r#"{"name":""}"#),
    Row::new("DELETE", "/api/services/data-scraper/saved-searches/{id:saved}", May::ServicesUse, 204, 404)
        .then(404),
    Row::new("POST", "/api/services/data-scraper/saved-searches/{id:saved}/run", May::ServicesUse, 201, 403)
        .body("{}"),
    Row::new("GET", "/api/services/calling/account", May::ServicesUse, 200, 403),
    Row::new("GET", "/api/services/calling/calls", May::Read, 200, 200),
    Row::new("POST", "/api/services/calling/calls", May::ServicesUse, 422, 403).body(NO_CALL),
    Row::new("GET", "/api/services/calling/calls/{id:call}", May::Read, 200, 404),
    Row::new("DELETE", "/api/services/calling/calls/{id:call}", May::ServicesUse, 204, 404).then(404),
    Row::new("POST", "/api/services/calling/calls/{id:call}/hang-up", May::ServicesUse, 200, 404).body("{}"),
    Row::new("GET", "/api/services/calling/calls/{id:call}/recordings", May::ServicesUse, 200, 403),
    Row::new("GET", VOICES, May::ServicesUse, 200, 403),
    Row::new("POST", VOICES, May::ServicesUse, 422, 403).body(NO_SAMPLES),
    Row::new("PUT", "/api/services/voice-cloning/voices/{id:voice}", May::ServicesUse, 204, 403)
        .body(r#"{"name":"Reception"}"#),
    Row::new("DELETE", "/api/services/voice-cloning/voices/{id:voice}", May::ServicesUse, 204, 403).then(404),
    Row::new("GET", "/api/services/voice-cloning/voices/{id:voice}/preview", May::ServicesUse, 200, 403),
    Row::new("POST", "/api/services/voice-cloning/voices/{id:voice}/speech", May::ServicesUse, 200, 403)
        .body(SPEECH),
    Row::new("GET", "/api/services/voice-cloning/studio", May::ServicesUse, 200, 403),
    Row::new("GET", "/api/services/voice-cloning/clones", May::Read, 200, 200),
    Row::new("GET", "/api/notifications", May::Read, 200, 200),
    Row::new("POST", "/api/notifications/read", May::Person, 204, 204).body("{}").then(204),
    Row::new("GET", "/api/notifications/rules", May::Read, 200, 200),
    Row::new("PUT", "/api/notifications/rules", May::Person, 200, 200).body(r#"{"on":["key.invalid"]}"#),
    Row::new("GET", "/api/notifications/channels", May::Read, 200, 200),
    Row::new("POST", "/api/notifications/channels", May::Person, 422, 422).body(NO_CHANNEL),
    Row::new("DELETE", "/api/notifications/channels/{id:channel}", May::Person, 204, 404).then(404),
    Row::new("POST", "/api/notifications/channels/{id:channel}/test", May::Person, 200, 404).body("{}"),
    Row::new("POST", "/api/notifications/channels/{id:channel}/rotate", May::Person, 200, 404).body("{}"),
    Row::new("POST", "/api/notifications/channels/{id:channel}/enable", May::Person, 200, 404).body("{}"),
    Row::new("GET", "/api/notifications/channels/{id:channel}/messages", May::Read, 200, 404),
    Row::new("GET", "/api/usage?range=7d&offset=60", May::Read, 200, 200),
    Row::new("GET", "/api/usage.csv?table=quotas&range=7d&offset=60&provider=serpapi", May::Read, 200, 200),
    // The owner is an operator.
    Row::new("GET", "/api/operator/health?range=7d", May::Person, 200, 403),
    Row::new("GET", "/api/system/users/{user_id}/services/{service}/access", May::System, 200, 401),
    Row::new("GET", "/metrics", May::Metrics, 200, 401),
    Row::new("GET", "/api/openapi.json", May::Everybody, 200, 200),
    Row::new("GET", "/healthz", May::Everybody, 200, 200),
    Row::new("GET", "/readyz", May::Everybody, 200, 200),
];

/// What is routed without a description: the page about the interface, addresses that are signed, and what providers
/// report to. Each proves by itself what it needs, so no credential of anybody's makes a difference.
pub const UNDESCRIBED: &[Row] = &[
    Row::page("/docs/api"),
    Row::new("GET", "/problems/{code}", May::Everybody, 303, 303),
    Row::new("GET", "/media/recordings/{link}", May::Everybody, 404, 404),
    Row::new("GET", "/media/speech/{link}", May::Everybody, 404, 404),
    Row::new("POST", "/webhooks/twilio/calls/{id:call}/status", May::Everybody, 401, 401).body(REPORT),
    Row::new("POST", "/webhooks/twilio/calls/{id:call}/recording", May::Everybody, 401, 401).body(REPORT),
];

pub const FUNCTIONS: &[Row] = &[
    Row::new("POST", "/api/rpc/register", May::Everybody, 200, 409)
        .body("email=new@example.org&password=correct+horse+battery")
        .then(409),
    Row::new("POST", "/api/rpc/login", May::Everybody, 200, 200)
        .body("email=stranger@example.org&password=correct+horse+battery"),
    Row::new("POST", "/api/rpc/logout", May::Pages, 200, 200),
    Row::new("POST", "/api/rpc/me", May::Pages, 200, 200),
    Row::new("POST", "/api/rpc/installation", May::Everybody, 200, 200),
    Row::new("POST", "/api/rpc/demo_keys", May::Everybody, 404, 404),
    Row::new("POST", "/api/rpc/account", May::Person, 200, 200),
    Row::new("POST", "/api/rpc/change_password", May::Person, 422, 422)
        .body("current=not+the+password&new=another+good+one"),
    Row::new("POST", "/api/rpc/end_session", May::Person, 200, 404).body("id={id:session}").then(404),
    Row::new("POST", "/api/rpc/end_other_sessions", May::Person, 200, 200).then(401),
    Row::new("POST", "/api/rpc/issue_token", May::Person, 422, 422).body("name=&scopes[read]=on"),
    Row::new("POST", "/api/rpc/revoke_token", May::Person, 200, 404).body("id={id:token}").then(404),
    Row::new("POST", "/api/rpc/key_settings", May::Person, 200, 200),
    Row::new("POST", "/api/rpc/store_key", May::Person, 422, 422).body("provider=serpapi"),
    Row::new("POST", "/api/rpc/replace_key", May::Person, 422, 422).body("provider=serpapi"),
    Row::new("POST", "/api/rpc/check_key", May::Person, 200, 404).body("provider=serpapi"),
    Row::new("POST", "/api/rpc/schedule_key", May::Person, 200, 404)
        .body("provider=serpapi&check_every=week"),
    Row::new("POST", "/api/rpc/delete_key", May::Person, 200, 404).body("provider=serpapi").then(404),
    Row::new("POST", "/api/rpc/usage", May::Person, 200, 200).body("range=7d&offset=60"),
    Row::new("POST", "/api/rpc/usage", May::Person, 200, 200).body("range=7d&again=true"),
    Row::new("POST", "/api/rpc/notices", May::Person, 200, 200),
    Row::new("POST", "/api/rpc/mark_notices_read", May::Person, 200, 200),
    Row::new("POST", "/api/rpc/notice_rules", May::Person, 200, 200),
    Row::new("POST", "/api/rpc/set_notice_rules", May::Person, 200, 200).body("on[key.invalid]=on"),
    Row::new("POST", "/api/rpc/notice_channels", May::Person, 200, 200),
    Row::new("POST", "/api/rpc/add_notice_channel", May::Person, 422, 422).body("kind=slack&address="),
    Row::new("POST", "/api/rpc/confirm_notice_channel", May::Person, 422, 422).body("code=aaaaaa-bbbbbb"),
    Row::new("POST", "/api/rpc/test_notice_channel", May::Person, 200, 404).body("id={id:channel}"),
    Row::new("POST", "/api/rpc/rotate_notice_channel", May::Person, 200, 404).body("id={id:channel}"),
    Row::new("POST", "/api/rpc/enable_notice_channel", May::Person, 200, 404).body("id={id:channel}"),
    Row::new("POST", "/api/rpc/delete_notice_channel", May::Person, 200, 404)
        .body("id={id:channel}")
        .then(404),
    Row::new("POST", "/api/rpc/notice_messages", May::Person, 200, 404).body("id={id:channel}"),
    Row::new("POST", "/api/rpc/operator_health", May::Person, 200, 403).body("range=7d"),
    Row::new("POST", "/api/rpc/gate", May::Person, 200, 200).body("service=data-scraper"),
    Row::new("POST", "/api/rpc/start_search", May::Person, 422, 403).body("query=&place=&limit=20"),
    Row::new("POST", "/api/rpc/search", May::Person, 200, 404).body("id={id:search}"),
    Row::new("POST", "/api/rpc/searches", May::Person, 200, 200),
    Row::new("POST", "/api/rpc/search_results", May::Person, 200, 404).body("id={id:search}"),
    Row::new("POST", "/api/rpc/cancel_search", May::Person, 200, 404).body("id={id:search}"),
    Row::new("POST", "/api/rpc/resume_search", May::Person, 409, 403).body("id={id:search}"),
    Row::new("POST", "/api/rpc/searches_left", May::Person, 200, 200),
    Row::new("POST", "/api/rpc/start_batch", May::Person, 422, 403).body("queries=&place=&limit=20"),
    Row::new("POST", "/api/rpc/batch", May::Person, 200, 404).body("id={id:batch}"),
    Row::new("POST", "/api/rpc/batch_results", May::Person, 200, 404).body("id={id:batch}"),
    Row::new("POST", "/api/rpc/cancel_batch", May::Person, 200, 404).body("id={id:batch}"),
    Row::new("POST", "/api/rpc/resume_batch", May::Person, 409, 403).body("id={id:batch}"),
    Row::new("POST", "/api/rpc/delete_batch", May::Person, 200, 404).body("id={id:batch}").then(404),
    Row::new("POST", "/api/rpc/saved_searches", May::Person, 200, 200),
    Row::new("POST", "/api/rpc/save_search", May::Person, 422, 422).body("name=&query="),
    Row::new("POST", "/api/rpc/rename_saved", May::Person, 200, 404).body("id={id:saved}&name=owner's+again"),
    Row::new("POST", "/api/rpc/run_saved", May::Person, 200, 403).body("id={id:saved}"),
    Row::new("POST", "/api/rpc/delete_saved", May::Person, 200, 404).body("id={id:saved}").then(404),
    Row::new("POST", "/api/rpc/calling_account", May::Person, 200, 200),
    Row::new("POST", "/api/rpc/call_voices", May::Person, 200, 200),
    Row::new("POST", "/api/rpc/place_call", May::Person, 422, 403).body("to=&from=&message="),
    Row::new("POST", "/api/rpc/call", May::Person, 200, 404).body("id={id:call}"),
    Row::new("POST", "/api/rpc/calls", May::Person, 200, 200),
    Row::new("POST", "/api/rpc/hang_up_call", May::Person, 200, 404).body("id={id:call}"),
    Row::new("POST", "/api/rpc/call_recordings", May::Person, 200, 403).body("id={id:call}"),
    Row::new("POST", "/api/rpc/delete_call", May::Person, 200, 404).body("id={id:call}").then(404),
    Row::new("POST", "/api/rpc/voices", May::Person, 200, 200),
    Row::new("POST", "/api/rpc/voice_studio", May::Person, 200, 200),
    Row::new("POST", "/api/rpc/rename_voice", May::Person, 200, 403).body("id={id:voice}&name=Reception"),
    Row::new("POST", "/api/rpc/delete_voice", May::Person, 200, 403).body("id={id:voice}").then(404),
    Row::new("POST", "/api/rpc/voice_clones", May::Person, 200, 200),
    Row::new("POST", "/api/rpc/delete_search", May::Person, 200, 404).body("id={id:search}").then(404),
];

/// Pages: the answer to visitors, and to another user.
pub const PAGES: &[(&str, u16, u16)] = &[
    ("/", 200, 200),
    ("/demo", 404, 404),
    ("/login", 200, 303),
    ("/register", 200, 303),
    ("/settings/account", 303, 200),
    ("/settings/api-keys", 303, 200),
    ("/settings/notifications", 303, 200),
    ("/notifications", 303, 200),
    ("/services/data-scraper", 303, 200),
    ("/services/data-scraper/searches/{id:search}", 303, 404),
    ("/services/data-scraper/batches", 303, 200),
    ("/services/data-scraper/batches/{id:batch}", 303, 404),
    ("/services/data-scraper/saved", 303, 200),
    ("/services/ai-calling", 303, 200),
    ("/services/voice-cloning", 303, 200),
    ("/services/voice-cloning/new", 303, 200),
    ("/services/calling", 303, 200),
    ("/services/calling/calls/{id:call}", 303, 404),
    ("/analytics", 303, 200),
    ("/operator/health", 303, 403),
];
