//! The names that entries have, as components have them.

/// Whether `name` is that of a function on the wire: `function`, or `resource.method`.
pub(crate) fn is_function(name: &str) -> bool {
    name.split('.').all(is_label) && name.split('.').count() <= 2
}

/// Whether `name` can be that of a link.
pub(crate) fn is_link(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_LINK_NAME && !name.chars().any(char::is_control)
}

/// The longest name of a link, in bytes: names become a part of keys.
pub(crate) const MAX_LINK_NAME: usize = 255;

/// Whether `text` is the name of a function or a resource as components have it: words joined by
/// `-`, each of digits and letters in one case, the first starting with a letter.
fn is_label(text: &str) -> bool {
    let lower = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase();
    let upper = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase();
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .split('-')
            .all(|word| !word.is_empty() && (word.chars().all(lower) || word.chars().all(upper)))
}
