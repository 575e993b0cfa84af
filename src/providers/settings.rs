//! What an operator may set about outbound calls.

use std::{collections::BTreeMap, fmt};

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{
    catalogue::Catalogue,
    egress::origin::{BaseUrl, Origin},
};
use crate::model::ids::ProviderId;

/// The settings of the way out.
#[derive(Debug, Clone, Default)]
pub struct EgressSettings {
    pub(super) base_urls: BTreeMap<ProviderId, BaseUrl>,
    pub(super) proxy: Option<EgressProxy>,
}

/// An HTTP proxy. Its address may hold a password.
#[derive(Debug, Clone)]
pub(super) struct EgressProxy {
    address: SecretString,
    host: String,
}

/// A variable that cannot be used. The value is not repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// The variable's name.
    pub variable: String,
    /// What is wrong with it, to be put after the name.
    pub problem: &'static str,
    /// What to write instead.
    pub remedy: &'static str,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}. {}.", self.variable, self.problem, self.remedy)
    }
}

impl std::error::Error for SettingError {}

impl EgressSettings {
    /// Reads addresses that replace all regions of a provider (`KEYWARD_SERPAPI_BASE_URL` and its
    /// like, by provider) and the only proxy ever used (`KEYWARD_EGRESS_PROXY`). The usual
    /// environment variables for proxies are not looked at.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first. An address for a provider that is not in the
    /// catalogue is an error: a misspelt name would otherwise send keys where they should not go.
    pub fn new(
        catalogue: &Catalogue,
        base_urls: &BTreeMap<ProviderId, String>,
        proxy: Option<&SecretString>,
    ) -> Result<Self, Vec<SettingError>> {
        let mut settings = Self::default();
        let mut errors = Vec::new();
        for (provider, text) in base_urls {
            let variable = format!("KEYWARD_{}_BASE_URL", provider.as_str().to_ascii_uppercase());
            if catalogue.get(provider).is_none() {
                errors.push(SettingError {
                    variable,
                    problem: "names a provider that this installation does not know",
                    remedy: "Check its spelling, or remove it",
                });
                continue;
            }
            match BaseUrl::parse(text) {
                Ok(base) => drop(settings.base_urls.insert(provider.clone(), base)),
                Err(problem) => errors.push(SettingError {
                    variable,
                    problem,
                    remedy: "Write it like https://gateway.example.org/path",
                }),
            }
        }
        match proxy.map(EgressProxy::parse) {
            Some(Ok(proxy)) => settings.proxy = Some(proxy),
            Some(Err(problem)) => errors.push(SettingError {
                variable: "KEYWARD_EGRESS_PROXY".to_owned(),
                problem,
                remedy: "Write it like http://proxy.example.org:3128",
            }),
            None => {}
        }
        if errors.is_empty() { Ok(settings) } else { Err(errors) }
    }
}

impl EgressProxy {
    fn parse(text: &SecretString) -> Result<Self, &'static str> {
        // EXPOSE: read, and put together again without user name and password.
        let address = text.expose_secret().trim();
        let mut url = Url::parse(address).map_err(|_| "is not the address of a proxy")?;
        let anonymous = url.set_username("").and_then(|()| url.set_password(None));
        anonymous.map_err(|()| "is not the address of a proxy")?;
        let origin = Origin::try_from(url.to_string())
            .map_err(|_| "must be http or https, a host and a port, and nothing after them")?;
        Ok(Self { address: SecretString::from(address), host: origin.host().to_owned() })
    }

    /// The whole address.
    pub(super) fn address(&self) -> &SecretString {
        &self.address
    }

    /// The name or address of its host.
    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(urls: &[(ProviderId, &str)], proxy: Option<&str>) -> Result<EgressSettings, Vec<String>> {
        let urls = urls.iter().map(|(id, url)| (id.clone(), (*url).to_owned())).collect();
        EgressSettings::new(Catalogue::shared(), &urls, proxy.map(SecretString::from).as_ref())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn good_settings_are_read_and_keep_the_proxy_s_password() {
        let proxy = "http://me:hunter2@proxy.internal:3128";
        let settings = read(&[(ProviderId::SERPAPI, "http://127.0.0.1:4010/serpapi")], Some(proxy)).unwrap();
        assert_eq!(settings.base_urls[&ProviderId::SERPAPI].to_string(), "http://127.0.0.1:4010/serpapi");
        assert!(!format!("{settings:?}").contains("hunter2"));
        let proxy = settings.proxy.unwrap();
        assert_eq!(proxy.host(), "proxy.internal");
        assert!(proxy.address().expose_secret().contains("hunter2"));
    }

    #[test]
    fn every_problem_is_told_without_the_value() {
        let errors = read(
            &[
                (ProviderId::SERPAPI, "http://10.0.0.7/x"),
                (ProviderId::TWILIO, "https://me:hunter2@example.org"),
                ("serpai".parse().unwrap(), "https://example.org"),
            ],
            Some("socks5://proxy"),
        );
        assert_eq!(
            errors.expect_err("all four are wrong"),
            [
                "KEYWARD_SERPAI_BASE_URL names a provider that this installation does not know. Check its spelling, or remove it.",
                "KEYWARD_SERPAPI_BASE_URL must be https; plain http is for loopback addresses such as http://127.0.0.1:4010. Write it like https://gateway.example.org/path.",
                "KEYWARD_TWILIO_BASE_URL must not hold a user name or password. Write it like https://gateway.example.org/path.",
                "KEYWARD_EGRESS_PROXY must be http or https, a host and a port, and nothing after them. Write it like http://proxy.example.org:3128.",
            ]
        );
        for bad in ["proxy:3128", "", "http://proxy/path", "mailto:a@b"] {
            assert!(read(&[], Some(bad)).is_err(), "{bad}");
        }
    }
}
