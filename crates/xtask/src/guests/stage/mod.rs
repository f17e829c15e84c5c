//! What the scenarios take place on: a NATS server, a host for the guest, and a target, each a
//! process of its own.
//!
//! | file | what |
//! |---|---|
//! | `child` | processes that end with the stage |
//! | `nats` | a server that counts the calls |
//! | `http` | who asks the guest |

mod child;
mod http;
mod nats;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::process;
use child::Child;
use nats::NatsServer;

pub(super) use child::until;
pub(super) use http::{Answer, Pending};

/// The guest's id.
const ID: &str = "welcome";

/// The target's id.
const TARGET: &str = "greeter";

/// What the guest calls.
const INTERFACE: &str = "example:greetings/greeter";

/// The programs that a stage needs.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    pub(super) nats_server: PathBuf,
    pub(super) host: PathBuf,
}

/// A target that can be started.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// Does what the name it is given says.
    Greeter,
    /// The same, one call at a time.
    Serial,
    /// Serves another version of the interface.
    Misfit,
}

/// Everything that runs. Dropped, all of it ends.
#[derive(Debug)]
pub(super) struct Stage {
    programs: Programs,
    /// Where the guest answers.
    address: SocketAddr,
    _guest: Child,
    target: Option<Child>,
    nats: NatsServer,
    /// After those who write into it.
    dir: TempDir,
}

impl Stage {
    /// Starts a NATS server and a host with the guest `component`, which is linked to a target that
    /// is not there yet.
    pub(super) fn start(programs: &Programs, component: &Path) -> Result<Self> {
        let dir = tempfile::tempdir().context("can't make a temporary directory")?;
        let nats = NatsServer::start(&programs.nats_server, dir.path())?;
        process::capture(host(programs, &nats).args(["links", "init"]))?;
        let mut command = host(programs, &nats);
        command
            .args(["http", "--id", ID, "--addr", "127.0.0.1:0"])
            .args(["--links", "kv://links", "--max-requests", "10"])
            // Much longer than all attempts of a guest take together.
            .args(["--timeout", "8s", "--request-timeout", "60s"])
            // Longer than a target on a loaded machine takes to take a call.
            .args(["--handshake-timeout", "3s"])
            .arg(component);
        let log = dir.path().join("guest.log");
        let mut guest = Child::start("wrpc-host http", &mut command, log)?;
        let address = guest.says("the guest to be served", address)?;
        let stage = Self {
            programs: programs.clone(),
            address,
            _guest: guest,
            target: None,
            nats,
            dir,
        };
        stage.link()?;
        Ok(stage)
    }

    /// Permits the guest to call the target.
    pub(super) fn link(&self) -> Result<()> {
        self.links(["put", ID, TARGET, INTERFACE])
    }

    /// Takes that back.
    pub(super) fn unlink(&self) -> Result<()> {
        self.links(["rm", ID, INTERFACE])
    }

    fn links<const N: usize>(&self, args: [&str; N]) -> Result<()> {
        process::capture(host(&self.programs, &self.nats).arg("links").args(args)).map(drop)
    }

    /// Asks the guest for `/?QUERY`.
    pub(super) fn ask(&self, query: &str) -> Result<Pending> {
        Pending::send(self.address, &format!("/?{query}"))
    }

    /// How many calls to the target have been sent so far, as the NATS server counts them.
    pub(super) fn calls(&self) -> usize {
        self.nats.calls()
    }

    /// Replaces the target, if there is one, and waits until the new one serves.
    pub(super) fn start_target(&mut self, target: Target) -> Result<()> {
        self.stop_target()?;
        let (text, max_calls) = match target {
            Target::Greeter => (include_str!("../targets/greeter.wat"), "100"),
            Target::Serial => (include_str!("../targets/greeter.wat"), "1"),
            Target::Misfit => (include_str!("../targets/misfit.wat"), "100"),
        };
        let component = self.dir.path().join("target.wat");
        fs::write(&component, text)?;
        let mut command = host(&self.programs, &self.nats);
        command
            .args(["serve", "--id", TARGET, "--grace", "0s"])
            .args(["--max-calls", max_calls])
            .arg(component);
        let log = self.dir.path().join("target.log");
        let mut target = Child::start("wrpc-host serve", &mut command, log)?;
        target.says("the target to serve", |said| {
            said.contains("serving greeter:").then_some(())
        })?;
        self.target = Some(target);
        Ok(())
    }

    /// Ends the target in order.
    pub(super) fn stop_target(&mut self) -> Result<()> {
        self.target.take().map_or(Ok(()), Child::stop)
    }

    /// Stops the target where it is, for ever: it keeps its connection and answers nothing.
    pub(super) fn freeze_target(&self) -> Result<()> {
        let target = self.target.as_ref().context("no target to freeze")?;
        target.signal(Signal::SIGSTOP)?;
        target.frozen()
    }

    /// Ends the target at once, however it is.
    pub(super) fn kill_target(&mut self) {
        self.target = None;
    }

    /// Ends the NATS server without warning.
    pub(super) fn kill_nats(&mut self) {
        self.nats.kill();
    }

    /// Starts the NATS server again, and waits until the target is back.
    pub(super) fn restart_nats(&mut self) -> Result<()> {
        self.nats.restart()?;
        let target = self.target.as_mut().context("no target to come back")?;
        target.says("the target to be back", |said| {
            said.contains("serving greeter again").then_some(())
        })
    }
}

/// `wrpc-host` with nothing of this program's environment that would change what it does.
fn host(programs: &Programs, nats: &NatsServer) -> Command {
    let mut command = Command::new(&programs.host);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("NATS_") {
            command.env_remove(name);
        }
    }
    command.env("RUST_LOG", "warn").env("NATS_URL", nats.url());
    command
}

/// Where the guest is served, once its host has said so.
fn address(said: &str) -> Option<SocketAddr> {
    let (_, address) = said.split_once(" at http://")?;
    let (address, _) = address.split_once('\n')?;
    address.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_once_its_line_is_complete() {
        assert_eq!(address("serving welcome at http://127.0.0.1:80"), None);
        let said = "a warning\nserving welcome at http://127.0.0.1:8080\nmore\n";
        assert_eq!(address(said), Some(([127, 0, 0, 1], 8080).into()));
    }
}
