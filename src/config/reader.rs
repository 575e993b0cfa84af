//! Reads single variables and collects what is wrong with them.

use std::{collections::BTreeMap, path::Path, str::FromStr};

use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

use super::{
    names::provider_of,
    problem::{Problem, Problems},
    secrets::FileError,
};
use crate::{model::ids::ProviderId, telemetry};

/// Reads variables; an empty one counts as not set.
pub(super) struct Reader<'a> {
    variables: &'a BTreeMap<String, String>,
    read_file: &'a dyn Fn(&Path) -> Result<SecretString, FileError>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        variables: &'a BTreeMap<String, String>,
        read_file: &'a dyn Fn(&Path) -> Result<SecretString, FileError>,
    ) -> Self {
        Self { variables, read_file, problems: Vec::new() }
    }

    /// Notes that something is wrong with `variable`.
    pub(super) fn problem(&mut self, variable: &str, wrong: impl Into<String>, remedy: impl Into<String>) {
        self.problems.push(Problem::new(variable, wrong, remedy));
    }

    /// `value`, or everything that is wrong.
    pub(super) fn finish<T>(self, value: T) -> Result<T, Problems> {
        if self.problems.is_empty() { Ok(value) } else { Err(Problems(self.problems)) }
    }

    /// The trimmed value of `name`.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// A value that is `expected`: "an address and port".
    pub(super) fn parse<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let parsed = self.text(name)?.parse().ok();
        if parsed.is_none() {
            self.problem(name, format!("is not {expected}"), "Correct it, or leave it out for the default");
        }
        parsed
    }

    /// One of the named values.
    pub(super) fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?;
        let chosen = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if chosen.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            self.problem(name, "has an unknown value", format!("Use one of: {}", words.join(", ")));
        }
        chosen
    }

    /// `true` or `false`.
    pub(super) fn switch(&mut self, name: &str) -> Option<bool> {
        self.choice(name, &[("true", true), ("false", false), ("1", true), ("0", false)])
    }

    /// Networks, or single addresses, separated by commas or spaces.
    pub(super) fn networks(&mut self, name: &str) -> Vec<IpNet> {
        let Some(text) = self.text(name) else { return Vec::new() };
        let parsed: Option<Vec<IpNet>> = text
            .split([',', ' '])
            .filter(|part| !part.is_empty())
            .map(|part| {
                part.parse().ok().or_else(|| Some(IpNet::from(part.parse::<std::net::IpAddr>().ok()?)))
            })
            .collect();
        parsed.unwrap_or_else(|| {
            self.problem(name, "is not a list of networks", "Write it like 10.0.0.0/8, 192.168.1.7");
            Vec::new()
        })
    }

    /// Texts separated by commas or spaces.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let parts = self.text(name).unwrap_or_default().split([',', ' ']);
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// A filter of log events.
    pub(super) fn log_filter(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        if telemetry::is_filter(text) {
            return Some(text.to_owned());
        }
        self.problem(name, "is not a log filter", "Write a level such as info, or info,keyward::keys=debug");
        None
    }

    /// A proxy's address. It may hold a password, so it is kept as a secret.
    pub(super) fn proxy(&mut self, name: &str) -> Option<SecretString> {
        let text = self.text(name)?;
        let known =
            Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !known {
            self.problem(
                name,
                "is not the address of a proxy",
                "Write it like http://proxy.example.org:3128",
            );
        }
        known.then(|| SecretString::from(text))
    }

    /// The address of a collector, from which that of its traces is made.
    pub(super) fn collector(&mut self, name: &str) -> Option<Url> {
        let text = self.text(name)?;
        let address = Url::parse(text).ok().filter(|url| {
            let plain = url.username().is_empty() && url.password().is_none();
            matches!(url.scheme(), "http" | "https") && url.has_host() && plain && url.query().is_none()
        });
        let traces = address.and_then(|mut url| {
            url.set_fragment(None);
            url.path_segments_mut().ok()?.pop_if_empty().extend(["v1", "traces"]);
            Some(url)
        });
        if traces.is_none() {
            self.problem(
                name,
                "is not the address of a collector",
                "Write it like http://127.0.0.1:4318; what it asks for as a proof goes into OTEL_EXPORTER_OTLP_HEADERS",
            );
        }
        traces
    }

    /// The replaced addresses, by provider.
    pub(super) fn provider_base_urls(&self) -> BTreeMap<ProviderId, String> {
        self.variables
            .keys()
            .filter_map(|name| Some((provider_of(name)?, self.text(name)?.to_owned())))
            .collect()
    }

    /// The text of a file that holds secrets.
    pub(super) fn read_file(&self, path: &Path) -> Result<SecretString, FileError> {
        (self.read_file)(path)
    }

    /// A secret from `name` or from the file named by `name` + `_FILE`.
    pub(super) fn secret(&mut self, name: &str) -> Option<SecretString> {
        let file_name = format!("{name}_FILE");
        match (self.text(name), self.text(&file_name)) {
            (None, None) => None,
            (Some(value), None) => Some(SecretString::from(value)),
            (None, Some(path)) => match self.read_file(Path::new(path)) {
                Ok(secret) => Some(secret),
                Err(error) => {
                    self.problem(&file_name, error.wrong(), error.remedy());
                    None
                }
            },
            (Some(_), Some(_)) => {
                self.problem(
                    name,
                    format!("and {file_name} are both set"),
                    "Keep one of them; the file is safer",
                );
                None
            }
        }
    }

    /// Whether `name` or its file form is set, rightly or wrongly.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.text(name).is_some() || self.text(&format!("{name}_FILE")).is_some()
    }
}
