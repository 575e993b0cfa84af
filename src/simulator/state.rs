//! What a simulator remembers between requests.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{
    credential::{Presented, sha256_hex},
    elevenlabs::studio::Studio,
    faults::Faults,
    journal::Journal,
    keys::{Credential, ENTRIES, Entry, Provider, Situation, Via},
    language::{
        allowance::Allowance,
        replies::{Replies, Transcripts},
    },
    serpapi::{archive::Archive, quota::Quota},
    texts::Texts,
    twilio::exchange::Exchange,
};
use crate::model::time::Timestamp;

/// The account behind a test key.
pub struct Account {
    /// The key.
    pub entry: &'static Entry,
    /// Its values.
    pub credential: Credential,
    /// What becomes of its requests now.
    pub situation: Situation,
    /// Searches used and left; of meaning for SerpAPI only.
    pub quota: Quota,
    /// Characters and voices; of meaning for ElevenLabs only.
    pub studio: Studio,
    /// Tokens and requests; of meaning for the language models only.
    pub allowance: Allowance,
}

impl Account {
    fn new(entry: &'static Entry) -> Self {
        Self {
            entry,
            credential: entry.credential(),
            situation: entry.situation,
            quota: Quota::of(entry.situation),
            studio: Studio::of(entry.id, entry.situation),
            allowance: Allowance::default(),
        }
    }

    /// Puts the key into another situation, with the quotas that belong to it.
    pub fn switch(&mut self, situation: Situation) {
        self.situation = situation;
        self.quota = Quota::of(situation);
        self.studio = Studio::of(self.entry.id, situation);
        self.allowance = Allowance::default();
    }
}

/// Everything a simulator remembers.
pub struct State {
    /// One account for each test key, in the order of the table.
    pub accounts: Vec<Account>,
    /// The answers of SerpAPI that can be read again.
    pub archive: Archive,
    /// Twilio's telephone network.
    pub telephony: Exchange,
    /// What the language models say.
    pub replies: Replies,
    /// What the next recordings say.
    pub transcripts: Transcripts,
    /// How many identifiers were made.
    made: u64,
    /// Faults that were ordered and not yet used up.
    pub faults: Faults,
    /// Texts that answers have instead of their own.
    pub texts: Texts,
    /// The requests so far.
    pub journal: Journal,
}

impl Default for State {
    fn default() -> Self {
        Self {
            accounts: ENTRIES.iter().map(Account::new).collect(),
            archive: Archive::default(),
            telephony: Exchange::default(),
            replies: Replies::default(),
            transcripts: Transcripts::default(),
            made: 0,
            faults: Faults::default(),
            texts: Texts::default(),
            journal: Journal::default(),
        }
    }
}

impl State {
    /// Brings everything back to the start.
    pub fn reset(&mut self) {
        self.journal.clear();
        *self = Self { journal: std::mem::take(&mut self.journal), ..Self::default() };
    }

    /// The place in `accounts` of the account that `presented` opens, and by which credential.
    pub fn find(&self, provider: Provider, presented: &Presented) -> Option<(usize, Via)> {
        self.accounts
            .iter()
            .enumerate()
            .filter(|(_, account)| account.entry.provider == provider)
            .find_map(|(place, account)| account.credential.opened_by(presented).map(|via| (place, via)))
    }

    /// Twenty-four digits that no answer since the start has had, the same after every reset.
    pub fn fresh(&mut self) -> String {
        self.made += 1;
        let mut digits = sha256_hex(&format!("keyward simulator/identifier {}", self.made));
        digits.truncate(24);
        digits
    }

    /// The account of the test key `id`.
    pub fn account_mut(&mut self, provider: Provider, id: &str) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|account| account.entry.provider == provider && account.entry.id == id)
    }
}

/// The time now.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::default().plus(since)
}
