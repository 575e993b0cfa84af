use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::{
    ids::ProviderId,
    key::Quota,
    provider::{Category, Cost, Links, provider_name},
    service::Requirement,
    time::Timestamp,
};

const PROVIDERS: [ProviderId; 6] = [
    ProviderId::SERPAPI,
    ProviderId::TWILIO,
    ProviderId::ELEVENLABS,
    ProviderId::OPENAI,
    ProviderId::ANTHROPIC,
    ProviderId::GOOGLE_AI,
];

fn info(id: &ProviderId) -> ProviderInfo {
    let page = |name: &str| format!("https://provider.example/{name}");
    ProviderInfo {
        id: id.clone(),
        name: provider_name(id),
        monogram: String::new(),
        category: Category::Other,
        summary: String::new(),
        noun: String::new(),
        forms: Vec::new(),
        steps: Vec::new(),
        least_privilege: None,
        check_cost: Cost::Free,
        links: Links {
            keys: page("keys"),
            documentation: page("documentation"),
            billing: page("billing"),
            revoke: page("revoke"),
            numbers: Some(page("numbers")),
        },
        by_operator: false,
        used_by: Vec::new(),
        base_url_override: None,
    }
}

/// A key that the provider accepted, with these capabilities.
fn accepted(provider: ProviderId, capabilities: &[(&str, bool)]) -> (CredentialState, KeyMetadata) {
    let metadata = KeyMetadata {
        capabilities: capabilities.iter().map(|(name, has)| ((*name).to_owned(), Some(*has))).collect(),
        ..KeyMetadata::default()
    };
    (CredentialState::of(provider, KeyStatus::Valid, None, &metadata, Source::User), metadata)
}

fn all(state: &CredentialState, metadata: &KeyMetadata) -> Vec<ServiceAbilities> {
    abilities(state, metadata, &info(&state.provider), Policy { unverified_counts: false })
}

/// An ability, answer and words: `no: Why. What to do. [Where]`.
fn told((state, metadata): &(CredentialState, KeyMetadata), id: &str) -> String {
    let found =
        all(state, metadata).into_iter().flat_map(|one| one.abilities).find(|one| one.id == id).unwrap();
    let link = found.link.map(|link| format!("[{}]", link.label));
    let words: Vec<_> = [found.reason, found.advice, link].into_iter().flatten().collect();
    format!("{}: {}", found.answer.word(), words.join(" "))
}

fn with_plan(
    (state, metadata): (CredentialState, KeyMetadata),
    plan: &str,
) -> (CredentialState, KeyMetadata) {
    (state, KeyMetadata { plan: Some(plan.to_owned()), ..metadata })
}

fn with_facts(key: (CredentialState, KeyMetadata), facts: &[(&str, &str)]) -> (CredentialState, KeyMetadata) {
    let facts = facts.iter().map(|(label, fact)| ((*label).to_owned(), (*fact).to_owned())).collect();
    (key.0, KeyMetadata { facts, ..key.1 })
}

fn with_quota(
    (state, metadata): (CredentialState, KeyMetadata),
    used: i64,
) -> (CredentialState, KeyMetadata) {
    let quota = Quota {
        used: Some(used),
        limit: Some(1_000),
        unit: "searches".to_owned(),
        resets_at: Some(Timestamp::from_seconds(1_796_083_200)),
    };
    (state, KeyMetadata { quota: Some(quota), ..metadata })
}

#[test]
fn cloning_is_a_matter_of_plan_permission_and_room() {
    let key = |may: bool| accepted(ProviderId::ELEVENLABS, &[("instant_voice_cloning", may)]);
    let told = |key: (CredentialState, KeyMetadata)| told(&key, "clone_voices");
    let voices = |used: &str| with_facts(key(true), &[("Voices in use", used), ("Voices allowed", "30")]);
    assert_eq!(told(voices("3")), "Yes: 3 of 30 voices in use.");
    assert_eq!(
        told(voices("30")),
        "No: All 30 voices that the plan allows are in use. Delete a voice there or change the plan, then check again. [Plans at ElevenLabs]"
    );
    assert_eq!(told(voices("many")), "Yes: ");
    assert_eq!(
        told(with_plan(key(false), "free")),
        "No: Cloning voices needs the Starter plan or higher; this account has Free. Change the plan, then check again. [Plans at ElevenLabs]"
    );
    assert_eq!(
        told(with_plan(key(false), "creator")),
        "No: Cloning voices needs the Starter plan or higher; ElevenLabs does not allow it on this account, which has Creator. Change the plan, then check again. [Plans at ElevenLabs]"
    );
    assert_eq!(
        told(accepted(ProviderId::ELEVENLABS, &[("user_read", false)])),
        "Not known: The key may not read the plan, so whether it may clone is not known."
    );
    assert_eq!(
        told(accepted(ProviderId::ELEVENLABS, &[])),
        "Not known: ElevenLabs does not reveal whether this key has instant voice cloning."
    );
}

