//! An example of each thing that answers are made of: a value of the type itself, so that it cannot
//! differ from what is sent.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    model::{
        ability::abilities,
        access::{CredentialState, Policy, decide},
        calling::{
            AccountView, CallEvent, CallRequest, CallState, CallView, EventSource, NumberView, RecordingLink,
        },
        check::{Evidence, Outcome},
        ids::{
            BatchId, CallId, ChannelId, CloneId, MessageId, NoticeId, ProviderId, SavedId, SearchId,
            SessionId, TokenId, UserId, VoiceId,
        },
        key::{KeyMetadata, KeyView, Quota, Source},
        money::Charge,
        notice::{
            ChannelKind, ChannelState, ChannelView, IssuedChannel, MessageEvent, MessageState, MessageView,
            NoticeKind, NoticeRules, NoticeView, Words, words,
        },
        operator::{CallHealth, HealthReport, KeysAlike, ProviderHealth, ServiceReach},
        page::SessionView,
        provider::{Category, Cost, FieldInfo, FormInfo, Links, ProviderInfo},
        quota::{Forecast, Outlook, QuotaHistory, QuotaPoint},
        report::{Availability, Failure, ProviderDays, VersionUse},
        schedule::Every,
        scraper::{
            BatchEstimate, BatchView, Engine, Place, ResultRow, SavedView, SearchRequest, SearchState,
            SearchView,
        },
        service::ServiceId,
        status::{KeyStatus, Reason},
        time::Timestamp,
        token::{IssuedToken, Scope, TokenView},
        usage::{Operation, Range, Step, Totals, UsageReport},
        voices::{
            CONSENT, CloneSource, CloneState, CloneView, ClonedVoice, PlanView, SpeechModel, StudioView,
            VoiceCategory, VoiceView,
        },
    },
    server::rest::{auth::Entered, keys::CandidateAnswer},
};

/// 18 November 2026.
const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);
const POLICY: Policy = Policy { unverified_counts: false };
const EMAIL: &str = "ana@example.org";

