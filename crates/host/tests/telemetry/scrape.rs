//! Asking a host what it measures.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::process::Process;
use crate::support::setup::Setup;

/// Nothing in the tests takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(90);

pub const METRICS: [&str; 2] = ["--metrics", "127.0.0.1:0"];

/// Where a host that has just started says that its metrics are.
pub fn address(process: &mut Process) -> String {
    let line = process.says("metrics at http://");
    let rest = line.strip_prefix("metrics at http://").unwrap();
    rest.strip_suffix("/metrics").unwrap().to_owned()
}

/// A response, head and body.
pub fn request(address: &str, request: &str) -> String {
    raw(address, &format!("{request} HTTP/1.1"))
}

/// The same, where headers may follow the first line.
pub fn raw(address: &str, start: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "{start}\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

/// Waits until a line of what a host measures has all of `parts`, and returns the line.
pub fn measured(address: &str, parts: &[&str]) -> String {
    let start = Instant::now();
    loop {
        let text = request(address, "GET /metrics");
        let line = text
            .lines()
            .find(|line| parts.iter().all(|part| line.contains(part)));
        if let Some(line) = line {
            return line.to_owned();
        }
        assert!(start.elapsed() < PATIENCE, "no {parts:?} in\n{text}");
        std::thread::yield_now();
    }
}

/// A component that calls the greeter again and again, and where its metrics are.
pub fn calling(setup: &Setup, options: &[&str]) -> (Process, String) {
    let repeated = ["--repeat", "1000000", "--interval", "10ms"];
    let options = [&METRICS[..], &repeated, options].concat();
    let mut command = setup.call(&options, "client.wasm");
    let mut process = Process::start(command.stdout(Stdio::null()));
    let address = address(&mut process);
    (process, address)
}

/// The greeter, and where its metrics are.
pub fn serving(setup: &Setup, component: &str) -> (Process, String) {
    let mut command = setup.command(&["serve", "--id", "greeter", component]);
    let mut process = Process::start(command.args(METRICS));
    let address = address(&mut process);
    process.says("serving greeter: 1 function");
    (process, address)
}
