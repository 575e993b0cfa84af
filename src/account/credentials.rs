//! What a request presents to prove who is asking, for REST and server functions alike.

use http::{HeaderMap, header};
use secrecy::{ExposeSecret, SecretString};

use super::{ApiToken, Begun, SessionToken};
use crate::model::{
    error::{AppError, ErrorCode},
    time::Timestamp,
};

/// The proof on a request.
#[derive(Debug)]
pub enum Presented {
    /// None.
    Nothing,
    /// The session cookie of a browser.
    Session(SessionToken),
    /// A personal API token.
    ApiToken(ApiToken),
    /// Another `Authorization: Bearer` token.
    Bearer(SecretString),
}

/// The name of the session cookie. Over https it carries the prefix that binds it to this very host.
pub const fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-keyward" } else { "keyward" }
}

/// Reads the proof from a request's headers. More than one is refused: it would be a guess which counts.
pub fn presented(headers: &HeaderMap, secure: bool) -> Result<Presented, AppError> {
    let ambiguous = || AppError::new(ErrorCode::AmbiguousCredentials);
    let mut bearers = headers.get_all(header::AUTHORIZATION).iter();
    let bearer = bearers.next();
    let mut sessions = session_cookies(headers, secure);
    let session = sessions.next();
    if bearers.next().is_some() || sessions.next().is_some() || (bearer.is_some() && session.is_some()) {
        return Err(ambiguous());
    }
    if let Some(value) = bearer {
        let token = value.to_str().ok().and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        // Something was presented, perhaps nothing we know: then it proves nobody, and is not "anonymous".
        let token = token.unwrap_or_default();
        return Ok(
            ApiToken::parse(token).map_or_else(|| Presented::Bearer(token.into()), Presented::ApiToken)
        );
    }
    Ok(session.and_then(SessionToken::parse).map_or(Presented::Nothing, Presented::Session))
}

fn session_cookies(headers: &HeaderMap, secure: bool) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(move |(name, _)| *name == cookie_name(secure))
        .map(|(_, value)| value)
}

/// The `Set-Cookie` value that hands a new session to the browser.
pub fn session_cookie(begun: &Begun, now: Timestamp, secure: bool) -> SecretString {
    // EXPOSE: the browser gets its token, once.
    let token = begun.token.secret().expose_secret();
    let age = begun.expires_at.since(now).as_secs();
    format!("{}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{}", cookie_name(secure), flag(secure))
        .into()
}

/// The `Set-Cookie` value that takes the session from the browser, with the same attributes.
pub fn no_session_cookie(secure: bool) -> String {
    format!("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{}", cookie_name(secure), flag(secure))
}

const fn flag(secure: bool) -> &'static str {
    if secure { "; Secure" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn one_proof_counts_and_two_are_refused() {
        let token = SessionToken::generate().unwrap();
        let cookie = format!("theme=dark; keyward={}", token.secret().expose_secret());
        let session = presented(&headers(&[("cookie", &cookie)]), false).unwrap();
        assert!(matches!(session, Presented::Session(t) if t.hash() == token.hash()));
        let bearer = presented(&headers(&[("authorization", "Bearer abc")]), false).unwrap();
        assert!(matches!(bearer, Presented::Bearer(t) if t.expose_secret() == "abc"));
        for two in [
            vec![("cookie", cookie.as_str()), ("authorization", "Bearer abc")],
            vec![("authorization", "Bearer abc"), ("authorization", "Bearer abc")],
            vec![("cookie", cookie.as_str()), ("cookie", cookie.as_str())],
        ] {
            assert!(presented(&headers(&two), false).is_err());
        }
    }

    #[test]
    fn the_cookie_of_plain_http_does_not_count_over_https() {
        let token = SessionToken::generate().unwrap();
        let cookie = format!("keyward={}", token.secret().expose_secret());
        assert!(matches!(presented(&headers(&[("cookie", &cookie)]), true).unwrap(), Presented::Nothing));
    }

    #[test]
    fn an_unknown_scheme_proves_nobody() {
        for odd in ["Basic YTpi", "Bearer", "bearer  ", "x"] {
            let proof = presented(&headers(&[("authorization", odd)]), false).unwrap();
            assert!(matches!(proof, Presented::Bearer(t) if !t.expose_secret().contains("YTpi")));
        }
    }
}
