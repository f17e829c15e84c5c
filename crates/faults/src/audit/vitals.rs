//! What a process has, to be counted back.

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use wrpc_middleware_nats::Client;

/// What a process that calls or serves has at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vitals {
    /// Resident memory, in KiB.
    pub resident: u64,
    /// The most that it ever was.
    pub peak: u64,
    /// Tasks that have not ended.
    pub tasks: usize,
    /// Calls whose streams are held by somebody.
    pub calls: usize,
    /// Bytes that have arrived and were not read.
    pub buffered: usize,
}

impl Vitals {
    /// Those of this process, once the broker has handled everything that it had for `client`, and
    /// the other way round.
    ///
    /// # Errors
    ///
    /// The connection is closed, or the system does not tell the memory.
    pub async fn of(client: &Client) -> Result<Self> {
        client.round_trip().await?;
        Ok(Self {
            resident: memory("VmRSS:")?,
            peak: memory("VmHWM:")?,
            tasks: Handle::current().metrics().num_alive_tasks(),
            calls: client.calls(),
            buffered: client.buffered(),
        })
    }

    /// Whether no call is under way.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.calls == 0 && self.buffered == 0
    }
}

/// A figure of the memory of this process, in KiB.
fn memory(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("read /proc/self/status")?;
    let mut lines = status.lines();
    let figure = lines.find_map(|line| line.strip_prefix(name)?.strip_suffix("kB"));
    let figure = figure.with_context(|| format!("no {name} in /proc/self/status"))?;
    Ok(figure.trim().parse()?)
}