#[test]
fn calls_need_a_number_and_a_permission() {
    let told = |capabilities: &[(&str, bool)], id| told(&accepted(ProviderId::TWILIO, capabilities), id);
    assert_eq!(
        told(&[("voice_calls", false)], "place_calls"),
        "No: Placing calls needs a number that can make voice calls, or a verified caller ID. Buy a number or verify one of your own, then check again. [Numbers at Twilio]"
    );
    assert_eq!(
        told(&[("voice_calls", true), ("calls_read", false)], "place_calls"),
        "Not known: The key may not read calls, and Twilio does not reveal whether it may place them."
    );
    assert_eq!(
        told(&[("signed_webhooks", false)], "signed_reports"),
        "No: Reports of calls are signed with the auth token, which was not given. Replace the key and give the auth token with it. [Keys at Twilio]"
    );
    let number = with_facts(
        accepted(ProviderId::TWILIO, &[("voice_calls", true)]),
        &[("Phone number", "+12125550101"), ("Balance", "12.35 USD")],
    );
    assert_eq!(self::told(&number, "place_calls"), "Yes: Calls come from +12125550101.");
    let trial = with_plan(number.clone(), "Trial");
    assert_eq!(
        self::told(&trial, "place_calls"),
        "Yes: A trial account calls verified numbers only. Change the plan, then check again. [Plans at Twilio]"
    );
    let debt = with_facts(number, &[("Balance", "-3.10 USD")]);
    assert_eq!(
        self::told(&debt, "place_calls"),
        "Not known: The balance is -3.10 USD: Twilio may refuse until it is above zero. Add more. [Add more at Twilio]"
    );
}

#[test]
fn what_is_left_decides_what_uses_it_up() {
    let serpapi = || accepted(ProviderId::SERPAPI, &[]);
    assert_eq!(told(&with_quota(serpapi(), 42), "search_maps"), "Yes: 958 of 1,000 searches left.");
    assert_eq!(
        told(&with_quota(serpapi(), 1_000), "search_maps"),
        "Yes: The plan’s share is used up; the account may go on beyond it, at extra cost."
    );
    assert_eq!(
        told(&serpapi(), "search_maps"),
        "Not known: SerpAPI does not reveal what is left of its searches."
    );
    let (mut state, metadata) = with_quota(serpapi(), 1_000);
    state.status = KeyStatus::Exhausted;
    assert_eq!(
        told(&(state, metadata), "search_maps"),
        "No: SerpAPI accepted this key, but nothing is left on the account. Wait until 1 Dec 2026, or add more. [Add more at SerpAPI]"
    );
    let openai = accepted(ProviderId::OPENAI, &[("models_read", true)]);
    assert_eq!(
        told(&openai, "converse"),
        "Not known: OpenAI does not reveal before the first request whether the account has credit."
    );
    assert_eq!(told(&openai, "list_models"), "Yes: ");
}

#[test]
fn a_key_that_does_not_work_can_do_nothing() {
    let (mut state, metadata) = accepted(ProviderId::TWILIO, &[("voice_calls", true)]);
    state.status = KeyStatus::Suspended;
    let key = (state, metadata);
    assert_eq!(
        told(&key, "place_calls"),
        "No: Twilio has suspended this account. Settle it with Twilio, then check again. [Your account at Twilio]"
    );
    let unverified = CredentialState { status: KeyStatus::Unverified, ..key.0 };
    let counts =
        abilities(&unverified, &key.1, &info(&unverified.provider), Policy { unverified_counts: true });
    assert!(counts.iter().flat_map(|one| &one.abilities).all(|one| one.answer == Answer::Unknown));
}

#[test]
fn a_provider_that_no_service_uses_has_nothing_to_show() {
    let mistral: ProviderId = "mistral".parse().unwrap();
    let (state, metadata) = accepted(mistral, &[("models_read", true)]);
    assert!(all(&state, &metadata).is_empty());
}

fn needs() -> impl Iterator<Item = (ServiceId, &'static Requirement)> {
    ServiceId::ALL
        .into_iter()
        .flat_map(|service| service.requirements().iter().map(move |need| (service, need)))
}

#[test]
fn whatever_a_service_needs_of_a_key_is_one_of_the_abilities() {
    for (service, need) in needs() {
        let specs = table::of(service, need.provider);
        assert!(!specs.is_empty(), "{service} {}", need.provider);
        for capability in need.capabilities {
            assert!(specs.iter().any(|spec| spec.capability == Some(*capability)), "{service} {capability}");
        }
        let consumed = need.consumes.is_none_or(|unit| specs.iter().any(|spec| spec.consumes == Some(unit)));
        assert!(consumed, "{service} {}", need.provider);
    }
}

