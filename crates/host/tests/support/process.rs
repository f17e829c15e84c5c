//! Processes that say when they are ready.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use wrpc_middleware_testing::leashed::Leashed;

/// Nothing in the tests takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process whose stderr is read. Killed when it is dropped.
pub struct Process {
    leashed: Leashed,
    lines: mpsc::Receiver<String>,
    seen: Vec<String>,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut leashed = Leashed::start(command).unwrap();
        let (sender, lines) = mpsc::channel();
        let stderr: ChildStderr = leashed.child.stderr.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                let _ = sender.send(line.unwrap());
            }
        });
        let seen = Vec::new();
        Self {
            leashed,
            lines,
            seen,
        }
    }

    /// Waits for a line of stderr that has `part` in it.
    pub fn says(&mut self, part: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("no `{part}` in {:#?}", self.seen);
            };
            self.seen.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.leashed.child.id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// The memory that the process has, in KiB.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.leashed.child.id()));
        let status = status.unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.unwrap().trim().trim_end_matches(" kB");
        number.parse().unwrap()
    }

    /// Waits for the end of the process. All that it said on stderr goes with it.
    pub fn ended(mut self) -> (ExitStatus, String) {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.seen.push(line);
        }
        (self.leashed.child.wait().unwrap(), self.seen.join("\n"))
    }

    /// Reads stdout, which has to be a pipe, up to a line that has `part` in it.
    pub fn reads(&mut self, part: &str) -> String {
        let mut text = String::new();
        let mut pipe = BufReader::new(self.leashed.child.stdout.as_mut().unwrap());
        while !text.contains(part) {
            assert_ne!(pipe.read_line(&mut text).unwrap(), 0, "{text}");
        }
        text
    }

    /// Waits for the end of the process and reads its stdout, which has to be a pipe.
    pub fn output(mut self) -> (Option<i32>, String) {
        let mut stdout = String::new();
        let mut pipe = self.leashed.child.stdout.take().unwrap();
        pipe.read_to_string(&mut stdout).unwrap();
        (self.ended().0.code(), stdout)
    }
}
