//! Puts a credential where its provider expects it.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{
    Request,
    header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use zeroize::Zeroizing;

use super::Fault;
use crate::providers::{catalogue::schema::Auth, template::Template};

/// Adds the credential and the provider's own headers to `request`. `value` gives the fields.
pub(crate) fn place<'v>(
    request: &mut Request,
    auth: &Auth,
    headers: &BTreeMap<String, Template>,
    value: impl Fn(&str) -> Option<&'v str>,
) -> Result<(), Fault> {
    for (name, template) in headers {
        if let Some(text) = template.fill(&value) {
            header(request, name, text.as_bytes())?;
        }
    }
    let fill = |template: &Template| template.fill(&value).map(Zeroizing::new).ok_or(Fault::NotSent);
    match auth {
        Auth::Query { name, value } => {
            request.url_mut().query_pairs_mut().append_pair(name, &fill(value)?);
        }
        Auth::Header { name, value } => header(request, name, fill(value)?.as_bytes())?,
        Auth::Basic { user, password } => {
            let pair = Zeroizing::new(format!("{}:{}", *fill(user)?, *fill(password)?));
            let text = Zeroizing::new(format!("Basic {}", *Zeroizing::new(STANDARD.encode(pair.as_bytes()))));
            header(request, AUTHORIZATION.as_str(), text.as_bytes())?;
        }
    }
    Ok(())
}

/// Sensitive, so that it is not shown by `Debug`.
fn header(request: &mut Request, name: &str, value: &[u8]) -> Result<(), Fault> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Fault::NotSent)?;
    let mut value = HeaderValue::from_bytes(value).map_err(|_| Fault::NotSent)?;
    value.set_sensitive(true);
    request.headers_mut().insert(name, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Template {
        Template::try_from(text.to_owned()).unwrap()
    }

    fn placed(auth: &Auth, headers: &BTreeMap<String, Template>) -> Result<Request, Fault> {
        let mut request =
            Request::new(reqwest::Method::GET, "https://api.example.org/x?a=b".parse().unwrap());
        let value = |name: &str| match name {
            "key" => Some("k&y="),
            "user" => Some("me"),
            "broken" => Some("a\nb"),
            _ => None,
        };
        place(&mut request, auth, headers, value).map(|()| request)
    }

    #[test]
    fn a_query_parameter_is_encoded() {
        let auth = Auth::Query { name: "api_key".to_owned(), value: template("{key}") };
        let request = placed(&auth, &BTreeMap::new()).unwrap();
        assert_eq!(request.url().query(), Some("a=b&api_key=k%26y%3D"));
    }

    #[test]
    fn headers_are_sensitive_and_left_out_when_their_field_is_missing() {
        let headers = BTreeMap::from([
            ("x-version".to_owned(), template("2023-06-01")),
            ("x-organization".to_owned(), template("{organization}")),
        ]);
        let auth = Auth::Header { name: "x-api-key".to_owned(), value: template("{key}") };
        let request = placed(&auth, &headers).unwrap();
        assert_eq!(request.headers().len(), 2);
        assert_eq!(request.headers()["x-version"], "2023-06-01");
        assert_eq!(request.headers()["x-api-key"], "k&y=");
        assert!(
            request.headers()["x-api-key"].is_sensitive()
                && !format!("{:?}", request.headers()).contains("k&y")
        );
    }

    #[test]
    fn basic_is_base64_of_user_and_password() {
        let auth = Auth::Basic { user: template("{user}"), password: template("{key}") };
        let request = placed(&auth, &BTreeMap::new()).unwrap();
        assert_eq!(request.headers()["authorization"], "Basic bWU6ayZ5PQ==");
        assert!(request.headers()["authorization"].is_sensitive());
    }

    #[test]
    fn what_does_not_fit_is_not_sent() {
        for value in ["{broken}", "{missing}"] {
            let auth = Auth::Header { name: "x-api-key".to_owned(), value: template(value) };
            assert_eq!(placed(&auth, &BTreeMap::new()).err(), Some(Fault::NotSent));
        }
    }
}
