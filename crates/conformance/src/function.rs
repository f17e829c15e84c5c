//! What the kit's target serves.

use bytes::Bytes;

/// The instance that exports the functions.
pub(crate) const INSTANCE: &str = "wrpc-middleware:conformance/target";

/// More than fits into a message of any transport.
pub(crate) const LARGE: usize = 3 << 20;

/// What each stream of [`Function::Relay`] carries.
pub(crate) const STREAMED: usize = 100_000;

/// A function of the kit's target. All but [`Notify`](Self::Notify) are
/// `func(name: string) -> result<string, rpc-error>`, beside their streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    /// Answers with the name.
    Echo,
    /// The same, of a name of [`LARGE`] bytes.
    EchoLarge,
    /// Has no result.
    Notify,
    /// Answers with the bytes of a stream that it is given, as a stream.
    Relay,
    /// Answers with the `rpc-error` that the name stands for.
    Fail,
    /// Takes the call and does not answer.
    Hold,
    /// Sends a byte of a large value now and then.
    Drip,
    /// Begins a stream and does not go on.
    Stall,
    /// Ends the results in order, without a value.
    Finish,
    /// Drops the call.
    Abandon,
    /// Drops the call in the middle of its answer.
    AbandonMidway,
    /// Answers with bytes that are no `result`.
    Garbage,
    /// Ends the results in order, in the middle of a value.
    Truncate,
    /// Is not served.
    Unserved,
    /// Has a name that no function has, and is not served.
    Invalid,
}

impl Function {
    /// What is served.
    pub(crate) const SERVED: [Self; 13] = [
        Self::Echo,
        Self::EchoLarge,
        Self::Notify,
        Self::Relay,
        Self::Fail,
        Self::Hold,
        Self::Drip,
        Self::Stall,
        Self::Finish,
        Self::Abandon,
        Self::AbandonMidway,
        Self::Garbage,
        Self::Truncate,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::EchoLarge => "echo-large",
            Self::Notify => "notify",
            Self::Relay => "relay",
            Self::Fail => "fail",
            Self::Hold => "hold",
            Self::Drip => "drip",
            Self::Stall => "stall",
            Self::Finish => "finish",
            Self::Abandon => "abandon",
            Self::AbandonMidway => "abandon-midway",
            Self::Garbage => "garbage",
            Self::Truncate => "truncate",
            Self::Unserved => "unserved",
            Self::Invalid => "in valid.*.>\r\n",
        }
    }

    /// The streams of the parameters.
    pub(crate) const fn param_streams(self) -> &'static [[Option<usize>; 1]] {
        match self {
            Self::Relay => &[[Some(STREAM)]],
            _ => &[],
        }
    }

    /// The streams of the results.
    pub(crate) const fn result_streams(self) -> &'static [[Option<usize>; 1]] {
        match self {
            Self::Relay | Self::Stall => &[[Some(STREAM)]],
            _ => &[],
        }
    }
}

/// Where the stream of a function that has one is, on either side.
pub(crate) const STREAM: usize = 0;

/// What is streamed.
pub(crate) fn streamed() -> Bytes {
    (0..STREAMED).map(|n| n.to_le_bytes()[0]).collect()
}