/// The example of the type with this name in the description.
pub(super) fn of(name: &str) -> Option<Value> {
    Some(match name {
        "Entered" => {
            json!(Entered { id: user(), email: EMAIL.to_owned(), token: Some("eyJhbGciOi…".to_owned()) })
        }
        "SessionView" => json!(SessionView {
            id: SessionId(id(2)),
            current: true,
            created_at: NOW,
            last_seen_at: NOW,
            user_agent: Some("curl/8.14.1".to_owned()),
            address: Some("203.0.113.7".to_owned()),
        }),
        "TokenView" => json!(token()),
        "IssuedToken" => json!(IssuedToken { token: format!("kwd_{}", "x".repeat(48)), view: token() }),
        "ProviderInfo" => json!(provider()),
        "KeyView" | "Checked" => json!(key()),
        "CandidateAnswer" => json!(CandidateAnswer {
            provider: ProviderId::SERPAPI,
            status: KeyStatus::Valid,
            status_reason: Reason::Accepted.sentence("SerpAPI"),
            reason: Reason::Accepted,
        }),
        "AccessDecision" => {
            json!(decide(ServiceId::DataScraper, &[credential()], POLICY))
        }
        "NoticeView" => json!(notice()),
        "ChannelView" => json!(channel()),
        "IssuedChannel" => {
            json!(IssuedChannel { secret: Some(format!("whsec_{}", "x".repeat(44))), view: channel() })
        }
        "MessageView" => json!(MessageView {
            id: MessageId(id(9)),
            channel: ChannelId(id(8)),
            event: MessageEvent::Opened,
            kind: Some(NoticeKind::Invalid),
            state: MessageState::Sent,
            attempts: 1,
            http_status: Some(204),
            fault: None,
            next_at: None,
            created_at: NOW,
        }),
        "NoticeRules" => json!(NoticeRules::default()),
        "SearchView" => json!(search()),
        "SavedView" => json!(SavedView {
            id: SavedId(id(6)),
            name: "Bakers".to_owned(),
            request: search().request,
            created_at: NOW,
        }),
        "BatchView" => json!(BatchView::new(
            BatchId(id(5)),
            vec![SearchView { batch: Some(BatchId(id(5))), ..search() }],
        )),
        "BatchEstimate" => json!(BatchEstimate { queries: 2, searches: 6, left: Some(958) }),
        "ResultRow" => json!(result()),
        "CallView" => json!(call()),
        "AccountView" => json!(account()),
        "RecordingLink" => json!(RecordingLink {
            sid: "RE0123456789abcdef0123456789abcdef".to_owned(),
            seconds: 40,
            url: format!("/media/recordings/{}.{}.RE…", id(1), id(6)),
        }),
        "VoiceView" => json!(VoiceView {
            id: VoiceId::try_from("EXAVITQu4vr4xnSDxMaL".to_owned()).ok()?,
            name: "Sarah".to_owned(),
            category: VoiceCategory::ReadyMade,
            description: Some("A calm voice.".to_owned()),
            labels: BTreeMap::from([("accent".to_owned(), "american".to_owned())]),
            own: false,
            has_preview: true,
            created_at: None,
        }),
        "ClonedVoice" => json!(ClonedVoice {
            id: VoiceId::try_from("EXAVITQu4vr4xnSDxMaL".to_owned()).ok()?,
            requires_verification: false,
        }),
        "CloneView" => json!(CloneView {
            id: CloneId(id(6)),
            name: "Reception".to_owned(),
            statement: CONSENT.to_owned(),
            consented_at: NOW,
            source: CloneSource::Files,
            files: 1,
            bytes: 1_048_576,
            state: CloneState::Made,
            voice: VoiceId::try_from("EXAVITQu4vr4xnSDxMaL".to_owned()).ok(),
        }),
        "StudioView" => json!(StudioView {
            models: Some(vec![SpeechModel {
                id: "eleven_flash_v2_5".to_owned(),
                name: "Eleven Flash v2.5".to_owned(),
                longest: Some(40_000),
                per_thousand: 500,
            }]),
            plan: Some(PlanView {
                tier: "creator".to_owned(),
                used: 17_231,
                limit: 100_000,
                beyond: false,
                resets_at: Some(NOW),
                voices: Some(3),
                voices_max: Some(30),
            }),
        }),
        "UsageReport" => json!(usage()),
        "HealthReport" => json!(health()),
        _ => return None,
    })
}

/// An id that looks like those that Keyward makes.
fn id(last: u128) -> Uuid {
    Uuid::from_u128(0x0190_b3d1_7b7a_7cc1_8c1e_6c2b_6f0a_0000 + last)
}

fn usage() -> UsageReport {
    let totals = Totals {
        calls: 214,
        failed: 3,
        units: 190,
        p50_ms: Some(700),
        p95_ms: Some(2_000),
        p99_ms: Some(3_000),
    };
    let window = Range::Week.window(NOW, 0);
    UsageReport {
        range: Range::Week,
        provider: None,
        providers: vec![ProviderId::SERPAPI],
        begins: window.begins,
        ends: window.ends,
        totals,
        before: Totals { calls: 180, failed: 0, units: 180, ..totals },
        steps: vec![Step { begins: window.begins, calls: 214, failed: 3 }],
        operations: vec![Operation {
            provider: ProviderId::SERPAPI,
            service: Some(ServiceId::DataScraper),
            operation: "search".to_owned(),
            totals,
        }],
        costs: vec![Charge {
            provider: ProviderId::TWILIO,
            service: Some(ServiceId::Calling),
            operation: "create_call".to_owned(),
            currency: "USD".to_owned(),
            calls: 3,
            amount: "0.042".to_owned(),
        }],
        failures: vec![Failure {
            provider: ProviderId::SERPAPI,
            service: Some(ServiceId::DataScraper),
            operation: "search".to_owned(),
            outcome: "rate_limited".to_owned(),
            key_source: Source::User,
            calls: 3,
            last_at: NOW,
        }],
        quotas: vec![QuotaHistory {
            provider: ProviderId::SERPAPI,
            unit: "searches".to_owned(),
            points: vec![QuotaPoint { at: NOW, used: 42, limit: Some(1_000), resets_at: None }],
            forecast: Some(forecast()),
        }],
        availability: Availability {
            begins: Range::Quarter.window(NOW, 0).begins,
            ends: window.ends,
            providers: vec![ProviderDays {
                provider: ProviderId::SERPAPI,
                calls: 214,
                failed: 1,
                days: vec![Step { begins: window.begins, calls: 214, failed: 1 }],
            }],
        },
        versions: vec![VersionUse {
            provider: ProviderId::SERPAPI,
            version: 2,
            in_use: true,
            totals,
            failure: Some("rate_limited".to_owned()),
            first_at: window.begins,
            last_at: NOW,
        }],
    }
}

