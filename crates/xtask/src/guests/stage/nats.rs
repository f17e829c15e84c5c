//! A NATS server that says what passes through it.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::child::Child;

/// Below what systems pick the ports of outgoing connections from: while the server is down, a
/// client that reconnects must not be able to sit on its port.
const PORTS: core::ops::Range<u16> = 20_000..32_000;

/// What the server's trace says of a call to the target, by whichever of the two ways to publish.
const CALLS: [&str; 2] = [
    "<<- [PUB default.greeter.wrpc.",
    "<<- [HPUB default.greeter.wrpc.",
];

/// A server on the loopback interface that keeps its port, and its buckets, over restarts.
#[derive(Debug)]
pub(super) struct NatsServer {
    program: PathBuf,
    store: PathBuf,
    log: PathBuf,
    port: u16,
    process: Option<Child>,
    /// The calls that passed before it was last killed.
    calls_before: usize,
}

impl NatsServer {
    /// Starts one, which writes into files of `dir`.
    pub(super) fn start(program: &Path, dir: &Path) -> Result<Self> {
        let mut ports = free_ports();
        loop {
            let mut server = Self {
                program: program.into(),
                store: dir.join("jetstream"),
                log: dir.join("nats-server.log"),
                port: ports.next().context("no free port for a NATS server")?,
                process: None,
                calls_before: 0,
            };
            match server.restart() {
                Ok(()) => return Ok(server),
                // Somebody was faster.
                Err(error) if error.to_string().contains("in use") => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Ends it without warning, as a crash would.
    pub(super) fn kill(&mut self) {
        self.calls_before = self.calls();
        self.process = None;
    }

    /// Starts it on its port and waits until it takes connections.
    pub(super) fn restart(&mut self) -> Result<()> {
        let mut command = Command::new(&self.program);
        command
            .args(["--addr", "127.0.0.1", "--port", &self.port.to_string()])
            .arg("--jetstream")
            .arg("--store_dir")
            .arg(&self.store)
            .arg("--trace");
        let mut process = Child::start("the NATS server", &mut command, self.log.clone())?;
        process.says("the NATS server to be ready", |said| {
            said.contains("Server is ready").then_some(())
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// How many calls to the target have reached it so far. Whoever has an answer to a call finds
    /// it counted.
    pub(super) fn calls(&self) -> usize {
        let said = self.process.as_ref().map(Child::said).unwrap_or_default();
        self.calls_before + count(&said)
    }
}

fn count(said: &str) -> usize {
    said.lines()
        .filter(|line| CALLS.iter().any(|call| line.contains(call)))
        .count()
}

/// Ports that nobody listens on, each caller starting elsewhere.
fn free_ports() -> impl Iterator<Item = u16> {
    use std::hash::{BuildHasher as _, RandomState};

    let length = PORTS.len();
    let anywhere = RandomState::new().hash_one(()) % 12_000;
    let start = usize::try_from(anywhere).unwrap_or_default();
    (0..length)
        .filter_map(move |step| PORTS.clone().nth((start + step) % length))
        .filter(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_where_they_come_in() {
        let said = "\
[TRC] cid:6 - <<- [HPUB default.greeter.wrpc.0.0.1.a:b/c.d _INBOX.x.y 64 68]
[TRC] cid:5 - ->> [HMSG default.greeter.wrpc.0.0.1.a:b/c.d 2 _INBOX.x.y 64 68]
[TRC] cid:6 - <<- [PUB default.greeter.wrpc.0.0.1.a:b/c.d _INBOX.x.y 4]
[TRC] cid:5 - <<- [SUB default.greeter.wrpc.0.0.1.a:b/c.d greeter 2]
[TRC] cid:5 - <<- [PUB _INBOX.x.y _INBOX.greeter.z 12]
";
        assert_eq!(count(said), 2);
    }

    #[test]
    fn ports_are_free() {
        let port = free_ports().next().unwrap();
        assert!(PORTS.contains(&port));
    }
}
