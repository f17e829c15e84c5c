//! The state of the connection.

use wrpc_middleware_telemetry::metrics::{ConnectionMetrics, NATS_CONNECTION_STATE};

use crate::support::peers::{Running, client};
use crate::support::recorded::Recorded;
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::until;

#[tokio::test]
async fn a_connection_has_one_state_at_a_time() {
    let mut server = NatsServer::start().await;
    let client = client(&server, "client").await;
    let recorded = Recorded::new();
    let metrics = ConnectionMetrics::new(&recorded.options());
    let _following = Running(tokio::spawn(metrics.follow(client.connection_state())));
    let becomes = async |state: &str| {
        until(state, async || {
            let series = recorded.series(NATS_CONNECTION_STATE);
            let holding = series.iter().filter(|(_, value)| *value > 0.0);
            let holding: Vec<_> = holding.map(|(labels, _)| labels.clone()).collect();
            series.len() == 3 && holding == [format!("state=\"{state}\"")]
        })
        .await;
    };
    becomes("connected").await;
    server.kill();
    becomes("disconnected").await;
    server.restart().await;
    becomes("connected").await;
    // It does not keep the connection.
    drop(client);
    becomes("closed").await;
}
