//! Processes that do not outlive the test that started them.

use std::io;
use std::process::{Child, Command, Stdio};

/// Waits for the end of its input, which is that of the process that has the other end, and kills
/// another process. Ctrl-C is for that process, not for what cleans up after it.
const LEASH: &str = r#"trap '' HUP INT TERM; read -r _; kill -9 "$0""#;

/// A child process that is killed when this is dropped, or when this process ends, in whatever way
/// and whatever the child does then: one that is stopped can't notice by itself.
#[derive(Debug)]
pub struct Leashed {
    /// The child.
    pub child: Child,
    leash: Child,
}

impl Leashed {
    /// Starts a process.
    ///
    /// # Errors
    ///
    /// That of the system: there is no such program, for one.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let child = command.spawn()?;
        let leash = Command::new("sh")
            .args(["-c", LEASH, &child.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        Ok(Self { child, leash })
    }
}

impl Drop for Leashed {
    fn drop(&mut self) {
        // The leash first: the number of the child may be another's once that has ended. Either
        // may have ended already.
        for process in [&mut self.leash, &mut self.child] {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};

    use super::*;
    use crate::{signals, wait::until};

    const PARENT: &str = "WRPC_TEST_PARENT";

    fn sleeps() -> Leashed {
        Leashed::start(Command::new("sleep").arg("1000").stdin(Stdio::null())).unwrap()
    }

    /// Neither runs nor is stopped; nobody may have asked for its status yet.
    fn is_gone(id: u32) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat"));
        stat.is_ok_and(|stat| stat.contains(") Z "))
            || !std::fs::exists(format!("/proc/{id}")).unwrap()
    }

    /// What the other test starts, in a process of its own.
    #[tokio::test]
    async fn plays_a_parent() {
        if std::env::var_os(PARENT).is_none() {
            return;
        }
        let leashed = sleeps();
        signals::freeze(leashed.child.id()).await;
        println!("\nchild {}", leashed.child.id());
        core::future::pending::<()>().await;
    }

    #[tokio::test]
    async fn a_child_that_is_stopped_ends_with_a_parent_that_is_killed() {
        let mut parent = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "leashed::tests::plays_a_parent", "--nocapture"])
            .env(PARENT, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines();
        let child = lines.find_map(|line| line.unwrap().strip_prefix("child ")?.parse().ok());
        let child = child.unwrap();
        assert!(!is_gone(child));
        parent.kill().unwrap();
        parent.wait().unwrap();
        until("the child to end", async || is_gone(child)).await;
    }

    #[test]
    fn a_child_ends_with_its_value() {
        let leashed = sleeps();
        let child = leashed.child.id();
        assert!(!is_gone(child));
        drop(leashed);
        assert!(is_gone(child));
    }
}
