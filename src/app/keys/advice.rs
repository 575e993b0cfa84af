use crate::model::{
    ability::{Ability, Answer},
    key::KeyView,
    provider::{Cost, ProviderInfo},
    service::capability_label,
    status::KeyStatus,
};

/// What to do about the state of a key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Advice {
    /// The sentences.
    pub(super) text: String,
    /// A link to the provider: words and address.
    pub(super) link: Option<(String, String)>,
}

/// The advice for a stored key; none where nothing is to be done.
pub(super) fn advice(key: &KeyView, info: &ProviderInfo, checking: bool) -> Option<Advice> {
    let name = &info.name;
    if key.undecryptable {
        return Some(Advice {
            text:
                "The stored value is kept as it is. Replace it or delete it here; if this installation was \
                   moved or restored, its operator can bring back the encryption secret instead."
                    .to_owned(),
            link: None,
        });
    }
    let advice = match key.status {
        KeyStatus::Valid | KeyStatus::Missing => return None,
        KeyStatus::Exhausted => {
            let until = key
                .metadata
                .quota
                .as_ref()
                .and_then(|quota| quota.resets_at)
                .map(|at| format!("until {}, or until you add more", at.date_for_people()))
                .unwrap_or_else(|| "until you add more".to_owned());
            Advice {
                text: format!("Services that use it up stay closed {until}. What needs none of it goes on."),
                link: Some((format!("Add more at {name}"), info.links.billing.clone())),
            }
        }
        KeyStatus::Invalid => Advice {
            text: "Replace it with a new one.".to_owned(),
            link: Some((format!("Keys at {name}"), info.links.keys.clone())),
        },
        KeyStatus::Suspended => Advice {
            text: format!("Settle it with {name}, then check again."),
            link: Some((format!("Your account at {name}"), info.links.billing.clone())),
        },
        KeyStatus::Limited => of_abilities(key).unwrap_or_else(|| Advice {
            text: format!(
                "It lacks {}. What needs that stays closed: change it at {name} and check again, or replace the key here.",
                lacking(key)
            ),
            link: Some((format!("Keys at {name}"), info.links.keys.clone())),
        }),
        // The reason says why nothing was asked; waiting changes nothing.
        KeyStatus::Unverified if info.check_cost == Cost::Billed => return None,
        KeyStatus::Unverified if checking => Advice {
            text: format!("It is stored. Keyward asks {name} again by itself; what needs it opens as soon as it is accepted."),
            link: None,
        },
        KeyStatus::Unverified => Advice {
            text: "Checking is switched off on this installation, so it is used unchecked. “Check now” still asks."
                .to_owned(),
            link: None,
        },
    };
    Some(advice)
}

/// What services cannot do with the key and what helps, each once; none where they can do everything.
fn of_abilities(key: &KeyView) -> Option<Advice> {
    let mut lacking: Vec<&Ability> = Vec::new();
    for ability in key.services.iter().flat_map(|service| &service.abilities) {
        if ability.answer == Answer::No && lacking.iter().all(|known| known.id != ability.id) {
            lacking.push(ability);
        }
    }
    let link = lacking.iter().find_map(|ability| ability.link.clone());
    let reasons = lacking.iter().filter_map(|ability| ability.reason.as_deref());
    let advice = lacking.iter().filter_map(|ability| ability.advice.as_deref());
    let text = reasons.chain(advice).collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then(|| Advice { text, link: link.map(|link| (link.label, link.url)) })
}

/// The capabilities that the key definitely lacks, in words.
fn lacking(key: &KeyView) -> String {
    let missing = key.metadata.capabilities.iter().filter(|(_, has)| **has == Some(false));
    let names: Vec<_> = missing.map(|(name, _)| capability_label(name)).collect();
    if names.is_empty() { "permissions".to_owned() } else { names.join(" and ") }
}
