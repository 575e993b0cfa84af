//! An installation in which there is something to be had, and everybody who could ask for it.

use std::time::Duration;

use serde_json::{Value, json};

use super::rows::Row;
use crate::support::{Answer, App, Client, Engine, PASSWORD};

const SYSTEM: &str = "system-token-of-32-characters-and-more";
const METRICS: &str = "metrics-token-of-32-characters-and-more";

/// Somebody who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    Visitor,
    EndedSession,
    DisabledUser,
    RevokedToken,
    SystemToken,
    MetricsToken,
    ReadToken,
    KeysToken,
    ServicesToken,
    Stranger,
    Owner,
    OwnersJwt,
}

impl Asker {
    pub const ALL: [Self; 12] = [
        Self::Visitor,
        Self::EndedSession,
        Self::DisabledUser,
        Self::RevokedToken,
        Self::SystemToken,
        Self::MetricsToken,
        Self::ReadToken,
        Self::KeysToken,
        Self::ServicesToken,
        Self::Stranger,
        Self::Owner,
        Self::OwnersJwt,
    ];
}

/// What stands for the owner's things in a row's path and body.
pub struct World {
    app: App,
    user: String,
    search: String,
    batch: String,
    saved: String,
    call: String,
    channel: String,
    voice: String,
    session: String,
    token: String,
    hint: String,
    cookies: [(Asker, String); 4],
    bearers: [(Asker, String); 7],
}

impl World {
    pub async fn build(engine: Engine) -> Self {
        let app = App::start_with(engine, &[("SYSTEM_API_TOKEN", SYSTEM), ("METRICS_TOKEN", METRICS)]).await;
        let mut owner = app.user("owner-ana").await;
        app.sql.execute("UPDATE users SET role = 'operator' WHERE email = 'owner-ana@example.org'").await;
        let user = id(&owner.get("/api/auth/me").await.expect(200).json());
        let key = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
        let key = owner.post("/api/user-api-keys/store", &key).await.expect(201).json();
        let search = json!({"query": "few owner's bakeries", "place": "52.52, 13.405", "limit": 20});
        let search = owner.post("/api/services/data-scraper/searches", &search).await.expect(201);
        let address = search.location().to_owned();
        while owner.get(&address).await.json()["state"] == "running" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let search = id(&search.json());
        let batch = json!({"queries": ["few owner's cafes"], "place": "52.52, 13.405"});
        let batch = owner.post("/api/services/data-scraper/batches", &batch).await.expect(201);
        while owner.get(batch.location()).await.json()["searches"][0]["state"] == "running" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let batch = id(&batch.json());
        let saved =
            json!({"name": "owner's saved", "search": {"query": "few cakes", "place": "52.52, 13.405"}});
        let saved =
            id(&owner.post("/api/services/data-scraper/saved-searches", &saved).await.expect(201).json());

        let twilio = json!({"provider": "twilio", "credentials": App::test_key("twilio", "full")});
        owner.post("/api/user-api-keys/store", &twilio).await.expect(201);
        let call = ended_call(&app, &mut owner, "Hello from the owner.").await;

        let voices = json!({"provider": "elevenlabs", "credentials": App::test_key("elevenlabs", "plenty")});
        owner.post("/api/user-api-keys/store", &voices).await.expect(201);
        let voices = owner.get("/api/services/voice-cloning/voices?kind=own").await.expect(200).json();
        let voice = id(&voices["items"][0]);

        let channel = json!({"kind": "webhook", "address": "https://hooks.example/owner-s-hook"});
        let channel = id(&owner.post("/api/notifications/channels", &channel).await.expect(201).json());

        let mut tokens = Vec::new();
        for scope in ["read", "keys:write", "services:use", "read"] {
            let body = json!({"name": "owner's token", "scopes": [scope]});
            tokens.push(owner.post("/api/tokens", &body).await.expect(201).json());
        }
        owner.delete(&format!("/api/tokens/{}", id(&tokens[3]))).await.expect(204);
        // One that a row may revoke.
        let body = json!({"name": "owner's token", "scopes": ["read"]});
        let token = id(&owner.post("/api/tokens", &body).await.expect(201).json());

        let mut elsewhere = app.visitor();
        let body = json!({"email": "owner-ana@example.org", "password": PASSWORD, "token": true});
        let jwt = elsewhere.post("/api/auth/login", &body).await.expect(200).json()["token"].clone();
        let mut spare = app.log_in("owner-ana").await;
        let sessions = spare.get("/api/auth/sessions").await.json();
        let current = sessions["items"].as_array().unwrap().iter().find(|s| s["current"] == true).unwrap();
        let session = id(current);

        let mut ended = app.user("ended").await;
        let ended_cookie = ended.cookie.clone().unwrap();
        ended.post("/api/auth/logout", &json!({})).await.expect(204);
        let disabled = app.user("disabled").await;
        app.sql.execute("UPDATE users SET disabled = TRUE WHERE email = 'disabled@example.org'").await;
        let stranger = app.user("stranger").await;

        let text = |token: &Value| token["token"].as_str().unwrap().to_owned();
        let cookie = |client: &Client| client.cookie.clone().unwrap();
        Self {
            cookies: [
                (Asker::EndedSession, ended_cookie),
                (Asker::DisabledUser, cookie(&disabled)),
                (Asker::Stranger, cookie(&stranger)),
                (Asker::Owner, cookie(&owner)),
            ],
            bearers: [
                (Asker::RevokedToken, text(&tokens[3])),
                (Asker::SystemToken, SYSTEM.to_owned()),
                (Asker::MetricsToken, METRICS.to_owned()),
                (Asker::ReadToken, text(&tokens[0])),
                (Asker::KeysToken, text(&tokens[1])),
                (Asker::ServicesToken, text(&tokens[2])),
                (Asker::OwnersJwt, jwt.as_str().unwrap().to_owned()),
            ],
            app,
            user,
            search,
            batch,
            saved,
            call,
            channel,
            voice,
            session,
            token,
            hint: key["hint"].as_str().unwrap().to_owned(),
        }
    }

