//! The written key ring.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD},
};
use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};

use super::root;
use crate::vault::{InvalidKekId, KekId, KekRing, KeyProblem, RingError, ring_text};

fn parse(text: &str) -> Result<KekRing, RingError> {
    KekRing::parse(&SecretString::from(text))
}

fn problem(text: &str) -> KeyProblem {
    match parse(text).unwrap_err() {
        RingError::Line { line: 1, problem } => problem,
        other => panic!("{other}"),
    }
}

fn checksummed(root: [u8; 32]) -> String {
    ring_text::encode(&root).expose_secret().to_owned()
}

#[test]
fn every_written_form_is_the_same_key() {
    // All alphabets differ for this key: it has both special characters.
    let root: [u8; 32] = std::array::from_fn(|at| 0xFB_u8.wrapping_sub((at as u8).wrapping_mul(5)));
    let expected = KekRing::of(&[root]).primary();
    for form in [
        BASE64_STANDARD.encode(root),
        BASE64_STANDARD_NO_PAD.encode(root),
        BASE64_URL_SAFE.encode(root),
        BASE64_URL_SAFE_NO_PAD.encode(root),
        checksummed(root),
    ] {
        assert_eq!(parse(&form).unwrap().primary(), expected);
        assert_eq!(parse(&format!("  {form}\r\n")).unwrap().primary(), expected);
    }
}

#[test]
fn the_first_key_is_primary_and_the_rest_only_open() {
    let text = format!(
        "# made in March\n\n{}\n  # the old one\n{}\n",
        checksummed(root(1)),
        BASE64_STANDARD.encode(root(2))
    );
    let ring = parse(&text).unwrap();
    let expected = [root(1), root(2)].map(|root| KekRing::of(&[root]).primary());
    assert_eq!(ring.ids(), expected);
    assert_eq!(ring.primary(), expected[0]);
}

#[test]
fn a_generated_key_is_accepted_and_new_each_time() {
    let (one, two) = (KekRing::generate().unwrap(), KekRing::generate().unwrap());
    assert!(one.expose_secret().starts_with("byokkek1."));
    assert_ne!(KekRing::parse(&one).unwrap().primary(), KekRing::parse(&two).unwrap().primary());
}

#[test]
fn a_truncated_paste_is_named_as_such() {
    let full = checksummed(root(1));
    for end in "byokkek1.".len()..full.len() {
        assert_eq!(problem(&full[..end]), KeyProblem::CutOff, "{end} characters");
    }
    assert_eq!(problem(&format!("{full}x")), KeyProblem::Trailing);
    assert_eq!(problem(&format!("{full} {full}")), KeyProblem::Trailing);
    let plain = BASE64_STANDARD_NO_PAD.encode(root(1));
    for end in 1..plain.len() {
        let found = problem(&plain[..end]);
        assert!(matches!(found, KeyProblem::CutOff | KeyProblem::Length(0..32)), "{end} characters: {found}");
    }
}

#[test]
fn a_changed_character_is_found_by_the_checksum() {
    let full = checksummed(root(1));
    for at in "byokkek1.".len()..full.len() {
        for other in ['A', 'z', '-', '.', '!'] {
            let mut changed = full.clone();
            changed.replace_range(at..=at, &other.to_string());
            if changed != full {
                assert_eq!(problem(&changed), KeyProblem::Checksum, "character {at} as {other}");
            }
        }
    }
}

#[test]
fn what_is_no_random_key_is_refused() {
    let of = |bytes: &[u8]| problem(&BASE64_STANDARD.encode(bytes));
    assert_eq!(of(&[0; 32]), KeyProblem::Zero);
    assert_eq!(of(&[7; 32]), KeyProblem::LowEntropy);
    assert_eq!(of(&std::array::from_fn::<u8, 32, _>(|at| at as u8 % 7 + 200)), KeyProblem::LowEntropy);
    assert_eq!(of(b"correct horse battery staple 123"), KeyProblem::Text);
    assert_eq!(of(&std::array::from_fn::<u8, 32, _>(|at| at as u8)), KeyProblem::Public);
    assert_eq!(of(&root(1)[..31]), KeyProblem::Length(31));
    assert_eq!(of(&[root(1).as_slice(), &[1]].concat()), KeyProblem::Length(33));
    assert_eq!(problem("correct horse battery staple"), KeyProblem::NotBase64);
    assert_eq!(problem(&"0123456789abcdef".repeat(4)), KeyProblem::Hexadecimal);
    // The checksum does not make a weak key good.
    assert_eq!(problem(&checksummed([0; 32])), KeyProblem::Zero);
    assert_eq!(problem(&checksummed(std::array::from_fn(|at| at as u8))), KeyProblem::Public);
}

#[test]
fn a_ring_needs_a_key_and_each_once() {
    for empty in ["", "\n \n", "# only a comment\n"] {
        assert_eq!(parse(empty).unwrap_err(), RingError::Empty);
    }
    let twice = format!("\n{}\n# again\n{}", checksummed(root(1)), BASE64_URL_SAFE.encode(root(1)));
    assert_eq!(
        parse(&twice).unwrap_err(),
        RingError::Line { line: 4, problem: KeyProblem::Duplicate { first: 2 } }
    );
}

#[test]
fn an_error_names_the_line_and_not_the_value() {
    let error = parse(&format!("# first\n{}\nhunter2-hunter2!", checksummed(root(1)))).unwrap_err();
    assert_eq!(error.to_string(), "line 3: this is neither base64 nor a key made by `keyward keys generate`");
    assert!(!format!("{error:?}").contains("hunter"));
}

#[test]
fn a_fingerprint_has_one_spelling() {
    let id = KekRing::of(&[root(1)]).primary();
    let text = id.to_string();
    assert_eq!(text.parse(), Ok(id));
    let signed = format!("+{}", &text[1..]);
    for other in ["", &text[1..], &text.to_uppercase(), &format!("{text} "), &signed] {
        assert_eq!(other.parse::<KekId>(), Err(InvalidKekId), "{other}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_ring_or_an_error_without_its_content(secret in "[a-zA-Z0-9+/=._-]{12,80}") {
        if let Err(error) = parse(&secret) {
            let said = format!("{error} {error:?}");
            prop_assert!(!said.contains(&secret[..12]));
        }
    }

    #[test]
    fn any_random_key_is_accepted(root in prop::array::uniform32(any::<u8>())) {
        // Arrays that proptest shrinks to are refused on purpose.
        let distinct = root.iter().collect::<std::collections::HashSet<_>>().len();
        prop_assume!(distinct >= 8 && !root.is_ascii());
        prop_assert_eq!(parse(&checksummed(root)).unwrap().ids(), KekRing::of(&[root]).ids());
    }
}
