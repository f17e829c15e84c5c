//! What one call may make this side hold in memory.

/// Bounds on the values that a peer sends in one direction of a call.
///
/// They bound what a *peer* can make this process hold: the parameters of a served call, the
/// results of an imported one. What a guest hands out is bounded by its own memory. Streams
/// ([`streams`](Self::streams)) are read as the guest asks for them, so the bytes that travel in
/// them are bounded by flow control and not by [`bytes`](Self::bytes).
///
/// A decoded value is larger than its bytes: Wasmtime keeps every value, even a `u8` of a list, in
/// a few dozen bytes, and the fields of a record with their names. So memory is bounded by about
/// `bytes` plus [`elements`](Self::elements) times a hundred bytes: with the defaults, a peer that
/// aims for it can make one call hold 1.7 GiB for as long as the call runs. A `list<u8>` takes
/// 40 bytes for each byte. Where peers are not trusted, lower `elements`, or bound how many calls run.
///
/// ```
/// use wrpc_middleware_runtime::Limits;
///
/// let limits = Limits::default().with_bytes(1 << 20).with_elements(10_000);
/// assert_eq!(limits.bytes, 1 << 20);
/// assert_eq!(limits.depth, Limits::default().depth);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Encoded bytes, streams excluded. 64 MiB by default.
    pub bytes: usize,
    /// Values: each element of a list, each field of a record, each member of a tuple, each flag
    /// that is set and each payload counts as one. 17 Mi by default, which is a `list<u8>` of
    /// 16 MiB and what may be around it.
    ///
    /// A list that announces more elements than are left is refused before any is read.
    pub elements: usize,
    /// How deep lists, records and other values with parts may nest: a `list<u8>` has depth 1, a
    /// `u8` none. 64 by default.
    pub depth: usize,
    /// Byte streams (`wasi:io` `input-stream`s). 64 by default.
    ///
    /// Each takes a task and a buffer of up to 64 KiB until the guest drops it.
    pub streams: usize,
}

impl Limits {
    /// These limits with another bound on encoded bytes.
    #[must_use]
    pub const fn with_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// These limits with another bound on the number of values.
    #[must_use]
    pub const fn with_elements(mut self, elements: usize) -> Self {
        self.elements = elements;
        self
    }

    /// These limits with another bound on nesting.
    #[must_use]
    pub const fn with_depth(mut self, depth: usize) -> Self {
        self.depth = depth;
        self
    }

    /// These limits with another bound on the number of byte streams.
    #[must_use]
    pub const fn with_streams(mut self, streams: usize) -> Self {
        self.streams = streams;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            elements: 17 << 20,
            depth: 64,
            streams: 64,
        }
    }
}
