//! A NATS server of the demonstration's own.

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

impl NatsServer {
    /// Starts one and waits until it takes connections; on any free port if none is given.
    pub(super) async fn start(program: &Path, port: Option<u16>) -> Result<Self, DemoError> {
        let mut process = Process::start(NAME, program, |command| {
            let port = port.map_or("-1".to_owned(), |port| port.to_string());
            command.args(["--addr", "127.0.0.1", "--port", &port]);
        })?;
        let port = process
            .says("the NATS server to listen", |line| {
                let (_, address) = line.split_once("Listening for client connections on ")?;
                address.rsplit(':').next()?.trim().parse().ok()
            })
            .await?;
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
