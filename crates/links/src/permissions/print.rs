//! Permissions as the server's configuration has them.

use core::fmt::Write as _;

use super::{Allowed, Permissions};

pub(super) fn config(permissions: &Permissions) -> String {
    let mut text = String::from("permissions: {\n");
    block(&mut text, "publish", &permissions.publish);
    block(&mut text, "subscribe", &permissions.subscribe);
    text.push_str("}\n");
    text
}

fn block(text: &mut String, what: &str, allowed: &Allowed) {
    // Writing to a `String` does not fail.
    let _ = writeln!(text, "  {what}: {{ allow: [");
    for subject in &allowed.allow {
        let _ = writeln!(text, "    {}", quoted(subject));
    }
    text.push_str("  ] }\n");
}

/// A string of the configuration. Ids may have quotes, which are escaped as in JSON.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
