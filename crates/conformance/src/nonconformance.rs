//! What is wrong with a transport.

use core::fmt;

use crate::{Layering, Scenario};

/// A transport does not do what it declares, or what every transport has to.
#[derive(Debug)]
pub struct Nonconformance {
    pub(crate) transport: &'static str,
    pub(crate) scenario: Scenario,
    pub(crate) layering: Layering,
    pub(crate) reason: anyhow::Error,
}

impl Nonconformance {
    /// What was forced.
    #[must_use]
    pub const fn scenario(&self) -> Scenario {
        self.scenario
    }

    /// What was above the leaf.
    #[must_use]
    pub const fn layering(&self) -> Layering {
        self.layering
    }
}

impl fmt::Display for Nonconformance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, `{}`, {}: {:#}",
            self.transport,
            self.scenario.name(),
            self.layering,
            self.reason
        )
    }
}

impl std::error::Error for Nonconformance {}
