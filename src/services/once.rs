//! Orders that are sent twice: because an answer was lost, a button was pressed twice, or a client tries again.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    model::error::{AppError, ErrorCode},
    store::Order,
};

/// Longest name of an order, in characters.
pub const NAME_MAX: usize = 255;

/// What makes an order that arrives twice one order, for a day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Once {
    /// Nothing does.
    #[default]
    No,
    /// A name of the client's choice: `Idempotency-Key`. It stands for one order with one content.
    Key(String),
    /// The number of a form as it was shown. The same content is the same order, any other content another.
    Form(String),
}

impl Once {
    /// The name that a client sent. It must be of visible ASCII characters, 255 at the most.
    pub fn key(name: &[u8]) -> Result<Self, AppError> {
        let fits = (1..=NAME_MAX).contains(&name.len()) && name.iter().all(u8::is_ascii_graphic);
        let name = std::str::from_utf8(name).ok().filter(|_| fits);
        name.map(|name| Self::Key(name.to_owned())).ok_or_else(|| AppError::new(ErrorCode::BadRequest))
    }

    /// The number in a form; a form without one is as good as any.
    pub fn form(number: String) -> Self {
        if (1..=NAME_MAX).contains(&number.len()) { Self::Form(number) } else { Self::No }
    }

    /// By what an order of this `kind` and content is recognised.
    pub(super) fn order(&self, kind: &str, content: &impl Serialize) -> Result<Option<Order>, AppError> {
        let text = serde_json::to_vec(content).map_err(|_| AppError::new(ErrorCode::Internal))?;
        let content = hash(&[kind.as_bytes(), &text]);
        let name = match self {
            Self::No => return Ok(None),
            Self::Key(name) => hash(&[b"key", name.as_bytes()]),
            Self::Form(number) => hash(&[b"form", number.as_bytes(), &content]),
        };
        Ok(Some(Order { name, content }))
    }
}

/// The hash of a list. No two lists run together: each part is preceded by its length.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(once: &Once, kind: &str, content: &str) -> Order {
        once.order(kind, &content).unwrap().unwrap()
    }

    #[test]
    fn a_key_names_one_content_and_a_form_as_many_as_it_sends() {
        let key = Once::key(b"order-17").unwrap();
        let (first, again, other) =
            (order(&key, "call", "a"), order(&key, "call", "a"), order(&key, "call", "b"));
        assert_eq!(first, again);
        assert_eq!(first.name, other.name);
        assert_ne!(first.content, other.content);
        assert_ne!(first.content, order(&key, "search", "a").content);

        let form = Once::form("order-17".to_owned());
        assert_eq!(order(&form, "call", "a"), order(&form, "call", "a"));
        assert_ne!(order(&form, "call", "a").name, order(&form, "call", "b").name);
        assert_ne!(order(&form, "call", "a").name, first.name);
        assert_eq!(Once::No.order("call", &"a").unwrap(), None);
    }

    #[test]
    fn names_are_visible_ascii_and_not_too_long() {
        for wrong in [&b""[..], b"a b", b"a\n", "ü".as_bytes(), &[b'x'; NAME_MAX + 1]] {
            assert_eq!(Once::key(wrong).unwrap_err().code, ErrorCode::BadRequest, "{wrong:?}");
        }
        assert_eq!(Once::key(&[b'~'; NAME_MAX]).unwrap(), Once::Key("~".repeat(NAME_MAX)));
        assert_eq!(Once::form(String::new()), Once::No);
    }
}
