//! What is written for people.

use core::fmt::Write as _;
use core::time::Duration;
use std::collections::BTreeMap;

use super::Audit;
use super::check::Count;
use super::lie::Lie;
use super::stage::{SLACK, Settings};

/// How many lies are listed; of more, there are counts.
const LISTED: usize = 40;

/// How it goes, in a line.
#[must_use]
pub fn line(audit: &Audit, took: Duration) -> String {
    let verdict = &audit.verdict;
    format!(
        "{:>5} s: {} calls, {} answered, {} executions, {} faults, {} lies",
        took.as_secs(),
        verdict.calls(),
        verdict.answered(),
        verdict.executions,
        audit.faults.values().sum::<u64>(),
        verdict.lies.len(),
    )
}

/// The whole of it, in Markdown.
#[must_use]
pub fn markdown(audit: &Audit, settings: Settings, took: Duration) -> String {
    let mut text = String::from("# Audit\n\n");
    let verdict = &audit.verdict;
    let ending = match (verdict.lies.len(), &audit.unrest) {
        (0, None) => "Everything that callers were told holds.".to_owned(),
        (lies, None) => format!("**{lies} claims do not hold.**"),
        (lies, Some(unrest)) => {
            format!("**{lies} claims do not hold, and not everything ended: {unrest}.**")
        }
    };
    let cast = settings.cast;
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "{ending}\n\n\
         {calls} calls in {rounds} rounds and {seconds} s, {answered} of them answered; {executions} \
         executions; {faults} faults. {callers} callers of {workers} calls at a time, {targets} targets \
         of {members} processes. Seed {seed}.\n\n\
         The latest end of a call was {latest:?} after its deadline, {slack:?} are tolerated; callers had \
         to wait for the machine for {lag:?} at most during a call, which does not count.\n",
        calls = verdict.calls(),
        rounds = audit.rounds,
        seconds = took.as_secs(),
        answered = verdict.answered(),
        executions = verdict.executions,
        faults = audit.faults.values().sum::<u64>(),
        callers = cast.callers,
        workers = settings.workers,
        targets = cast.targets,
        members = cast.members,
        seed = settings.seed,
        latest = verdict.latest,
        slack = SLACK.end,
        lag = verdict.longest_lag,
    );
    text += &body(audit);
    text
}

/// The counts, and what does not hold.
#[must_use]
pub fn body(audit: &Audit) -> String {
    let mut text = String::new();
    let verdict = &audit.verdict;
    counts(&mut text, "How calls ended", "calls", &verdict.endings);
    counts(
        &mut text,
        "Attempts that failed before they were taken",
        "attempts",
        &verdict.attempts,
    );
    text += "\n## Faults\n\n| fault | times |\n|---|---:|\n";
    for (name, times) in &audit.faults {
        let _ = writeln!(text, "| {name} | {times} |");
    }
    if !verdict.lies.is_empty() {
        text += "\n## What does not hold\n\n";
        text += &lies(&verdict.lies);
    }
    text
}

fn counts(text: &mut String, title: &str, what: &str, counts: &BTreeMap<String, Count>) {
    let _ = write!(
        text,
        "\n## {title}\n\n| ended in | {what} | of them ran |\n|---|---:|---:|\n"
    );
    for (name, Count { calls, ran }) in counts {
        let _ = writeln!(text, "| {name} | {calls} | {ran} |");
    }
}

/// The first of them, one a line.
#[must_use]
pub fn lies(lies: &[Lie]) -> String {
    let mut text = String::new();
    for lie in lies.iter().take(LISTED) {
        let _ = writeln!(text, "- {lie}");
    }
    if lies.len() > LISTED {
        let _ = writeln!(text, "- … and {} more", lies.len() - LISTED);
    }
    text
}
