//! Tries a catalogue file on the real provider: the real key accepted, a made-up one of the same shape rejected, a
//! limited one graded, and nothing of any key in what Keyward keeps.

use std::{collections::BTreeMap, fmt};

use secrecy::SecretString;

use super::{
    Candidate, Providers, Spending, UsageSource, catalogue::schema::Field, exchange::Caller,
    forms::Credential,
};
use crate::model::{
    ability::{Ability, ServiceAbilities, abilities},
    access::{CredentialState, Policy},
    check::{CheckReport, Outcome},
    error::AppError,
    ids::ProviderId,
    key::Source,
    provider::{ProviderInfo, Shape},
    status::KeyStatus,
};

/// The fields of one credential, as they were entered.
pub type Fields = BTreeMap<String, SecretString>;

/// What was found, one finding after the other.
#[derive(Debug, Default)]
pub struct Findings(Vec<(Verdict, String)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    /// For whoever reads it to judge.
    Told,
}

impl Findings {
    /// Whether the file does what it should.
    pub fn passed(&self) -> bool {
        self.0.iter().all(|(verdict, _)| *verdict != Verdict::Failed)
    }

    fn add(&mut self, passed: bool, text: impl Into<String>) {
        self.0.push((if passed { Verdict::Passed } else { Verdict::Failed }, text.into()));
    }

    fn tell(&mut self, text: impl Into<String>) {
        self.0.push((Verdict::Told, text.into()));
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |(verdict, text): &(Verdict, String)| {
            let word = match verdict {
                Verdict::Passed => "ok  ",
                Verdict::Failed => "FAIL",
                Verdict::Told => "    ",
            };
            format!("{word}  {text}")
        };
        f.write_str(&self.0.iter().map(line).collect::<Vec<_>>().join("\n"))
    }
}

/// Why a file cannot be tried.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The fields do not fit the file's forms.
    #[error("the fields of the {which} key do not fit: {}", wrong(error))]
    Fields {
        /// Which key's.
        which: &'static str,
        /// What is wrong.
        error: AppError,
    },
    /// There is no random source.
    #[error("the system has no random numbers to make a key up from")]
    NoRandom,
}

fn wrong(error: &AppError) -> String {
    error.errors.iter().map(|(field, error)| error.sentence(field)).collect::<Vec<_>>().join(" ")
}

impl Providers {
    /// Tries the file of `provider` on a real key, and on a limited one if there is one.
    ///
    /// # Errors
    /// The fields do not fit, or no key can be made up.
    pub async fn try_out(
        &self,
        provider: &ProviderId,
        real: Fields,
        limited: Option<Fields>,
        spending: Spending,
    ) -> Result<Findings, TrialError> {
        let prepare = |which, fields| {
            self.prepare(provider, fields).map_err(|error| TrialError::Fields { which, error })
        };
        let real = prepare("real", real)?;
        let limited = limited.map(|fields| prepare("limited", fields)).transpose()?;
        let made_up = prepare("made-up", made_up(&real)?)?;

        let mut findings = Findings::default();
        findings.tell(self.place_of(&real));
        for (which, candidate, expected) in [
            ("real", Some(&real), &[Outcome::Valid, Outcome::Limited, Outcome::Exhausted][..]),
            ("made-up", Some(&made_up), &[Outcome::Invalid]),
            ("limited", limited.as_ref(), &[Outcome::Limited]),
        ] {
            let Some(candidate) = candidate else { continue };
            let report = self.probe(candidate, CALLER, spending).await;
            let shown = shown(&report);
            findings.add(expected.contains(&report.outcome), format!("the {which} key: {shown}"));
            let kept = serde_json::to_string(&report).unwrap_or_default();
            let clean = !candidate.scrubber().finds_in(&format!("{kept} {report:?} {shown}"));
            findings.add(
                clean,
                format!("the {which} key: nothing of it is in what Keyward keeps of the answers"),
            );
            if report.outcome.status().is_some_and(KeyStatus::is_accepted) {
                let info = &candidate.catalogue().info;
                for line in can(&report, info) {
                    findings.tell(format!("the {which} key, {line}"));
                }
            }
        }
        Ok(findings)
    }

    fn place_of(&self, credential: &Credential) -> String {
        let binding = credential.catalogue().binding(&credential.config()).unwrap_or_default();
        let origin = self.destination(credential).map(|destination| destination.to_string());
        format!(
            "keys are sealed for {binding} and sent to {} only",
            origin.unwrap_or_else(|| "nowhere".to_owned())
        )
    }
}

/// Nobody's key, and no record of it.
pub(super) const CALLER: Caller = Caller {
    user: None,
    key: None,
    service: None,
    source: UsageSource::Candidate,
    key_source: Source::Platform,
};