    /// Texts that would give away something of the owner's.
    pub fn traces(&self) -> Vec<String> {
        vec![
            "owner-ana@".to_owned(),
            self.search.clone(),
            self.batch.clone(),
            self.saved.clone(),
            "owner's saved".to_owned(),
            self.call.clone(),
            self.channel.clone(),
            self.hint.clone(),
            "owner's token".to_owned(),
        ]
    }

    /// What there is of the owner's things, and how many people there are, to notice any change.
    pub async fn fingerprint(&self) -> Vec<i64> {
        const OWNERS: &str = "user_id = (SELECT id FROM users WHERE email = 'owner-ana@example.org')";
        let mut counts = Vec::new();
        for query in [
            format!("SELECT COUNT(*) FROM user_api_keys WHERE {OWNERS}"),
            format!("SELECT CAST(SUM(credential_version) AS BIGINT) FROM user_api_keys WHERE {OWNERS}"),
            format!("SELECT COUNT(*) FROM retired_credentials WHERE {OWNERS}"),
            format!("SELECT COUNT(*) FROM searches WHERE {OWNERS}"),
            "SELECT COUNT(*) FROM search_results".to_owned(),
            format!("SELECT COUNT(*) FROM saved_searches WHERE {OWNERS}"),
            format!("SELECT COUNT(*) FROM calls WHERE {OWNERS}"),
            format!("SELECT COUNT(*) FROM notice_channels WHERE {OWNERS}"),
            format!("SELECT COUNT(*) FROM notice_messages WHERE {OWNERS}"),
            format!("SELECT COUNT(*) FROM sessions WHERE {OWNERS}"),
            format!("SELECT COUNT(*) FROM api_tokens WHERE {OWNERS}"),
            format!("SELECT COUNT(*) FROM usage_events WHERE {OWNERS}"),
            "SELECT CAST(SUM(epoch) AS BIGINT) FROM users".to_owned(),
            "SELECT COUNT(*) FROM users".to_owned(),
        ] {
            counts.push(self.app.sql.number(&query).await);
        }
        counts
    }

