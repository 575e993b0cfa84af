//! The names of all settings, and the nearest one to a misspelt name.

use std::collections::BTreeMap;

use crate::model::ids::ProviderId;

/// Settings without a prefix of their own.
const SHARED: &[&str] = &[
    "DATABASE_URL",
    "API_KEY_ENCRYPTION_SECRET",
    "API_KEY_ENCRYPTION_SECRET_FILE",
    "JWT_SECRET",
    "JWT_SECRET_FILE",
    "SYSTEM_API_TOKEN",
    "SYSTEM_API_TOKEN_FILE",
    "METRICS_TOKEN",
    "METRICS_TOKEN_FILE",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_SERVICE_NAME",
    "ENABLE_API_KEY_VALIDATION",
    "REQUIRE_USER_API_KEYS",
    "PUBLIC_URL",
    "LEPTOS_SITE_ADDR",
    "LEPTOS_SITE_ROOT",
];

const PREFIX: &str = "KEYWARD_";

/// Settings that begin with [`PREFIX`], without the addresses of providers.
const OWN: &[&str] = &[
    "KEYWARD_TRUSTED_PROXIES",
    "KEYWARD_REGISTRATION",
    "KEYWARD_DATA_DIR",
    "KEYWARD_EGRESS_PROXY",
    "KEYWARD_NOTIFY_ORIGINS",
    "KEYWARD_SMTP_URL",
    "KEYWARD_SMTP_URL_FILE",
    "KEYWARD_MAIL_FROM",
    "KEYWARD_PLATFORM_KEYS_FILE",
    "KEYWARD_PROVIDERS_DIR",
    "KEYWARD_CHECK_EVERY_MIN",
    "KEYWARD_CHECK_EVERY_MAX",
    "KEYWARD_LOG",
    "KEYWARD_LOG_FORMAT",
    "KEYWARD_LIMIT_LOGIN_PER_MINUTE",
    "KEYWARD_LIMIT_REGISTER_PER_HOUR",
    "KEYWARD_LIMIT_KEYS_PER_USER_PER_HOUR",
    "KEYWARD_LIMIT_KEYS_PER_ADDRESS_PER_HOUR",
    "KEYWARD_LIMIT_KEYS_PER_HOUR",
    "KEYWARD_LIMIT_CHECKS_PER_USER_PER_HOUR",
    "KEYWARD_LIMIT_PLATFORM_CALLS_PER_USER_PER_DAY",
    // Read by the scripts that build and test.
    "KEYWARD_CACHE",
    "KEYWARD_TEST_POSTGRES",
];

/// Whether `name` is a setting, or means to be one.
pub(super) fn is_setting(name: &str) -> bool {
    SHARED.contains(&name) || name.starts_with(PREFIX)
}

/// The provider whose address the variable `name` replaces.
pub(super) fn provider_of(name: &str) -> Option<ProviderId> {
    name.strip_prefix(PREFIX)?.strip_suffix("_BASE_URL")?.to_ascii_lowercase().parse().ok()
}

/// One sentence for each variable that looks like a setting of Keyward and is none.
pub(super) fn unknown_names(variables: &BTreeMap<String, String>) -> Vec<String> {
    variables
        .keys()
        .filter(|name| {
            name.starts_with(PREFIX) && !OWN.contains(&name.as_str()) && provider_of(name).is_none()
        })
        .map(|name| match nearest(name) {
            Some(known) => format!("{name} is not a setting of Keyward and is ignored. Is {known} meant?"),
            None => format!("{name} is not a setting of Keyward and is ignored."),
        })
        .collect()
}

/// The setting that is spelt most like `name`; none when even that one differs in a third of its letters.
fn nearest(name: &str) -> Option<&'static str> {
    let (distance, known) = OWN.iter().map(|known| (distance(name, known), *known)).min()?;
    (distance * 3 < known.len() - PREFIX.len()).then_some(known)
}

/// The number of letters to insert, remove or replace (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, above) in b.bytes().zip(row.iter_mut().skip(1)) {
            let cost = (diagonal + usize::from(x != y)).min(*above + 1).min(left + 1);
            diagonal = std::mem::replace(above, cost);
            left = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_insertions_removals_and_replacements() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn a_misspelt_setting_is_named_with_the_right_one_and_never_with_its_value() {
        let variables =
            ["KEYWARD_REGISTRATON", "KEYWARD_FLUX_COMPENSATOR", "KEYWARD_SERPAPI_BASE_URL", "HOME"]
                .map(|name| (name.to_owned(), "hunter2".to_owned()))
                .into();
        let warnings = unknown_names(&variables);
        assert_eq!(
            warnings,
            [
                "KEYWARD_FLUX_COMPENSATOR is not a setting of Keyward and is ignored.",
                "KEYWARD_REGISTRATON is not a setting of Keyward and is ignored. Is KEYWARD_REGISTRATION meant?",
            ]
        );
    }

    #[test]
    fn a_provider_is_named_by_its_variable() {
        assert_eq!(provider_of("KEYWARD_GOOGLE_AI_BASE_URL"), Some(ProviderId::GOOGLE_AI));
        assert_eq!(provider_of("KEYWARD_LOG"), None);
        assert_eq!(provider_of("KEYWARD__BASE_URL").map(|id| id.to_string()), None);
    }
}
