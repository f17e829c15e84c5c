//! Running a scenario.

use anyhow::{Context as _, Result, bail, ensure};
use futures::future::{Either, select};
use std::io::Write as _;
use tokio::runtime::Builder;
use tokio::time::sleep;
use wrpc_middleware_errors::{Delivery, RpcError};
use wrpc_middleware_transport::Stage;

use crate::call::{Ended, Running};
use crate::case::{Case, Reach};
use crate::clock::{HANDSHAKE, WATCHED, advance, guard, until, until_released};
use crate::declaration::mistake;
use crate::expectation::{Expectation, is_acceptance_proven, silent};
use crate::function::Function;
use crate::rig::Rig;
use crate::{Layering, Nonconformance, Outcome, Scenario, Testbed, Verdict};

/// How many calls are dropped at a time.
const DROPPED: usize = 4;

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
    let checked = async {
        if let Some(mistake) = mistake::<T>() {
            bail!(mistake);
        }
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime
            .context("a runtime")?
            .block_on(cell::<T>(scenario, layering))
    };
    futures::executor::block_on(checked).map_err(|reason| Nonconformance {
        transport: T::NAME,
        scenario,
        layering,
        reason,
    })
}

async fn cell<T: Testbed>(scenario: Scenario, layering: Layering) -> Result<()> {
    let case = Case::of(scenario);
    let expected = Expectation::of::<T>(scenario, layering);
    let mut rig = Rig::<T>::start(case, layering).await?;
    let ended = match scenario {
        Scenario::DroppedBeforeHandshake
        | Scenario::DroppedAfterHandshake
        | Scenario::DroppedInResult
        | Scenario::DroppedInStream => return dropped(&mut rig, case, expected.outcome).await,
        Scenario::Acceptance => {
            rig.serve().await?;
            return acceptance(&rig, case, expected.outcome).await;
        }
        _ => outcome(&mut rig, scenario, layering, case, expected).await?,
    };
    honest(&rig, case, ended.outcome)?;
    if let Some(error) = &ended.error {
        discreet(case.function, error, &rig.confidential())?;
    }
    Ok(())
}

/// Brings about what happens in `case`, and how its call ends: as expected.
async fn outcome<T: Testbed>(
    rig: &mut Rig<T>,
    scenario: Scenario,
    layering: Layering,
    case: Case,
    expected: Expectation,
) -> Result<Ended> {
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
    compare(scenario, expected.outcome, &ended)?;
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
    Ok(ended)
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
        compare(Scenario::SilentTarget, silent(), &ended)?;
    }
    Ok(())
}

/// Whether the caller's side knows when the target has taken a call.
async fn acceptance<T: Testbed>(rig: &Rig<T>, case: Case, expected: Outcome) -> Result<()> {
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
    compare(Scenario::Acceptance, expected, &seen.into())
}

/// Whether calls that are dropped leave something behind.
async fn dropped<T: Testbed>(rig: &mut Rig<T>, case: Case, expected: Outcome) -> Result<()> {
    rig.serve().await?;
    // What is made once is made.
    let first = rig.caller.call(Function::Echo).await;
    compare(Scenario::Value, Outcome::Returns, &first)?;
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

fn compare(scenario: Scenario, expected: Outcome, ended: &Ended) -> Result<()> {
    if let Some(wrong) = &ended.wrong {
        bail!("what arrives is wrong: {wrong}");
    }
    let seen = ended.outcome;
    if seen == expected {
        return Ok(());
    }
    let because = ended
        .error
        .as_ref()
        .map(|error| format!(" ({:#})", anyhow::Error::from(error.clone())))
        .unwrap_or_default();
    let advice = if seen == scenario.ideal() {
        ": it can tell after all, so take it out of `CANNOT_TELL`"
    } else {
        ""
    };
    bail!("should see `{expected}`, sees `{seen}`{because}{advice}")
}

/// What an error says of the delivery is the truth, whatever is declared.
fn honest<T: Testbed>(rig: &Rig<T>, case: Case, seen: Outcome) -> Result<()> {
    if rig.target().is_none() {
        return Ok(());
    }
    match (seen, rig.runs(case.function)) {
        (Outcome::Fails(_, Delivery::Accepted), 0) => {
            bail!("the call counts as accepted, and the target never saw it")
        }
        // Those that were shed are made again.
        (Outcome::Fails(_, Delivery::NotSent), 1..) if case.before.is_none() => {
            bail!("the call counts as not sent, and the target ran it")
        }
        _ => Ok(()),
    }
}

/// What an error says to everyone names the function, and nothing that is not for everyone.
fn discreet(function: Function, error: &RpcError, confidential: &[String]) -> Result<()> {
    let message = error.message();
    ensure!(
        !message.contains(char::is_control),
        "the message has control characters: {message:?}"
    );
    if let Some(secret) = confidential.iter().find(|secret| message.contains(*secret)) {
        bail!("the message has `{secret}` in it, which guests must not see: {message}");
    }
    let from_codec = function == Function::Garbage;
    ensure!(
        from_codec || function == Function::Invalid || message.contains(function.name()),
        "the message does not name the function: {message}"
    );
    Ok(())
}
