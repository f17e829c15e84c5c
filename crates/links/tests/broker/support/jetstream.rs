//! A NATS server with JetStream, which can be stopped where it is.

use std::path::PathBuf;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::nats::NatsServer;
use super::wait::until;

/// A server that keeps its buckets over restarts.
pub struct JetStream {
    pub server: NatsServer,
    dir: TempDir,
}

impl JetStream {
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// With more of a configuration.
    pub async fn start_with(config: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let config = format!(
            "pid_file: \"{}\"\njetstream: {{ store_dir: \"{}\" }}\n{config}",
            dir.path().join("pid").display(),
            dir.path().join("store").display(),
        );
        let server = NatsServer::start_with(&config).await;
        let this = Self { server, dir };
        this.pid().await;
        this
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    pub async fn connect(&self) -> async_nats::Client {
        self.server.connect().await
    }

    /// Ends the server the hard way and starts it again, with `meanwhile` in between.
    pub async fn restart(&mut self) {
        self.server.kill();
        let _ = std::fs::remove_file(self.pid_file());
        self.server.restart().await;
    }

    /// Stops the server where it is.
    pub async fn freeze(&self) {
        let pid = self.pid().await;
        kill(pid, Signal::SIGSTOP).expect("stop the server");
        // The signal has to reach every thread.
        until("the server to stop", async || {
            let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
            threads.expect("the threads of a process").all(|thread| {
                let stat = thread.expect("a thread").path().join("stat");
                std::fs::read_to_string(stat).is_ok_and(|stat| stat.contains(") T "))
            })
        })
        .await;
    }

    /// Lets it go on.
    pub async fn thaw(&self) {
        kill(self.pid().await, Signal::SIGCONT).expect("continue the server");
    }

    fn pid_file(&self) -> PathBuf {
        self.dir.path().join("pid")
    }

    async fn pid(&self) -> Pid {
        let mut pid = None;
        until("the server to say its process id", async || {
            let text = std::fs::read_to_string(self.pid_file()).unwrap_or_default();
            pid = text.trim().parse().ok();
            pid.is_some()
        })
        .await;
        Pid::from_raw(pid.expect("a process id"))
    }
}