fn forecast() -> Forecast {
    Forecast {
        outlook: Outlook::Ends,
        at: Some(Timestamp::from_seconds(NOW.seconds() + 20 * 86_400)),
        per_day: Some(48),
        unit: "searches".to_owned(),
        made_at: NOW,
    }
}

fn health() -> HealthReport {
    let calls = CallHealth {
        calls: 48_210,
        failed: Some(412),
        unanswered: None,
        p50_ms: Some(700),
        p95_ms: Some(2_000),
        p99_ms: Some(5_000),
    };
    let alike = |standing: &str, keys| KeysAlike { standing: standing.to_owned(), keys };
    HealthReport {
        range: Range::Week,
        begins: Range::Week.window(NOW, 0).begins,
        at: NOW,
        users: Some(312),
        providers: vec![ProviderHealth {
            provider: ProviderId::SERPAPI,
            name: "SerpAPI".to_owned(),
            calls: Some(calls),
            keys: vec![alike("valid", 240), alike("invalid", 9)],
        }],
        services: vec![
            ServiceReach::of(ServiceId::DataScraper, 231, 312),
            ServiceReach::of(ServiceId::Calling, 3, 312),
        ],
    }
}

fn user() -> UserId {
    UserId(id(1))
}

fn token() -> TokenView {
    TokenView {
        id: TokenId(id(4)),
        name: "nightly report".to_owned(),
        scopes: [Scope::Read].into(),
        created_at: NOW,
        expires_at: Timestamp::from_seconds(NOW.seconds() + 30 * 86_400),
        last_used_at: None,
    }
}

fn provider() -> ProviderInfo {
    let text = str::to_owned;
    ProviderInfo {
        id: ProviderId::SERPAPI,
        name: text("SerpAPI"),
        monogram: text("S"),
        category: Category::Search,
        summary: text("Google Maps and other search results"),
        noun: text("API key"),
        forms: vec![FormInfo {
            id: text("api_key"),
            label: text("API key"),
            fields: vec![FieldInfo {
                name: text("api_key"),
                label: text("API key"),
                secret: true,
                optional: false,
                placeholder: None,
                help: None,
                shapes: Vec::new(),
                choices: Vec::new(),
                when: None,
            }],
        }],
        steps: vec![text("Sign in to SerpAPI."), text("Copy the key of your account.")],
        least_privilege: Some(text("Use an account of its own if others share yours.")),
        check_cost: Cost::Free,
        links: Links {
            keys: text("https://serpapi.com/manage-api-key"),
            documentation: text("https://serpapi.com/search-api"),
            billing: text("https://serpapi.com/change-plan"),
            revoke: text("https://serpapi.com/manage-api-key"),
            numbers: None,
        },
        by_operator: false,
        used_by: vec![ServiceId::DataScraper],
        base_url_override: None,
    }
}

