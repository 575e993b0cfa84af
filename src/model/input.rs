//! Checks of what people type, the same in browser and server.

use serde::{Deserialize, Deserializer, de::Error as _};

use super::error::FieldError;

/// Longest e-mail address, in bytes (RFC 5321, 4.5.3.1.3, less the angle brackets).
pub const EMAIL_MAX: usize = 254;
/// Shortest and longest password, in characters.
pub const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 8..=256;
/// Longest value of one credential field, in bytes.
pub const CREDENTIAL_MAX: usize = 4096;

/// An e-mail address as it is stored: trimmed, lower case. Checks the shape only; whether it exists,
/// only a mail can tell.
pub fn email(text: &str) -> Result<String, FieldError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(FieldError::Required);
    }
    if text.len() > EMAIL_MAX {
        return Err(FieldError::TooLong);
    }
    let well_formed =
        text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && !domain.contains('@')
                && domain.split('.').all(|label| !label.is_empty())
                && (domain.contains('.') || domain == "localhost")
        }) && !text.chars().any(|c| c.is_whitespace() || c.is_control() || "<>()[]\\,;:\"".contains(c));
    if well_formed { Ok(text.to_lowercase()) } else { Err(FieldError::Malformed) }
}

/// A new password: its length, and that it is none of the most common ones. No rules of composition.
pub fn new_password(text: &str) -> Result<(), FieldError> {
    let length = text.chars().count();
    if length == 0 {
        return Err(FieldError::Required);
    }
    if length < *PASSWORD_LENGTH.start() {
        return Err(FieldError::TooShort);
    }
    if length > *PASSWORD_LENGTH.end() {
        return Err(FieldError::TooLong);
    }
    let lower = text.to_lowercase();
    let monotone = lower.chars().next().is_some_and(|first| lower.chars().all(|c| c == first));
    if monotone || COMMON_PASSWORDS.contains(&lower.as_str()) {
        return Err(FieldError::TooCommon);
    }
    Ok(())
}

/// The most common passwords of eight characters and more.
const COMMON_PASSWORDS: &[&str] = &[
    "password",
    "password1",
    "password12",
    "password123",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "12345678",
    "123456789",
    "1234567890",
    "0123456789",
    "0987654321",
    "87654321",
    "987654321",
    "11223344",
    "12341234",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "1qaz2wsx",
    "q1w2e3r4",
    "qwertyui",
    "qwertyuiop",
    "qwerty123",
    "qwerty12",
    "qwer1234",
    "asdfghjk",
    "asdfghjkl",
    "zxcvbnm1",
    "abcd1234",
    "abc12345",
    "a1b2c3d4",
    "iloveyou",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "trustno1",
    "starwars",
    "whatever",
    "computer",
    "michelle",
    "jennifer",
    "letmein1",
    "welcome1",
    "welcome123",
    "changeme",
    "changeme1",
    "administrator",
    "admin123",
    "admin1234",
    "access14",
    "internet",
    "samsung1",
    "dragon123",
    "monkey123",
    "shadow12",
    "master123",
    "corvette",
    "mercedes",
    "liverpool",
    "qazwsxedc",
    "1qazxsw2",
    "keyward1",
    "keyward123",
];

/// One value of a credential: trimmed of the spaces that come with copying.
pub fn credential_value(text: &str) -> Result<&str, FieldError> {
    let text = text.trim();
    if text.is_empty() {
        Err(FieldError::Required)
    } else if text.len() > CREDENTIAL_MAX {
        Err(FieldError::TooLong)
    } else if text.chars().any(char::is_control) {
        Err(FieldError::ControlCharacters)
    } else {
        Ok(text)
    }
}

/// One line of at most `max` characters, without the spaces around it.
pub(super) fn line(text: &str, max: usize) -> Result<&str, FieldError> {
    let text = text.trim();
    if text.is_empty() {
        Err(FieldError::Required)
    } else if text.chars().count() > max {
        Err(FieldError::TooLong)
    } else if text.chars().any(char::is_control) {
        Err(FieldError::ControlCharacters)
    } else {
        Ok(text)
    }
}

/// A path of this site to go on to, or nothing: exactly one leading `/`, no backslash, no control
/// character. What a browser could read as another site is dropped.
pub fn next_path(text: &str) -> Option<&str> {
    const ROOMS: [&str; 3] = ["/services/", "/settings/", "/analytics"];
    let safe = text.starts_with('/')
        && !text.starts_with("//")
        && text.len() <= 512
        && !text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\');
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let known = path == "/"
        || ROOMS.iter().any(|room| path.starts_with(room))
            && !path.split('/').any(|part| part == ".." || part == ".");
    (safe && known).then_some(text)
}

/// A whole number however it is written: to JSON, 20 and 20.0 are the same.
pub fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let Some(number) = Option::<f64>::deserialize(deserializer)? else { return Ok(None) };
    let fits = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    if fits { Ok(Some(number as u32)) } else { Err(D::Error::custom("not a whole number")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_trimmed_and_lowered() {
        assert_eq!(email(" Ana@Example.org "), Ok("ana@example.org".to_owned()));
        assert_eq!(email(""), Err(FieldError::Required));
        for bad in [
            "ana",
            "ana@",
            "@example.org",
            "a@b@c.de",
            "ana@example",
            "a b@c.de",
            "a@b..de",
            "a@b.de\r\nx:y",
            "<a@b.de>",
        ] {
            assert_eq!(email(bad), Err(FieldError::Malformed), "{bad}");
        }
        assert_eq!(email(&format!("{}@b.de", "a".repeat(250))), Err(FieldError::TooLong));
    }

    #[test]
    fn passwords_have_a_length_and_are_not_common() {
        assert_eq!(new_password("seven77"), Err(FieldError::TooShort));
        assert_eq!(new_password("Password123"), Err(FieldError::TooCommon));
        assert_eq!(new_password("aaaaaaaaaaaa"), Err(FieldError::TooCommon));
        assert_eq!(new_password(&"ab".repeat(129)), Err(FieldError::TooLong));
        assert_eq!(new_password("grüne Wiese 7"), Ok(()));
    }

    #[test]
    fn next_stays_on_this_site() {
        for good in [
            "/",
            "/services/data-scraper",
            "/settings/api-keys?service=calling&next=/analytics",
            "/analytics",
        ] {
            assert_eq!(next_path(good), Some(good));
        }
        for bad in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/services/\nx",
            "javascript:alert(1)",
            "/%2f/evil",
            "/api/auth/logout",
            "/services/../api/auth/logout",
            "/login",
            " /settings/",
            "/settings/ x",
        ] {
            assert_eq!(next_path(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn next_never_leaves_the_site(text in "\\PC*") {
            if let Some(path) = next_path(&text) {
                prop_assert!(path.starts_with('/') && !path.starts_with("//") && !path.contains('\\'));
            }
        }

        #[test]
        fn a_credential_value_has_no_control_characters(text in any::<String>()) {
            if let Ok(value) = credential_value(&text) {
                prop_assert!(!value.is_empty() && !value.chars().any(char::is_control) && value.len() <= CREDENTIAL_MAX);
            }
        }
    }
}
