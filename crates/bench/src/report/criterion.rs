//! What criterion measured, as it left it on disk.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::files;

/// The directory, below that of a bench, of its latest run.
const LATEST: &str = "new";

/// The files in it.
const BENCHMARK: &str = "benchmark.json";
const ESTIMATES: &str = "estimates.json";

/// The time that criterion estimates for one iteration of a bench.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Group, function and parameter: `lookup/same link/1000`.
    pub id: String,
    /// The median, in nanoseconds.
    pub median: f64,
    /// The interval in which it is, in nanoseconds.
    pub interval: (f64, f64),
}

impl Estimate {
    /// All estimates below criterion's directory, by their ids. Without the directory there are
    /// none.
    ///
    /// # Errors
    ///
    /// When the directory or a file can't be read, or a file is not what criterion writes.
    pub fn load_all(directory: &Path) -> Result<Vec<Self>> {
        let mut estimates = Vec::new();
        for latest in latest(directory)? {
            estimates.push(Self::load(&latest)?);
        }
        estimates.sort_by(|one, other| one.order().cmp(&other.order()));
        Ok(estimates)
    }

    /// Removes what earlier runs left below criterion's directory, so that [`Self::load_all`]
    /// finds a later run only. Baselines that someone saved are kept.
    ///
    /// # Errors
    ///
    /// When something can't be read or removed.
    pub fn remove_all(directory: &Path) -> Result<()> {
        for latest in latest(directory)? {
            fs::remove_dir_all(&latest).with_context(|| format!("remove {}", latest.display()))?;
        }
        Ok(())
    }

    fn load(latest: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Benchmark {
            full_id: String,
        }
        #[derive(Deserialize)]
        struct Estimates {
            median: Median,
        }
        #[derive(Deserialize)]
        struct Median {
            point_estimate: f64,
            confidence_interval: Interval,
        }
        #[derive(Deserialize)]
        struct Interval {
            lower_bound: f64,
            upper_bound: f64,
        }

        let benchmark: Benchmark = read(&latest.join(BENCHMARK))?;
        let Estimates { median } = read(&latest.join(ESTIMATES))?;
        let interval = median.confidence_interval;
        Ok(Self {
            id: benchmark.full_id,
            median: median.point_estimate,
            interval: (interval.lower_bound, interval.upper_bound),
        })
    }

    /// The group of the bench.
    pub(super) fn group(&self) -> &str {
        self.id.split_once('/').map_or(&self.id, |(group, _)| group)
    }

    /// The name of a series and the number that it grows with, if the bench has such a parameter.
    pub(super) fn parameter(&self) -> Option<(&str, u32)> {
        let (series, parameter) = self.id.rsplit_once('/')?;
        let (_, name) = series.split_once('/')?;
        Some((name, parameter.parse().ok()?))
    }

    /// Parameters in the order of numbers.
    fn order(&self) -> (&str, &str, u32) {
        match self.parameter() {
            Some((name, parameter)) => (self.group(), name, parameter),
            None => (self.group(), &self.id, 0),
        }
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let json = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    serde_json::from_slice(&json)
        .with_context(|| format!("{} is not what criterion writes", path.display()))
}

/// Every directory below this one that has the results of a latest run.
fn latest(directory: &Path) -> Result<Vec<PathBuf>> {
    let benchmarks = files::find(directory, BENCHMARK)?;
    Ok(benchmarks
        .iter()
        .filter_map(|file| file.parent())
        .filter(|parent| parent.ends_with(LATEST))
        .map(Into::into)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, id: &str, run: &str, median: &str) {
        let directory = root.join(id.replace('/', "_")).join(run);
        fs::create_dir_all(&directory).unwrap();
        let benchmark = format!(
            r#"{{"group_id":"g","function_id":null,"value_str":"v","throughput":null,"full_id":"{id}",
            "directory_name":"d","title":"t"}}"#
        );
        fs::write(directory.join(BENCHMARK), benchmark).unwrap();
        let estimate = |median: &str| {
            format!(
                r#"{{"confidence_interval":{{"confidence_level":0.95,"lower_bound":1.5,
                "upper_bound":2.5}},"point_estimate":{median},"standard_error":0.1}}"#
            )
        };
        let estimates = format!(
            r#"{{"mean":{},"median":{},"slope":null}}"#,
            estimate("99.0"),
            estimate(median)
        );
        fs::write(directory.join(ESTIMATES), estimates).unwrap();
    }

    #[test]
    fn the_latest_run_of_each_bench_is_read_in_order() {
        let root = tempfile::tempdir().unwrap();
        for count in ["1000", "1", "100000"] {
            put(
                root.path(),
                &format!("lookup/same link/{count}"),
                "new",
                "2.0",
            );
        }
        put(root.path(), "failure/denied", "base", "7.0");
        let estimates = Estimate::load_all(root.path()).unwrap();
        let ids: Vec<_> = estimates.iter().map(|estimate| &estimate.id).collect();
        assert_eq!(
            ids,
            [
                "lookup/same link/1",
                "lookup/same link/1000",
                "lookup/same link/100000"
            ]
        );
        let first = &estimates[0];
        assert_eq!((first.median, first.interval), (2.0, (1.5, 2.5)));
        assert_eq!(first.group(), "lookup");
        assert_eq!(first.parameter(), Some(("same link", 1)));
    }

    #[test]
    fn a_removed_run_is_not_read_and_a_baseline_stays() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "success/full stack", "new", "2.0");
        put(root.path(), "success/full stack", "base", "2.0");
        Estimate::remove_all(root.path()).unwrap();
        assert_eq!(Estimate::load_all(root.path()).unwrap(), []);
        let base = root.path().join("success_full stack/base").join(ESTIMATES);
        assert!(base.is_file());
    }

    #[test]
    fn no_directory_is_no_estimates() {
        let root = tempfile::tempdir().unwrap();
        let missing = root.path().join("criterion");
        assert_eq!(Estimate::load_all(&missing).unwrap(), []);
        Estimate::remove_all(&missing).unwrap();
    }

    #[test]
    fn a_file_that_is_something_else_is_named() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "success/full stack", "new", "null");
        let error = Estimate::load_all(root.path()).unwrap_err().to_string();
        assert!(
            error.ends_with("estimates.json is not what criterion writes"),
            "{error}"
        );
    }
}
