//! What this binary does as a child process of a test.

use wrpc_middleware_nats::Options;

use crate::support::calls::ours_at;
use crate::support::peers::TARGET;
use crate::support::serving::{paths, serve};
use crate::support::target::Target;
use wrpc_middleware_testing::nats::{connect, round_trip};
use wrpc_middleware_testing::process::{Process, role, say};

/// Where child processes start. In the test's own process it checks that they do.
#[tokio::test(flavor = "multi_thread")]
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
        ("target", [url]) => {
            let client = ours_at(url, Options::new().id(TARGET)).await;
            let _target = Target::start_with(&client, |_| say("begun")).await;
            say("ready");
            std::future::pending::<()>().await;
        }
        ("old", [url]) => {
            let nats = connect(url).await;
            let client = wrpc_transport_nats::Client::new(nats.clone(), TARGET, None).await;
            let client = client.expect("upstream's client");
            let _holding = serve(
                &client,
                "hold",
                paths(&[]),
                |_, results, params| async move {
                    std::future::pending::<()>().await;
                    drop((results, params));
                },
            )
            .await;
            round_trip(&nats).await;
            say("ready");
            std::future::pending::<()>().await;
        }
        ("drop calls", [url]) => crate::leaks::drop_calls(url).await,
        other => panic!("no such role: {other:?}"),
    }
}