/// Any key of the six providers, with anything told of it.
fn key() -> impl Strategy<Value = (CredentialState, KeyMetadata)> {
    let capability = prop::sample::select(vec![
        "voice_calls",
        "signed_webhooks",
        "calls_read",
        "instant_voice_cloning",
        "user_read",
        "voices_read",
        "models_read",
        "gemini_api",
    ]);
    let answer = prop::sample::select(vec![None, Some(true), Some(false)]);
    let number = || prop::option::of(prop::sample::select(vec![0_i64, 4_711, 9_876]));
    let unit = prop::sample::select(vec!["searches", "characters", "credit"]);
    let quota = (number(), number(), unit).prop_map(|(used, limit, unit)| Quota {
        used,
        limit,
        unit: unit.to_owned(),
        resets_at: None,
    });
    let fact = prop::sample::select(vec![
        ("Voices in use", "4711"),
        ("Voices allowed", "4711"),
        ("Balance", "-4711 USD"),
        ("Phone number", "+4711"),
    ]);
    let fact = fact.prop_map(|(label, fact)| (label.to_owned(), fact.to_owned()));
    let metadata = (
        prop::option::of(prop::sample::select(vec!["free", "4711", "Trial"])),
        prop::option::of(quota),
        prop::collection::btree_map(capability.prop_map(str::to_owned), answer, 0..8),
        prop::collection::vec(fact, 0..5),
    )
        .prop_map(|(plan, quota, capabilities, facts)| KeyMetadata {
            account: Some("4711".to_owned()),
            plan: plan.map(str::to_owned),
            quota,
            capabilities,
            facts: facts.into_iter().collect::<BTreeMap<_, _>>(),
        });
    let source = prop::sample::select(vec![
        (Source::User, None),
        (Source::User, Some(Reason::QuotaUsedUp)),
        (Source::Platform, None),
        (Source::Platform, Some(Reason::PlatformLimit)),
    ]);
    (
        prop::sample::select(PROVIDERS.to_vec()),
        prop::sample::select(KeyStatus::ALL.to_vec()),
        any::<bool>(),
        source,
        metadata,
    )
        .prop_map(|(provider, status, undecryptable, (source, reason), metadata)| {
            let state = CredentialState::of(provider, status, reason, &metadata, source);
            (CredentialState { undecryptable, ..state }, metadata)
        })
}

proptest! {
    #[test]
    fn it_agrees_with_the_evaluator((state, metadata) in key(), unverified_counts: bool) {
        let policy = Policy { unverified_counts };
        let info = info(&state.provider);
        let services = abilities(&state, &metadata, &info, policy);
        let uses: Vec<_> = needs().filter(|(_, need)| *need.provider == state.provider).collect();
        prop_assert_eq!(services.len(), uses.len());
        for (one, (service, need)) in services.iter().zip(uses) {
            prop_assert_eq!(one.service, service);
            let verdict = judge(need, std::slice::from_ref(&state), policy);
            let yes = one.abilities.iter().filter(|ability| ability.answer == Answer::Yes).count();
            match &verdict.verdict {
                Verdict::Ready { .. } => prop_assert!(one.serves),
                Verdict::Blocked { block: Block::LacksCapability, lacking } => {
                    prop_assert!(!one.serves && yes < one.abilities.len());
                    // The guard and the card say the same.
                    for capability in lacking.iter().filter(|_| state.status.is_accepted()) {
                        let words = without_capability(capability);
                        prop_assert!(verdict.sentence(&info.name).contains(words.as_ref()));
                        let said = one.abilities.iter().any(|ability| ability.answer == Answer::No
                            && ability.reason.as_ref().is_some_and(|why| why.starts_with(&capitalised(&words))
                                || *why == Reason::QuotaUsedUp.sentence(&info.name)));
                        prop_assert!(said, "{:?}", one);
                    }
                }
                Verdict::Blocked { block: Block::Exhausted, .. } => {
                    prop_assert!(!one.serves && yes < one.abilities.len());
                }
                Verdict::Blocked { .. } => prop_assert!(!one.serves && yes == 0),
            }
            for (ability, spec) in one.abilities.iter().zip(table::of(service, &state.provider)) {
                let lacks = spec.capability.is_some_and(|name| state.capabilities.get(name) == Some(&Some(false)));
                prop_assert!(ability.answer != Answer::Yes || (state.status.is_accepted() && !lacks));
            }
        }
    }

    #[test]
    fn it_is_said_in_sentences_and_of_the_operators_account_nothing((state, metadata) in key()) {
        for ability in all(&state, &metadata).iter().flat_map(|one| &one.abilities) {
            prop_assert!(ability.answer == Answer::Yes || ability.reason.is_some(), "{:?}", ability);
            for text in ability.reason.iter().chain(&ability.advice) {
                let begins = text.chars().next().is_some_and(|first| !first.is_lowercase());
                prop_assert!(begins && text.ends_with('.') && !text.contains('!') && !text.contains(".."), "{}", text);
            }
            prop_assert!(ability.link.is_none() || ability.advice.is_some());
            if state.source == Source::Platform {
                prop_assert!(ability.link.is_none() && ability.advice.is_none());
                prop_assert!(ability.reason.as_ref().is_none_or(|why| !why.contains("4711") && !why.contains("9,876")));
            }
        }
    }
}
