//! Why nothing can be scraped.

use core::net::SocketAddr;
use std::io;

use metrics_exporter_prometheus::BuildError;

/// Metrics can't be served.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// Somebody else listens there.
    #[error(
        "can't serve metrics at {address}: it is in use; stop what listens there, or choose another \
         port with `--metrics` (0 takes any free one)"
    )]
    InUse {
        /// Where.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The address is not one of this machine.
    #[error(
        "can't serve metrics at {address}: this machine does not have that address; 127.0.0.1 is \
         always there, and 0.0.0.0 or [::] stand for all that it has"
    )]
    Elsewhere {
        /// Where.
        address: SocketAddr,
        /// As above.
        source: io::Error,
    },
    /// The port needs a privilege.
    #[error(
        "can't serve metrics at {address}: not permitted; ports below 1024 need a privilege on most \
         systems"
    )]
    NotPermitted {
        /// Where.
        address: SocketAddr,
        /// As above.
        source: io::Error,
    },
    /// Anything else.
    #[error("can't serve metrics at {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// As above.
        source: io::Error,
    },
    /// What records them could not be made.
    #[error("can't record metrics")]
    Recorder(#[source] BuildError),
}

impl MetricsError {
    /// Whether the command itself is wrong, rather than its surroundings.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        !matches!(self, Self::Listen { .. } | Self::Recorder(_))
    }

    /// What it means that `address` can't be listened at.
    pub(super) fn listen(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { address, source },
            io::ErrorKind::AddrNotAvailable => Self::Elsewhere { address, source },
            io::ErrorKind::PermissionDenied => Self::NotPermitted { address, source },
            _ => Self::Listen { address, source },
        }
    }
}