/// Outcome, reason, status, and everything that is kept.
fn shown(report: &CheckReport) -> String {
    let status = report.http_status.map(|status| format!(", HTTP {status}")).unwrap_or_default();
    let metadata = &report.metadata;
    let mut told: Vec<String> = metadata.account.iter().chain(&metadata.plan).cloned().collect();
    told.extend(metadata.quota.iter().map(super::metadata::quota_in_words));
    told.extend(metadata.facts.iter().map(|(label, fact)| format!("{label} {fact}")));
    told.extend(metadata.capabilities.iter().map(|(name, answer)| {
        let answer = answer.map_or("unknown", |answer| if answer { "yes" } else { "no" });
        format!("{name} {answer}")
    }));
    let told = if told.is_empty() { String::new() } else { format!("; {}", told.join(", ")) };
    format!(
        "{}, {}{status}, {} ms{told}",
        report.outcome.code(),
        report.reason.code(),
        report.latency.as_millis()
    )
}

/// What each service can do with the key.
fn can(report: &CheckReport, info: &ProviderInfo) -> Vec<String> {
    let status = report.outcome.status().unwrap_or(KeyStatus::Unverified);
    let reason = Some(report.reason);
    let state = CredentialState::of(info.id.clone(), status, reason, &report.metadata, Source::User);
    let policy = Policy { unverified_counts: false };
    let services = abilities(&state, &report.metadata, info, policy);
    let line = |service: &ServiceAbilities, ability: &Ability| {
        let why = ability.reason.as_deref().map(|reason| format!(". {reason}")).unwrap_or_default();
        format!(
            "{}: {}: {}{why}",
            service.service.name(),
            ability.label,
            ability.answer.word().to_lowercase()
        )
    };
    let of_service = |service: ServiceAbilities| -> Vec<String> {
        service.abilities.iter().map(|ability| line(&service, ability)).collect()
    };
    services.into_iter().flat_map(of_service).collect()
}

/// The same credential with its secrets made up: of the same shape, and surely nobody's.
fn made_up(real: &Candidate) -> Result<Fields, TrialError> {
    let field = |field: &Field| -> Option<Result<(String, SecretString), TrialError>> {
        let value = real.value(&field.name)?;
        let value = if field.secret { forge(value, &field.shapes) } else { Ok(value.to_owned()) };
        Some(value.map(|value| (field.name.clone(), SecretString::from(value))))
    };
    real.form().fields.iter().filter_map(field).collect()
}

/// Keeps the prefix of the shape that the value has, and every character's kind: digits for digits, small letters for
/// small letters, all within `a` to `f` where the value is hexadecimal.
fn forge(value: &str, shapes: &[Shape]) -> Result<String, TrialError> {
    let kept = shapes.iter().find(|shape| shape.matches(value)).map_or(0, |shape| shape.prefix.len());
    let (prefix, rest) = value.split_at(kept);
    let hexadecimal = rest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let mut random = vec![0_u8; rest.chars().count()];
    getrandom::fill(&mut random).map_err(|_| TrialError::NoRandom)?;
    let made_up = rest.chars().zip(random).map(|(character, random)| {
        let among = |set: &[u8]| char::from(set[usize::from(random) % set.len()]);
        match character {
            _ if hexadecimal => among(b"0123456789abcdef"),
            '0'..='9' => among(b"0123456789"),
            'a'..='z' => among(b"abcdefghijklmnopqrstuvwxyz"),
            'A'..='Z' => among(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
            other => other,
        }
    });
    Ok(prefix.chars().chain(made_up).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_key_has_the_shape_of_the_real_one_and_is_another() {
        let shape = |prefix: &str| Shape {
            prefix: prefix.to_owned(),
            length: None,
            at_least: None,
            characters: None,
        };
        for (value, shapes) in [
            ("sk-proj-Ab3_xYz90qwertyuiopASDFGH-jkl", vec![shape("sk-proj-")]),
            ("0123456789abcdef0123456789abcdef", Vec::new()),
            ("SG.abcdefghijklmnopqrstuv.ABCDEFGHIJKLMNOPQRSTUVWXYZ", vec![shape("SG.")]),
        ] {
            let forged = forge(value, &shapes).unwrap();
            assert_ne!(forged, value);
            assert_eq!(forged.len(), value.len());
            for (one, other) in value.chars().zip(forged.chars()) {
                let hex = shapes.is_empty() && other.is_ascii_hexdigit();
                let alike = one.is_ascii_digit() == other.is_ascii_digit()
                    && one.is_ascii_lowercase() == other.is_ascii_lowercase()
                    && one.is_ascii_uppercase() == other.is_ascii_uppercase();
                assert!(hex || alike, "{value} {forged}");
            }
            assert!(shapes.iter().all(|shape| shape.matches(&forged)));
        }
    }
}