    /// Waits until no search is running any more.
    pub async fn settle(&self) {
        while self.app.sql.number("SELECT COUNT(*) FROM searches WHERE state IN ('queued', 'running')").await
            > 0
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Fills the placeholders of a row.
    pub fn fill(&self, text: &str) -> String {
        text.replace("{id:search}", &self.search)
            .replace("{id:batch}", &self.batch)
            .replace("{id:saved}", &self.saved)
            .replace("{id:call}", &self.call)
            .replace("{id:channel}", &self.channel)
            .replace("{id:voice}", &self.voice)
            .replace("{id:session}", &self.session)
            .replace("{id:token}", &self.token)
            .replace("{user_id}", &self.user)
            .replace("{code}", "not-found")
            .replace("{link}", &format!("{}.{}.RE1.1.x", self.user, self.call))
            .replace("{service}", "data-scraper")
            .replace("{provider}", "serpapi")
    }

    /// Any body to a server function, by the owner's browser. What ends the session that asks gets one of its own.
    pub async fn send_as_owner(&self, row: &Row, body: &[u8]) -> Answer {
        let mut client = self.app.visitor();
        client.cookie = if row.path.ends_with("/logout") {
            self.app.log_in("owner-ana").await.cookie
        } else {
            self.cookies.iter().find(|(who, _)| *who == Asker::Owner).map(|(_, it)| it.clone())
        };
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
        client.send(row.method, row.path, &headers, body.to_vec()).await
    }

    /// What a row asks, by the owner's browser, with these headers and no others.
    pub async fn ask_with(&self, row: &Row, method: &str, headers: &[(&str, &str)]) -> Answer {
        let cookie = self.cookies.iter().find(|(who, _)| *who == Asker::Owner);
        let mut all = vec![("cookie", cookie.map(|(_, cookie)| cookie.as_str()).unwrap_or_default())];
        all.extend_from_slice(headers);
        let body = if method == "GET" { String::new() } else { self.fill(row.body) };
        self.app.visitor().send(method, &self.fill(row.path), &all, body.into_bytes()).await
    }

    pub async fn ask(&self, row: &Row, asker: Asker) -> Answer {
        let mut client = self.app.visitor();
        client.cookie = self.cookies.iter().find(|(who, _)| *who == asker).map(|(_, cookie)| cookie.clone());
        let bearer = self.bearers.iter().find(|(who, _)| *who == asker);
        let bearer = bearer.map(|(_, token)| format!("Bearer {token}"));
        let body = self.fill(row.body);
        let mut headers = vec![("accept", row.accept)];
        if let Some(bearer) = &bearer {
            headers.push(("authorization", bearer));
        }
        if row.method != "GET" {
            headers.push(("content-type", row.kind()));
        }
        client.send(row.method, &self.fill(row.path), &headers, body.into_bytes()).await
    }
}

/// A call that is over, without the wait until it is.
pub async fn ended_call(app: &App, client: &mut Client, message: &str) -> String {
    let call = json!({"to": "+12125550188", "from": "+12025550142", "message": message});
    let call = client.post("/api/services/calling/calls", &call).await.expect(201);
    while client.get(call.location()).await.json()["sid"].is_null() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    app.sql.execute("UPDATE jobs SET state = 'done' WHERE id IN (SELECT id FROM calls)").await;
    app.sql.execute("UPDATE calls SET state = 'completed', stage = 5, ended_at = created_at").await;
    id(&call.json())
}

fn id(document: &Value) -> String {
    document["id"].as_str().unwrap().to_owned()
}
