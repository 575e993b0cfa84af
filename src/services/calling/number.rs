//! Telephone numbers as people write them, by the numbering plans of the world.

use phonenumber::{Mode, country};

use crate::model::error::FieldError;

/// A number that can be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dialled {
    /// In E.164.
    pub(super) number: String,
    /// Its country, where it is in one.
    pub(super) country: Option<String>,
}

/// Reads a number that begins with a plus and the country code, or one as it is dialled in `country`.
pub(super) fn read(text: &str, country: &str) -> Result<Dialled, FieldError> {
    let text = text.trim();
    let home = country.to_ascii_uppercase().parse::<country::Id>().ok();
    if home.is_none() && !text.starts_with('+') {
        return Err(FieldError::NoCountry);
    }
    // The reader takes letters for keys and drops what it does not know; who writes those means something else.
    let strange = |c: char| !(c.is_ascii_digit() || c.is_whitespace() || "+()-./".contains(c));
    if text.chars().any(strange) {
        return Err(FieldError::NoPhoneNumber);
    }
    let number = phonenumber::parse(home, text).map_err(|_| FieldError::NoPhoneNumber)?;
    if !number.is_valid() {
        return Err(FieldError::NoPhoneNumber);
    }
    Ok(Dialled {
        number: number.format().mode(Mode::E164).to_string(),
        country: number.country().id().map(|id| id.as_ref().to_owned()),
    })
}

/// Whether it is a number in E.164: a plus and 5 to 15 digits.
pub(super) fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (5..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, country, number, home) in [
            ("+49 30 901820", "", "+4930901820", "DE"),
            ("030 901820", "de", "+4930901820", "DE"),
            ("(030) 90 18-20", "DE", "+4930901820", "DE"),
            ("+1 (202) 555-0142", "de", "+12025550142", "US"),
            ("020 7946 0123", "GB", "+442079460123", "GB"),
            ("202-555-0142", "US", "+12025550142", "US"),
        ] {
            let read = read(text, country).unwrap();
            assert_eq!((read.number.as_str(), read.country.as_deref()), (number, Some(home)), "{text}");
            assert!(is_e164(&read.number));
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for (text, country, wrong) in [
            ("030 901820", "", FieldError::NoCountry),
            ("0049 30 901820", "", FieldError::NoCountry),
            ("+49", "", FieldError::NoPhoneNumber),
            ("+49 30 9", "", FieldError::NoPhoneNumber),
            ("+999 12345678", "", FieldError::NoPhoneNumber),
            ("110", "DE", FieldError::NoPhoneNumber),
            ("911", "US", FieldError::NoPhoneNumber),
            ("+1 800 FLOWERS", "", FieldError::NoPhoneNumber),
            ("sip:ana@example.org", "DE", FieldError::NoPhoneNumber),
            ("+49 30 901820;ext=7", "", FieldError::NoPhoneNumber),
        ] {
            assert_eq!(read(text, country), Err(wrong), "{text}");
        }
        for text in ["", "+", "12025550142", "+0301234567", "+1202555014x", "+1234567890123456"] {
            assert!(!is_e164(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_can_be_dialled(text in "\\+?[0-9 ()/.-]{0,24}", country in "(|DE|US|GB|FR|IT)") {
            if let Ok(read) = read(&text, &country) {
                prop_assert!(is_e164(&read.number), "{}", read.number);
                prop_assert_eq!(self::read(&read.number, "").map(|again| again.number), Ok(read.number));
            }
        }

        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,40}", country in "\\PC{0,3}") {
            let _ = read(&text, &country);
        }
    }
}
