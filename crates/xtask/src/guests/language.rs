//! The languages that the example guest is written in.

use clap::ValueEnum;

/// A language; in the order in which the guests are built and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Language {
    /// wit-bindgen
    Rust,
    /// componentize-js
    Javascript,
    /// componentize-py
    Python,
}

impl Language {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Rust, Self::Javascript, Self::Python];

    /// Its name in paths and on the command line.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Javascript => "javascript",
            Self::Python => "python",
        }
    }

    /// The file of its component, within the directory of all of them.
    pub(super) fn file(self) -> String {
        format!("{}.wasm", self.name())
    }
}
