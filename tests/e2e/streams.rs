//! Streams that a target sends while the component reads them.

use core::time::Duration;
use std::time::Instant;

use wasmtime::component::Linker;
use wrpc_middleware::runtime::ImportLinker;
use wrpc_middleware::{Delivery, RpcErrorKind};
use wrpc_transport::Invoke;

use crate::support::guests;
use crate::support::host::{Host, State, link_upstream};
use crate::support::outcome::Outcome;
use crate::support::stack::{GREETER_PREFIX, LONG, Ours, SOON, TIMEOUT, context, links, ours};
use crate::support::stream_target;
use crate::support::targets::upstream_client;
use crate::support::transports::{NatsWire, Own, Upstream};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::process::Process;
use wrpc_middleware_testing::wait::guard;

over_both!(
    a_component_reads_a_stream_of_several_parts_to_its_end,
    a_target_that_opens_no_stream_says_why,
    a_stream_that_is_closed_in_its_midst_fails_at_once,
);

const READER: &str = "test:app/reader@0.1.0";

/// What the component read of a broken stream.
const PART: &str = r#"ok({text: "one two ", whole: false})"#;

/// A component that opens a stream and reads it to its end: `wasi:io` is the host's own.
fn reader<N: NatsWire>(ours: Ours<N>) -> Host<Ours<N>> {
    let guest = guests::stream_reader();
    Host::new(&guest, ours, context(), |component, linker| {
        wasi(linker)?;
        ImportLinker::new(component).link_with_rpc(linker).map(drop)
    })
    .expect("a component that links")
}

fn wasi<I: Invoke>(linker: &mut Linker<State<I>>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)
}

async fn read<I>(reader: &Host<I>, name: &str) -> Outcome
where
    I: Invoke<Context: Clone + 'static> + Clone + 'static,
{
    guard("the end of the stream", reader.call(READER, "read", name)).await
}

async fn a_component_reads_a_stream_of_several_parts_to_its_end<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = stream_target::serve::<N>(server.connect().await, GREETER_PREFIX, || {}).await;
    let reader = reader::<N>(ours::<N>(&client, &links(), LONG, LONG).await);

    let whole = read(&reader, "bob").await;

    assert_eq!(whole.wave(), r#"ok({text: "one two three", whole: true})"#);
}

async fn a_target_that_opens_no_stream_says_why<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let reader = reader::<N>(ours::<N>(&client, &links(), LONG, LONG).await);

    let absent = read(&reader, "bob").await;
    absent.assert_failure(RpcErrorKind::TargetUnavailable, Delivery::NotSent);

    let _target = stream_target::serve::<N>(server.connect().await, GREETER_PREFIX, || {}).await;
    let failed = read(&reader, "fail").await;
    assert_eq!(
        failed.wave(),
        r#"err(overloaded({delivery: not-sent, message: "full"}))"#
    );
}

async fn a_stream_that_is_closed_in_its_midst_fails_at_once<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = stream_target::serve::<N>(server.connect().await, GREETER_PREFIX, || {}).await;
    let reader = reader::<N>(ours::<N>(&client, &links(), LONG, LONG).await);

    let start = Instant::now();
    let broken = read(&reader, "break").await;

    assert_eq!(broken.wave(), PART);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

/// What a component reads of a stream whose target is killed in its midst, and how long that takes.
async fn killed<N: NatsWire>(timeout: Duration) -> (Outcome, Duration) {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let args = [&*server.url(), GREETER_PREFIX, N::NAME];
    let mut target = Process::start("streams", &args);
    target.says("ready").await;
    let reader = reader::<N>(ours::<N>(&client, &links(), timeout, timeout).await);

    let start = Instant::now();
    let call = tokio::spawn(async move { read(&reader, "hold").await });
    target.says("sent").await;
    target.kill();
    let broken = call.await.expect("no panic");
    (broken, start.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_target_is_killed_in_its_midst_fails() {
    let (broken, took) = killed::<Own>(LONG).await;

    assert_eq!(broken.wave(), PART);
    assert!(took < LONG, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn over_upstreams_client_such_a_stream_fails_at_the_deadline() {
    let (broken, took) = killed::<Upstream>(TIMEOUT).await;

    assert_eq!(broken.wave(), PART);
    // Nothing else could have ended it: the broker doesn't tell.
    assert!(took >= TIMEOUT, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_the_adapter_nothing_of_a_stream_can_be_read() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target =
        stream_target::serve::<Upstream>(server.connect().await, GREETER_PREFIX, || {}).await;
    let wrpc = upstream_client(&client, GREETER_PREFIX).await;
    let guest = guests::stream_reader();
    let reader = Host::new(&guest, wrpc, None, |component, linker| {
        wasi(linker)?;
        link_upstream(component, linker)
    })
    .expect("a component that upstream links");

    let whole = read(&reader, "bob").await;

    assert_eq!(whole.wave(), r#"ok({text: "", whole: false})"#);
}
