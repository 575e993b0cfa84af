//! Sealed credentials open in their own place only.

use serde_json::json as value;

use super::support::{Room, SID, Server, json};
use crate::{
    model::{
        check::Outcome,
        ids::{KeyId, ProviderId, UserId},
        service::ServiceId,
    },
    providers::{Call, CallError, Spending, StoredCredential, UsageSource},
    vault::Undecryptable,
};

#[tokio::test]
async fn a_stored_credential_is_opened_and_checked() {
    let account = value!({"account_id": "1", "total_searches_left": 5});
    let server = Server::answering(move |_| json(200, &account)).await;
    let room = Room::at(server.addr);
    let stored = room.store(&room.serpapi());
    let report = room.providers.check_stored(&stored, UsageSource::Check, Spending::Refused).await.unwrap();
    assert_eq!(report.outcome, Outcome::Valid);
    let events = room.events();
    assert_eq!((events[0].key, events[0].source), (Some(stored.row_id), UsageSource::Check));
    assert_eq!(events[0].key_version, Some(stored.version));
}

#[tokio::test]
async fn whatever_is_moved_or_changed_does_not_open() {
    let server = Server::answering(|_| json(200, &value!({}))).await;
    let room = Room::at(server.addr);
    let good = room.store(&room.twilio());
    let other = room.store(&room.twilio_key());
    let change = |change: fn(&mut StoredCredential)| {
        let mut stored = good.clone();
        change(&mut stored);
        stored
    };
    let changed = [
        change(|s| s.owner = UserId::generate()),
        change(|s| s.row_id = KeyId::generate()),
        change(|s| s.version = 2),
        change(|s| s.version = -1),
        change(|s| s.provider = ProviderId::SERPAPI),
        change(|s| s.provider = ProviderId::OPENAI),
        change(|s| s.config["region"] = value!("ie1")),
        change(|s| s.config["region"] = value!("xx1")),
        change(|s| s.config["account_sid"] = value!("AC1")),
        change(|s| s.config["form"] = value!("api_key")),
        change(|s| s.config["more"] = value!("x")),
        change(|s| s.config = value!(null)),
        change(|s| s.envelope[40] ^= 1),
        change(|s| s.envelope.truncate(20)),
        StoredCredential { envelope: other.envelope.clone(), ..good.clone() },
        StoredCredential { dek: other.dek.clone(), ..good.clone() },
    ];
    for stored in changed {
        let report = room.providers.check_stored(&stored, UsageSource::Check, Spending::Refused).await;
        assert_eq!(report.err(), Some(Undecryptable), "{stored:?}");
    }
    let serpapi = StoredCredential { version: 7, ..room.store(&room.serpapi()) };
    let call = Call::new(ServiceId::DataScraper, "search");
    assert_eq!(
        room.providers.call(&serpapi.clone().into(), call).await.err(),
        Some(CallError::Undecryptable)
    );
    assert!(server.heads().is_empty(), "nothing is sent");
    assert!(room.providers.check_stored(&good, UsageSource::Check, Spending::Refused).await.is_ok());
}

#[test]
fn the_place_does_not_follow_the_operator_s_address() {
    let here = Room::with("http://127.0.0.1:1/a", |_| {});
    let there = Room::new(crate::providers::EgressSettings::default(), |_| {});
    let config = here.twilio().config();
    assert_eq!(config["account_sid"], SID);
    let (owner, row) = (UserId::generate(), KeyId::generate());
    let place = |room: &Room| room.providers.record_place(owner, row, &ProviderId::TWILIO, &config, 1);
    assert_eq!(place(&here), place(&there));
    let info = |room: &Room| room.providers.info(&ProviderId::TWILIO).unwrap().base_url_override.clone();
    assert_eq!(info(&here).as_deref(), Some("http://127.0.0.1:1/a"));
    assert_eq!(info(&there), None);
    assert_eq!(here.providers.infos().len(), 30);
}
