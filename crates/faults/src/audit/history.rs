//! What callers and targets write down.
//!
//! Both append to files, each process to its own, and whoever audits takes what is there and
//! empties them. A line is in the system's hands when [`Journal`] has taken it, so it outlives
//! the process that wrote it, whatever becomes of that.

use core::fmt;
use core::str::FromStr;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::id::{AttemptId, CallId};

/// One call, as its caller saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Which call.
    pub id: CallId,
    /// When it began, in microseconds of Unix time.
    pub begun: u64,
    /// How long it took, in microseconds.
    pub took: u64,
    /// How long it was to take at most, in microseconds.
    pub limit: u64,
    /// How long its caller was kept from what it had to do meanwhile, in microseconds.
    pub lag: u64,
    /// What became of each attempt at it, in order. None of one that was not over when the call
    /// was: the outcome of the call is its own.
    pub attempts: Vec<Option<Failure>>,
    /// What the call ended in.
    pub outcome: Outcome,
}

/// What a call ended in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The answer to these parameters.
    Answered,
    /// An answer, but not the one to these parameters.
    WrongAnswer,
    /// An error.
    Failed(Failure),
    /// An error that is not one of ours.
    Untyped,
    /// It did not end in all the time that it was given.
    Hung,
}

/// What an error says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Failure {
    /// What happened.
    pub kind: RpcErrorKind,
    /// Whether the target may have run the call.
    pub delivery: Delivery,
}

/// One execution, as the target recorded it before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Which attempt was run.
    pub attempt: AttemptId,
    /// When, in microseconds of Unix time.
    pub at: u64,
}

impl From<&RpcError> for Failure {
    fn from(error: &RpcError) -> Self {
        Self {
            kind: error.kind(),
            delivery: error.delivery(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.delivery)
    }
}

impl Serialize for Failure {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Failure {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        let parsed = text.split_once(' ').and_then(|(kind, delivery)| {
            Some(Self {
                kind: kind.parse().ok()?,
                delivery: delivery.parse().ok()?,
            })
        });
        parsed.ok_or_else(|| serde::de::Error::custom("no failure"))
    }
}

/// The length of the line of an execution. It divides that of a page, so a line is written whole
/// or not at all when the process is killed: the system looks for that between two pages.
const LINE: usize = 32;

impl fmt::Display for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:014x}", self.attempt, self.at)
    }
}

impl FromStr for Execution {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> Result<Self> {
        let (attempt, at) = line.split_once(' ').context("no execution")?;
        Ok(Self {
            attempt: attempt.parse()?,
            at: u64::from_str_radix(at, 16)?,
        })
    }
}

/// A file that lines are appended to.
#[derive(Debug)]
pub struct Journal(File);

impl Journal {
    /// Opens the file, or creates it.
    ///
    /// # Errors
    ///
    /// The file can't be opened.
    pub fn open(file: &Path) -> Result<Self> {
        let options = OpenOptions::new().append(true).create(true).open(file);
        options
            .map(Self)
            .with_context(|| format!("can't open {}", file.display()))
    }

    /// Writes down an execution. Takes some microseconds, and is done when it returns.
    ///
    /// # Errors
    ///
    /// The system does not take it.
    pub fn execution(&self, attempt: AttemptId) -> Result<()> {
        let line = format!("{}\n", Execution { attempt, at: now() });
        debug_assert_eq!(line.len(), LINE);
        self.write(&line)
    }

    /// Writes down a call, likewise.
    ///
    /// # Errors
    ///
    /// The system does not take it.
    pub fn call(&self, call: &Call) -> Result<()> {
        self.write(&format!("{}\n", serde_json::to_string(call)?))
    }

    /// Writes text in one piece. What appends at the same time comes before or after it.
    fn write(&self, text: &str) -> Result<()> {
        (&self.0).write_all(text.as_bytes())?;
        Ok(())
    }
}

/// Takes the executions from a file, which is empty then.
///
/// # Errors
///
/// The file can't be read, or has something else in it.
pub fn take_executions(file: &Path) -> Result<Vec<Execution>> {
    take(file, str::parse)
}

/// Takes the calls from a file, which is empty then.
///
/// # Errors
///
/// The file can't be read, or has something else in it.
pub fn take_calls(file: &Path) -> Result<Vec<Call>> {
    take(file, |line| Ok(serde_json::from_str(line)?))
}

fn take<T>(file: &Path, parse: impl Fn(&str) -> Result<T>) -> Result<Vec<T>> {
    let name = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("can't read {name}"))?;
    if !text.is_empty() && !text.ends_with('\n') {
        bail!("{name} ends in the middle of a line");
    }
    let lines = text.lines().enumerate();
    let taken: Result<Vec<_>> = lines
        .map(|(n, line)| parse(line).with_context(|| format!("{name}, line {}", n + 1)))
        .collect();
    let taken = taken?;
    // Those who append to it find its new end.
    let emptied = OpenOptions::new().write(true).truncate(true).open(file);
    emptied.with_context(|| format!("can't empty {name}"))?;
    Ok(taken)
}

/// The time, in microseconds of Unix time.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("journal");
        (dir, file)
    }

    #[test]
    fn executions_are_taken_once_while_the_journal_is_open() {
        let (_dir, file) = file();
        let journal = Journal::open(&file).unwrap();
        for number in 0..2 {
            let attempts: Vec<_> = (0..3)
                .map(|n| CallId::new(1, 2, number).attempt(n))
                .collect();
            for attempt in &attempts {
                journal.execution(*attempt).unwrap();
            }
            assert_eq!(std::fs::metadata(&file).unwrap().len(), 3 * LINE as u64);
            let taken = take_executions(&file).unwrap();
            let taken: Vec<_> = taken.iter().map(|execution| execution.attempt).collect();
            assert_eq!(taken, attempts);
        }
        assert_eq!(take_executions(&file).unwrap(), []);
    }

    #[test]
    fn calls_are_read_as_they_were_written() {
        let (_dir, file) = file();
        let journal = Journal::open(&file).unwrap();
        let failure = Failure {
            kind: RpcErrorKind::TargetUnavailable,
            delivery: Delivery::NotSent,
        };
        let calls = [
            Outcome::Answered,
            Outcome::WrongAnswer,
            Outcome::Failed(failure),
            Outcome::Untyped,
            Outcome::Hung,
        ]
        .map(|outcome| Call {
            id: CallId::new(1, 2, 3),
            begun: now(),
            took: 5,
            limit: 6,
            lag: 7,
            attempts: vec![Some(failure), None],
            outcome,
        });
        for call in &calls {
            journal.call(call).unwrap();
        }
        assert_eq!(take_calls(&file).unwrap(), calls);
    }

    #[test]
    fn what_is_no_line_is_an_error_and_stays() {
        let (_dir, file) = file();
        for text in ["0123", "0123 456\n", "x\n"] {
            std::fs::write(&file, text).unwrap();
            assert!(take_calls(&file).is_err(), "{text}");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        }
        std::fs::write(&file, "0000000000000010 00000000000001\nhalf").unwrap();
        assert!(take_executions(&file).is_err());
    }
}
