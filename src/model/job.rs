//! Background work: what it is, how it stands, and when it is tried again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::{CallId, JobId, SearchId};

/// A worker holds a job for this long, and renews that three times as often. Whoever is not heard of for so long
/// counts as gone, and another goes on.
pub const LEASE: Duration = Duration::from_secs(30);
/// Attempts that may break down in a row. Progress starts the count anew.
pub const FAILURES_MAX: i64 = 5;
/// Jobs of one user that run at the same time in one lane; more wait.
pub const PER_USER: i64 = 2;
/// The longest wait before another attempt.
pub const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// The wait after the first attempt that broke down; each further one is four times as long.
const FIRST_WAIT: Duration = Duration::from_secs(5);

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It waits for a worker.
    Queued,
    /// A worker holds it.
    Running,
    /// Its end is written down.
    Done,
    /// It broke down too often. Only its owner sets it going again.
    Dead,
    /// Its owner stopped it.
    Cancelled,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Done, Self::Dead, Self::Cancelled];

    /// The word in the database.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with this word.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// Jobs wait for others of their lane only: whoever wants to end a call does not wait for searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Calls: many short steps, for which somebody may be waiting on the telephone.
    Call,
    /// Searches, which take minutes.
    Search,
}

impl Lane {
    /// Every lane.
    pub const ALL: [Self; 2] = [Self::Call, Self::Search];

    /// The word in the database.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Search => "search",
        }
    }
}

/// What a job does. Arguments name things and never hold a secret: keys are read when they are used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Work {
    /// Fetches the pages of a search.
    Search {
        /// The search.
        search: SearchId,
    },
    /// Places a call and follows it to its end.
    Call {
        /// The call.
        call: CallId,
    },
}

impl Work {
    /// The job that does it: one for each thing that is worked on.
    pub const fn job(&self) -> JobId {
        match self {
            Self::Search { search } => JobId(search.0),
            Self::Call { call } => JobId(call.0),
        }
    }

    /// Among which others it waits.
    pub const fn lane(&self) -> Lane {
        match self {
            Self::Search { .. } => Lane::Search,
            Self::Call { .. } => Lane::Call,
        }
    }
}

/// How long to wait after `failures` attempts that broke down, spread by up to a quarter: `jitter` is 0 to 1.
pub fn wait_after(failures: i64, jitter: f64) -> Duration {
    let step = u32::try_from(failures.saturating_sub(1)).unwrap_or_default();
    let wait = FIRST_WAIT.saturating_mul(4_u32.saturating_pow(step));
    wait.mul_f64(1.0 + jitter.clamp(0.0, 1.0) / 4.0).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_work_have_one_spelling() {
        for state in JobState::ALL {
            assert_eq!(JobState::from_code(state.code()), Some(state));
        }
        let search = SearchId(uuid::Uuid::from_u128(7));
        let work = Work::Search { search };
        let text = r#"{"kind":"search","search":"00000000-0000-0000-0000-000000000007"}"#;
        assert_eq!(serde_json::to_string(&work).unwrap(), text);
        assert_eq!(serde_json::from_str::<Work>(text).unwrap(), work);
        assert_eq!((work.job().0, work.lane().code()), (search.0, "search"));
    }

    #[test]
    fn waits_grow_to_a_limit_and_are_spread() {
        let seconds = |failures| wait_after(failures, 0.0).as_secs();
        assert_eq!([1, 2, 3, 4, 5, 90].map(seconds), [5, 20, 80, 320, 600, 600]);
        assert_eq!(wait_after(2, 1.0), Duration::from_secs(25));
    }
}
