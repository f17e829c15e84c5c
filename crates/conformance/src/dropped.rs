//! What calls leave behind that are dropped.

use anyhow::{Context as _, Result, ensure};

use crate::call::Running;
use crate::case::Case;
use crate::clock::{guard, until_released};
use crate::function::Function;
use crate::judge::compare;
use crate::rig::Rig;
use crate::{Outcome, Scenario, Testbed};

/// How many calls are dropped at a time.
const DROPPED: usize = 4;

/// Whether calls that are dropped leave something behind.
pub(crate) async fn check<T: Testbed>(
    rig: &mut Rig<T>,
    case: Case,
    expected: Outcome,
) -> Result<()> {
    rig.serve().await?;
    // What is made once is made.
    let first = guard(rig.caller.call(Function::Echo)).await;
    let first = first.context("the first call does not end")?;
    compare::<T>(Scenario::Value, Outcome::Returns, &first)?;
    if let Some(fault) = case.in_place {
        rig.unserve().await?;
        rig.inject(fault).await?;
    }
    let before = rig.steady().await?;
    let calls: Vec<_> = (0..DROPPED)
        .map(|_| Running::start(&rig.caller, case.function))
        .collect();
    let with_the_first = 1 + DROPPED;
    rig.come(&calls, with_the_first, case.function, case.reach)
        .await?;
    ensure!(
        !calls.iter().any(Running::is_over),
        "a call that is to be dropped ended by itself"
    );
    drop(calls);
    if let Some(target) = rig.target() {
        target.release();
    }
    let nothing_left = async || rig.census().await.is_back_to(before);
    let seen = if until_released(nothing_left).await {
        Outcome::Returns
    } else {
        Outcome::Waits
    };
    let after = rig.census().await;
    ensure!(
        seen == expected,
        "before {DROPPED} calls were dropped there were {before:?}, after that {after:?}"
    );
    Ok(())
}
