//! Processes of the tests' own: this binary again in another role, or a program of choice.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, Command, Stdio};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::leashed::Leashed;
use crate::signals;
use crate::wait::guard;

/// What a child does is told by these.
const ROLE: &str = "WRPC_TEST_ROLE";
const ARGS: &str = "WRPC_TEST_ARGS";

/// Starts a line that a child says to the test that started it.
const SAYS: &str = "@child ";

/// A process that the test started, killed when this is dropped.
pub struct Process {
    leashed: Leashed,
    /// What the child hears. Closed when the test's process ends, however it ends: the child's
    /// sign to end too.
    stdin: ChildStdin,
    lines: UnboundedReceiver<String>,
}

impl Process {
    /// Starts this test binary again, with nothing but its test
    /// `roles::entry_of_child_processes`, which does what [`role`] says.
    #[must_use]
    pub fn start(role: &str, args: &[&str]) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        command
            .args([
                "--exact",
                "roles::entry_of_child_processes",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(ROLE, role)
            .env(ARGS, args.join("\n"));
        Self::run(&mut command)
    }

    /// Starts a program that [says](say) what it has to say, and [hears](hear) what it is told.
    #[must_use]
    pub fn run(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut leashed = Leashed::start(command).expect("start a process");
        let stdin = leashed.child.stdin.take().expect("a pipe");
        let stdout = leashed.child.stdout.take().expect("a pipe");
        let (sender, lines) = unbounded_channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // The test runner prints the name of the test on the same line.
                if let Some((_, line)) = line.split_once(SAYS)
                    && sender.send(line.to_owned()).is_err()
                {
                    return;
                }
            }
        });
        Self {
            leashed,
            stdin,
            lines,
        }
    }

    /// Tells the child a line, which one that has ended does not hear.
    pub fn tell(&mut self, line: &str) {
        // It may have been killed by the test itself.
        let _ = writeln!(self.stdin, "{line}");
    }

    /// Waits for the next line that the child says; `None` once it has ended.
    pub async fn line(&mut self) -> Option<String> {
        guard("a line from the child", self.lines.recv()).await
    }

    /// Waits until the child says exactly this.
    pub async fn says(&mut self, line: &str) {
        assert_eq!(self.line().await.as_deref(), Some(line));
    }

    /// Stops the process where it is; it answers nothing and keeps its connections.
    pub async fn freeze(&self) {
        signals::freeze(self.leashed.child.id()).await;
    }

    /// Lets the frozen process go on.
    pub fn thaw(&self) {
        signals::thaw(self.leashed.child.id());
    }

    /// Ends the process the hard way.
    pub fn kill(self) {
        drop(self);
    }

    /// Waits for the process to end by itself.
    pub async fn ended(mut self) -> std::process::ExitStatus {
        while self.line().await.is_some() {}
        self.leashed.child.wait().expect("the status of a process")
    }
}

/// The role of this process and its arguments, if it is a child.
#[must_use]
pub fn role() -> Option<(String, Vec<String>)> {
    let (role, args, _) = role_with_orders()?;
    Some((role, args))
}

/// Does the same; with what the parent [tells](Process::tell) this process from now on.
#[must_use]
pub fn role_with_orders() -> Option<(String, Vec<String>, UnboundedReceiver<String>)> {
    let role = std::env::var(ROLE).ok()?;
    let orders = hear();
    let args = std::env::var(ARGS).unwrap_or_default();
    Some((role, args.lines().map(str::to_owned).collect(), orders))
}

/// What this process is told by the test that started it, a line each; it ends with the test.
#[must_use]
pub fn hear() -> UnboundedReceiver<String> {
    let (sender, lines) = unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            // Whoever listened does no longer; the end of the test is waited for all the same.
            let _ = sender.send(line);
        }
        std::process::exit(0);
    });
    lines
}

/// Says a line to the test that started this process.
pub fn say(line: &str) {
    println!("{SAYS}{line}");
}
