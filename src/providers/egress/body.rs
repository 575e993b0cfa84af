//! Bodies of answers: bounded while they are read, and parsed within limits of depth and size.

use serde_json::Value;
use zeroize::Zeroizing;

/// Deepest nesting of a JSON document.
const MAX_DEPTH: usize = 64;
/// Most values of a JSON document. Each takes some 32 bytes once parsed, however short it was.
const MAX_VALUES: usize = 100_000;

/// A whole body. The text is wiped when dropped: some providers repeat the credential in it.
pub(crate) struct Body {
    bytes: Zeroizing<Vec<u8>>,
    json: Option<Value>,
}

impl Body {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        let bytes = Zeroizing::new(bytes);
        let json = within_limits(&bytes).then(|| serde_json::from_slice(&bytes).ok()).flatten();
        Self { bytes, json }
    }

    /// The body as JSON, if it is.
    pub(crate) fn json(&self) -> Option<&Value> {
        self.json.as_ref()
    }

    /// Takes the JSON out.
    pub(crate) fn into_json(self) -> Option<Value> {
        self.json
    }

    /// The body as text, if it is.
    pub(crate) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }
}

/// Collects a body up to a cap.
pub(crate) struct Reader {
    bytes: Zeroizing<Vec<u8>>,
    cap: usize,
}

/// More than the cap.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Reader {
    /// For `announced` bytes, if that is within the cap. What was only announced takes no memory yet.
    pub(crate) fn new(cap: usize, announced: u64) -> Result<Self, TooLong> {
        if usize::try_from(announced).is_ok_and(|announced| announced <= cap) {
            Ok(Self { bytes: Zeroizing::new(Vec::new()), cap })
        } else {
            Err(TooLong)
        }
    }

    /// How much has come.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<(), TooLong> {
        if chunk.len() > self.cap - self.bytes.len() {
            return Err(TooLong);
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Body {
        Body::new(std::mem::take(&mut *self.bytes))
    }
}

/// A scan that is cheap for any input: how deep it nests and how many values it may hold. Whether it
/// is JSON at all is for the parser to say.
fn within_limits(bytes: &[u8]) -> bool {
    let (mut depth, mut values) = (0_usize, 1_usize);
    let (mut in_text, mut escaped) = (false, false);
    for byte in bytes {
        match (in_text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            (true, _) => {}
            (false, b'[' | b'{') => {
                depth += 1;
                values += 1;
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            (false, b',') => values += 1,
            (false, _) => {}
        }
        if depth > MAX_DEPTH || values > MAX_VALUES {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parses(text: &str) -> bool {
        Body::new(text.as_bytes().to_vec()).json().is_some()
    }

    #[test]
    fn nesting_and_size_are_limited() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parses(&nested(MAX_DEPTH)) && !parses(&nested(MAX_DEPTH + 1)) && !parses(&nested(100_000)));
        let wide = |count: usize| format!("[{}0]", "0,".repeat(count - 1));
        assert!(parses(&wide(1000)) && !parses(&wide(MAX_VALUES + 1)));
        assert!(parses(&format!("\"{}\"", "[\\\"".repeat(1000))));
    }

    #[test]
    fn a_reader_stops_at_its_cap() {
        assert!(Reader::new(10, 11).is_err() && Reader::new(10, u64::MAX).is_err());
        let mut reader = Reader::new(10, 0).unwrap();
        assert_eq!(reader.push(&[0; 10]), Ok(()));
        assert_eq!(reader.push(&[0]), Err(TooLong));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let body = Body::new(bytes);
            let _ = (body.json().is_some(), body.text().is_some());
        }

        #[test]
        fn json_like_text_is_read_without_panic(text in "[\\[\\]{}\",:0-9a-f\\\\ .e-]{0,200}") {
            let _ = Body::new(text.into_bytes());
        }
    }
}
