//! One test for each scenario.

/// Makes a test of every [`Scenario`](crate::Scenario), over a [`Testbed`](crate::Testbed).
///
/// Each is named after its scenario and runs it under every [`Layering`](crate::Layering), on
/// runtimes of its own. Put the tests of several transports into modules of their own. The
/// [crate](crate) has an example.
#[macro_export]
macro_rules! conformance {
    ($testbed:ty) => {
        $crate::conformance! { @tests $testbed:
            value: Value,
            large_value: LargeValue,
            no_result: NoResult,
            streams: Streams,
            acceptance: Acceptance,
            error_value: ErrorValue,
            link_denied: LinkDenied,
            silent_target: SilentTarget,
            unanswered_call: UnansweredCall,
            dripping_result: DrippingResult,
            silent_stream: SilentStream,
            absent_target: AbsentTarget,
            unserved_function: UnservedFunction,
            fail_fast: FailFast,
            empty_result: EmptyResult,
            abandoned_call: AbandonedCall,
            abandoned_result: AbandonedResult,
            target_gone: TargetGone,
            concurrency_limit: ConcurrencyLimit,
            server_limit: ServerLimit,
            connection_down: ConnectionDown,
            connection_lost_before_handshake: ConnectionLostBeforeHandshake,
            connection_lost: ConnectionLost,
            garbage_result: GarbageResult,
            truncated_result: TruncatedResult,
            malformed_answer: MalformedAnswer,
            invalid_name: InvalidName,
            dropped_before_handshake: DroppedBeforeHandshake,
            dropped_after_handshake: DroppedAfterHandshake,
            dropped_in_result: DroppedInResult,
            dropped_in_stream: DroppedInStream,
        }
    };
    (@tests $testbed:ty: $($test:ident: $scenario:ident,)+) => {
        $(#[test]
        fn $test() {
            $crate::run::<$testbed>($crate::Scenario::$scenario);
        })+

        /// No scenario is without a test.
        const _: () = {
            let tests = [$($crate::Scenario::$scenario),+];
            assert!(tests.len() == $crate::Scenario::ALL.len());
        };
    };
}
