//! What a bench is told on its command line.

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser};
use regex::{Regex, RegexBuilder};

/// The arguments of a bench that has its own `main`.
///
/// `cargo bench` passes `--bench`; `cargo test`, which runs a bench once to see that it works, does
/// not. What `cargo test` passes on to every test binary (`--test-threads=1`, a filter) is taken
/// here too, since a bench that refused it would fail the tests of everyone who uses it.
#[derive(Clone, Debug)]
pub struct Arguments {
    /// Measure for a shorter time: enough to see a tendency.
    pub quick: bool,
    /// Measure what takes much longer too: the 20 million calls of `network/endurance`.
    pub long: bool,
    /// Run only what matches.
    pub filter: Option<Regex>,
    /// Measure and write a record. Otherwise run everything once and write nothing.
    pub measure: bool,
}

impl Arguments {
    /// The arguments of this process.
    ///
    /// Ends the process if they are wrong, or if they ask for help or for something that a bench
    /// has nothing of: a list of tests, or those tests that are marked as ignored.
    #[must_use]
    pub fn parse() -> Self {
        let cli = Cli::parse();
        if cli.libtest.list || cli.libtest.ignored {
            std::process::exit(0);
        }
        cli.into_arguments().unwrap_or_else(|error| error.exit())
    }

    /// Whether what is called `name` is to be run.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.filter
            .as_ref()
            .is_none_or(|filter| filter.is_match(name))
    }
}

/// Whether this process is to measure, for a bench whose arguments are its harness' concern.
#[must_use]
pub fn measures() -> bool {
    let has = |name| std::env::args_os().skip(1).any(|argument| argument == name);
    has("--bench") && !has("--test")
}

#[derive(Parser)]
#[command(about = "Measures; without --bench, runs everything once and measures nothing")]
struct Cli {
    /// Measure for a shorter time
    #[arg(long)]
    quick: bool,
    /// Make 20 million calls in network/endurance over the own transport, in the place of a million
    #[arg(long, conflicts_with = "quick")]
    long: bool,
    /// Run only what matches one of these regular expressions
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// Measure, and write a record [passed by cargo bench]
    #[arg(long)]
    bench: bool,
    #[command(flatten)]
    libtest: Libtest,
}

/// What libtest takes. Only what decides if anything is run has a meaning here.
#[derive(Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "switches of a command line that is not ours"
)]
struct Libtest {
    #[arg(long, hide = true)]
    test: bool,
    #[arg(long, hide = true)]
    list: bool,
    #[arg(long, hide = true)]
    ignored: bool,
    #[arg(long, hide = true)]
    include_ignored: bool,
    #[arg(long, hide = true)]
    exact: bool,
    #[arg(long, hide = true, alias = "no-capture")]
    nocapture: bool,
    #[arg(long, hide = true)]
    show_output: bool,
    #[arg(long, short, hide = true)]
    quiet: bool,
    #[arg(long, hide = true)]
    shuffle: bool,
    #[arg(long, hide = true)]
    report_time: bool,
    #[arg(long, hide = true)]
    test_threads: Option<String>,
    #[arg(long, hide = true)]
    shuffle_seed: Option<String>,
    #[arg(long, hide = true)]
    skip: Vec<String>,
    #[arg(long, hide = true)]
    format: Option<String>,
    #[arg(long, hide = true)]
    color: Option<String>,
    #[arg(long, hide = true)]
    logfile: Option<String>,
    #[arg(short = 'Z', hide = true)]
    unstable: Vec<String>,
}

impl Cli {
    fn into_arguments(self) -> Result<Arguments, clap::Error> {
        let measure = self.bench && !self.libtest.test;
        let patterns: Vec<_> = self
            .filters
            .into_iter()
            // The filter of a test is a part of its name.
            .map(|filter| {
                if measure {
                    filter
                } else {
                    regex::escape(&filter)
                }
            })
            .collect();
        let filter = if patterns.is_empty() {
            None
        } else {
            for pattern in &patterns {
                regex(pattern)?;
            }
            Some(regex(&format!("(?:{})", patterns.join(")|(?:")))?)
        };
        Ok(Arguments {
            quick: self.quick,
            long: self.long,
            filter,
            measure,
        })
    }
}

fn regex(pattern: &str) -> Result<Regex, clap::Error> {
    RegexBuilder::new(pattern)
        .build()
        .map_err(|error| Cli::command().error(ErrorKind::ValueValidation, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(args: &str) -> Result<Arguments, clap::Error> {
        Cli::try_parse_from(["bench"].into_iter().chain(args.split_whitespace()))
            .and_then(Cli::into_arguments)
    }

    #[test]
    fn only_cargo_bench_measures() {
        for (args, quick, measure) in [
            ("", false, false),
            ("--quick", true, false),
            ("--bench", false, true),
            ("--quick --bench", true, true),
            ("--bench --test", false, false),
        ] {
            let arguments = arguments(args).unwrap();
            assert_eq!((arguments.quick, arguments.measure), (quick, measure));
            assert!(arguments.matches("anything"));
        }
    }

    #[test]
    fn a_filter_of_a_bench_is_a_regular_expression() {
        let arguments = arguments("--bench ^success/ full.stack$").unwrap();
        assert!(arguments.matches("success/timeout"));
        assert!(arguments.matches("failure/full stack"));
        assert!(!arguments.matches("failure/success/timeout"));
    }

    #[test]
    fn a_filter_of_a_test_is_a_part_of_a_name() {
        let arguments = arguments("x(").unwrap();
        assert!(arguments.matches("a x(b)"));
        assert!(!arguments.matches("x"));
    }

    #[test]
    fn each_filter_is_a_regular_expression_of_its_own() {
        assert!(arguments("--bench a) (b").is_err());
        let arguments = arguments("--bench (?i)a b").unwrap();
        assert!(arguments.matches("A"));
        assert!(!arguments.matches("B"));
    }

    #[test]
    fn what_cargo_test_passes_on_is_taken() {
        let args = "name --exact --nocapture --test-threads 2 --skip other --skip=more -q \
                    --format=terse --color always -Z unstable-options --include-ignored";
        assert!(arguments(args).unwrap().matches("name"));
    }

    #[test]
    fn an_unknown_option_is_refused() {
        assert!(arguments("--bench --qiuck").is_err());
    }

    #[test]
    fn a_run_is_long_only_if_it_is_told_to_be() {
        assert!(!arguments("--bench").unwrap().long);
        assert!(arguments("--bench --long").unwrap().long);
        assert!(arguments("--bench --long --quick").is_err());
    }
}
