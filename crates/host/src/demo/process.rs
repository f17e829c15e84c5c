//! Child processes that end with the demonstration.

use core::time::Duration;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::DemoError;

/// How long to wait for something that takes a moment.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// How much of what a process said last is told if it ends.
const LAST_WORDS: usize = 8;

/// How long a killed process may take to be gone.
const REAPING: Duration = Duration::from_secs(1);

/// A running program whose stderr is read. Dropped, it is killed and reaped.
#[derive(Debug)]
pub(super) struct Process {
    name: &'static str,
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
    last_words: VecDeque<String>,
}

impl Process {
    /// Starts `program`, in a process group of its own so that a Ctrl-C reaches it through us.
    pub(super) fn start(
        name: &'static str,
        program: &std::path::Path,
        configure: impl FnOnce(&mut Command),
    ) -> Result<Self, DemoError> {
        let mut command = Command::new(program);
        configure(&mut command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| DemoError::Start {
                name,
                program: PathBuf::from(program),
                source,
            })?;
        let (sender, lines) = mpsc::unbounded_channel();
        if let Some(stderr) = child.stderr.take() {
            // Reads to the end in any case: a full pipe would block the process.
            tokio::spawn(async move {
                let mut stderr = BufReader::new(stderr).lines();
                while let Ok(Some(line)) = stderr.next_line().await {
                    let _ = sender.send(line);
                }
            });
        }
        Ok(Self {
            name,
            child,
            lines,
            last_words: VecDeque::new(),
        })
    }

    /// Waits until the process says something that `find` looks for.
    pub(super) async fn says<T>(
        &mut self,
        what: &'static str,
        mut find: impl FnMut(&str) -> Option<T>,
    ) -> Result<T, DemoError> {
        let search = async {
            while let Some(line) = self.lines.recv().await {
                let found = find(&line);
                self.remember(line);
                if let Some(found) = found {
                    return Ok(found);
                }
            }
            Err(())
        };
        match timeout(PATIENCE, search).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(())) => Err(DemoError::Ended {
                name: self.name,
                last_words: self.last_words(),
            }),
            Err(_) => Err(DemoError::Stuck { what }),
        }
    }

    /// Asks the process to stop and waits until it has. It has to exit with 0.
    pub(super) async fn stop(mut self) -> Result<(), DemoError> {
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            // It may have ended by itself, which the exit status will tell.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        match self.ended().await {
            Some(status) if status.success() => Ok(()),
            _ => Err(DemoError::Unclean {
                name: self.name,
                last_words: self.last_words(),
            }),
        }
    }

    /// Kills the process and waits until it is gone.
    pub(super) async fn kill(mut self) -> Result<(), DemoError> {
        let what = "a killed process to be gone";
        let killed = self.child.start_kill().is_ok();
        match self.ended().await {
            Some(_) if killed => Ok(()),
            _ => Err(DemoError::Stuck { what }),
        }
    }

    async fn ended(&mut self) -> Option<ExitStatus> {
        timeout(PATIENCE, self.child.wait()).await.ok()?.ok()
    }

    fn remember(&mut self, line: String) {
        if self.last_words.len() == LAST_WORDS {
            self.last_words.pop_front();
        }
        self.last_words.push_back(line);
    }

    fn last_words(&mut self) -> Vec<String> {
        while let Ok(line) = self.lines.try_recv() {
            self.remember(line);
        }
        self.last_words.iter().cloned().collect()
    }
}

impl Drop for Process {
    /// Leaves no zombie behind either, which `kill_on_drop` would if the program ends next.
    fn drop(&mut self) {
        if self.child.start_kill().is_err() {
            // It is gone already.
            return;
        }
        let start = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && start.elapsed() < REAPING {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
