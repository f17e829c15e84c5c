//! Everything that is compared.

use futures::future::LocalBoxFuture;
use wrpc_middleware_bench::arguments::Arguments;
use wrpc_middleware_bench::interleave::{Contender, Load, compare};
use wrpc_middleware_bench::record::Comparison;

use crate::loads::{self, Profile};
use crate::{BENCH, component, native, no_parameters, stalled, throughput, transport};

/// Rows that are compared with one another, under several loads.
pub(crate) struct Compared {
    title: &'static str,
    /// The row that the others are divided by.
    baseline: &'static str,
    names: &'static [&'static str],
    /// The row that has to fail, since it shows what the others avoid.
    control: Option<&'static str>,
    loads: fn(Profile) -> Vec<Load>,
    rows: fn(String, Load, Profile) -> Rows,
}

type Rows = LocalBoxFuture<'static, anyhow::Result<Vec<Contender>>>;

/// All, in their order: what large values leave of memory slows others down.
pub(crate) const ALL: [Compared; 7] = [
    Compared {
        title: transport::TITLE,
        baseline: transport::BASELINE,
        names: &transport::ROWS,
        control: None,
        loads: loads::transport,
        rows: |url, load, _| Box::pin(async move { transport::rows(&url, load.payload).await }),
    },
    Compared {
        title: no_parameters::TITLE,
        baseline: no_parameters::BASELINE,
        names: &no_parameters::ROWS,
        control: None,
        loads: loads::no_parameters,
        rows: |url, _, _| Box::pin(async move { no_parameters::rows(&url).await }),
    },
    Compared {
        title: stalled::TITLE,
        baseline: stalled::BASELINE,
        names: &stalled::ROWS,
        control: Some(stalled::CONTROL),
        loads: loads::stalled,
        rows: |url, load, profile| {
            let with_control = profile != Profile::Smoke;
            Box::pin(async move { stalled::rows(&url, load.payload, with_control).await })
        },
    },
    Compared {
        title: throughput::TO_TARGET,
        baseline: throughput::BASELINE,
        names: &throughput::TO_TARGET_ROWS,
        control: None,
        loads: loads::throughput,
        rows: |url, load, _| {
            Box::pin(async move { throughput::to_target(&url, load.payload).await })
        },
    },
    Compared {
        title: throughput::TO_CALLER,
        baseline: throughput::BASELINE,
        names: &throughput::TO_CALLER_ROWS,
        control: None,
        loads: loads::throughput,
        rows: |url, load, _| {
            Box::pin(async move { throughput::to_caller(&url, load.payload).await })
        },
    },
    Compared {
        title: native::TITLE,
        baseline: native::BASELINE,
        names: &native::ROWS,
        control: None,
        loads: loads::calls,
        rows: |url, load, _| Box::pin(async move { native::rows(&url, load.payload).await }),
    },
    Compared {
        title: component::TITLE,
        baseline: component::BASELINE,
        names: &component::ROWS,
        control: None,
        loads: loads::calls,
        rows: |url, load, _| {
            Box::pin(async move { component::rows(&url, load.concurrency, load.payload).await })
        },
    },
];

impl Compared {
    /// Measures what the filter lets through.
    pub(crate) async fn measure(
        &self,
        url: &str,
        arguments: &Arguments,
    ) -> anyhow::Result<Vec<Comparison>> {
        let (title, baseline) = (self.title, self.baseline);
        let profile = Profile::of(arguments);
        let loads = (self.loads)(profile);
        let mut comparisons = Vec::new();
        for (index, load) in loads.iter().enumerate() {
            let chosen = self.chosen(arguments, *load);
            if chosen.is_empty() {
                continue;
            }
            let mut rows = (self.rows)(url.to_owned(), *load, profile).await?;
            // What a row is compared with belongs to it.
            rows.retain(|row| chosen.contains(&row.name()) || row.name() == baseline);
            eprintln!(
                "{title}: {} bytes, {} at a time ({}/{})",
                load.payload,
                load.concurrency,
                index + 1,
                loads.len()
            );
            comparisons.push(compare(title, baseline, *load, rows).await);
        }
        Ok(comparisons)
    }

    fn chosen(&self, arguments: &Arguments, load: Load) -> Vec<&'static str> {
        let (title, payload, concurrency) = (self.title, load.payload, load.concurrency);
        let id = |name: &str| format!("{BENCH}/{title}/{name}/{payload}/{concurrency}");
        let chosen = self
            .names
            .iter()
            .filter(|name| arguments.matches(&id(name)));
        chosen.copied().collect()
    }

    /// What failed; and the row that has to, if it did not.
    pub(crate) fn failures(&self, comparisons: &[Comparison]) -> Vec<String> {
        let mut failures = Vec::new();
        for comparison in comparisons {
            for row in &comparison.rows {
                let is_control = self.control == Some(&row.name);
                let reason = match &row.failed {
                    Some(reason) if !is_control => reason,
                    None if is_control && row.skipped.is_none() => "it was to fail, and did not",
                    _ => continue,
                };
                failures.push(format!(
                    "{}, {}, {} bytes, {} at a time: {reason}",
                    comparison.title, row.name, comparison.payload, comparison.concurrency
                ));
            }
        }
        failures
    }
}
