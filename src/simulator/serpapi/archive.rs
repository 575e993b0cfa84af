//! The searches that were answered, to be read again by their id.

use std::collections::VecDeque;

use serde_json::Value;

/// Older searches are forgotten.
const CAPACITY: usize = 1_000;

/// The last searches, each with the account that paid for it.
#[derive(Default)]
pub struct Archive {
    searches: VecDeque<(usize, String, Value)>,
    made: u64,
}

impl Archive {
    /// A number that no other search has.
    pub fn next_number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// Keeps the answer `body` of the search `id` for the account at `owner`.
    pub fn keep(&mut self, owner: usize, id: String, body: Value) {
        if self.searches.len() == CAPACITY {
            self.searches.pop_front();
        }
        self.searches.push_back((owner, id, body));
    }

    /// The answer of the search `id`, for its owner only.
    pub fn get(&self, owner: usize, id: &str) -> Option<&Value> {
        self.searches.iter().find(|(known, kept, _)| *known == owner && kept == id).map(|(_, _, body)| body)
    }
}
