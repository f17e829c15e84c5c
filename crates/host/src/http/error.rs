//! Why a component can't be served over HTTP.

use core::net::SocketAddr;
use std::io;
use std::path::PathBuf;

/// No requests can come.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The component answers no requests.
    #[error(
        "`{}` does not export `wasi:http/incoming-handler` of version 0.2, so it can't answer HTTP \
         requests; build it for the world `wasi:http/proxy`", .path.display()
    )]
    NoHandler {
        /// The component's file.
        path: PathBuf,
        /// What Wasmtime misses.
        source: anyhow::Error,
    },
    /// No instance of it could ever be made.
    #[error(
        "a memory of `{}` has {needed} bytes from its start, and `--max-memory` allows {allowed}; \
         allow as many at least", .path.display()
    )]
    Memory {
        /// The component's file.
        path: PathBuf,
        /// What the largest memory of an instance has.
        needed: u64,
        /// What it may have.
        allowed: usize,
    },
    /// Somebody else listens there.
    #[error(
        "can't listen at {address}: it is in use; stop what listens there, or choose another port \
         with `--addr` (0 takes any free one)"
    )]
    InUse {
        /// Where.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The address is not one of this machine.
    #[error(
        "can't listen at {address}: this machine does not have that address; 127.0.0.1 is \
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
        "can't listen at {address}: not permitted; ports below 1024 need a privilege on most systems"
    )]
    NotPermitted {
        /// Where.
        address: SocketAddr,
        /// As above.
        source: io::Error,
    },
    /// Anything else.
    #[error("can't listen at {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// As above.
        source: io::Error,
    },
}

impl HttpError {
    /// Whether the command itself is wrong, rather than its surroundings.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        !matches!(self, Self::Listen { .. })
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
