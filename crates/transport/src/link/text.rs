//! Texts that lie where they are looked at.

use core::fmt;
use std::sync::Arc;

/// How long a text may be to lie in place. Longer ones would fit if entries were larger, but then
/// fewer entries would be in a cache, and that costs all of them more.
const INLINE: usize = 22;

/// A text, in place if it is short: to compare with it is to look at no other memory than that of
/// the entry which has it.
#[derive(Clone)]
pub(super) enum Text {
    Inline { len: u8, bytes: [u8; INLINE] },
    Shared(Arc<str>),
}

impl Text {
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Inline { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Self::Shared(text) => text.as_bytes(),
        }
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        let mut bytes = [0; INLINE];
        match (u8::try_from(text.len()), bytes.get_mut(..text.len())) {
            (Ok(len), Some(place)) => {
                place.copy_from_slice(text.as_bytes());
                Self::Inline { len, bytes }
            }
            _ => Self::Shared(text),
        }
    }
}

impl From<&Text> for Arc<str> {
    fn from(text: &Text) -> Self {
        match text {
            Text::Inline { .. } => Self::from(String::from_utf8_lossy(text.as_bytes())),
            Text::Shared(text) => Self::clone(text),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Arc::<str>::from(self), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_it_was_made_of() {
        for len in [0, 1, INLINE - 1, INLINE, INLINE + 1, 300] {
            let given: Arc<str> = "\u{fc}".repeat(len / 2).into();
            let given: Arc<str> = format!("{given}{}", "x".repeat(len % 2)).into();
            let text = Text::from(Arc::clone(&given));
            assert_eq!(text.as_bytes(), given.as_bytes());
            assert_eq!(Arc::<str>::from(&text), given);
            assert_eq!(matches!(text, Text::Inline { .. }), len <= INLINE);
        }
    }
}
