use leptos::prelude::*;

use super::{
    abilities::abilities,
    advice::{Advice, advice},
};
use crate::{
    app::ui::{Day, External, Icon, Mark, Moment, Phrase, QuotaMeter},
    model::{
        ability::ServiceAbilities,
        check::Evidence,
        key::{KeyView, Source},
        provider::ProviderInfo,
        quota::{Forecast, Outlook},
        service::capability_label,
        status::KeyStatus,
        time::Timestamp,
    },
};

/// What is known of a stored key.
#[component]
pub(super) fn KeyDetails(
    /// The key.
    key: KeyView,
    /// Its provider.
    info: ProviderInfo,
    /// Whether keys are checked by schedule.
    checking: bool,
) -> impl IntoView {
    let advice = advice(&key, &info, checking);
    let metadata = key.metadata;
    let capabilities: Vec<_> = metadata.capabilities.into_iter().collect();
    let region = key.region.map(|region| fact("Region", region.to_ascii_uppercase()));
    let account = metadata.account.map(|account| fact("Account", account));
    let facts: Vec<_> = metadata.facts.into_iter().map(|(label, value)| fact(label, value)).collect();
    let platform = (key.source == Source::Platform).then(|| {
        view! {
            <p class="key-note">
                "This key is supplied by the installation, with a daily limit. Your own key takes its place as soon as you add one."
            </p>
        }.into_any()
    });
    let stale = key.stale.then(|| {
        view! {
            <p class="key-note">
                <Icon mark=Mark::Clock />
                {format!("{} has given no definite answer for more than a day. The status above is the last one known.", info.name)}
            </p>
        }.into_any()
    });
    let down = key.provider_down_since.map(|since| not_answering(&info.name, since, key.last_validated));
    let forecast = key.forecast.and_then(|forecast| outlook(&forecast, &info.name));
    view! {
        <div class="key-facts">
            {metadata.plan.map(|plan| view! { <strong>{plan}</strong> }.into_any())}
            {metadata.quota.map(|quota| view! { <QuotaMeter quota=quota /> })}
            {account}
            {region}
            {facts}
            {(!key.hint.is_empty())
                .then(|| {
                    view! {
                        <span class="muted" title="The last characters of the stored key">
                            "Key " {key.hint}
                        </span>
                    }
                })}
        </div>
        {forecast}
        <Capabilities of=capabilities />
        {key.status_reason.map(|reason| view! { <p class="key-reason">{reason}</p> }.into_any())}
        {advice.map(|Advice { text, link }| {
            view! {
                <p class="key-advice">
                    {text} " " {link.map(|(label, href)| view! { <External href=href label=label /> })}
                </p>
            }.into_any()
        })}
        {platform}
        {stale}
        {down}
        <Details services=key.services evidence=key.evidence />
    }
    .into_any()
}

/// That a provider answers nobody, which is not the key's trouble.
pub fn not_answering(name: &str, since: Timestamp, last_validated: Option<Timestamp>) -> AnyView {
    let stands = match last_validated {
        Some(at) => view! {
            "; what it told of the key " <Moment at=at phrase=Phrase::Ago /> " stands"
        }
        .into_any(),
        None => ().into_any(),
    };
    view! {
        <p class="key-note">
            <Icon mark=Mark::Clock />
            <span>
                {name.to_owned()} " has not answered since " <Moment at=since />
                ". The trouble is not the key’s" {stands}
                ". Keyward goes on asking, and checks the key once there are answers again."
            </span>
        </p>
    }
    .into_any()
}

/// How long the quota lasts, where there is a pace to judge by.
fn outlook(forecast: &Forecast, name: &str) -> Option<AnyView> {
    let named = matches!(forecast.outlook, Outlook::Ends | Outlook::LastsUntilRenewal);
    let (text, at) = forecast.words(name);
    let (at, from) = (at.filter(|_| named)?, forecast.made_at);
    Some(view! { <p class="key-note">{text} " " <Day at=at from=from /> "."</p> }.into_any())
}

/// What the key can and cannot do, and what the last check rests on. Codes stand here and nowhere else.
#[component]
fn Details(
    /// For each service that can use the key.
    services: Vec<ServiceAbilities>,
    /// The evidence, once there was a check.
    evidence: Option<Evidence>,
) -> impl IntoView {
    let evidence =
        evidence.map(|Evidence { outcome, reason, http_status, provider_code, latency_ms, at }| {
            let status = http_status.map(|status| fact("HTTP status", status.to_string()));
            let code = provider_code.map(|code| fact("Provider’s code", code));
            view! {
                <div class="key-facts">
                    <span>
                        <span class="muted">"Last check "</span>
                        <Moment at=at phrase=Phrase::Ago />
                    </span>
                    {fact("Outcome", outcome.code())}
                    {fact("Reason", reason.code())}
                    {status}
                    {code}
                    {fact("Took", format!("{latency_ms} ms"))}
                </div>
            }
            .into_any()
        });
    (evidence.is_some() || !services.is_empty()).then(|| {
        view! {
            <details class="guidance">
                <summary>"Details"</summary>
                {services.into_iter().map(abilities).collect_view()}
                {evidence}
            </details>
        }
        .into_any()
    })
}

/// When the key was last checked, and when it is checked again if something waits for that.
#[component]
pub(super) fn Checked(
    /// The key.
    key: KeyView,
    /// Whether keys are checked by schedule.
    checking: bool,
) -> impl IntoView {
    let waits = checking
        && !matches!(key.status, KeyStatus::Valid | KeyStatus::Limited)
        && !key.undecryptable
        && key.provider_down_since.is_none();
    let next = key
        .next_check_at
        .filter(|_| waits)
        .map(|at| view! { <span>"next check " <Moment at=at phrase=Phrase::Ahead /></span> }.into_any());
    let last = match key.last_validated {
        Some(at) => view! { <span>"checked " <Moment at=at phrase=Phrase::Ago /></span> }.into_any(),
        None => view! { <span>"not checked yet"</span> }.into_any(),
    };
    view! { <p class="key-checked">{last} {next}</p> }
}

fn fact(label: impl Into<String>, value: impl Into<String>) -> AnyView {
    view! {
        <span>
            <span class="muted">{label.into()} " "</span>
            {value.into()}
        </span>
    }
    .into_any()
}

/// What the credential can do: yes, no, or not revealed.
#[component]
fn Capabilities(
    /// Name and answer.
    of: Vec<(String, Option<bool>)>,
) -> impl IntoView {
    (!of.is_empty()).then(|| {
        view! {
            <ul class="capabilities">
                {of
                    .into_iter()
                    .map(|(name, answer)| {
                        let (mark, class, words) = match answer {
                            Some(true) => (Mark::Check, "tone-good", ""),
                            Some(false) => (Mark::Cross, "tone-bad", "lacks "),
                            None => (Mark::Circle, "tone-neutral", "not revealed: "),
                        };
                        view! {
                            <li>
                                <span class=format!("capability-mark {class}")>
                                    <Icon mark=mark />
                                </span>
                                <span>{words} {capability_label(&name).into_owned()}</span>
                            </li>
                        }.into_any()
                    })
                    .collect_view()}
            </ul>
        }
        .into_any()
    })
}
