//! The functions that a target serves, as both sides know them.

use std::collections::HashSet;

use tokio::sync::watch;
use wrpc_middleware_transport::Paths;

/// The instance that all functions are of.
pub const INSTANCE: &str = "faults:matrix/work@0.1.0";

/// The interface of [`INSTANCE`], as links name it.
pub const INTERFACE: &str = "faults:matrix/work";

/// The component that serves it.
pub const TARGET: &str = "target";

/// Answers at once.
pub const ECHO: &str = "echo";
/// Answers once it is told to go on.
pub const HOLD: &str = "hold";
/// Reads all parameters once it is told to go on, and answers. Its caller sends the second half of
/// them once it is told so.
pub const TAKE: &str = "take";
/// Answers the first half of its results, and the second once it is told to go on.
pub const GIVE: &str = "give";
/// Answers an item of a stream with one of another, and the second and last once it is told to go
/// on, as its caller is that sends it.
pub const STREAM: &str = "stream";
/// Is served, but no link permits to call it.
pub const FORBIDDEN: &str = "forbidden";
/// Answers [`FLOOD_LEN`] bytes once it is told to go on.
pub const FLOOD: &str = "flood";
/// Gets [`FLOOD_LEN`] bytes of parameters once its caller is told to go on, reads them once it is
/// told so itself, and answers.
pub const SWALLOW: &str = "swallow";
/// Answers once it is told to go on, like [`HOLD`], and is waited for longer.
pub const OCCUPY: &str = "occupy";

/// All functions.
pub const FUNCTIONS: [&str; 9] = [
    ECHO, HOLD, TAKE, GIVE, STREAM, FORBIDDEN, FLOOD, SWALLOW, OCCUPY,
];

/// Half of what goes in pieces.
pub const HALF: usize = 128 << 10;

/// More than the sockets and the wires between two processes hold, and than the servers keep.
pub const FLOOD_LEN: usize = 16 << 20;

/// Bytes of which each place can be told from its neighbours.
#[must_use]
pub fn pattern(len: usize) -> Vec<u8> {
    let cycle: Vec<_> = (0..=250_u8).collect();
    let mut bytes = cycle.repeat(len.div_ceil(cycle.len()));
    bytes.truncate(len);
    bytes
}

/// Both of them.
#[must_use]
pub fn halves() -> Vec<u8> {
    pattern(HALF).repeat(2)
}

/// Where the stream of parameters and that of results of [`STREAM`] are.
#[must_use]
pub fn stream_paths() -> Paths {
    [[Some(0)].into()].into()
}

/// What the answer to a call says, so that it can be told from that to any other.
#[must_use]
pub fn answer(id: &str) -> String {
    format!("done: {id}")
}

/// Who may go on.
#[derive(Clone, Debug, Default)]
pub struct Gates(watch::Sender<HashSet<String>>);

impl Gates {
    /// Opens the gate of `func` for good.
    pub fn open(&self, func: String) {
        self.0.send_modify(|open| {
            open.insert(func);
        });
    }

    /// Waits until the gate of `func` is open.
    pub async fn pass(&self, func: &str) {
        let mut open = self.0.subscribe();
        // The sender is `self`.
        let _ = open.wait_for(|open| open.contains(func)).await;
    }
}
