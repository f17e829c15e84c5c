//! What a target can make a host allocate.

use async_nats::Client;
use wrpc_middleware::link::LinkTable;
use wrpc_middleware::{Delivery, RpcErrorKind};

use crate::support::guests;
use crate::support::host::{GREETER, Host};
use crate::support::raw_target::{Behaviour, RawTarget};
use crate::support::stack::{GREETER_PREFIX, TIMEOUT, host, link, ours};
use crate::support::targets::upstream_client;
use crate::support::transports::{NatsWire, Own, Upstream};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::process::{Process, say};
use wrpc_middleware_testing::wait::until;

over_both!(
    a_list_of_four_billion_elements_that_never_come_moves_no_memory,
    a_flood_of_elements_moves_no_memory,
);

/// Far below what the announced elements would take, far above what a call needs.
const UNMOVED_KIB: u64 = 64 * 1024;

/// The most memory that this process ever had, in KiB: reserved addresses and resident pages.
fn peak() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").expect("the state of this process");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        number
            .and_then(|number| number.parse().ok())
            .expect("a size")
    };
    (field("VmPeak:"), field("VmHWM:"))
}

/// Without our adapter.
const CONTROL: &str = "control";

/// The role of a child process: has its component call `tags`, and says how that ended, and by how
/// many KiB the peaks of the process rose. With upstream's adapter the call may also be seen to
/// go on while the memory rises.
pub(crate) async fn measure(client: Client, what: &str) {
    let (ending, before) = match what {
        Own::NAME => measure_ours::<Own>(&client).await,
        Upstream::NAME => measure_ours::<Upstream>(&client).await,
        _ => measure_control(&client).await,
    };
    let after = peak();
    say(&ending);
    say(&(after.0 - before.0).to_string());
    say(&(after.1 - before.1).to_string());
}

async fn measure_ours<N: NatsWire>(client: &Client) -> (String, (u64, u64)) {
    let links = LinkTable::default();
    let ours = ours::<N>(client, &links, TIMEOUT, TIMEOUT).await;
    let caller = host(&guests::caller(), ours);
    // Wasmtime reserves addresses for an instance's memory, so make one, in a call that goes
    // nowhere.
    let denied = caller.greet("bob").await;
    denied.assert_failure(RpcErrorKind::LinkDenied, Delivery::NotSent);
    links.insert(&link("test:app/greeter"));
    let before = peak();
    let outcome = caller.call(GREETER, "tags", "bob").await;
    let failure = outcome.failure();
    let ending = failure.map_or_else(
        || format!("{outcome:?}"),
        |failure| format!("{} {}", failure.case, failure.delivery.unwrap_or_default()),
    );
    (ending, before)
}

async fn measure_control(client: &Client) -> (String, (u64, u64)) {
    let wrpc = upstream_client(client, GREETER_PREFIX).await;
    let caller = Host::upstream(&guests::caller(), wrpc, None);
    let before = peak();
    let call = caller.call(GREETER, "tags", "bob");
    // The kernel's counts are rounded, so wait for more than is asserted.
    let risen = until("memory to rise", async || {
        peak().1 - before.1 > 2 * UNMOVED_KIB
    });
    let ending = tokio::select! {
        outcome = call => format!("{outcome:?}"),
        () = risen => "it goes on".to_owned(),
    };
    (ending, before)
}

async fn measured(behaviour: Behaviour, adapter: &str) -> (String, u64, u64) {
    let server = NatsServer::start().await;
    let _target = RawTarget::start(server.connect().await, GREETER_PREFIX, behaviour).await;
    let mut child = Process::start("measure", &[&server.url(), adapter]);
    let ending = child.line().await.expect("an ending");
    let mut size = async || child.line().await.expect("a size").parse().expect("a size");
    (ending, size().await, size().await)
}

async fn a_list_of_four_billion_elements_that_never_come_moves_no_memory<N: NatsWire>() {
    let (ending, reserved, resident) = measured(Behaviour::HugeList, N::NAME).await;

    assert_eq!(ending, "protocol accepted");
    assert!(reserved < UNMOVED_KIB, "{reserved}");
    assert!(resident < UNMOVED_KIB, "{resident}");
}

async fn a_flood_of_elements_moves_no_memory<N: NatsWire>() {
    let (ending, reserved, resident) = measured(Behaviour::Flood, N::NAME).await;

    assert_eq!(ending, "protocol accepted");
    assert!(reserved < UNMOVED_KIB, "{reserved}");
    assert!(resident < UNMOVED_KIB, "{resident}");
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_the_adapter_a_flood_of_elements_fills_the_memory() {
    let (ending, reserved, resident) = measured(Behaviour::Flood, CONTROL).await;

    assert_eq!(ending, "it goes on");
    assert!(reserved > UNMOVED_KIB, "{reserved}");
    assert!(resident > UNMOVED_KIB, "{resident}");
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_the_adapter_five_bytes_abort_the_host() {
    let server = NatsServer::start().await;
    let behaviour = Behaviour::HugeList;
    let _target = RawTarget::start(server.connect().await, GREETER_PREFIX, behaviour).await;

    let child = Process::start("measure", &[&server.url(), CONTROL]);

    assert!(!child.ended().await.success());
}
