//! Signals to processes: to stop where they are, to go on, to read their configuration again.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait::until;

/// Stops a process and waits until every thread of it has stopped.
pub(crate) async fn freeze(id: u32) {
    send(id, Signal::SIGSTOP);
    until("the process to stop", async || {
        let threads = std::fs::read_dir(format!("/proc/{id}/task"));
        threads.expect("the threads of a process").all(|thread| {
            let stat = thread.expect("a thread").path().join("stat");
            std::fs::read_to_string(stat).is_ok_and(|stat| stat.contains(") T "))
        })
    })
    .await;
}

/// Lets a frozen process go on.
pub(crate) fn thaw(id: u32) {
    send(id, Signal::SIGCONT);
}

/// Has a process read its configuration again.
pub(crate) fn reload(id: u32) {
    send(id, Signal::SIGHUP);
}

fn send(id: u32, signal: Signal) {
    let id = Pid::from_raw(i32::try_from(id).expect("a process id"));
    kill(id, signal).expect("signal a process");
}
