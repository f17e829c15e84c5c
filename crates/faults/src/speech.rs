//! What the harness, the caller and the target say to each other.

use serde::{Deserialize, Serialize};
use wrpc_middleware_testing::process::say;

/// What a caller and a target are told, one in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    /// Make this call. For a caller.
    Call {
        /// Its name in the records, which no other call has.
        id: String,
        /// The function.
        func: String,
    },
    /// Go on with calls of this function that wait in the middle, from now on.
    Go {
        /// The function.
        func: String,
    },
    /// Count what you hold.
    Count,
}

/// What they say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    /// It may be called, or call.
    Ready,
    /// The connection to the broker was lost.
    Disconnected,
    /// A target runs a call.
    Begun {
        /// Which.
        id: String,
    },
    /// A caller has come to the middle of a call.
    Reached {
        /// Which.
        id: String,
    },
    /// A call of the caller is over.
    Ended(Ended),
    /// What there is.
    Counted(Counts),
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Which.
    pub id: String,
    /// `ok`, `wrong` for an answer that is not the right one, or `kind/delivery`.
    pub outcome: String,
    /// What the error says.
    pub message: String,
    /// How long it took, by the caller's own clock.
    pub millis: u64,
}

/// What a process holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Calls that are made or served.
    pub calls: usize,
    /// Bytes that have arrived and were not read.
    pub buffered: usize,
    /// Tasks of its runtime.
    pub tasks: usize,
}

impl Said {
    /// Says it to the harness.
    pub fn say(&self) {
        // What is said has nothing that could not be said.
        if let Ok(line) = serde_json::to_string(self) {
            say(&line);
        }
    }

    /// What a line says, if it says anything.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

impl Told {
    /// As a line.
    #[must_use]
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What a line tells, if it tells anything.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

impl Counts {
    /// What this process holds, beside its tasks, which are counted here.
    #[must_use]
    pub fn of(calls: usize, buffered: usize) -> Self {
        let runtime = tokio::runtime::Handle::current();
        Self {
            calls,
            buffered,
            tasks: runtime.metrics().num_alive_tasks(),
        }
    }
}
