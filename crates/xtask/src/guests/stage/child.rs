//! Child processes whose stderr is a file that can be searched.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child as Process, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long to wait for something that has to happen, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(90);

/// The same for what a process has to do first: a debug build of the host may have a guest of many
/// megabytes to compile.
const PATIENCE_AT_START: Duration = Duration::from_secs(400);

/// How often to look.
const INTERVAL: Duration = Duration::from_millis(10);

/// How many lines of a log an error repeats.
const LAST_WORDS: usize = 8;

/// A running program, killed and reaped when this is dropped.
#[derive(Debug)]
pub(super) struct Child {
    name: String,
    process: Process,
    log: PathBuf,
}

impl Child {
    /// Starts `command`, which writes what it has to say into the file `log`.
    pub(super) fn start(name: &str, command: &mut Command, log: PathBuf) -> Result<Self> {
        let file = File::create(&log).with_context(|| format!("can't write {}", log.display()))?;
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .with_context(|| format!("can't start {name}"))?;
        Ok(Self {
            name: name.into(),
            process,
            log,
        })
    }

    /// Everything that it has said so far.
    pub(super) fn said(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until what it has said so far is something that `find` looks for.
    ///
    /// # Errors
    ///
    /// It ends before that, or takes longer than anything should.
    pub(super) fn says<T>(
        &mut self,
        what: &str,
        mut find: impl FnMut(&str) -> Option<T>,
    ) -> Result<T> {
        let started = Instant::now();
        loop {
            let ended = self.process.try_wait().ok().flatten();
            // After the question whether it has ended: so these are its last words.
            let said = self.said();
            if let Some(found) = find(&said) {
                return Ok(found);
            }
            if let Some(status) = ended {
                bail!("{} ended ({status}): {}", self.name, last_words(&said));
            }
            if started.elapsed() > PATIENCE_AT_START {
                bail!(
                    "{}: waited in vain for {what}: {}",
                    self.name,
                    last_words(&said)
                );
            }
            std::thread::sleep(INTERVAL);
        }
    }

    /// Stops it where it is (`SIGSTOP`), or has it go on (`SIGCONT`), or asks it to end.
    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.process.id()).context("a process id")?;
        kill(Pid::from_raw(pid), signal).with_context(|| format!("can't signal {}", self.name))
    }

    /// Waits until every thread of it has stopped after `SIGSTOP`.
    pub(super) fn frozen(&self) -> Result<()> {
        let threads = format!("/proc/{}/task", self.process.id());
        until("a process to stop", || {
            let Ok(mut threads) = fs::read_dir(&threads) else {
                return Ok(None);
            };
            let stopped = threads.all(|thread| {
                thread.is_ok_and(|thread| {
                    fs::read_to_string(thread.path().join("stat"))
                        .is_ok_and(|stat| stat.contains(") T "))
                })
            });
            Ok(stopped.then_some(()))
        })
    }

    /// Asks it to end and waits until it has.
    pub(super) fn stop(mut self) -> Result<()> {
        self.signal(Signal::SIGTERM)?;
        until("a process to end", || Ok(self.process.try_wait()?)).map(drop)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until `found` has found something.
///
/// # Errors
///
/// It fails, or it takes longer than anything should.
pub(in crate::guests) fn until<T>(
    what: &str,
    mut found: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(found) = found()? {
            return Ok(found);
        }
        if started.elapsed() > PATIENCE {
            bail!("waited in vain for {what}");
        }
        std::thread::sleep(INTERVAL);
    }
}

fn last_words(said: &str) -> String {
    let lines: Vec<_> = said.lines().collect();
    let last = lines.len().saturating_sub(LAST_WORDS);
    lines.into_iter().skip(last).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, dir: &tempfile::TempDir) -> Child {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Child::start("the script", &mut command, dir.path().join("log")).unwrap()
    }

    #[test]
    fn what_a_child_says_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = shell("echo port 7 >&2; exec sleep 600", &dir);
        let port = child.says("a port", |said| {
            Some(said.split_once("port ")?.1.trim().to_owned())
        });
        assert_eq!(port.unwrap(), "7");
    }

    #[test]
    fn a_child_that_ends_is_an_error_with_its_last_words() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = shell("echo no room >&2; exit 1", &dir);
        let error = child
            .says("a port", |_| None::<()>)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("the script ended (exit status: 1)"),
            "{error}"
        );
        assert!(error.ends_with("no room"), "{error}");
    }

    #[test]
    fn a_child_is_frozen_and_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let child = shell("exec sleep 600", &dir);
        child.signal(Signal::SIGSTOP).unwrap();
        child.frozen().unwrap();
        child.signal(Signal::SIGCONT).unwrap();
        child.stop().unwrap();
    }
}
