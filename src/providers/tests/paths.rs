//! Whatever is filled into a path, the request goes to the same origin, below the same prefix, to the same number of
//! segments.

use proptest::prelude::*;
use url::Url;

use super::support::{CANARY, Room, Server, hurry, yes};
use crate::{
    model::ids::ProviderId,
    providers::{
        catalogue::Catalogue,
        egress::origin::{BaseUrl, Destination},
        template::Template,
    },
};

/// Values that some parser reads as more than a part of a path.
const ESCAPES: [&str; 72] = [
    // Climbing, plain and encoded once, twice, too long, half, as UTF-16.
    ".",
    "..",
    "...",
    "../",
    "/..",
    "../..",
    "../../admin",
    "/../../admin",
    "..\\..\\admin",
    "..;/admin",
    "..%2f..",
    "%2e%2e",
    "%2e%2e/",
    "%2e%2e%2f",
    ".%2e/",
    "%2e.",
    "..%252f",
    "%252e%252e%252f",
    "..%c0%af",
    "%c0%ae%c0%ae/",
    "%e0%80%af",
    "..%u2215",
    "%uff0e%uff0e/",
    "..%00/",
    "..%0d%0a/",
    "..%09/",
    "..\u{2215}..",
    "..\u{2044}..",
    "\u{ff0e}\u{ff0e}\u{ff0f}",
    "\u{2024}\u{2024}/",
    "\u{2025}",
    "/./",
    "./",
    "/.",
    "a/../b",
    "a/./../../b",
    // Another host.
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\evil.example",
    "https://evil.example/",
    "https:evil.example",
    "http:\\\\evil.example",
    "javascript:alert(1)",
    "@evil.example",
    "x@evil.example/",
    ":80@evil.example",
    ":443",
    "evil.example:80/",
    "%40evil.example",
    "%2f%2fevil.example",
    // A query or a fragment.
    "?admin=1",
    "?",
    "#",
    "#x",
    "%3fadmin=1",
    "%23x",
    "&admin=1",
    ";admin=1",
    "=",
    "?a=b#c/../d",
    // Another request.
    " HTTP/1.1",
    "%20HTTP/1.1%0d%0aHost:%20evil.example",
    "\u{0}",
    "%00",
    "%0d%0aX: y",
    "\u{a0}",
    "\u{feff}",
    "\u{202e}",
    "%",
    "%zz",
];

/// Every path of the catalogue that a value is filled into.
fn templates() -> Vec<&'static Template> {
    let files = Catalogue::shared().iter().map(|provider| &provider.file);
    let paths = files.flat_map(|file| {
        file.probe.iter().map(|call| &call.path).chain(file.operations.values().map(|call| &call.path))
    });
    let mut filled: Vec<_> = paths.filter(|path| path.fields().next().is_some()).collect();
    filled.sort_by_key(|path| path.fields().count());
    filled
}

/// Checks one value in every path, below every kind of address.
fn stays(value: &str) -> Result<(), TestCaseError> {
    for template in templates() {
        let Some(path) = template.fill_path(|_| Some(value)) else { continue };
        let harmless = template.fill_path(|_| Some("x")).unwrap();
        for base in ["https://api.example.org", "https://gateway.example.org:8443/keyward/v1"] {
            let base = BaseUrl::parse(base).unwrap();
            let destination = Destination::operator(&base);
            let Some(url) = destination.url(&path) else { continue };
            let expected = destination.url(&harmless).unwrap();
            // What another parser makes of the text that is sent.
            let sent = Url::parse(url.as_str()).unwrap();
            prop_assert_eq!(sent.origin(), expected.origin());
            prop_assert_eq!(
                (sent.username(), sent.password(), sent.query(), sent.fragment()),
                ("", None, None, None)
            );
            let (segments, wanted): (Vec<_>, Vec<_>) =
                (sent.path().split('/').collect(), expected.path().split('/').collect());
            prop_assert_eq!(segments.len(), wanted.len());
            for (segment, wanted) in segments.into_iter().zip(wanted) {
                // A segment without the value is what the catalogue says, and one with it climbs nowhere.
                prop_assert!(segment == wanted || wanted.contains('x'), "{} {}", segment, wanted);
                prop_assert!(!matches!(segment, "" | "." | "..") || segment == wanted, "{}", segment);
                prop_assert!(!segment.contains(['\\', '@', ';', '?', '#', ' ']), "{}", segment);
            }
        }
    }
    Ok(())
}

#[test]
fn no_escape_leaves_its_segment() {
    assert!(ESCAPES.len() >= 60 && templates().len() >= 4);
    for escape in ESCAPES {
        for value in [escape.to_owned(), format!("AC1{escape}"), format!("{escape}AC1"), escape.repeat(3)] {
            stays(&value).unwrap_or_else(|error| panic!("{value:?}: {error}"));
        }
    }
}

/// The same from the form to the wire: what was typed as an account's name is filled into Twilio's paths.
#[tokio::test]
async fn what_is_typed_into_a_form_leaves_no_segment_on_the_wire() {
    let server = Server::answering(|_| yes()).await;
    let room = Room::with(&format!("http://{}/keyward/v1", server.addr), |catalogue| hurry(catalogue, 5000));
    let mut asked = 0;
    for escape in ESCAPES {
        let fields = [("account_sid", escape), ("auth_token", CANARY)]
            .map(|(name, value)| (name.to_owned(), value.into()));
        let Ok(candidate) = room.providers.prepare(&ProviderId::TWILIO, fields.into()) else { continue };
        room.check(&candidate).await;
        asked += 1;
    }
    let heads = server.heads();
    assert!(asked >= 50 && heads.len() >= asked / 2, "{asked} {}", heads.len());
    for head in heads {
        let mut lines = head.split("\r\n");
        let target = lines.next().unwrap().strip_prefix("GET ").unwrap().strip_suffix(" HTTP/1.1").unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let account = path.strip_prefix("/keyward/v1/2010-04-01/Accounts/").unwrap();
        let rest = account.split_once('/').map(|(_, rest)| rest);
        assert!(!query.contains("admin"), "{head}");
        let known = ["Calls.json", "IncomingPhoneNumbers.json", "OutgoingCallerIds.json", "Balance.json"];
        assert!(rest.is_none_or(|rest| known.contains(&rest)), "{head}");
        assert!(rest.is_some() || account.ends_with(".json"), "{head}");
        let hosts: Vec<_> = lines.filter(|line| line.to_ascii_lowercase().starts_with("host:")).collect();
        assert_eq!(hosts, [format!("host: {}", server.addr)], "{head}");
    }
}

/// How many values are tried: 2,000, or as many as KEYWARD_TEST_PATH_CASES says.
fn cases() -> u32 {
    std::env::var("KEYWARD_TEST_PATH_CASES").map_or(2000, |cases| cases.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn no_value_leaves_its_segment(
        value in prop_oneof![
            any::<String>(),
            "[./\\\\%@:?#;&= a-f0-9]{0,24}",
            prop::collection::vec(prop::sample::select(ESCAPES.to_vec()), 0..6).prop_map(|parts| parts.concat()),
        ],
    ) {
        stays(&value)?;
    }
}
