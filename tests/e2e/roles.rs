//! What this binary does as a child process of a test.

use crate::support::raw_target::{Behaviour, RawTarget};
use crate::support::transports::{NatsWire, Own, Upstream};
use crate::support::{stream_target, targets};
use wrpc_middleware_testing::nats::connect;
use wrpc_middleware_testing::process::{Process, role, say};

/// Where child processes start. In the test's own process it checks that they do.
#[tokio::test]
async fn entry_of_child_processes() {
    if let Some((role, args)) = role() {
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        return run(&role, &args).await;
    }
    let mut child = Process::start("echo", &["one", "two"]);
    child.says("one").await;
    child.says("two").await;
    assert!(child.ended().await.success());
}

async fn run(role: &str, args: &[&str]) {
    match (role, args) {
        ("echo", lines) => {
            for line in lines {
                say(line);
            }
        }
        ("native", [url, prefix, wire]) if *wire == Own::NAME => native::<Own>(url, prefix).await,
        ("native", [url, prefix, _]) => native::<Upstream>(url, prefix).await,
        ("raw", [url, prefix, behaviour]) => {
            let behaviour = Behaviour::ALL
                .into_iter()
                .find(|known| known.name() == *behaviour)
                .expect("a behaviour");
            let client = connect(url).await;
            let accepted = || say("accepted");
            let _target = RawTarget::start_with(client, prefix, behaviour, accepted).await;
            say("ready");
            std::future::pending::<()>().await;
        }
        ("streams", [url, prefix, wire]) if *wire == Own::NAME => streams::<Own>(url, prefix).await,
        ("streams", [url, prefix, _]) => streams::<Upstream>(url, prefix).await,
        ("measure", [url, adapter]) => crate::memory::measure(connect(url).await, adapter).await,
        other => panic!("no such role: {other:?}"),
    }
}

async fn native<N: NatsWire>(url: &str, prefix: &str) {
    let _target = targets::native::<N>(connect(url).await, prefix).await;
    say("ready");
    std::future::pending::<()>().await;
}

async fn streams<N: NatsWire>(url: &str, prefix: &str) {
    let client = connect(url).await;
    let _target = stream_target::serve::<N>(client, prefix, || say("sent")).await;
    say("ready");
    std::future::pending::<()>().await;
}
