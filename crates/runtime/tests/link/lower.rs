//! Guests that were built against another version of `wrpc:errors`.

use wasmtime::component::Val;
use wit_parser::Resolve;
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_runtime::{LinkError, LinkErrorCause, LowerError};

use crate::guest::relay;
use crate::host::{Guest, case, err, text};
use crate::mock::{Script, typed};

const APP: &str = "test:app/greeter@0.1.0";

/// A guest whose `wrpc:errors/types` of `version` is `types`.
fn relay_with(version: &str, types: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let errors = format!("package wrpc:errors@{version}; interface types {{ {types} }}");
    resolve.push_str("errors.wit", &errors).unwrap();
    let wit = format!(
        "package test:app@0.1.0;
        interface greeter {{
            use wrpc:errors/types@{version}.{{rpc-error}};
            variant own-error {{ busy, rpc(rpc-error) }}
            greet: func() -> result<string, rpc-error>;
            mine: func() -> result<string, own-error>;
        }}
        world guest {{ import greeter; export greeter; }}"
    );
    relay(resolve, &wit, &[])
}

/// What such a guest gets for a failure of `kind`.
async fn lowered(types: &str, kind: RpcErrorKind, delivery: Delivery) -> Val {
    for version in ["0.1.0", "0.1.7", "0.2.0", "1.3.0", "0.2.0-rc.1"] {
        let guest = Guest::new(&relay_with(version, types), |linker| linker);
        let script = Script::refuse(typed(kind, delivery));
        let value = guest.call(script.clone(), APP, "greet", &[]).await;
        let wrapped = guest.call(script, APP, "mine", &[]).await;
        let (Some(Val::Result(Err(Some(value)))), Some(wrapped)) =
            (value.unwrap(), wrapped.unwrap())
        else {
            panic!("not an error");
        };
        assert_eq!(wrapped, err(case("rpc", (*value).clone())));
        if version == "1.3.0" {
            return *value;
        }
    }
    unreachable!()
}

const SAYS: &str = "what the stack says";

fn record(fields: &[(&str, Val)]) -> Val {
    Val::Record(
        fields
            .iter()
            .map(|(name, value)| ((*name).into(), value.clone()))
            .collect(),
    )
}

fn named(name: &str) -> Val {
    Val::Enum(name.into())
}

#[tokio::test]
async fn a_case_that_the_guest_lacks_is_other() {
    let types = "
        enum delivery { not-sent, unknown, accepted }
        record failure { delivery: delivery, message: string }
        variant rpc-error { timeout(failure), other(failure) }
    ";
    let failure =
        |message: &str| record(&[("delivery", named("not-sent")), ("message", text(message))]);
    assert_eq!(
        lowered(types, RpcErrorKind::Timeout, Delivery::NotSent).await,
        case("timeout", failure(SAYS))
    );
    // The case does not tell what happened any more, so the message does.
    assert_eq!(
        lowered(types, RpcErrorKind::LinkDenied, Delivery::NotSent).await,
        case("other", failure("link-denied: what the stack says"))
    );
    assert_eq!(
        lowered(types, RpcErrorKind::Other, Delivery::NotSent).await,
        case("other", failure(SAYS))
    );
}

#[tokio::test]
async fn cases_are_found_by_name_in_any_order_and_among_new_ones() {
    let types = "
        enum delivery { maybe, accepted, unknown, not-sent }
        record failure { message: string, delivery: delivery }
        variant rpc-error {
            novel(failure), other(failure), target-failed(failure), timeout(failure)
        }
    ";
    assert_eq!(
        lowered(types, RpcErrorKind::TargetFailed, Delivery::Accepted).await,
        case(
            "target-failed",
            record(&[("message", text(SAYS)), ("delivery", named("accepted"))])
        )
    );
}

