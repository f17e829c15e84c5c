//! The state of targets.

use core::time::Duration;

use tokio::time::advance;
use tower::{Layer as _, ServiceExt as _};
use wrpc_middleware_telemetry::metrics::CLIENT_TARGET_STATE;
use wrpc_middleware_telemetry::metrics::client::ClientMetrics;
use wrpc_middleware_transport::Target;
use wrpc_middleware_transport::liveness::TargetLivenessLayer;

use crate::recorded::Recorded;
use crate::support::{Mock, invocation};

const HANDSHAKE: Duration = Duration::from_millis(500);

#[track_caller]
fn assert_state(recorded: &Recorded, state: &str) {
    let series = recorded.series(CLIENT_TARGET_STATE);
    assert_eq!(series.len(), 3, "{series:?}");
    for (labels, value) in series {
        assert!(labels.contains("target=\"greeter\""), "{labels}");
        let holds = labels.contains(&format!("state=\"{state}\""));
        assert_eq!(value as u8, u8::from(holds), "{labels}, and not {state}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_has_one_state_at_a_time() {
    let recorded = Recorded::new();
    let metrics = ClientMetrics::new(recorded.options());
    let target = Target::new("greeter").unwrap();
    let mock = Mock::silent();
    let service = TargetLivenessLayer::new(HANDSHAKE)
        .silences(2)
        .observer(metrics)
        .layer(mock.leaf().target(target.clone()));
    let call = || {
        let call = invocation().with_target(target.clone());
        service.clone().oneshot(call)
    };
    call().await.unwrap_err();
    assert_state(&recorded, "closed");
    call().await.unwrap_err();
    assert_state(&recorded, "open");
    advance(Duration::from_secs(1)).await;
    let probe = tokio::spawn(call());
    tokio::task::yield_now().await;
    assert_state(&recorded, "half-open");
    probe.await.unwrap().unwrap_err();
    assert_state(&recorded, "open");
    drop(service);
    assert_state(&recorded, "closed");
}
