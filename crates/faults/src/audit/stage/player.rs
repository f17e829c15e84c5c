//! A process, and its wire to the broker.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use wrpc_middleware_testing::process::Process;
use wrpc_middleware_testing::proxy::Proxy;

use crate::audit::VITALS;
use crate::audit::vitals::Vitals;

/// A process and its wire. Another process takes its place when it has ended.
pub(in crate::audit) struct Player {
    role: &'static str,
    config: String,
    process: Option<Process>,
    pub(super) wire: Proxy,
    pub(super) journal: PathBuf,
    is_ready: bool,
}

impl Player {
    /// One that is not there yet, and writes down what it does in `journal`.
    pub(super) fn new(role: &'static str, config: String, wire: Proxy, journal: PathBuf) -> Self {
        Self {
            role,
            config,
            process: None,
            wire,
            journal,
            is_ready: false,
        }
    }

    /// Starts a process, in the place of one that is there still.
    pub(super) fn enter(&mut self) {
        self.leave();
        self.process = Some(Process::start(self.role, &[&self.config]));
        self.is_ready = false;
    }

    /// Kills the process.
    pub(super) fn leave(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    pub(super) fn process(&mut self) -> Result<&mut Process> {
        self.process.as_mut().context("a process that was ended")
    }

    pub(in crate::audit) fn tell(&mut self, order: &str) -> Result<()> {
        self.process()?.tell(order);
        Ok(())
    }

    pub(in crate::audit) async fn hear(&mut self) -> Result<String> {
        let role = self.role;
        let line = self.process()?.line().await;
        line.with_context(|| format!("a process of {role} ended by itself"))
    }

    /// Waits until it takes orders.
    pub(in crate::audit) async fn ready(&mut self) -> Result<()> {
        if !self.is_ready {
            let line = self.hear().await?;
            anyhow::ensure!(line == "ready", "{} said {line:?}", self.role);
            self.is_ready = true;
        }
        Ok(())
    }

    /// What it has, once the broker has handled all that there is for it.
    pub(in crate::audit) async fn vitals(&mut self) -> Result<Vitals> {
        self.ready().await?;
        self.tell(VITALS)?;
        Ok(serde_json::from_str(&self.hear().await?)?)
    }
}
