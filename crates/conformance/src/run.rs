//! Running a scenario.

use std::io::Write as _;

use anyhow::{Context as _, Result, bail};
use tokio::runtime::Builder;

use crate::case::Case;
use crate::declaration::mistake;
use crate::expectation::Expectation;
use crate::rig::Rig;
use crate::{Layering, Nonconformance, Scenario, Testbed, Verdict, acceptance, dropped, force};

/// Runs `scenario` over `T` under every [`Layering`]. What [`conformance!`](crate::conformance!)
/// makes a test of.
///
/// # Panics
///
/// If `T` does not do what it declares; all layerings under which it does not are named.
pub fn run<T: Testbed>(scenario: Scenario) {
    if let Verdict::CannotTell { sees, reason } = Verdict::of(T::CANNOT_TELL, scenario) {
        // Past the test runner, which shows the output of failed tests alone. Nothing depends on
        // whether anybody reads it.
        let _ = writeln!(
            std::io::stderr(),
            "{}: {} can't be told: {sees} ({reason})",
            T::NAME,
            scenario.name(),
        );
    }
    let failures: Vec<_> = Layering::ALL
        .into_iter()
        .filter_map(|layering| check::<T>(scenario, layering).err())
        .map(|failure| failure.to_string())
        .collect();
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}

/// Runs `scenario` over `T` under one [`Layering`], on a runtime of its own.
///
/// # Errors
///
/// `T` does not do what it declares.
pub fn check<T: Testbed>(scenario: Scenario, layering: Layering) -> Result<(), Nonconformance> {
    cell::<T>(scenario, layering).map_err(|reason| Nonconformance {
        transport: T::NAME,
        scenario,
        layering,
        reason,
    })
}

fn cell<T: Testbed>(scenario: Scenario, layering: Layering) -> Result<()> {
    if let Some(mistake) = mistake::<T>() {
        bail!(mistake);
    }
    let case = Case::of(scenario);
    let expected = Expectation::of::<T>(scenario, layering);
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.context("a runtime")?.block_on(async {
        let mut rig = Rig::<T>::start(case, layering).await?;
        match scenario {
            Scenario::Acceptance => acceptance::check(&mut rig, case, expected.outcome).await,
            Scenario::DroppedBeforeHandshake
            | Scenario::DroppedAfterHandshake
            | Scenario::DroppedInResult
            | Scenario::DroppedInStream => dropped::check(&mut rig, case, expected.outcome).await,
            _ => force::check(&mut rig, scenario, layering, case, expected).await,
        }
    })
}
