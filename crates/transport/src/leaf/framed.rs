//! What wRPC's own transports over sockets can prove.

use std::io;

use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::Evidence;

/// The evidence of `wrpc_transport`'s clients over TCP and Unix sockets, which connect anew for each
/// call.
///
/// A connection that was refused carried nothing, so such a call is
/// [`NotSent`](Delivery::NotSent), and one that nobody listens for is
/// [`TargetUnavailable`](RpcErrorKind::TargetUnavailable). Nothing shows that a target took a call
/// before the first byte of its results, and the end of a connection looks like the end of the
/// results.
///
/// ```
/// use wrpc_middleware_transport::Transport;
/// use wrpc_middleware_transport::leaf::Framed;
///
/// # fn wrap<T: wrpc_transport::Invoke + Clone>(client: T) -> Transport<T, Framed> {
/// Transport::with_evidence(client, Framed)
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Framed;

impl Evidence for Framed {
    fn reports_acceptance(&self) -> bool {
        false
    }

    /// Of the errors that these clients return, those of `connect(2)` that no `write(2)` has.
    fn classify_invoke(&self, error: anyhow::Error) -> RpcError {
        use io::ErrorKind as Io;
        if let Some(found) = RpcError::find_in(&error) {
            return found.clone();
        }
        let (kind, reason) = match error.downcast_ref().map(io::Error::kind) {
            // The file of a Unix socket may be missing.
            Some(Io::ConnectionRefused | Io::NotFound) => (
                RpcErrorKind::TargetUnavailable,
                "nobody listens where the target should be",
            ),
            Some(Io::PermissionDenied | Io::AddrNotAvailable) => {
                (RpcErrorKind::Transport, "there is no way to connect")
            }
            _ => return RpcError::classify(error),
        };
        RpcError::new(kind, Delivery::NotSent, reason).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_connected_was_not_sent() {
        use io::ErrorKind as Io;
        let classify = |kind| {
            let error = anyhow::Error::from(io::Error::new(kind, "10.0.0.1:7761"));
            Framed.classify_invoke(error.context("the call"))
        };
        for (io, kind, delivery) in [
            (
                Io::ConnectionRefused,
                RpcErrorKind::TargetUnavailable,
                Delivery::NotSent,
            ),
            (
                Io::NotFound,
                RpcErrorKind::TargetUnavailable,
                Delivery::NotSent,
            ),
            (
                Io::PermissionDenied,
                RpcErrorKind::Transport,
                Delivery::NotSent,
            ),
            (
                Io::ConnectionReset,
                RpcErrorKind::Transport,
                Delivery::Unknown,
            ),
            (Io::BrokenPipe, RpcErrorKind::Transport, Delivery::Unknown),
            (Io::TimedOut, RpcErrorKind::Timeout, Delivery::Unknown),
        ] {
            let error = classify(io);
            assert_eq!((error.kind(), error.delivery()), (kind, delivery), "{io}");
            assert!(!error.message().contains("10.0.0.1"), "{error}");
        }
    }

    #[test]
    fn an_error_that_says_it_itself_is_heard() {
        let said = RpcError::new(RpcErrorKind::Overloaded, Delivery::Accepted, "f: full");
        let heard = Framed.classify_invoke(anyhow::Error::from(said).context("the call"));
        assert_eq!(heard.kind(), RpcErrorKind::Overloaded);
        assert_eq!(heard.delivery(), Delivery::Accepted);
    }
}
