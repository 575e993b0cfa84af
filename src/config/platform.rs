//! The operator's own keys, which stand in for users who have none.

use std::{collections::BTreeMap, fmt, path::Path};

use secrecy::{ExposeSecret, SecretString};

use super::{Purpose, Registration, reader::Reader};
use crate::model::ids::ProviderId;

const REQUIRE: &str = "REQUIRE_USER_API_KEYS";
const FILE: &str = "KEYWARD_PLATFORM_KEYS_FILE";

/// The fields of the operator's credentials, by provider. Its `Debug` shows the providers only.
#[derive(Default)]
pub struct PlatformKeys(pub BTreeMap<ProviderId, BTreeMap<String, SecretString>>);

impl fmt::Debug for PlatformKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Reads the file of keys, where users need not bring their own. Whoever may register could spend them, so
/// that must not be everybody.
pub(super) fn read(
    reader: &mut Reader<'_>,
    purpose: Purpose,
    registration: Registration,
    warnings: &mut Vec<String>,
) -> PlatformKeys {
    let required = reader.switch(REQUIRE).unwrap_or(true);
    let keys = match reader.text(FILE) {
        None if required => return PlatformKeys::default(),
        None => {
            warnings.push(format!("{REQUIRE} is false, and no {FILE} stands in for users without keys."));
            return PlatformKeys::default();
        }
        Some(_) if required => {
            warnings.push(format!("{FILE} is not used, because {REQUIRE} is not false."));
            return PlatformKeys::default();
        }
        Some(path) => parse(reader, path),
    };
    if purpose == Purpose::Demo {
        reader.problem(
            FILE,
            "is set, and a demonstration must not see real keys",
            "Start it without the file",
        );
    }
    if registration == Registration::Open {
        reader.problem(
            FILE,
            "is set while everybody may register, and so everybody could spend these keys",
            "Set KEYWARD_REGISTRATION to invite or closed",
        );
    }
    keys.unwrap_or_default()
}

fn parse(reader: &mut Reader<'_>, path: &str) -> Option<PlatformKeys> {
    let text = match reader.read_file(Path::new(path)) {
        Ok(text) => text,
        Err(error) => {
            reader.problem(FILE, error.wrong(), error.remedy());
            return None;
        }
    };
    // EXPOSE: to read the fields out of it. The parser's own words quote the file, so they stay behind.
    let text = text.expose_secret();
    let parsed: Result<BTreeMap<ProviderId, BTreeMap<String, SecretString>>, _> = toml::from_str(text);
    match parsed {
        Ok(keys) => Some(PlatformKeys(keys)),
        Err(error) => {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map(|before| format!(", line {}", before.lines().count().max(1)));
            reader.problem(
                FILE,
                format!("names a file that cannot be read as TOML{}", line.unwrap_or_default()),
                "Write a table for each provider, such as [serpapi], with its fields as texts",
            );
            None
        }
    }
}
