//! What a key may still use: requests and tokens of the minute, and the credit of its account.

use std::collections::VecDeque;

use crate::model::time::Timestamp;

/// Requests in a minute.
pub const REQUESTS: u64 = 500;
/// Tokens in a minute.
pub const TOKENS: u64 = 200_000;
/// Older answers are forgotten.
const ANSWERS: usize = 1_000;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No credit is left.
    Credit,
    /// The minute's requests or tokens are used up; so many seconds until the next one.
    Pace(u64),
}

/// What is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Requests of this minute.
    pub requests: u64,
    /// Tokens of this minute.
    pub tokens: u64,
    /// Seconds until the next minute.
    pub seconds: u64,
}

/// The use of one account.
#[derive(Debug, Default)]
pub struct Allowance {
    /// Tokens that the credit pays for; without a limit unless one was set.
    credit: Option<u64>,
    minute: i64,
    requests: u64,
    tokens: u64,
    /// The ids of answers that a later request may go on from.
    answers: VecDeque<String>,
}

impl Allowance {
    /// Sets the tokens that the credit still pays for.
    pub fn set_credit(&mut self, tokens: u64) {
        self.credit = Some(tokens);
    }

    /// Remembers the id of an answer.
    pub fn remember(&mut self, id: String) {
        if self.answers.len() == ANSWERS {
            self.answers.pop_front();
        }
        self.answers.push_back(id);
    }

    /// Whether it knows the id of an answer.
    pub fn remembers(&self, id: &str) -> bool {
        self.answers.iter().any(|known| known == id)
    }

    /// Why a request would be refused now.
    pub fn refusal(&self, now: Timestamp) -> Option<Refusal> {
        let left = self.left(now);
        if self.credit == Some(0) {
            Some(Refusal::Credit)
        } else if left.requests == 0 || left.tokens == 0 {
            Some(Refusal::Pace(left.seconds))
        } else {
            None
        }
    }

    /// What is left now.
    pub fn left(&self, now: Timestamp) -> Left {
        let (requests, tokens) =
            if self.minute == minute(now) { (self.requests, self.tokens) } else { (0, 0) };
        Left {
            requests: REQUESTS.saturating_sub(requests),
            tokens: TOKENS.saturating_sub(tokens),
            seconds: 60 - now.seconds().rem_euclid(60).unsigned_abs(),
        }
    }

    /// Counts an answered request. The last one may cost more than the credit.
    pub fn take(&mut self, now: Timestamp, tokens: u64) {
        if self.minute != minute(now) {
            (self.minute, self.requests, self.tokens) = (minute(now), 0, 0);
        }
        self.requests += 1;
        self.tokens += tokens;
        self.credit = self.credit.map(|credit| credit.saturating_sub(tokens));
    }
}

fn minute(now: Timestamp) -> i64 {
    now.seconds().div_euclid(60)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_000_020);

    #[test]
    fn a_minute_has_its_requests_and_tokens() {
        let mut allowance = Allowance::default();
        for _ in 0..REQUESTS {
            assert_eq!(allowance.refusal(NOW), None);
            allowance.take(NOW, 3);
        }
        let left = Left { requests: 0, tokens: TOKENS - 3 * REQUESTS, seconds: left_of_minute() };
        assert_eq!(allowance.left(NOW), left);
        assert_eq!(allowance.refusal(NOW), Some(Refusal::Pace(left_of_minute())));
        let next = NOW.plus(Duration::from_secs(60));
        assert_eq!((allowance.refusal(next), allowance.left(next).requests), (None, REQUESTS));
    }

    #[test]
    fn credit_is_used_up_for_good() {
        let mut allowance = Allowance::default();
        allowance.set_credit(10);
        allowance.take(NOW, 7);
        assert_eq!((allowance.credit, allowance.refusal(NOW)), (Some(3), None));
        allowance.take(NOW, 7);
        assert_eq!((allowance.credit, allowance.refusal(NOW)), (Some(0), Some(Refusal::Credit)));
        assert_eq!(allowance.refusal(NOW.plus(Duration::from_secs(3_600))), Some(Refusal::Credit));
    }

    fn left_of_minute() -> u64 {
        60 - NOW.seconds().unsigned_abs() % 60
    }
}
