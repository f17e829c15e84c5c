//! What can be wrong with a links file.

use core::fmt;
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use wrpc_middleware_transport::link::InvalidInterface;

use crate::{InvalidEntry, InvalidId};

/// A mistake in a links file: where it is and what it is.
#[derive(Debug)]
pub struct LinksError {
    path: PathBuf,
    line: Option<usize>,
    mistake: Mistake,
}

/// What is wrong, naming the key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Mistake {
    /// The file can't be read, or is not UTF-8.
    #[error("can't read the links file")]
    Unreadable(#[source] io::Error),
    /// The file is not TOML.
    #[error("not valid TOML: {0}")]
    Syntax(String),
    /// A key that means nothing here.
    #[error("unknown key `{key}`, expected {expected}")]
    UnknownKey {
        /// The key as it stands in the file.
        key: String,
        /// The keys that could stand there.
        expected: &'static str,
    },
    /// A link without something that it needs.
    #[error("missing key `{key}` in this `[[link]]`")]
    MissingKey {
        /// The key.
        key: &'static str,
    },
    /// A value of another type than the key takes.
    #[error("`{key}` takes {expected}, not {found}")]
    WrongType {
        /// The key.
        key: &'static str,
        /// The type that it takes.
        expected: &'static str,
        /// The type of the value in the file.
        found: &'static str,
    },
    /// An id that can't be one token of a subject.
    #[error("`{key}` is no component id: {reason}")]
    Id {
        /// The key.
        key: &'static str,
        /// Why it is none.
        reason: InvalidId,
    },
    /// An interface that is not of the form `namespace:package/interface`.
    #[error("`interface` is malformed: {reason}")]
    Interface {
        /// What is wrong with it.
        reason: InvalidInterface,
    },
    /// A name that can never match one.
    #[error(transparent)]
    Entry(#[from] InvalidEntry),
    /// A second link for the same source, name and interface.
    #[error(
        "duplicate link: `source`, `name` and `interface` are those of the link in line {first}"
    )]
    Duplicate {
        /// The line of the first one.
        first: usize,
    },
}

impl LinksError {
    pub(super) fn new(path: &Path, line: Option<usize>, mistake: Mistake) -> Self {
        Self {
            path: path.to_owned(),
            line,
            mistake,
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The line, counted from 1. `None` if the file as a whole is meant.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// What is wrong.
    #[must_use]
    pub fn mistake(&self) -> &Mistake {
        &self.mistake
    }
}

impl fmt::Display for LinksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.mistake)
    }
}

impl Error for LinksError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.mistake.source()
    }
}
