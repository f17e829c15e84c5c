//! `wrpc-host demo`: every failure of a call, for real.
//!
//! | file | what |
//! |---|---|
//! | `guests` | the components, from WIT and WAT |
//! | `process` | child processes that end with the demonstration |
//! | `nats_server` | a NATS server of its own |
//! | `caller` | the component that calls, in this process |
//! | `scenario` | what is broken, in which order |
//! | `expected` | what the component should get each time |
//! | `table` | what is printed |

mod caller;
mod error;
mod expected;
mod guests;
mod nats_server;
mod process;
mod scenario;
mod table;

pub use error::DemoError;

use crate::cli::DemoArgs;
use crate::error::{Error, Exit};
use crate::signals::StopSignals;

/// Plays the scenario and prints what happens as it happens.
///
/// Whatever it has started (processes, files) is gone when it returns, also if it fails or a
/// signal ends it.
///
/// # Errors
///
/// It could not be played to its end. That a line is not as expected is no error but
/// [`Exit::Failure`].
pub async fn run(args: DemoArgs) -> Result<Exit, Error> {
    let mut signals = StopSignals::new()?;
    tokio::select! {
        exit = scenario::play(&args) => exit,
        signal = signals.next() => Err(DemoError::Interrupted(signal).into()),
    }
}
