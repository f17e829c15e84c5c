//! What a transport can tell.

use crate::{Outcome, Scenario, Testbed};

/// A scenario of which the leaf alone can't tell what happened.
#[derive(Clone, Copy, Debug)]
pub struct CannotTell {
    /// The scenario.
    pub scenario: Scenario,
    /// How the call ends instead.
    pub sees: Outcome,
    /// Why the transport can't tell.
    pub reason: &'static str,
}

/// What the leaf alone makes of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The call ends as the scenario [should](Scenario::ideal).
    Proves,
    /// It ends otherwise.
    CannotTell {
        /// How it ends.
        sees: Outcome,
        /// Why the transport can't tell.
        reason: &'static str,
    },
}

impl Verdict {
    /// What `declared`, the [`Testbed::CANNOT_TELL`] of a transport, says of `scenario`.
    #[must_use]
    pub fn of(declared: &[CannotTell], scenario: Scenario) -> Self {
        declared
            .iter()
            .find(|cannot_tell| cannot_tell.scenario == scenario)
            .map_or(Self::Proves, |&CannotTell { sees, reason, .. }| {
                Self::CannotTell { sees, reason }
            })
    }

    /// How a call ends in `scenario`.
    #[must_use]
    pub fn outcome(self, scenario: Scenario) -> Outcome {
        match self {
            Self::Proves => scenario.ideal(),
            Self::CannotTell { sees, .. } => sees,
        }
    }
}

/// What is wrong with the declarations of a transport by themselves, if anything is.
pub(crate) fn mistake<T: Testbed>() -> Option<String> {
    T::CANNOT_TELL.iter().enumerate().find_map(|(n, entry)| {
        let name = entry.scenario.name();
        if T::CANNOT_TELL
            .iter()
            .take(n)
            .any(|earlier| earlier.scenario == entry.scenario)
        {
            Some(format!("`{name}` is declared twice in `CANNOT_TELL`"))
        } else if entry.sees == entry.scenario.ideal() {
            Some(format!(
                "`CANNOT_TELL` has `{name}`, which sees what it should; take it out"
            ))
        } else if entry.reason.is_empty() {
            Some(format!("`CANNOT_TELL` has no reason for `{name}`"))
        } else {
            None
        }
    })
}
