//! The characters and voices of an account, and the voices and models that everybody has.

use serde_json::{Map, Value};

use crate::simulator::{credential::sha256_hex, keys::Situation};

/// A model.
pub struct Model {
    /// Its id.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Credits for a character, in halves.
    pub halves: u64,
    /// Characters in a request.
    pub longest: usize,
    /// The group of models that share a limit of requests at a time.
    pub group: &'static str,
}

/// The models. The second one speaks where none is named.
pub const MODELS: [Model; 2] = [
    Model { id: "eleven_flash_v2_5", name: "Eleven Flash v2.5", halves: 1, longest: 40_000, group: "turbo" },
    Model {
        id: "eleven_multilingual_v2",
        name: "Eleven Multilingual v2",
        halves: 2,
        longest: 10_000,
        group: "standard",
    },
];

/// Id, name, accent and description of the voices that every account has.
const PREMADE: [(&str, &str, &str, &str); 4] = [
    ("EXAVITQu4vr4xnSDxMaL", "Sarah", "american", "A calm voice."),
    ("IKne3meq5aSn9XLyUdCD", "Charlie", "australian", "A lively voice."),
    ("JBFqnCBsd6RMkjVDRZzb", "George", "british", "A warm voice."),
    ("XrExE9yKIg1WjnnlVkGX", "Matilda", "american", "A friendly voice."),
];
/// A voice of the library, which only paying accounts can use through the API.
pub const LIBRARY: &str = "21m00Tcm4TlvDq8ikWAM";

/// A sample of a cloned voice.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Its id.
    pub id: String,
    /// The file's name.
    pub name: String,
    /// The file's type.
    pub kind: String,
    /// Its size in bytes.
    pub size: usize,
    /// A digest of its content.
    pub hash: String,
}

/// A voice.
#[derive(Debug, Clone)]
pub struct Voice {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `premade`, `generated` or `cloned`.
    pub category: &'static str,
    /// What it is like.
    pub description: Option<String>,
    /// What it is like in single words.
    pub labels: Map<String, Value>,
    /// What it was cloned from.
    pub samples: Vec<Sample>,
    /// When it was made, in seconds since 1970; none for those that everybody has.
    pub created: Option<i64>,
}

/// What an account has.
#[derive(Debug)]
pub struct Studio {
    /// The name of its plan.
    pub tier: &'static str,
    /// Credits used in this period.
    pub used: u64,
    /// Credits of the plan.
    pub limit: u64,
    /// Whether it may go on beyond them.
    pub beyond: bool,
    /// How many voices of its own it may have.
    pub slots: usize,
    /// How often voices were made or changed.
    pub edits: u64,
    /// Its own voices, the newest last.
    pub voices: Vec<Voice>,
}

impl Studio {
    /// What the account of the test key `id` has in `situation`: three voices besides its quota.
    pub fn of(id: &str, situation: Situation) -> Self {
        let (tier, used, limit) = match situation {
            Situation::FreePlan => ("free", 1_204, 10_000),
            Situation::Exhausted => ("creator", 100_000, 100_000),
            Situation::Overage => ("creator", 100_412, 100_000),
            _ => ("creator", 17_231, 100_000),
        };
        let paying = tier != "free";
        let own = |(day, name): (i64, &str)| Voice {
            id: sha256_hex(&format!("keyward simulator/{id}/{name}"))[..20].to_owned(),
            name: name.to_owned(),
            category: if paying { "cloned" } else { "generated" },
            description: None,
            labels: Map::new(),
            samples: Vec::new(),
            created: Some(1_767_225_600 + 86_400 * day),
        };
        Self {
            tier,
            used,
            limit,
            beyond: situation == Situation::Overage,
            slots: if paying { 30 } else { 3 },
            edits: 3,
            voices: (0..).zip(["Front desk", "Narrator", "Support"]).map(own).collect(),
        }
    }

    /// Whether voices can be cloned.
    pub fn clones(&self) -> bool {
        self.tier != "free"
    }

    /// Credits left of the plan.
    pub fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    /// Sets the credits left, at most those of the plan.
    pub fn set_left(&mut self, left: u64) {
        self.used = self.limit.saturating_sub(left);
    }

    /// Whether so many credits can be used.
    pub fn affords(&self, credits: u64) -> bool {
        self.beyond || credits <= self.left()
    }

    /// Its own voice `id`.
    pub fn own_mut(&mut self, id: &str) -> Option<&mut Voice> {
        self.voices.iter_mut().find(|voice| voice.id == id)
    }

    /// Every voice it has, its own first, the newest of them at the beginning.
    pub fn all(&self) -> Vec<Voice> {
        self.voices.iter().rev().cloned().chain(premade()).collect()
    }
}

/// The voices that everybody has.
pub fn premade() -> impl Iterator<Item = Voice> {
    PREMADE.iter().map(|(id, name, accent, description)| Voice {
        id: (*id).to_owned(),
        name: (*name).to_owned(),
        category: "premade",
        description: Some((*description).to_owned()),
        labels: std::iter::once(("accent".to_owned(), (*accent).into())).collect(),
        samples: Vec::new(),
        created: None,
    })
}
