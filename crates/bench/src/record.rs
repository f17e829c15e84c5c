//! What a bench measured, as a file that the report is made of.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// Names the directory of the records, for benches that are not run by `cargo bench` in the
/// workspace.
pub const DIRECTORY: &str = "WRPC_BENCH_RECORDS";

/// Everything that one bench measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The name of the bench, and of its file.
    pub bench: String,
    /// Rows against a baseline, in the order of the report.
    #[serde(default)]
    pub comparisons: Vec<Comparison>,
    /// What does not jitter, per call.
    #[serde(default)]
    pub counts: Vec<Count>,
    /// Everything else that has a distribution.
    #[serde(default)]
    pub samples: Vec<Samples>,
    /// What was measured with: `nats-server 2.15.1`, `async-nats 0.49.1`.
    #[serde(default)]
    pub versions: Vec<String>,
}

/// Rows that were measured in turns, under one load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What is compared, the same for all its loads: `Native calls`.
    pub title: String,
    /// How many calls run at a time.
    pub concurrency: usize,
    /// The size of the parameters and of the results in bytes, or one way if the title says so.
    pub payload: usize,
    /// The name of the row that the others are divided by.
    pub baseline: String,
    /// The rows, the baseline among them.
    pub rows: Vec<Row>,
}

/// One row of a [`Comparison`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What was called: `full stack`.
    pub name: String,
    /// What was measured; of all rows of a comparison, the rounds with the same index ran one
    /// after the other.
    pub rounds: Vec<Round>,
    /// The latency of all rounds together.
    pub latency: Latency,
    /// How many calls were still waiting well after the end of their round: their answers are
    /// lost.
    pub unanswered: u64,
    /// Why the row was not measured under this load, if it was left out.
    #[serde(default)]
    pub skipped: Option<String>,
    /// Why a call of the row failed, which ended its part in the comparison.
    #[serde(default)]
    pub failed: Option<String>,
}

/// A short time in which one row had the machine for itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// How many calls ended.
    pub calls: u64,
    /// How long that took, in nanoseconds.
    pub elapsed_ns: u64,
    /// The median latency of a call, in nanoseconds.
    pub median_ns: u64,
    /// The CPU time that the caller's process used, in nanoseconds.
    #[serde(default)]
    pub cpu_ns: u64,
}

impl Round {
    /// Calls per second.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn throughput(&self) -> f64 {
        self.calls as f64 / (self.elapsed_ns.max(1) as f64 / 1e9)
    }
}

/// Percentiles of a latency, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// The median.
    pub p50_ns: u64,
    /// One call in a hundred took longer.
    pub p99_ns: u64,
    /// One call in a thousand took longer.
    pub p999_ns: u64,
    /// The longest of all.
    pub max_ns: u64,
}

/// What one call takes of something that can be counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// What is called: `full stack`, `denied`.
    pub name: String,
    /// What is counted: `allocations`, `allocated bytes`, `instructions`.
    pub unit: String,
    /// How many of them.
    pub value: u64,
    /// The most that the project allows, if it states one.
    #[serde(default)]
    pub limit: Option<u64>,
}

/// A distribution of something that is not the latency of a call, or a single value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// What was measured: `first denied call after a link was removed, table of 1,000 links`.
    pub name: String,
    /// The unit of the values: `ns`, `bytes`.
    pub unit: String,
    /// What was seen, in the order in which it was.
    pub values: Vec<f64>,
}

impl Record {
    /// An empty record of a bench.
    pub fn new(bench: impl Into<String>) -> Self {
        Self {
            bench: bench.into(),
            ..Self::default()
        }
    }

    /// Writes the record below [`directory`], in the place of an older one of the same bench.
    ///
    /// # Errors
    ///
    /// The directory or the file can't be written.
    pub fn save(&self) -> anyhow::Result<()> {
        let directory = directory();
        fs::create_dir_all(&directory)
            .with_context(|| format!("create {}", directory.display()))?;
        let path = directory.join(format!("{}.json", self.bench));
        let json = serde_json::to_vec_pretty(self).context("encode the record")?;
        fs::write(&path, json).with_context(|| format!("write {}", path.display()))
    }

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// The file can't be read, or is not a record.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let json = fs::read(path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_slice(&json)
            .with_context(|| format!("{} is not a record of a bench", path.display()))
    }
}

/// Where records are: `$WRPC_BENCH_RECORDS`, or `target/bench/records` of this workspace.
#[must_use]
pub fn directory() -> PathBuf {
    std::env::var_os(DIRECTORY).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/bench/records"),
        PathBuf::from,
    )
}
