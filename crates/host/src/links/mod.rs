//! The links file: who may call what, and where the calls go.
//!
//! TOML, default deny: a call that no `[[link]]` permits fails with `link-denied` and is not sent.
//!
//! ```
//! use std::path::Path;
//!
//! let links = wrpc_host::links::Links::parse(
//!     Path::new("links.toml"),
//!     r#"
//!     [[link]]
//!     source = "client"              # component id of the caller
//!     target = "greeter"             # component id of the target
//!     interface = "test:app/greeter" # a version is ignored
//!     functions = ["greet"]          # every function, if left out
//!     "#,
//! )?;
//! assert_eq!(links.entries().len(), 1);
//! # Ok::<_, wrpc_host::links::LinksError>(())
//! ```
//!
//! A mistake is an error that names the file, the line and the key; nothing is skipped, since a
//! link that is not what its author meant denies calls, or permits them.

mod error;
mod parse;

use std::path::Path;

pub use error::{LinksError, Mistake};
use wrpc_middleware::link::Interface;

use crate::id::Id;

/// The links of a file, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links(Vec<Entry>);

/// One `[[link]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Component id of the caller.
    pub source: Id,
    /// Component id of the target.
    pub target: Id,
    /// The interface, without a version.
    pub interface: Interface,
    /// The name of the link; `default` if the file has none.
    pub name: String,
    /// The functions it permits; `None` permits all of the interface.
    pub functions: Option<Vec<String>>,
    /// The functions whose target serves a bare `T`.
    pub bare: Bare,
}

/// Which functions of a link are served as `-> T` where the caller declares
/// `-> result<T, rpc-error>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Bare {
    /// None: what is declared travels.
    #[default]
    None,
    /// Every function of the interface.
    All,
    /// These.
    Functions(Vec<String>),
}

impl Links {
    /// Reads a links file.
    ///
    /// # Errors
    ///
    /// The file can't be read, or the first mistake in it.
    pub fn read(path: &Path) -> Result<Self, LinksError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| LinksError::new(path, None, Mistake::Unreadable(error)))?;
        Self::parse(path, &text)
    }

    /// Parses the text of a links file; `path` is for messages.
    ///
    /// # Errors
    ///
    /// The first mistake in the text.
    pub fn parse(path: &Path, text: &str) -> Result<Self, LinksError> {
        parse::parse(text).map(Self).map_err(|found| {
            let line = found.offset.map(|offset| parse::line(text, offset));
            LinksError::new(path, line, found.mistake)
        })
    }

    /// The links in the order of the file.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }
}

#[cfg(test)]
mod tests;
