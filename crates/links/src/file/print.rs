//! From entries to TOML.

use core::fmt::Write as _;

use toml::Value;
use wrpc_middleware_transport::link::DEFAULT_LINK_NAME;

use crate::{Bare, Entry};

pub(super) fn toml(entries: &[Entry]) -> String {
    let mut text = String::new();
    for entry in entries {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str("[[link]]\n");
        let mut line = |key: &str, value: Value| {
            // Writing to a `String` does not fail.
            let _ = writeln!(text, "{key} = {value}");
        };
        line("source", entry.source.as_str().into());
        line("target", entry.target.as_str().into());
        line("interface", entry.interface.to_string().into());
        if entry.name != DEFAULT_LINK_NAME {
            line("name", entry.name.as_str().into());
        }
        if let Some(functions) = &entry.functions {
            line("functions", functions.clone().into());
        }
        match &entry.bare {
            Bare::None => {}
            Bare::All => line("bare", true.into()),
            Bare::Functions(functions) => line("bare", functions.clone().into()),
        }
    }
    text
}
