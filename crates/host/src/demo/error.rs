//! Why the demonstration can't go on.

use std::path::PathBuf;

use crate::id::InvalidId;

/// The demonstration could not be played to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// There is no NATS server to start.
    #[error(
        "no nats-server in PATH: install it (https://nats.io/download), name it with \
         `--nats-server FILE` or NATS_SERVER, or run `cargo xtask demo`, which fetches one"
    )]
    NoNatsServer,
    /// Every port is taken.
    #[error("no free port for the NATS server")]
    NoPort,
    /// A component of the demonstration can't be built.
    #[error("can't build the component `{name}`")]
    Guest {
        /// Its name.
        name: &'static str,
        /// Why.
        source: anyhow::Error,
    },
    /// A directory or file for it can't be written.
    #[error("can't write the components to a temporary directory")]
    Files(#[source] std::io::Error),
    /// A name that is part of the demonstration is none.
    #[error("can't use a name of the demonstration")]
    Id(#[source] InvalidId),
    /// A program can't be started.
    #[error("can't start {name} (`{}`)", .program.display())]
    Start {
        /// What it is here.
        name: &'static str,
        /// The program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A process ended by itself.
    #[error("{name} ended too early{}", said(.last_words))]
    Ended {
        /// What it is here.
        name: &'static str,
        /// The last lines of its stderr.
        last_words: Vec<String>,
    },
    /// A process did not stop in order.
    #[error("{name} did not stop in order{}", said(.last_words))]
    Unclean {
        /// What it is here.
        name: &'static str,
        /// The last lines of its stderr.
        last_words: Vec<String>,
    },
    /// Something that should happen does not.
    #[error("waited {seconds} s in vain for {what}", seconds = super::process::PATIENCE.as_secs())]
    Stuck {
        /// What should have happened.
        what: &'static str,
    },
    /// A signal ended it.
    #[error("stopped by {0}")]
    Interrupted(&'static str),
    /// The table can't be printed.
    #[error("can't write the table to stdout")]
    Print(#[source] std::io::Error),
}

fn said(last_words: &[String]) -> String {
    if last_words.is_empty() {
        return ", without a word".into();
    }
    format!("; its last words:\n  {}", last_words.join("\n  "))
}
