//! What the errors of upstream's client mean.

use std::io;
use std::sync::Arc;

use async_nats::client::{PublishError, PublishErrorKind};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::connection::{Broker, Connection, LOST};
use crate::Stage;
use crate::leaf::Evidence;

/// What upstream's NATS client can prove: its outgoing stream completes nothing before the
/// handshake.
#[derive(Clone, Debug)]
pub struct Handshake {
    connection: Arc<Connection>,
}

impl Handshake {
    /// The evidence of a `wrpc_transport_nats::Client` over `nats`.
    ///
    /// For a host that has one client for one target and needs no
    /// [`NatsTransport`](super::NatsTransport):
    ///
    /// ```
    /// # fn wrap(nats: async_nats::Client, client: wrpc_transport_nats::Client) {
    /// use wrpc_middleware_transport::{Transport, nats::Handshake};
    ///
    /// let leaf = Transport::with_evidence(client, Handshake::new(nats));
    /// # }
    /// ```
    #[must_use]
    pub fn new(nats: impl Into<Arc<async_nats::Client>>) -> Self {
        Self::over(Arc::new(Connection::of(Arc::new(Broker::new(nats.into())))))
    }

    pub(super) const fn over(connection: Arc<Connection>) -> Self {
        Self { connection }
    }
}

impl Evidence for Handshake {
    fn reports_acceptance(&self) -> bool {
        true
    }

    fn for_call(&self) -> Self {
        Self::over(Arc::new(self.connection.renewed()))
    }

    fn classify_invoke(&self, error: anyhow::Error) -> RpcError {
        let publish = error
            .chain()
            .find_map(|error| error.downcast_ref::<PublishError>());
        let (delivery, reason) = match publish.map(async_nats::error::Error::kind) {
            Some(PublishErrorKind::MaxPayloadExceeded) => (
                Delivery::NotSent,
                "the headers of the call are larger than the broker permits",
            ),
            Some(PublishErrorKind::InvalidSubject) => {
                (Delivery::NotSent, "its name can't be part of a subject")
            }
            Some(PublishErrorKind::Send) => (Delivery::NotSent, "the connection is closed"),
            None => (Delivery::Unknown, "the call could not be published"),
        };
        RpcError::new(RpcErrorKind::Transport, delivery, reason).with_source(error)
    }

    fn classify_io(&self, stage: Stage, error: io::Error) -> RpcError {
        use io::ErrorKind as Io;
        if let Some(found) = RpcError::find(&error) {
            return found.clone();
        }
        if stage >= Stage::Accepted {
            return RpcError::classify(error).with_delivery(Delivery::Accepted);
        }
        let (kind, delivery, reason) = match error.kind() {
            // No responders (503).
            Io::NotConnected => (
                RpcErrorKind::TargetUnavailable,
                Delivery::NotSent,
                "nobody serves the function",
            ),
            // Request timeout (408).
            Io::TimedOut => (
                RpcErrorKind::TargetUnavailable,
                Delivery::Unknown,
                "the broker gave up waiting for the target",
            ),
            // Request terminated, or another status that is no success.
            Io::UnexpectedEof | Io::Other => (
                RpcErrorKind::TargetUnavailable,
                Delivery::Unknown,
                "the call was turned away",
            ),
            // A reply without a subject to go on with: a refusal that this client can't read.
            Io::InvalidInput => (
                RpcErrorKind::Protocol,
                Delivery::Unknown,
                "the answer to the handshake is not one of this protocol",
            ),
            _ => (
                RpcErrorKind::Transport,
                Delivery::Unknown,
                "the connection is closed",
            ),
        };
        RpcError::new(kind, delivery, reason).with_source(error)
    }

    fn connection_failure(&self) -> Option<RpcError> {
        self.connection
            .is_lost()
            .then(|| RpcError::new(RpcErrorKind::Transport, Delivery::Unknown, LOST))
    }
}
