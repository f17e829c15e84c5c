//! Whether the target may have run the call.

use core::fmt;
use core::str::FromStr;

/// Whether the target may have run the call, as far as the caller's side can prove it.
///
/// Mirrors the WIT enum `delivery`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Delivery {
    /// The target has not run the call and will not.
    NotSent,
    /// The call was sent and nothing shows whether it arrived, or the transport can't tell.
    Unknown,
    /// The target took the call.
    Accepted,
}

impl Delivery {
    /// Every value, in the order of the WIT cases.
    pub const ALL: [Self; 3] = [Self::NotSent, Self::Unknown, Self::Accepted];

    /// The name of the WIT case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotSent => "not-sent",
            Self::Unknown => "unknown",
            Self::Accepted => "accepted",
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The name is no delivery of this version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown delivery of an RPC error")]
pub struct UnknownDelivery;

impl FromStr for Delivery {
    type Err = UnknownDelivery;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|delivery| delivery.as_str() == name)
            .ok_or(UnknownDelivery)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_delivery_round_trips_through_its_name() {
        for delivery in Delivery::ALL {
            assert_eq!(delivery.as_str().parse(), Ok(delivery));
        }
        assert_eq!("sent".parse::<Delivery>(), Err(UnknownDelivery));
    }
}
