//! What libFuzzer says of a run.

use core::time::Duration;

/// Of a run that has ended, whether by itself or by a finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Statistics {
    pub(super) executions: u64,
    /// Edges of the code that were taken.
    pub(super) coverage: u64,
    /// Inputs that differ in the code that they take.
    pub(super) inputs: u64,
    pub(super) peak_rss_mb: u64,
    pub(super) took: Duration,
}

impl Statistics {
    /// Of the text that a run has written, as much as is in it.
    pub(super) fn read(text: &str) -> Self {
        let statistic = |name: &str| {
            let line = text.lines().rev().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.trim_start_matches(':').trim().parse().ok())
        };
        let executions = statistic("stat::number_of_executed_units").unwrap_or_default();
        let per_second: u64 = statistic("stat::average_exec_per_sec").unwrap_or_default();
        Self {
            executions,
            coverage: last(text, " cov: ").unwrap_or_default(),
            inputs: last(text, " corp: ").unwrap_or_default(),
            peak_rss_mb: statistic("stat::peak_rss_mb").unwrap_or_default(),
            took: Duration::from_secs(executions.checked_div(per_second).unwrap_or_default()),
        }
    }
}

/// The number after the last `name`.
fn last(text: &str, name: &str) -> Option<u64> {
    let (_, rest) = text.rsplit_once(name)?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_counts() {
        let text = "\
INFO: seed corpus: files: 3 min: 1b max: 400b total: 900b rss: 30Mb
#4	INITED cov: 100 ft: 200 corp: 3/900b exec/s: 0 rss: 31Mb
#9	NEW    cov: 120 ft: 240 corp: 4/1Kb lim: 400 exec/s: 4 rss: 31Mb
#600	DONE   cov: 125 ft: 250 corp: 5/1Kb lim: 400 exec/s: 10 rss: 32Mb
Done 600 runs in 61 second(s)
stat::number_of_executed_units: 600
stat::average_exec_per_sec:     10
stat::peak_rss_mb:              33
";
        let expected = Statistics {
            executions: 600,
            coverage: 125,
            inputs: 5,
            peak_rss_mb: 33,
            took: Duration::from_mins(1),
        };
        assert_eq!(Statistics::read(text), expected);
        assert_eq!(
            Statistics::read("error: no such target"),
            Statistics::default()
        );
    }
}
