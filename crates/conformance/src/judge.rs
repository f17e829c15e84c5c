//! What is right and what is wrong about the end of a call.

use anyhow::{Result, bail, ensure};
use wrpc_middleware_errors::{Delivery, RpcError};

use crate::call::Ended;
use crate::case::Case;
use crate::function::Function;
use crate::rig::Rig;
use crate::{Outcome, Scenario, Testbed, Verdict};

/// A call over `T` has ended as `expected`.
pub(crate) fn compare<T: Testbed>(
    scenario: Scenario,
    expected: Outcome,
    ended: &Ended,
) -> Result<()> {
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
    let cannot_tell = Verdict::of(T::CANNOT_TELL, scenario) != Verdict::Proves;
    let advice = if cannot_tell && seen == scenario.ideal() {
        ": it can tell after all, so take it out of `CANNOT_TELL`"
    } else {
        ""
    };
    bail!("should see `{expected}`, sees `{seen}`{because}{advice}")
}

/// What an error says of the delivery is the truth, whatever is declared.
pub(crate) async fn honest<T: Testbed>(rig: &Rig<T>, case: Case, seen: Outcome) -> Result<()> {
    if rig.target().is_none() {
        return Ok(());
    }
    if matches!(seen, Outcome::Fails(_, Delivery::NotSent)) {
        // What was sent all the same is there now.
        rig.settled().await?;
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
pub(crate) fn discreet(
    function: Function,
    error: &RpcError,
    confidential: &[String],
) -> Result<()> {
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
