//! A trace that goes through hosts.

use bytes::{BufMut as _, BytesMut};
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use wrpc_middleware::nats::{ConnectOptions, Options, connect};
use wrpc_middleware::{Context, Target};
use wrpc_transport::Invoke as _;

use crate::scrape::raw;
use crate::support::gateway::{self, Gateway};
use crate::support::process::Process;
use crate::support::setup::{Setup, block_on};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PATIENCE: core::time::Duration = core::time::Duration::from_secs(90);

/// The component of the demonstration that calls, served.
fn caller(setup: &Setup, filter: &str) -> Process {
    let args = [
        "serve",
        "--id",
        "client",
        "--links",
        "links.toml",
        "client.wasm",
    ];
    let mut process = Process::start(setup.command(&args).env("RUST_LOG", filter));
    process.says("serving client: 1 function");
    process
}

/// Calls the component with this `traceparent`, and returns the one that its own call has.
fn parent_of_nested(setup: &Setup, parent: Option<&str>) -> Option<String> {
    block_on(async {
        let nats = async_nats::connect(setup.nats.url()).await.unwrap();
        let mut nested = nats
            .subscribe("default.greeter.wrpc.0.0.1.>")
            .await
            .unwrap();
        nats.flush().await.unwrap();
        let options = Options::new().id("a").prefix("default");
        let options = ConnectOptions::new(setup.nats.url()).client(options);
        let client = connect(options).await.unwrap();
        let headers = parent.map(|parent| {
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("traceparent", parent);
            headers
        });
        let context = Context::new(headers).with_target(Target::new("client").unwrap());
        let mut params = BytesMut::new();
        params.put_slice(b"\x03bob");
        let paths: [[Option<usize>; 0]; 0] = [];
        let calling = async {
            let call = client.invoke(context, "", "greet", params.freeze(), paths);
            let (mut params, mut results) = call.await.unwrap();
            params.shutdown().await.unwrap();
            let mut answer = Vec::new();
            results.read_to_end(&mut answer).await.unwrap();
            answer
        };
        let answer = timeout(PATIENCE, calling).await.unwrap();
        assert_eq!(answer, b"\x00\x0ahello, bob");
        let call = timeout(PATIENCE, nested.next()).await.unwrap().unwrap();
        let headers = call.headers.unwrap();
        headers
            .get("traceparent")
            .map(|parent| parent.as_str().to_owned())
    })
}

fn parent() -> String {
    format!("00-{TRACE}-00f067aa0ba902b7-01")
}

#[test]
fn what_a_component_calls_is_of_the_trace_of_its_call() {
    let setup = Setup::new();
    let _greeter = setup.serve("quick.wasm", &[]);
    let _caller = caller(&setup, "warn,wrpc_middleware_telemetry=info");
    let nested = parent_of_nested(&setup, Some(&parent())).unwrap();
    assert!(nested.starts_with(&format!("00-{TRACE}-")), "{nested}");
    // A span of its own, which was made for another.
    assert_ne!(nested, parent());
    // And one that nobody has started is a new one.
    let nested = parent_of_nested(&setup, None).unwrap();
    assert!(!nested.contains(TRACE), "{nested}");
    let nested = parent_of_nested(&setup, Some("00-nonsense")).unwrap();
    assert!(!nested.contains(TRACE), "{nested}");
}

#[test]
fn a_host_that_records_no_spans_passes_the_trace_on() {
    let setup = Setup::new();
    let _greeter = setup.serve("quick.wasm", &[]);
    let _caller = caller(&setup, "warn");
    assert_eq!(parent_of_nested(&setup, Some(&parent())), Some(parent()));
    assert_eq!(parent_of_nested(&setup, None), None);
}

#[test]
fn the_log_of_a_call_names_its_trace() {
    let setup = Setup::new();
    let mut command = setup.command(&["serve", "--id", "greeter", "slow.wasm"]);
    command.args(["--max-duration", "50ms"]);
    command.env("RUST_LOG", "warn,wrpc_middleware_telemetry=info");
    let mut greeter = Process::start(&mut command);
    greeter.says("serving greeter: 1 function");
    let mut call = setup.call(&["--links", "links.toml"], "client.wasm");
    call.env("RUST_LOG", "off,wrpc_middleware_telemetry=info");
    crate::support::output(&mut call);
    let line = greeter.says("was not answered");
    assert!(line.contains("wrpc.serve{"), "{line}");
    assert!(line.contains("rpc.method=\"greet\""), "{line}");
    let (_, trace) = line.split_once("trace_id=").unwrap();
    assert!(
        trace
            .chars()
            .take(32)
            .all(|digit| digit.is_ascii_hexdigit()),
        "{line}"
    );
}

#[test]
fn what_a_component_calls_is_of_the_trace_of_its_request() {
    let gateway = Gateway::new(&[]);
    let _greeter = gateway.setup.serve("quick.wasm", &[]);
    let address = gateway.address.to_string();
    let nested = block_on(async {
        let nats = async_nats::connect(gateway.setup.nats.url()).await.unwrap();
        let calls = nats.subscribe("default.greeter.wrpc.0.0.1.>").await;
        nats.flush().await.unwrap();
        let get = format!("GET /greet HTTP/1.1\r\ntraceparent: {}", parent());
        let request = move || raw(&address, &get);
        let response = tokio::task::spawn_blocking(request).await.unwrap();
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        let call = timeout(PATIENCE, calls.unwrap().next()).await;
        call.unwrap().unwrap().headers.unwrap()
    });
    let nested = nested.get("traceparent").unwrap().as_str();
    assert!(nested.starts_with(&format!("00-{TRACE}-")), "{nested}");
    gateway.process.signal(nix::sys::signal::Signal::SIGTERM);
}

/// The requests of a gateway whose spans are recorded.
#[test]
fn the_log_of_a_request_names_its_trace() {
    let setup = Setup::new();
    let filter = [(
        "RUST_LOG",
        "warn,wrpc_middleware_telemetry=info,wrpc_host::http=info",
    )];
    let (mut gateway, address) = gateway::start(&setup, &gateway::LINKED, &filter);
    let address = address.to_string();
    let get = format!("GET /trap?secret HTTP/1.1\r\ntraceparent: {}", parent());
    assert!(raw(&address, &get).starts_with("HTTP/1.1 500"));
    let named = format!("trace_id={TRACE}");
    for said in ["the component trapped", "answered"] {
        let line = gateway.says(said);
        assert!(line.contains("http.request{"), "{line}");
        assert!(line.contains(&named), "{line}");
        assert!(line.contains("url.path=\"/trap\""), "{line}");
        assert!(!line.contains("secret"), "{line}");
    }
    // One that names no trace starts one.
    assert!(raw(&address, "GET /trap HTTP/1.1").starts_with("HTTP/1.1 500"));
    let line = gateway.says("the component trapped");
    assert!(
        line.contains("trace_id=") && !line.contains(&named),
        "{line}"
    );
}
