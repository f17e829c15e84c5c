//! Whether to colour what is printed.

use std::io::IsTerminal;

/// Whether `stream` is read by a person who has not asked for plain text
/// (<https://no-color.org>).
#[must_use]
pub fn has_colour(stream: &impl IsTerminal) -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !no_color
}
