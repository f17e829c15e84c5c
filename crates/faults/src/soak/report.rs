//! What is written for people.

use core::fmt::Write as _;

use super::{MAX_SLOPE, Sample, Soak};
use crate::audit::report::body;
use crate::audit::stage::Settings;
use crate::audit::vitals::Vitals;

/// How it goes, in a line.
#[must_use]
pub fn line(soak: &Soak) -> String {
    let verdict = &soak.audit.verdict;
    let Some(sample) = soak.samples.last() else {
        return String::new();
    };
    format!(
        "{:>5.1} min: {} calls, {} answered, {} faults, {} lies, {} leaks; {}",
        sample.at.as_secs_f64() / 60.0,
        verdict.calls(),
        verdict.answered(),
        soak.audit.faults.values().sum::<u64>(),
        verdict.lies.len(),
        soak.leaks.len(),
        sample,
    )
}

impl core::fmt::Display for Sample {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let most = |vitals: &[Vitals]| vitals.iter().map(|vitals| vitals.resident).max();
        write!(
            f,
            "callers {} KiB at most, targets {}; {} tasks, {} subscriptions",
            most(&self.callers).unwrap_or_default(),
            most(&self.targets).unwrap_or_default(),
            tasks(self),
            self.subscriptions,
        )
    }
}

fn tasks(sample: &Sample) -> usize {
    let all = sample.callers.iter().chain(&sample.targets);
    all.map(|vitals| vitals.tasks).sum()
}

/// The whole of it, in Markdown.
#[must_use]
pub fn markdown(soak: &Soak, settings: Settings) -> String {
    let verdict = &soak.audit.verdict;
    let mut text = String::from("# Soak\n\n");
    let ending = match (soak.leaks.len(), verdict.lies.len()) {
        (0, 0) => "Nothing was left behind, and everything that callers were told holds.".into(),
        (leaks, lies) => format!("**{leaks} leaks, and {lies} claims that do not hold.**"),
    };
    let minutes = soak
        .samples
        .last()
        .map_or(0.0, |last| last.at.as_secs_f64() / 60.0);
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "{ending}\n\n\
         {minutes:.1} minutes, {calls} calls in {rounds} rounds, {answered} of them answered; \
         {faults} faults. Seed {seed}.\n\n\
         | process | KiB at first | at last | peak | KiB a minute, second half |\n\
         |---|---:|---:|---:|---:|\n",
        calls = verdict.calls(),
        rounds = soak.audit.rounds,
        answered = verdict.answered(),
        faults = soak.audit.faults.values().sum::<u64>(),
        seed = settings.seed,
    );
    for memory in soak.memory(settings) {
        let slope = memory
            .slope
            .map_or("too short".into(), |slope| format!("{slope:.1}"));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {slope} |",
            memory.name, memory.first, memory.last, memory.peak
        );
    }
    let _ = writeln!(text, "\nAt most {MAX_SLOPE} KiB a minute are tolerated.");
    if !soak.leaks.is_empty() {
        text += "\n## Left behind\n\n";
        for leak in &soak.leaks {
            let _ = writeln!(text, "- {leak}");
        }
    }
    text += "\n## Counted when all was quiet\n\n\
             | minute | calls | caller, most KiB | target, most KiB | tasks | subscriptions |\n\
             |---:|---:|---:|---:|---:|---:|\n";
    let most = |vitals: &[Vitals]| vitals.iter().map(|vitals| vitals.resident).max();
    for sample in &soak.samples {
        let _ = writeln!(
            text,
            "| {:.1} | {} | {} | {} | {} | {} |",
            sample.at.as_secs_f64() / 60.0,
            sample.calls,
            most(&sample.callers).unwrap_or_default(),
            most(&sample.targets).unwrap_or_default(),
            tasks(sample),
            sample.subscriptions,
        );
    }
    text += &body(&soak.audit);
    text
}
