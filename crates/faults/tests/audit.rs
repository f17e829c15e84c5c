//! A small audit, as an ordinary test; `cargo xtask audit` makes a million calls.

#![allow(
    clippy::expect_used,
    reason = "whatever fails in here is a test that fails"
)]

use std::process::{Command, Output};

/// A run with faults of rounds of ten seconds, until there were so many calls.
fn audit(seed: u64, calls: u64, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wrpc-audit"));
    command.args(["audit", "--calls", &calls.to_string(), "--minutes", "1"]);
    command.args(["--round", "10", "--rate", "1200", "--workers", "16"]);
    command.args(["--seed", &seed.to_string()]).args(args);
    command.output().expect("run an audit")
}

fn said(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    format!("{out}\n{err}")
}

#[test]
fn what_callers_are_told_holds_whatever_breaks() {
    let output = audit(1, 20_000, &[]);
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    // It shows something only if calls were answered while others were not.
    for ended in [
        "| answered |",
        "| transport not-sent |",
        "| target-unavailable unknown |",
    ] {
        assert!(said.contains(ended), "{said}");
    }
}

#[test]
fn control_one_who_repeats_what_may_have_run_is_found_out() {
    let output = audit(2, 1, &["--blindly"]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("more than one attempt at call"), "{said}");
}
