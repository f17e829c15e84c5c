//! Who ends the results of a served call.

use crate::broker::Publishing;

/// Who ends the results of a served call that its writer leaves open.
#[derive(Debug, Default)]
pub(super) enum Ending {
    /// The writer, when it is dropped.
    #[default]
    Writer,
    /// Somebody who will say how the call went; there is a writer still.
    Held,
    /// The same, and the writer is gone: `sent` messages are there, after `before`.
    Left {
        sent: u64,
        before: Option<Publishing>,
    },
}

impl Ending {
    /// The writer is gone. Returns whether the end is left to somebody else, who takes `before`.
    pub(super) fn leave(&mut self, sent: u64, before: &mut Option<Publishing>) -> bool {
        let is_held = matches!(self, Self::Held);
        if is_held {
            *self = Self::Left {
                sent,
                before: before.take(),
            };
        }
        is_held
    }
}
