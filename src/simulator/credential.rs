//! The credential that a request brings, wherever the provider expects it.

use axum::http::{HeaderMap, Uri, header::AUTHORIZATION};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use super::keys::Provider;

/// The parameters of an address, in order, names and values decoded.
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Those of `uri`.
    pub fn of(uri: &Uri) -> Self {
        Self::form(uri.query().unwrap_or_default().as_bytes())
    }

    /// Those of a form's body.
    pub fn form(body: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(body).into_owned().collect())
    }

    /// The first value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Every value of `name`.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Every name with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A credential as sent. Deliberately neither `Debug` nor `Serialize`: somebody may send a real one.
pub enum Presented {
    /// One key, in the address or in a header.
    ApiKey(String),
    /// HTTP Basic authentication.
    Basic {
        /// The part before the colon.
        user: String,
        /// The part after it.
        password: String,
    },
}

impl Presented {
    /// The credential of a request to `provider`, from where that provider looks for it. SerpAPI's older SDK calls
    /// the parameter `serp_api_key`; Anthropic's newer ones send a bearer token; Google takes the address too.
    pub fn of(provider: Provider, headers: &HeaderMap, params: &Params) -> Option<Self> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let parameter = |name: &str| params.get(name);
        let key = match provider {
            Provider::Twilio => return basic(headers),
            Provider::Serpapi => parameter("api_key").or_else(|| parameter("serp_api_key")),
            Provider::Elevenlabs => header("xi-api-key"),
            Provider::Openai => authorization(headers, "bearer"),
            Provider::Anthropic => header("x-api-key").or_else(|| authorization(headers, "bearer")),
            Provider::GoogleAi | Provider::GoogleSpeech => {
                header("x-goog-api-key").or_else(|| parameter("key"))
            }
        };
        key.map(|key| Self::ApiKey(key.to_owned()))
    }

    /// The first 12 hexadecimal digits of the SHA-256 of the key, or of `user:password`.
    pub fn fingerprint(&self) -> String {
        let mut digits = match self {
            Self::ApiKey(key) => sha256_hex(key),
            Self::Basic { user, password } => sha256_hex(&format!("{user}:{password}")),
        };
        digits.truncate(12);
        digits
    }
}

/// What follows `scheme` in the header `Authorization`.
fn authorization<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h str> {
    let (written, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    written.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

fn basic(headers: &HeaderMap) -> Option<Presented> {
    let decoded = String::from_utf8(STANDARD.decode(authorization(headers, "basic")?).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some(Presented::Basic { user: user.to_owned(), password: password.to_owned() })
}

/// The SHA-256 of a text as 64 lower-case hexadecimal digits.
pub fn sha256_hex(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(provider: Provider, header: (&'static str, &str), uri: &str) -> Option<Presented> {
        let mut headers = HeaderMap::new();
        headers.insert(header.0, header.1.parse().unwrap());
        Presented::of(provider, &headers, &Params::of(&uri.parse().unwrap()))
    }

    #[test]
    fn each_provider_looks_where_its_documentation_says() {
        use Provider::{Anthropic, Elevenlabs, GoogleAi, GoogleSpeech, Openai, Serpapi, Twilio};
        let none = ("accept", "*/*");
        for (provider, header, uri) in [
            (Serpapi, none, "/search?q=a&api_key=k%2B1"),
            (Serpapi, none, "/search?serp_api_key=k%2B1"),
            (Elevenlabs, ("xi-api-key", "k+1"), "/"),
            (Openai, ("authorization", "Bearer k+1"), "/"),
            (Anthropic, ("x-api-key", "k+1"), "/"),
            (Anthropic, ("authorization", "bearer k+1"), "/"),
            (GoogleAi, ("x-goog-api-key", "k+1"), "/"),
            (GoogleAi, none, "/?key=k%2B1"),
            (GoogleSpeech, none, "/?key=k%2B1"),
        ] {
            let found = presented(provider, header, uri);
            assert!(matches!(found, Some(Presented::ApiKey(key)) if key == "k+1"), "{header:?} {uri}");
        }
        let basic = presented(Twilio, ("authorization", "Basic QUMxOnRva2VuOng="), "/");
        assert!(
            matches!(basic, Some(Presented::Basic { user, password }) if user == "AC1" && password == "token:x")
        );
    }

    #[test]
    fn anything_else_is_no_credential() {
        for authorization in ["", "Basic", "Basic ???", "Basic QUMx", "Bearer QUMxOnRva2Vu"] {
            for provider in [Provider::Serpapi, Provider::Twilio, Provider::Elevenlabs] {
                let found = presented(provider, ("authorization", authorization), "/search?q=a");
                assert!(found.is_none(), "{authorization}");
            }
        }
        assert!(presented(Provider::Openai, ("authorization", "Basic QUMxOng="), "/?api_key=k").is_none());
    }

    #[test]
    fn a_fingerprint_is_the_shortened_sha_256() {
        // `printf abc | sha256sum`
        assert_eq!(Presented::ApiKey("abc".to_owned()).fingerprint(), "ba7816bf8f01");
    }
}
