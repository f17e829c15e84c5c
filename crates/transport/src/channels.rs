//! The response of a call.

use crate::Progress;

/// The two byte streams of a call that is on its way.
///
/// Every service of a stack responds with it. Dropping both streams gives the call up.
#[derive(Debug)]
pub struct Channels<O, I> {
    /// Parameters to the target.
    pub outgoing: O,
    /// Results from the target.
    pub incoming: I,
    /// How far the call has come, as its leaf reports it: the [`Progress`] of the invocation that was
    /// answered, or of an attempt at it. What a layer above says of the call derives from that.
    pub progress: Progress,
}

impl<O, I> Channels<O, I> {
    /// The streams, each wrapped.
    pub(crate) fn map<P, J>(
        self,
        outgoing: impl FnOnce(O) -> P,
        incoming: impl FnOnce(I) -> J,
    ) -> Channels<P, J> {
        Channels {
            outgoing: outgoing(self.outgoing),
            incoming: incoming(self.incoming),
            progress: self.progress,
        }
    }
}
