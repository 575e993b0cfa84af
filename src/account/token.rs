//! Random tokens, and the hashes under which they are stored.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::model::error::{AppError, ErrorCode};

/// A session's token: 32 random bytes as 43 characters of base64url. Stored only as its SHA-256, which
/// is enough for a value of 256 random bits.
#[derive(Debug, Clone)]
pub struct SessionToken(SecretString);

impl SessionToken {
    const LENGTH: usize = 43;

    /// A new token.
    pub fn generate() -> Result<Self, AppError> {
        Ok(Self(URL_SAFE_NO_PAD.encode(random::<32>()?).into()))
    }

    /// Reads a token from a cookie; anything of another shape is no token.
    pub fn parse(text: &str) -> Option<Self> {
        let shaped = text.len() == Self::LENGTH
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        shaped.then(|| Self(text.into()))
    }

    /// SHA-256 of the token's text.
    pub fn hash(&self) -> [u8; 32] {
        // EXPOSE: to hash it.
        hash_text(self.0.expose_secret())
    }

    /// The text for the cookie.
    pub fn secret(&self) -> &SecretString {
        &self.0
    }
}

/// A personal API token: `kwd_`, then base64url of 32 random bytes and four that check them, so that a token
/// cut in copying is told from a revoked one without a look into the database, and a scanner for leaked
/// secrets can be sure of what it found. Stored only as its SHA-256.
#[derive(Debug, Clone)]
pub struct ApiToken(SecretString);

impl ApiToken {
    /// What every token begins with.
    pub const PREFIX: &str = "kwd_";

    /// A new token.
    pub fn generate() -> Result<Self, AppError> {
        let random = random::<32>()?;
        let mut bytes = Zeroizing::new([0; 36]);
        bytes[..32].copy_from_slice(&random[..]);
        bytes[32..].copy_from_slice(&check_bytes(&random[..]));
        let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(&bytes[..]));
        Ok(Self(format!("{}{}", Self::PREFIX, *text).into()))
    }

    /// Reads a token; anything that is not whole is no token.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.strip_prefix(Self::PREFIX)?).ok()?);
        let (random, check) = bytes.split_at_checked(32)?;
        (check == check_bytes(random)).then(|| Self(text.into()))
    }

    /// SHA-256 of the token's text.
    pub fn hash(&self) -> [u8; 32] {
        // EXPOSE: to hash it.
        hash_text(self.0.expose_secret())
    }

    /// The text, for its owner.
    pub fn secret(&self) -> &SecretString {
        &self.0
    }
}

/// The first four bytes of SHA-256: enough to notice a slip, of no help in guessing.
fn check_bytes(random: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(random).into();
    [a, b, c, d]
}

/// SHA-256 of a random code's text.
pub fn hash_text(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// An invitation's code: 24 letters of 5 random bits each, in groups that can be read out.
pub(super) fn invitation_code() -> Result<String, AppError> {
    code::<24>()
}

/// A code of so many letters of 5 random bits each, in groups that can be read out.
pub fn code<const N: usize>() -> Result<String, AppError> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bytes = random::<N>()?;
    let letters: Vec<char> = bytes.iter().map(|b| char::from(ALPHABET[usize::from(b % 32)])).collect();
    Ok(letters.chunks(6).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-"))
}

/// So many random bytes.
pub fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, AppError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut bytes[..]).map_err(|_| AppError::new(ErrorCode::Internal))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_from_its_text_and_is_not_printed() {
        let token = SessionToken::generate().unwrap();
        let text = token.secret().expose_secret().to_owned();
        assert_eq!(SessionToken::parse(&text).map(|t| t.hash()), Some(token.hash()));
        assert!(!format!("{token:?}").contains(&text));
        for bad in ["", "short", &format!("{text}="), &text.replace(&text[..1], "\n")] {
            assert!(SessionToken::parse(bad).is_none());
        }
    }

    #[test]
    fn an_api_token_checks_itself() {
        let token = ApiToken::generate().unwrap();
        let text = token.secret().expose_secret().to_owned();
        assert_eq!(text.len(), 52);
        assert_eq!(ApiToken::parse(&text).map(|t| t.hash()), Some(token.hash()));
        assert!(!format!("{token:?}").contains(&text));
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
            assert!(ApiToken::parse(std::str::from_utf8(&changed).unwrap()).is_none(), "{at}");
            assert!(ApiToken::parse(&text[..at]).is_none(), "{at}");
        }
        assert!(ApiToken::parse(&format!("{text}AAAA")).is_none());
    }

    #[test]
    fn a_code_has_120_bits_and_no_letters_that_look_alike() {
        let code = invitation_code().unwrap();
        assert_eq!(code.len(), 27);
        assert!(!code.contains(['l', 'o', '0', '1']));
    }
}
