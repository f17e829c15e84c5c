//! `wrpc-host completions` and `wrpc-host man`: what a shell and its user are told.

mod completions;
mod man;

use std::io::{self, Write as _};

pub use self::completions::completions;
pub use self::man::man;
use crate::error::{Error, Exit};

/// To stdout.
fn print(text: &[u8]) -> Result<Exit, Error> {
    io::stdout()
        .lock()
        .write_all(text)
        .map_err(|source| Error::Run {
            what: "can't write to stdout",
            source,
        })?;
    Ok(Exit::Success)
}