#[tokio::test]
async fn fields_that_the_guest_lacks_are_left_out() {
    let types = "
        enum delivery { unknown }
        record only-message { message: string }
        record only-delivery { delivery: delivery }
        variant rpc-error {
            timeout, transport(only-message), protocol(string), other(only-delivery)
        }
    ";
    for (kind, expected) in [
        (RpcErrorKind::Timeout, Val::Variant("timeout".into(), None)),
        (
            RpcErrorKind::Transport,
            case("transport", record(&[("message", text(SAYS))])),
        ),
        (RpcErrorKind::Protocol, case("protocol", text(SAYS))),
        // A delivery that the enum lacks is unknown to the guest.
        (
            RpcErrorKind::Overloaded,
            case("other", record(&[("delivery", named("unknown"))])),
        ),
    ] {
        assert_eq!(lowered(types, kind, Delivery::Accepted).await, expected);
    }
}

#[tokio::test]
async fn optional_fields_of_another_version_are_none() {
    let types = "
        enum delivery { not-sent, unknown, accepted }
        record detail { code: u32 }
        record failure {
            retry-after: option<u64>,
            delivery: option<delivery>,
            detail: option<detail>,
            message: option<string>,
        }
        variant rpc-error { timeout(failure), transport(option<failure>), other(failure) }
    ";
    let some = |value| Val::Option(Some(Box::new(value)));
    assert_eq!(
        lowered(types, RpcErrorKind::Timeout, Delivery::Unknown).await,
        case(
            "timeout",
            record(&[
                ("retry-after", Val::Option(None)),
                ("delivery", some(named("unknown"))),
                ("detail", Val::Option(None)),
                ("message", some(text(SAYS))),
            ])
        )
    );
    assert_eq!(
        lowered(types, RpcErrorKind::Transport, Delivery::Unknown).await,
        case("transport", Val::Option(None))
    );
}

#[test]
fn what_can_not_be_filled_is_refused_when_linked() {
    const ENUM: &str = "enum delivery { not-sent, unknown, accepted }";
    const FAILURE: &str = "record failure { delivery: delivery, message: string }";
    for (types, expected, says) in [
        (
            format!("{ENUM} {FAILURE} variant rpc-error {{ timeout(failure) }}"),
            LowerError::NoOther,
            "add `other(failure)` to the variant",
        ),
        (
            "enum rpc-error { timeout, other }".into(),
            LowerError::NotAVariant,
            "make it one, with a case `other`",
        ),
        (
            format!("{ENUM} {FAILURE} variant rpc-error {{ timeout(u32), other(failure) }}"),
            LowerError::Payload {
                case: "timeout".into(),
            },
            "make it a record",
        ),
        (
            "record failure { message: u32 } variant rpc-error { other(failure) }".into(),
            LowerError::FieldType {
                case: "other".into(),
                field: "message".into(),
                expected: "a `string`",
            },
            "make it a `string`",
        ),
        (
            "record failure { delivery: option<string> }
            variant rpc-error { other(failure) }"
                .into(),
            LowerError::FieldType {
                case: "other".into(),
                field: "delivery".into(),
                expected: "an enum",
            },
            "make it an enum",
        ),
        (
            "record failure { message: string, code: u32 }
            variant rpc-error { other(failure) }"
                .into(),
            LowerError::UnknownField {
                case: "other".into(),
                field: "code".into(),
            },
            "make it an `option`",
        ),
        (
            "enum delivery { not-sent, accepted }
            record failure { delivery: delivery }
            variant rpc-error { other(failure) }"
                .into(),
            LowerError::Delivery {
                case: "other".into(),
                missing: "unknown",
            },
            "add `unknown`",
        ),
    ] {
        let binary = relay_with("0.4.0", &types);
        let error = Guest::with_linker(&binary, |_| {}, |linker| linker)
            .err()
            .unwrap_or_else(|| panic!("linked: {types}"));
        let link = error.downcast_ref::<LinkError>().unwrap();
        assert_eq!(link.import(), format!("{APP}#greet"));
        assert_eq!(*link.cause(), LinkErrorCause::Lower(expected));
        let text = error.to_string();
        assert!(text.contains(says), "{text}");
        assert_eq!(format!("{error:#}"), text, "each text once");
    }
}
