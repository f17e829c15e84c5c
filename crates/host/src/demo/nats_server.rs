//! A NATS server of the demonstration's own.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use super::DemoError;
use super::process::Process;

const NAME: &str = "the NATS server";

/// The program: the one given, else the one in `PATH`.
pub(super) fn find(given: Option<&Path>) -> Result<PathBuf, DemoError> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    std::env::var_os("PATH")
        .iter()
        .flat_map(std::env::split_paths)
        .map(|directory| directory.join("nats-server"))
        .find(|program| program.is_file())
        .ok_or(DemoError::NoNatsServer)
}

/// A running server, without persistence, on the loopback interface.
#[derive(Debug)]
pub(super) struct NatsServer {
    process: Process,
    port: u16,
}

/// Below what systems pick the ports of outgoing connections from: while the server is down, a
/// client that reconnects must not be able to sit on its port, or even to connect to itself.
const PORTS: core::ops::Range<u16> = 20_000..32_000;

impl NatsServer {
    /// Starts one on a port that is free.
    pub(super) async fn start(program: &Path) -> Result<Self, DemoError> {
        let mut free = free_ports();
        loop {
            let port = free.next().ok_or(DemoError::NoPort)?;
            match Self::start_on(program, port).await {
                // Somebody may have been faster.
                Err(DemoError::Ended { last_words, .. })
                    if last_words.iter().any(|line| line.contains("in use")) => {}
                started => return started,
            }
        }
    }

    /// Starts one on this port and waits until it takes connections.
    pub(super) async fn start_on(program: &Path, port: u16) -> Result<Self, DemoError> {
        let mut process = Process::start(NAME, program, |command| {
            command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
        })?;
        process
            .says("the NATS server to be ready", |line| {
                line.contains("Server is ready").then_some(())
            })
            .await?;
        Ok(Self { process, port })
    }

    /// Where it listens.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The same as a URL.
    pub(super) fn address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Ends it without warning, as a crash would.
    pub(super) async fn kill(self) -> Result<(), DemoError> {
        self.process.kill().await
    }
}

/// Ports that nobody listens on, each process starting elsewhere.
fn free_ports() -> impl Iterator<Item = u16> {
    let length = PORTS.len();
    let start = usize::try_from(std::process::id()).unwrap_or_default() * 31;
    (0..length)
        .filter_map(move |step| PORTS.clone().nth((start + step) % length))
        .filter(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_and_distinct() {
        let ports: Vec<u16> = free_ports().take(3).collect();
        assert!(ports.iter().all(|port| PORTS.contains(port)), "{ports:?}");
        assert!(ports.is_sorted_by(|a, b| a != b), "{ports:?}");
        let taken = ports.first().copied().unwrap();
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, taken)).unwrap();
        assert!(free_ports().next() != Some(taken));
    }
}
