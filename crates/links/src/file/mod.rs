//! The links file: links as TOML.
//!
//! ```
//! use std::path::Path;
//!
//! let links = wrpc_middleware_links::Links::parse(
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
//! # Ok::<_, wrpc_middleware_links::file::LinksError>(())
//! ```
//!
//! A mistake is an error that names the file, the line and the key; nothing is skipped, since a
//! link that is not what its author meant denies calls, or permits them.

mod error;
mod parse;
mod print;

use std::collections::BTreeMap;
use std::path::Path;

pub use error::{LinksError, Mistake};
use wrpc_middleware_transport::link::LinkTable;

use crate::Entry;

/// Links, checked, no two of them with the same source, name and interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links(Vec<Entry>);

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

    /// The text of a links file that has these links.
    #[must_use]
    pub fn to_toml(&self) -> String {
        print::toml(&self.0)
    }

    /// The links in the order of the file.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// The table that authorization asks.
    #[must_use]
    pub fn table(&self) -> LinkTable {
        self.0.iter().map(Entry::link).collect()
    }
}

/// Of entries with the same source, name and interface the last one stays. They are in the order of
/// their keys.
impl FromIterator<Entry> for Links {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let entries = entries.into_iter().map(|entry| (entry.key(), entry));
        let entries: BTreeMap<_, _> = entries.collect();
        Self(entries.into_values().collect())
    }
}

#[cfg(test)]
mod tests;
