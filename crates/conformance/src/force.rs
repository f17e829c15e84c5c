//! What is forced upon a call, and how it ends.

use anyhow::{Context as _, Result, ensure};
use futures::future::{Either, select};
use tokio::time::sleep;
use wrpc_middleware_errors::Delivery;

use crate::call::Running;
use crate::case::{Case, Reach};
use crate::clock::{HANDSHAKE, WATCHED, advance, guard, until};
use crate::expectation::{Expectation, is_acceptance_proven, silent};
use crate::function::Function;
use crate::judge::{compare, discreet, honest};
use crate::rig::Rig;
use crate::{Layering, Outcome, Scenario, Testbed};

/// Brings about what happens in `case`; its call has to end as expected.
pub(crate) async fn check<T: Testbed>(
    rig: &mut Rig<T>,
    scenario: Scenario,
    layering: Layering,
    case: Case,
    expected: Expectation,
) -> Result<()> {
    match case.in_place {
        Some(fault) => rig.inject(fault).await?,
        None => rig.serve().await?,
    }
    let mut before = Vec::new();
    if let Some(function) = case.before {
        before.push(Running::start(&rig.caller, function));
        rig.come(&before, 1, function, Reach::Taken).await?;
    }
    if scenario == Scenario::FailFast {
        be_silent(rig, layering, case).await?;
    }
    if let Some(fault) = case.broken {
        rig.inject(fault).await?;
    }
    let call = [Running::start(&rig.caller, case.function)];
    if case.reach != Reach::End {
        rig.come(&call, expected.reached, case.function, case.reach)
            .await?;
    }
    let [call] = call;
    if let Some(fault) = case.breaks {
        rig.inject(fault).await?;
    }
    if let Some(after) = expected.after {
        advance(after).await;
    }
    let ended = if expected.outcome == Outcome::Waits {
        match select(call, Box::pin(sleep(WATCHED))).await {
            Either::Left((ended, _)) => ended,
            Either::Right(_) => Outcome::Waits.into(),
        }
    } else {
        guard(call).await.unwrap_or_else(|| Outcome::Waits.into())
    };
    compare::<T>(scenario, expected.outcome, &ended)?;
    let reached = rig.leaf.reached();
    let was_not_sent = matches!(ended.outcome, Outcome::Fails(_, Delivery::NotSent));
    ensure!(
        reached == expected.reached
            || (layering.repeats() && was_not_sent && reached == expected.reached + 1),
        "{reached} calls reached the transport, where {} should have",
        expected.reached,
    );
    if was_not_sent && !before.is_empty() {
        drop(before);
        again(rig, case.function).await?;
    }
    honest(rig, case, ended.outcome).await?;
    match &ended.error {
        Some(error) => discreet(case.function, error, &rig.confidential()),
        None => Ok(()),
    }
}

/// What was one too many is not once the other call is over.
async fn again<T: Testbed>(rig: &Rig<T>, function: Function) -> Result<()> {
    let rejected = rig.runs(function);
    ensure!(rejected == 0, "a call that was shed ran");
    if let Some(target) = rig.target() {
        target.release();
    }
    let caller = &rig.caller;
    let returns = until(async || caller.call(function).await.outcome == Outcome::Returns);
    ensure!(returns.await, "calls are shed though none is running");
    Ok(())
}

/// Makes a call to a target that is silent.
async fn be_silent<T: Testbed>(rig: &Rig<T>, layering: Layering, case: Case) -> Result<()> {
    let silenced = [Running::start(&rig.caller, case.function)];
    rig.come(&silenced, 1, case.function, Reach::Sent).await?;
    if layering.awaits_handshake() && is_acceptance_proven::<T>() {
        advance(HANDSHAKE).await;
        let [call] = silenced;
        let ended = guard(call).await.context("a silence has no end")?;
        compare::<T>(Scenario::SilentTarget, silent(), &ended)?;
    }
    Ok(())
}
