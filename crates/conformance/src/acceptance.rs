//! What is known of a call that was taken and not answered.

use anyhow::{Result, ensure};
use tokio::time::sleep;
use wrpc_middleware_transport::Stage;

use crate::call::Running;
use crate::case::Case;
use crate::clock::{WATCHED, until};
use crate::judge::compare;
use crate::rig::Rig;
use crate::{Outcome, Scenario, Testbed};

/// Whether the caller's side knows when the target has taken a call.
pub(crate) async fn check<T: Testbed>(
    rig: &mut Rig<T>,
    case: Case,
    expected: Outcome,
) -> Result<()> {
    rig.serve().await?;
    let call = Running::start(&rig.caller, case.function);
    let taken = until(async || rig.runs(case.function) > 0);
    ensure!(taken.await, "the target does not take the call");
    let stage = || rig.leaf.last().map(|call| call.stage());
    let seen = if expected == Outcome::Returns {
        until(async || stage() == Some(Stage::Accepted)).await
    } else {
        sleep(WATCHED).await;
        stage() >= Some(Stage::Accepted)
    };
    ensure!(!call.is_over(), "a call without an answer ended");
    let seen = if seen {
        Outcome::Returns
    } else {
        Outcome::Waits
    };
    compare::<T>(Scenario::Acceptance, expected, &seen.into())
}
