//! Work for a served call that ends with it.

use core::future::pending;
use core::time::Duration;

use futures::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_nats::Options;
use wrpc_transport::Serve as _;

use crate::support::calls::open;
use crate::support::errors::read_to_failure;
use crate::support::nats::NatsServer;
use crate::support::peers::{INSTANCE, TARGET, ours};

/// The work holds the streams of the call, and is dropped together with them.
#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_of_the_servers_own_is_what_the_caller_is_told() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let calls = target.serve(INSTANCE, "wait", []).await.expect("serve");
    let serving = tokio::spawn(async move {
        let mut calls = core::pin::pin!(calls);
        while let Some(call) = calls.next().await {
            let (mut context, outgoing, incoming) = call.expect("a call");
            context.limit(Duration::from_millis(50));
            let work = async move {
                let _streams = (outgoing, incoming);
                pending::<()>().await;
            };
            tokio::spawn(async move { context.run(work).await });
        }
    });
    let client = ours(&server, Options::new()).await;

    let mut call = open(&client, "wait", "").await.expect("a call");
    call.outgoing.shutdown().await.expect("parameters");

    let (results, _) = read_to_failure(
        &mut call.incoming,
        RpcErrorKind::Timeout,
        Delivery::Accepted,
    )
    .await;
    assert!(results.is_empty());
    serving.abort();
}
