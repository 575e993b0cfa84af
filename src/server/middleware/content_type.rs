//! One content type for each kind of route: a body is never guessed at.

use http::{HeaderMap, header};

use super::{is_rest, is_server_function, takes_files};

/// Whether a body sent to `path` says that it is what `path` reads.
pub(super) fn is_declared(path: &str, headers: &HeaderMap) -> bool {
    let expected = if is_server_function(path) {
        "application/x-www-form-urlencoded"
    } else if takes_files(path) {
        "multipart/form-data"
    } else if is_rest(path) {
        "application/json"
    } else {
        return true;
    };
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(first), None) = (types.next(), types.next()) else { return false };
    let essence = first.to_str().ok().and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(path: &str, types: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for kind in types {
            headers.append(header::CONTENT_TYPE, kind.parse().unwrap());
        }
        is_declared(path, &headers)
    }

    #[test]
    fn each_kind_of_route_has_its_own_type_and_no_other() {
        const JSON: &str = "application/json";
        const FORM: &str = "application/x-www-form-urlencoded";
        let others = [
            "text/plain",
            "text/html",
            "multipart/form-data; boundary=x",
            "application/cbor",
            "application/xml",
            "application/octet-stream",
            "application/json5",
            "application/x-ndjson",
            "application/problem+json",
            "application/json, text/plain",
            "",
        ];
        for (path, right, wrong) in [
            ("/api/user-api-keys/store", JSON, FORM),
            ("/api/rpc", JSON, FORM),
            ("/api/rpc/store_key", FORM, JSON),
        ] {
            assert!(
                declared(path, &[right]) && declared(path, &[&format!("{right}; charset=utf-8")]),
                "{path}"
            );
            assert!(declared(path, &[&right.to_uppercase()]), "{path}");
            assert!(!declared(path, &[wrong]) && !declared(path, &[]), "{path}");
            assert!(!declared(path, &[right, wrong]), "{path}");
            for other in others {
                assert!(!declared(path, &[other]), "{path} {other}");
            }
        }
        let files = "/api/services/voice-cloning/voices";
        assert!(declared(files, &["multipart/form-data; boundary=x"]) && !declared(files, &[JSON]));
        assert!(declared("/webhooks/twilio", &[FORM]));
    }
}
