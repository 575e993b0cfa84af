use leptos::prelude::*;

use crate::{
    app::ui::{Mark, Pill, Tone, part},
    model::{
        access::{AccessDecision, Block, ProviderVerdict, Verdict},
        page::SettingsPage,
        provider::provider_name,
        service::Needs,
        status::KeyStatus,
    },
};

/// Every service: open or closed, why, and the way to it.
#[component]
pub(super) fn ServiceList(
    /// The decisions, and which providers the catalogue has.
    #[prop(into)]
    page: Signal<SettingsPage>,
    /// Says what each service does.
    #[prop(optional)]
    summaries: bool,
) -> impl IntoView {
    part(move || {
        let page = page.read();
        let row = |decision: &AccessDecision| {
            let limits = page.limits(decision).iter().map(|limit| format!(" {}", limit.sentence())).collect();
            service_row(decision, summaries.then(|| decision.service.summary()), limits)
        };
        let rows: Vec<_> = page.decisions.iter().map(row).collect();
        view! { <ul class="service-rows">{rows}</ul> }.into_any()
    })
}

/// A service: open or closed, why, and the way to it.
pub(super) fn service_row(
    decision: &AccessDecision,
    summary: Option<&'static str>,
    limits: String,
) -> AnyView {
    let service = decision.service;
    let why = why(decision);
    let progress = progress(decision);
    let way = way(decision).map(|words| {
        view! {
            <a href=service.setup_path()>
                {words} <span class="visually-hidden">{format!(" for {}", service.name())}</span>
            </a>
        }
        .into_any()
    });
    view! {
        <li class="service-row">
            <div class="service-head">
                <a class="service-name" href=service.path()>
                    {service.name()}
                </a>
                <ServicePill decision=decision.clone() />
            </div>
            {summary.map(|summary| view! { <p>{summary}</p> }.into_any())}
            <p class="muted">{why} {limits} {progress} " " {way}</p>
        </li>
    }
    .into_any()
}

/// How many services are open: `3 of 5 open`.
pub(super) fn open_count(page: &SettingsPage) -> String {
    let open = page.decisions.iter().filter(|decision| decision.granted).count();
    format!("{open} of {} open", page.decisions.len())
}

/// Whether a service is open.
#[component]
pub(super) fn ServicePill(
    /// The decision.
    decision: AccessDecision,
) -> impl IntoView {
    let waiting = decision.blocking().next().is_some()
        && decision
            .blocking()
            .all(|verdict| matches!(verdict.verdict, Verdict::Blocked { block: Block::Unverified, .. }));
    if decision.granted {
        view! { <Pill tone=Tone::Good mark=Mark::Check label="Open" /> }
    } else if waiting {
        view! { <Pill tone=Tone::Neutral mark=Mark::Clock label="Waiting" /> }
    } else if decision.blocking().all(|verdict| verdict.status == KeyStatus::Missing) {
        // Nothing is wrong; it was never set up.
        view! { <Pill tone=Tone::Neutral mark=Mark::Lock label="Closed" /> }
    } else {
        view! { <Pill tone=Tone::Bad mark=Mark::Cross label="Closed" /> }
    }
}

/// Why a service is open or closed, in a sentence or two.
pub(super) fn why(decision: &AccessDecision) -> String {
    if decision.service.needs() == Needs::AnyStored {
        return if decision.granted {
            "Any stored key opens it."
        } else {
            "It opens with the first stored key."
        }
        .to_owned();
    }
    if decision.granted {
        let warnings: Vec<_> = decision
            .providers
            .iter()
            .filter(|verdict| !verdict.optional && has_warning(verdict))
            .map(|verdict| verdict.sentence(&provider_name(&verdict.provider)))
            .collect();
        if !warnings.is_empty() {
            return warnings.join(" ");
        }
        let names = required(decision).map(|verdict| provider_name(&verdict.provider)).collect();
        return format!("Uses {}.", listed(names));
    }
    match decision.blocking().collect::<Vec<_>>().as_slice() {
        [one] => one.sentence(&provider_name(&one.provider)),
        several => in_short(several),
    }
}

/// Several providers' blocks, those alike together: `ElevenLabs and OpenAI not set up, Twilio suspended.`
fn in_short(verdicts: &[&ProviderVerdict]) -> String {
    let mut alike: Vec<(&str, Vec<String>)> = Vec::new();
    for verdict in verdicts {
        let (state, name) = (state(verdict), provider_name(&verdict.provider));
        match alike.iter_mut().find(|(other, _)| *other == state) {
            Some((_, names)) => names.push(name),
            None => alike.push((state, vec![name])),
        }
    }
    let parts: Vec<_> =
        alike.into_iter().map(|(state, names)| format!("{} {state}", listed(names))).collect();
    format!("{}.", parts.join(", "))
}

/// What is wrong with one provider's key among several, in a word or two.
fn state(verdict: &ProviderVerdict) -> &'static str {
    match &verdict.verdict {
        Verdict::Ready { .. } => "ready",
        Verdict::Blocked { block, .. } => match block {
            Block::LacksCapability => "lacking a permission",
            Block::Exhausted => "used up",
            Block::Unverified => "not checked yet",
            Block::Undecryptable => "not openable",
            Block::Suspended => "suspended",
            Block::Invalid => "not accepted",
            Block::Missing => "not set up",
        },
    }
}

/// The words of the link that leads to what can be done about a closed service.
fn way(decision: &AccessDecision) -> Option<&'static str> {
    let missing = decision.service.needs() == Needs::AnyStored
        || decision.blocking().any(|verdict| verdict.status == KeyStatus::Missing);
    (!decision.granted).then_some(if missing { "Set up" } else { "See what to do" })
}

/// Set-up progress of a service that needs several keys: ` 1 of 3 ready.`
pub(super) fn progress(decision: &AccessDecision) -> Option<String> {
    let all = required(decision).count();
    let ready = required(decision).filter(|verdict| !verdict.blocks()).count();
    (all > 1 && !decision.granted).then(|| format!(" {ready} of {all} ready."))
}

fn required(decision: &AccessDecision) -> impl Iterator<Item = &ProviderVerdict> {
    decision.providers.iter().filter(|verdict| !verdict.optional)
}

fn has_warning(verdict: &ProviderVerdict) -> bool {
    matches!(&verdict.verdict, Verdict::Ready { unknown } if !unknown.is_empty())
}

/// `A`, `A and B`, `A, B and C`.
pub(super) fn listed(mut names: Vec<String>) -> String {
    match names.pop() {
        None => String::new(),
        Some(last) if names.is_empty() => last,
        Some(last) => format!("{} and {last}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        access::{Policy, decide},
        service::ServiceId,
    };

    #[test]
    fn a_closed_service_says_what_it_waits_for() {
        let closed = decide(ServiceId::AiCalling, &[], Policy { unverified_counts: false });
        assert_eq!(why(&closed), "ElevenLabs, OpenAI and Twilio not set up.");
        assert_eq!(progress(&closed).as_deref(), Some(" 0 of 3 ready."));
        assert_eq!(way(&closed), Some("Set up"));
        let one = decide(ServiceId::VoiceCloning, &[], Policy { unverified_counts: false });
        assert!(why(&one).starts_with("ElevenLabs"), "{}", why(&one));
    }
}
