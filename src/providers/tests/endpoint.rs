//! Addresses that users type: where a key may go, and what it is bound to.

use std::collections::BTreeMap;

use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::json as value;

use super::support::{CANARY, Room, hurry};
use crate::{
    model::{
        check::Outcome,
        error::FieldError,
        ids::{KeyId, ProviderId, UserId},
    },
    providers::{Candidate, EgressSettings, Spending, StoredCredential, UsageSource},
};

pub(super) fn azure() -> ProviderId {
    "azure_openai".parse().unwrap()
}

fn direct() -> Room {
    Room::new(EgressSettings::default(), |catalogue| hurry(catalogue, 1000))
}

pub(super) fn typed(room: &Room, endpoint: &str) -> Result<Candidate, Option<FieldError>> {
    let fields = [("endpoint", endpoint), ("api_key", CANARY)];
    let fields = fields.map(|(name, value)| (name.to_owned(), SecretString::from(value)));
    room.providers
        .prepare(&azure(), BTreeMap::from(fields))
        .map_err(|error| error.errors.get("endpoint").copied())
}

#[test]
fn one_address_has_one_spelling_and_is_what_the_key_is_bound_to() {
    let room = direct();
    let (owner, row) = (UserId::generate(), KeyId::generate());
    let place = |config| room.providers.record_place(owner, row, &azure(), &config, 1);
    let plain = typed(&room, "https://my-res.openai.azure.com").unwrap().config();
    for spelling in [
        "https://my-res.openai.azure.com/",
        "HTTPS://MY-RES.openai.azure.com:443",
        " https://my-res.openai.azure.com ",
    ] {
        let config = typed(&room, spelling).unwrap().config();
        assert_eq!(config["endpoint"], "https://my-res.openai.azure.com");
        assert_eq!(place(config), place(plain.clone()));
    }
    let other = typed(&room, "https://other.openai.azure.com").unwrap().config();
    assert_ne!(place(other), place(plain));
    assert_eq!(place(value!({"form": "api_key"})), None);
    assert_eq!(place(value!({"form": "api_key", "endpoint": "https://127.0.0.1"})), None);
}

#[test]
fn only_the_provider_s_own_names_are_taken() {
    let room = direct();
    for good in [
        "https://a.openai.azure.com",
        "https://a.b.cognitiveservices.azure.com",
        "https://a.services.ai.azure.com",
    ] {
        assert!(typed(&room, good).is_ok(), "{good}");
    }
    for bad in [
        "https://openai.azure.com",
        "https://evilopenai.azure.com",
        "https://a.openai.azure.com.evil.example",
        "https://a.openai.azure.com:8443",
        "https://a.openai.azure.com/openai",
        "https://a.openai.azure.com@evil.example",
        "https://evil.example/a.openai.azure.com",
        "https://evil.example#.openai.azure.com",
        "https://evil.example\\.openai.azure.com",
        "http://a.openai.azure.com",
        "https://127.0.0.1",
        "https://[::1]",
        "a.openai.azure.com",
        "https://",
    ] {
        assert_eq!(typed(&room, bad).err(), Some(Some(FieldError::NotAnEndpoint)), "{bad}");
    }
    assert_eq!(typed(&room, "").err(), Some(Some(FieldError::Required)));
}

/// Names that lead into private networks are refused when they are resolved: with every public host allowed, this
/// machine's own names and addresses are not reached.
#[tokio::test]
async fn an_address_inside_is_not_asked() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let room = Room::new(EgressSettings::default(), |catalogue| {
        hurry(catalogue, 1000);
        catalogue.edit(&azure(), |file| {
            let rule = file.endpoint.as_mut().unwrap();
            rule.hosts.clear();
            rule.ports.push(port);
        });
    });
    for bad in
        ["localhost", "localhost.localdomain", "127.0.0.1", "127.1", "[::1]", "0x7f000001", "2130706433"]
    {
        assert!(typed(&room, &format!("https://{bad}:{port}")).is_err(), "{bad}");
    }
    assert!(listener.accept().is_err());
}

#[tokio::test]
async fn a_row_whose_address_was_changed_does_not_open() {
    let room = direct();
    let stored = room.store(&typed(&room, "https://a.openai.azure.com").unwrap());
    let mut config = stored.config.clone();
    config["endpoint"] = value!("https://b.openai.azure.com");
    let moved = StoredCredential { config, ..stored.clone() };
    assert!(room.providers.check_stored(&moved, UsageSource::Check, Spending::Refused).await.is_err());
}

#[tokio::test]
async fn a_rule_that_became_narrower_stops_what_was_stored_before() {
    let room = Room::new(EgressSettings::default(), |catalogue| {
        catalogue.edit(&azure(), |file| file.endpoint.as_mut().unwrap().hosts.clear());
    });
    let candidate = typed(&room, "https://api.example.org").unwrap();
    let narrow = direct();
    // It still has its place, so that it opens; but nothing is sent there.
    let (owner, row) = (UserId::generate(), KeyId::generate());
    assert!(narrow.providers.record_place(owner, row, &azure(), &candidate.config(), 1).is_some());
    let report = narrow.check(&candidate).await;
    assert_eq!((report.outcome, report.http_status), (Outcome::Unreachable, None));
}

proptest! {
    #[test]
    fn whatever_is_typed_stays_with_the_provider(text in prop_oneof!["\\PC{0,40}", "https://[a-z.:@/\\\\#?%-]{0,20}(.openai.azure.com)?[a-z.:@/\\\\#?%-]{0,10}"]) {
        static ROOM: std::sync::LazyLock<Room> = std::sync::LazyLock::new(direct);
        if let Ok(candidate) = typed(&ROOM, &text) {
            let endpoint = candidate.config()["endpoint"].as_str().unwrap().to_owned();
            prop_assert!(endpoint.starts_with("https://") && endpoint.ends_with(".azure.com"), "{endpoint}");
            prop_assert!(!endpoint["https://".len()..].contains(['/', '@', ':', '?', '#', '\\']));
        }
    }
}
