//! What is forced.

use wrpc_middleware_errors::Delivery::{Accepted, NotSent, Unknown};
use wrpc_middleware_errors::RpcErrorKind as Kind;

use crate::Outcome::{self, Ends, Fails, Returns, Waits};

/// Declares the scenarios once: name, what happens, and how a call ends over a leaf without layers
/// that can tell all there is to tell.
macro_rules! scenarios {
    ($($(#[doc = $does:literal])+ $scenario:ident = $name:literal => $ideal:expr,)+) => {
        /// Something that happens to a call.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Scenario {
            $($(#[doc = $does])+ $scenario,)+
        }

        impl Scenario {
            /// Every scenario, those that succeed first.
            pub const ALL: &[Self] = &[$(Self::$scenario,)+];

            /// The name of the scenario, and of the test that
            /// [`conformance!`](crate::conformance!) makes of it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$scenario => $name,)+
                }
            }

            /// What happens, in words.
            #[must_use]
            pub const fn does(self) -> &'static str {
                match self {
                    $(Self::$scenario => concat!($($does),+).trim_ascii(),)+
                }
            }

            /// How the call ends over the leaf alone, if the transport can tell what happened.
            ///
            /// A leaf bounds no time, so it waits where nothing is to be seen.
            #[must_use]
            pub const fn ideal(self) -> Outcome {
                match self {
                    $(Self::$scenario => $ideal,)+
                }
            }
        }
    };
}

scenarios! {
    /// The target answers with a value.
    Value = "value" => Returns,
    /// A value of some megabytes there, and back.
    LargeValue = "large_value" => Returns,
    /// A function without a result: its results end, and that is all.
    NoResult = "no_result" => Returns,
    /// A stream of bytes there, and one back.
    Streams = "streams" => Returns,
    /// The target takes the call and has not answered yet: the caller's side knows.
    Acceptance = "acceptance" => Returns,
    /// The target answers with an `rpc-error`, of every case and delivery.
    ErrorValue = "error_value" => Returns,

    /// No link permits the call.
    LinkDenied = "link_denied" => Returns,

    /// The target is there and takes no call.
    SilentTarget = "silent_target" => Waits,
    /// The target takes the call and does not answer.
    UnansweredCall = "unanswered_call" => Waits,
    /// The target sends a large value, a byte now and then.
    DrippingResult = "dripping_result" => Waits,
    /// A stream of the results stands still.
    SilentStream = "silent_stream" => Waits,

    /// Nobody is there.
    AbsentTarget = "absent_target" => Fails(Kind::TargetUnavailable, NotSent),
    /// The target is there and does not serve the function.
    UnservedFunction = "unserved_function" => Fails(Kind::TargetUnavailable, NotSent),
    /// A call to a target that was silent a moment ago.
    FailFast = "fail_fast" => Waits,

    /// The target ends the results in order, without a value.
    EmptyResult = "empty_result" => Ends,
    /// The target drops the call without an answer, as a handler that fails.
    AbandonedCall = "abandoned_call" => Fails(Kind::TargetFailed, Accepted),
    /// The target drops the call in the middle of its answer.
    AbandonedResult = "abandoned_result" => Fails(Kind::TargetFailed, Accepted),
    /// The target takes the call, then its process is gone.
    TargetGone = "target_gone" => Fails(Kind::TargetFailed, Accepted),

    /// One call more than the caller's side permits to run.
    ConcurrencyLimit = "concurrency_limit" => Returns,
    /// One call more than the server permits to run.
    ServerLimit = "server_limit" => Fails(Kind::Overloaded, NotSent),

    /// The caller's connection is down when it calls.
    ConnectionDown = "connection_down" => Fails(Kind::Transport, NotSent),
    /// The caller's connection is lost before the target took the call.
    ConnectionLostBeforeHandshake = "connection_lost_before_handshake"
        => Fails(Kind::Transport, Unknown),
    /// The caller's connection is lost after the target took the call.
    ConnectionLost = "connection_lost" => Fails(Kind::Transport, Accepted),

    /// The target answers with bytes that are no value of the declared type.
    GarbageResult = "garbage_result" => Fails(Kind::Protocol, Accepted),
    /// The target ends the results in order, in the middle of a value.
    TruncatedResult = "truncated_result" => Ends,
    /// The answer to the call is none of the transport's protocol.
    MalformedAnswer = "malformed_answer" => Fails(Kind::Protocol, Unknown),

    /// The name of the function has spaces, wildcards and line ends.
    InvalidName = "invalid_name" => Fails(Kind::Other, NotSent),

    /// Calls are dropped before the target takes them: nothing is left.
    DroppedBeforeHandshake = "dropped_before_handshake" => Returns,
    /// Calls are dropped that the target has taken: nothing is left.
    DroppedAfterHandshake = "dropped_after_handshake" => Returns,
    /// Calls are dropped in the middle of their results: nothing is left.
    DroppedInResult = "dropped_in_result" => Returns,
    /// Calls are dropped in the middle of a stream: nothing is left.
    DroppedInStream = "dropped_in_stream" => Returns,
}
