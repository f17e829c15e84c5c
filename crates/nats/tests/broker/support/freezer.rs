//! A NATS server that can be stopped where it is.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::nats::NatsServer;
use super::wait::until;

/// A server that answers nothing and keeps its connections while it is frozen.
pub struct Freezer {
    pub server: NatsServer,
    pid: Pid,
    _dir: TempDir,
}

impl Freezer {
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("pid");
        let server = NatsServer::start_with(&format!("pid_file: \"{}\"", file.display())).await;
        let mut pid = None;
        until("the server to say its process id", async || {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            pid = text.trim().parse().ok();
            pid.is_some()
        })
        .await;
        Self {
            server,
            pid: Pid::from_raw(pid.expect("a process id")),
            _dir: dir,
        }
    }

    /// Stops the server where it is.
    pub async fn freeze(&self) {
        kill(self.pid, Signal::SIGSTOP).expect("stop the server");
        // The signal has to reach every thread.
        until("the server to stop", async || {
            let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid));
            threads.expect("the threads of a process").all(|thread| {
                let stat = thread.expect("a thread").path().join("stat");
                std::fs::read_to_string(stat).is_ok_and(|stat| stat.contains(") T "))
            })
        })
        .await;
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        kill(self.pid, Signal::SIGCONT).expect("continue the server");
    }
}
