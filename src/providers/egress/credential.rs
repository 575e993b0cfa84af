//! Puts a credential where its provider expects it.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{
    Request,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::Fault;
use crate::providers::{
    catalogue::schema::{Auth, BodyFormat},
    template::Template,
};

/// Adds the credential, the provider's own headers and the body to `request`. `value` gives the fields.
pub(crate) fn place<'v>(
    request: &mut Request,
    auth: &Auth,
    headers: &BTreeMap<String, Template>,
    body: Option<&Map<String, Value>>,
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
        Auth::Body { name, value, format } => {
            let secret = fill(value)?;
            return write_body(request, *format, body, Some((name, &secret)));
        }
        Auth::Basic { user, password } => {
            let pair = Zeroizing::new(format!("{}:{}", *fill(user)?, *fill(password)?));
            let text = Zeroizing::new(format!("Basic {}", *Zeroizing::new(STANDARD.encode(pair.as_bytes()))));
            header(request, AUTHORIZATION.as_str(), text.as_bytes())?;
        }
    }
    if body.is_some() { write_body(request, BodyFormat::Json, body, None) } else { Ok(()) }
}

/// A form as the body.
pub(crate) fn write_form(request: &mut Request, fields: &[(&'static str, String)]) {
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert(CONTENT_TYPE, kind);
    *request.body_mut() = Some(form.into());
}

/// The body, with the credential among its members where it belongs there.
fn write_body(
    request: &mut Request,
    format: BodyFormat,
    body: Option<&Map<String, Value>>,
    secret: Option<(&str, &str)>,
) -> Result<(), Fault> {
    let members = body.into_iter().flatten().map(|(name, value)| (name.as_str(), value));
    let (kind, bytes) = match format {
        BodyFormat::Json => {
            let secret = secret.map(|(name, value)| (name, Value::from(value)));
            let all: BTreeMap<&str, &Value> =
                members.chain(secret.iter().map(|(name, value)| (*name, value))).collect();
            ("application/json", serde_json::to_vec(&all).map_err(|_| Fault::NotSent)?)
        }
        BodyFormat::Form => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(members.filter_map(|(name, value)| Some((name, value.as_str()?))))
                .extend_pairs(secret);
            ("application/x-www-form-urlencoded", form.finish().into_bytes())
        }
    };
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    *request.body_mut() = Some(bytes.into());
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
        place(&mut request, auth, headers, None, value).map(|()| request)
    }

    #[test]
    fn a_body_holds_the_credential_beside_what_is_asked() {
        let asked = serde_json::json!({"query": "a", "count": 1});
        let flat = serde_json::json!({"query": "a b"});
        for (format, asked, kind, expected) in [
            (BodyFormat::Json, &asked, "application/json", r#"{"api_key":"k&y=","count":1,"query":"a"}"#),
            (BodyFormat::Form, &flat, "application/x-www-form-urlencoded", "query=a+b&api_key=k%26y%3D"),
        ] {
            let auth = Auth::Body { name: "api_key".to_owned(), value: template("{key}"), format };
            let mut request =
                Request::new(reqwest::Method::POST, "https://api.example.org/x".parse().unwrap());
            let value = |name: &str| (name == "key").then_some("k&y=");
            place(&mut request, &auth, &BTreeMap::new(), asked.as_object(), value).unwrap();
            assert_eq!(request.headers()[CONTENT_TYPE], kind);
            let body = request.body().and_then(|body| body.as_bytes()).unwrap();
            assert_eq!(String::from_utf8_lossy(body), expected);
            assert!(request.url().query().is_none() && !format!("{request:?}").contains("k&y"));
        }
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