fn key() -> KeyView {
    KeyView {
        provider: ProviderId::SERPAPI,
        name: "SerpAPI".to_owned(),
        status: KeyStatus::Valid,
        status_reason: None,
        is_active: true,
        undecryptable: false,
        stale: false,
        provider_down_since: None,
        hint: "…a1b2".to_owned(),
        form: "api_key".to_owned(),
        region: None,
        last_validated: Some(NOW),
        next_check_at: Some(Timestamp::from_seconds(NOW.seconds() + 86_400)),
        check_every: Every::Day,
        check_choices: Every::ALL.into(),
        metadata: metadata(),
        forecast: Some(forecast()),
        services: abilities(&credential(), &metadata(), &provider(), POLICY),
        evidence: Some(Evidence {
            outcome: Outcome::Valid,
            reason: Reason::Accepted,
            http_status: Some(200),
            provider_code: None,
            latency_ms: 240,
            at: NOW,
        }),
        source: Source::User,
        version: 1,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn metadata() -> KeyMetadata {
    KeyMetadata {
        account: Some("a…@example.org".to_owned()),
        plan: Some("Developer".to_owned()),
        quota: Some(Quota {
            used: Some(42),
            limit: Some(1000),
            unit: "searches".to_owned(),
            resets_at: None,
        }),
        capabilities: BTreeMap::new(),
        facts: BTreeMap::new(),
    }
}

fn credential() -> CredentialState {
    CredentialState {
        provider: ProviderId::SERPAPI,
        status: KeyStatus::Valid,
        reason: Some(Reason::Accepted),
        undecryptable: false,
        quota_unit: Some("searches".to_owned()),
        capabilities: BTreeMap::new(),
        source: Source::User,
    }
}

fn notice() -> NoticeView {
    let Words { title, text } = words(NoticeKind::Invalid, "SerpAPI", Some(Reason::Rejected), None);
    NoticeView {
        id: NoticeId(id(7)),
        kind: NoticeKind::Invalid,
        provider: ProviderId::SERPAPI,
        title,
        text,
        fix: "/settings/api-keys#card-serpapi".to_owned(),
        opened_at: NOW,
        resolved_at: None,
        times: 1,
        read: false,
    }
}

fn channel() -> ChannelView {
    ChannelView {
        id: ChannelId(id(8)),
        kind: ChannelKind::Webhook,
        label: "hooks.example.com".to_owned(),
        state: ChannelState::Active,
        failing_since: None,
        rotating_until: None,
        created_at: NOW,
    }
}

fn search() -> SearchView {
    SearchView {
        id: SearchId(id(3)),
        request: SearchRequest {
            engine: Engine::Maps,
            query: "bakery".to_owned(),
            place: Place::Name("Berlin".to_owned()),
            language: None,
            country: None,
            limit: 20,
        },
        state: SearchState::Running,
        notice: None,
        resolved_place: None,
        place_unknown: false,
        pages_done: 0,
        pages_planned: 1,
        found: 0,
        searches_left_before: Some(958),
        searches_left_after: None,
        created_at: NOW,
        finished_at: None,
        can_resume: false,
        batch: None,
    }
}

fn call() -> CallView {
    CallView {
        id: CallId(id(6)),
        request: CallRequest {
            voice: None,
            to: "+4930901820".to_owned(),
            country: Some("DE".to_owned()),
            from: "+12025550142".to_owned(),
            message: "Your order is ready.".to_owned(),
            language: "en-US".to_owned(),
            record: false,
        },
        state: CallState::Ringing,
        notice: None,
        sid: Some("CA0123456789abcdef0123456789abcdef".to_owned()),
        hanging_up: false,
        seconds: None,
        price: None,
        price_unit: None,
        created_at: NOW,
        answered_at: None,
        ended_at: None,
        events: vec![CallEvent { source: EventSource::Report, state: CallState::Ringing, at: NOW }],
        recordings: Vec::new(),
    }
}

fn account() -> AccountView {
    AccountView {
        numbers: vec![NumberView {
            number: "+12025550142".to_owned(),
            name: Some("Front desk".to_owned()),
            voice: true,
            sms: true,
            mms: false,
            verified_only: false,
        }],
        more_numbers: false,
        balance: Some("48.20".to_owned()),
        currency: Some("USD".to_owned()),
        trial: Some(false),
        reports: true,
    }
}

fn result() -> ResultRow {
    ResultRow {
        position: 1,
        name: "Kornhaus".to_owned(),
        category: Some("Bakery".to_owned()),
        address: Some("Kastanienallee 1, 10435 Berlin".to_owned()),
        phone: Some("+49 30 5550100".to_owned()),
        website: Some("https://kornhaus.example/".to_owned()),
        rating: Some(4.7),
        reviews: Some(862),
        latitude: Some(52.5384),
        longitude: Some(13.4107),
        place_id: Some("ChIJexample".to_owned()),
        ..ResultRow::default()
    }
}
