//! The credential that a request brings, wherever the provider expects it.

use axum::http::{HeaderMap, Uri, header::AUTHORIZATION};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

/// The parameters of an address, in order, names and values decoded.
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Those of `uri`.
    pub fn of(uri: &Uri) -> Self {
        Self(url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect())
    }

    /// The first value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Every name with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A credential as sent. Deliberately neither `Debug` nor `Serialize`: somebody may send a real one.
pub enum Presented {
    /// `api_key` or `serp_api_key` of the address.
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
    /// The credential of a request. SerpAPI's older SDK calls the parameter `serp_api_key`.
    pub fn of(headers: &HeaderMap, params: &Params) -> Option<Self> {
        if let Some(key) = params.get("api_key").or_else(|| params.get("serp_api_key")) {
            return Some(Self::ApiKey(key.to_owned()));
        }
        let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        Some(Self::Basic { user: user.to_owned(), password: password.to_owned() })
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

/// The SHA-256 of a text as 64 lower-case hexadecimal digits.
pub fn sha256_hex(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(authorization: &str, uri: &str) -> Option<Presented> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization.parse().unwrap());
        Presented::of(&headers, &Params::of(&uri.parse().unwrap()))
    }

    #[test]
    fn both_names_of_the_parameter_and_basic_authentication_are_read() {
        for uri in ["/search?q=a&api_key=k%2B1", "/search?serp_api_key=k%2B1"] {
            assert!(matches!(presented("", uri), Some(Presented::ApiKey(key)) if key == "k+1"), "{uri}");
        }
        let basic = presented("Basic QUMxOnRva2VuOng=", "/");
        assert!(
            matches!(basic, Some(Presented::Basic { user, password }) if user == "AC1" && password == "token:x")
        );
    }

    #[test]
    fn anything_else_is_no_credential() {
        for authorization in ["", "Basic", "Basic ???", "Basic QUMx", "Bearer QUMxOnRva2Vu"] {
            assert!(presented(authorization, "/search?q=a").is_none(), "{authorization}");
        }
    }

    #[test]
    fn a_fingerprint_is_the_shortened_sha_256() {
        // `printf abc | sha256sum`
        assert_eq!(Presented::ApiKey("abc".to_owned()).fingerprint(), "ba7816bf8f01");
    }
}
