//! What the broker refuses, it refuses without telling the caller: known limits of a bare client.

use core::time::Duration;

use async_nats::ConnectOptions;
use futures::StreamExt as _;
use wrpc_middleware::{Delivery, RpcErrorKind};

use crate::support::guests;
use crate::support::host::Host;
use crate::support::stack::{GREETER_PREFIX, LONG, TIMEOUT, host, links, ours};
use crate::support::targets::{self, RAN, upstream_client};
use crate::support::transports::Upstream;
use wrpc_middleware_testing::nats::{NatsServer, round_trip};
use wrpc_middleware_testing::wait::{assert_hangs, guard};

/// `target` may do everything; `caller` lacks what is denied to it.
fn config(denied: &str) -> String {
    format!(
        r"authorization {{
            users = [
                {{ user: target, password: secret }}
                {{ user: caller, password: secret, permissions: {{ {denied} }} }}
            ]
        }}"
    )
}

const NO_CALLS: &str = r#"publish: { deny: ["default.>"] }"#;

const NO_INBOX: &str = r#"subscribe: { deny: ["_INBOX.>"] }"#;

async fn login(server: &NatsServer, user: &str) -> async_nats::Client {
    ConnectOptions::with_user_and_password(user.to_owned(), "secret".to_owned())
        .connect(server.url())
        .await
        .expect("log in")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_may_not_publish_finds_its_target_silent() {
    let server = NatsServer::start_with(&config(NO_CALLS)).await;
    let client = login(&server, "caller").await;
    let _target = targets::native::<Upstream>(login(&server, "target").await, GREETER_PREFIX).await;
    let ours = ours::<Upstream>(&client, &links(), LONG, Duration::from_millis(500)).await;

    let refused = guard("the call", host(&guests::caller(), ours).greet("bob")).await;

    refused.assert_failure(RpcErrorKind::TargetUnavailable, Delivery::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_liveness_a_caller_that_may_not_publish_hangs() {
    let server = NatsServer::start_with(&config(NO_CALLS)).await;
    let client = login(&server, "caller").await;
    let _target = targets::native::<Upstream>(login(&server, "target").await, GREETER_PREFIX).await;
    let wrpc = upstream_client(&client, GREETER_PREFIX).await;
    let caller = Host::upstream(&guests::caller(), wrpc, None);

    assert_hangs("a call that the broker refuses", caller.greet("bob")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_may_not_read_its_inbox_finds_its_target_silent_though_it_runs() {
    let server = NatsServer::start_with(&config(NO_INBOX)).await;
    let client = login(&server, "caller").await;
    let target_client = login(&server, "target").await;
    let mut ran = target_client
        .subscribe(format!("{RAN}.*"))
        .await
        .expect("subscribe");
    round_trip(&target_client).await;
    let _target = targets::native::<Upstream>(target_client, GREETER_PREFIX).await;
    let ours = ours::<Upstream>(&client, &links(), LONG, TIMEOUT).await;

    let unheard = guard("the call", host(&guests::caller(), ours).greet("bob")).await;

    unheard.assert_failure(RpcErrorKind::TargetUnavailable, Delivery::Unknown);
    guard("the target to run", ran.next()).await.expect("a run");
}
