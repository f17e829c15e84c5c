//! The state of a connection to NATS.

use tokio::sync::watch;
use wrpc_middleware_nats::ConnectionState;

use super::names::{self, NATS_CONNECTION_STATE};
use super::options::MetricsOptions;
use super::state::StateSet;

/// Keeps [`NATS_CONNECTION_STATE`].
///
/// ```
/// use wrpc_middleware_telemetry::metrics::{ConnectionMetrics, MetricsOptions};
///
/// # fn run(client: &wrpc_middleware_nats::Client) {
/// let metrics = ConnectionMetrics::new(&MetricsOptions::new());
/// tokio::spawn(metrics.follow(client.connection_state()));
/// # }
/// ```
#[derive(Debug)]
pub struct ConnectionMetrics(StateSet<3>);

impl ConnectionMetrics {
    /// Metrics that follow nothing yet.
    #[must_use]
    pub fn new(options: &MetricsOptions) -> Self {
        options.with(names::describe_connection);
        let values = [
            ConnectionState::Connected,
            ConnectionState::Disconnected,
            ConnectionState::Closed,
        ];
        Self(StateSet::new(
            options,
            NATS_CONNECTION_STATE,
            &[],
            values.map(name),
        ))
    }

    /// Follows `state`, until the connection is closed for good. It does not keep the connection.
    ///
    /// # Cancellation
    ///
    /// Dropped, the gauges stay as they are.
    pub async fn follow(self, mut state: watch::Receiver<ConnectionState>) {
        loop {
            let now = *state.borrow_and_update();
            self.0.set(name(now));
            if now == ConnectionState::Closed {
                return;
            }
            if state.changed().await.is_err() {
                return self.0.set(name(ConnectionState::Closed));
            }
        }
    }
}

const fn name(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::Connected => "connected",
        ConnectionState::Disconnected => "disconnected",
        ConnectionState::Closed => "closed",
    }
}
