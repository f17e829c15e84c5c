//! The programs in `examples/`, run as their first lines say.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::support::guests;
use crate::support::stack::GREETER_PREFIX;
use crate::support::targets;
use crate::support::transports::Own;
use tokio::process::Command;
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::guard;

/// The program that cargo has built of an example, next to this one.
fn example(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("the path of this program");
    let profile = this.parent().and_then(Path::parent);
    let program = profile
        .expect("a target directory")
        .join("examples")
        .join(name);
    // `cargo test` builds them too, unless it is told which tests to build.
    assert!(program.exists(), "cargo build --examples --all-features");
    program
}

/// What an example prints.
async fn run(server: &NatsServer, name: &str, args: &[&str]) -> String {
    let mut command = Command::new(example(name));
    command
        .args(args)
        .env("NATS_URL", server.url())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    let output = guard("an example", command.output()).await.expect(name);
    assert!(output.status.success(), "{name}: {}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test]
async fn upstreams_client_is_wrapped() {
    let server = NatsServer::start().await;
    let printed = run(&server, "upstream_client", &[]).await;
    assert_eq!(
        printed,
        "target-unavailable: test:app/greeter@0.1.0#greet: nobody serves the function \
         (not-sent, safe to retry: true)\n"
    );
}

#[tokio::test]
async fn a_call_is_repeated_until_it_is_served() {
    let server = NatsServer::start().await;
    let printed = run(&server, "tower_layers", &[]).await;
    let (attempts, greeting) = printed.trim_end().rsplit_once('\n').expect("lines");
    assert!(attempts.lines().count() > 1, "{printed}");
    assert!(attempts.lines().all(|line| line == "attempt"), "{printed}");
    assert_eq!(greeting, "hello, bob");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_calls_through_a_wasmtime_host() {
    let server = NatsServer::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let component = folder.path().join("client.wasm");
    std::fs::write(&component, guests::caller()).expect("a file");
    let args = [
        component.to_str().expect("UTF-8"),
        "test:app/greeter@0.1.0",
        "greet",
        "bob",
    ];
    // Its imports of other interfaces have no link; this has one, and nobody serves it yet.
    let printed = run(&server, "wasmtime_host", &args).await;
    assert!(printed.contains("target-unavailable"), "{printed}");
    let _greeter = targets::native::<Own>(server.connect().await, GREETER_PREFIX).await;
    let printed = run(&server, "wasmtime_host", &args).await;
    assert!(printed.contains("bob"), "{printed}");
}
