//! Bytes that nobody should send.

use std::fmt::Write as _;
use std::io;

use bytes::BytesMut;
use wasmtime::Engine;
use wasmtime::component::{Type, Val};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::types::parameters;
use crate::Limits;
use crate::codec::DecodeError;
use crate::codec::host::{Arrived, decode};
use crate::codec::leb128::put_unsigned;

fn types(types: &[&str]) -> Vec<Type> {
    let mut items = String::from("flags nine { a, b, c, d, e, f, g, h, i } enum two { a, b }");
    items.push_str("variant three { a, b(u8), c }");
    for (i, ty) in types.iter().enumerate() {
        write!(items, "f{i}: func(x: {ty});").unwrap();
    }
    parameters(&Engine::default(), &items)
}

#[tokio::test]
async fn bytes_that_are_no_value_are_a_protocol_error_that_says_why() {
    let table: [(&str, &[u8], &str); 19] = [
        ("bool", &[2], "a `bool` starts with 2, neither 0 nor 1"),
        (
            "option<u8>",
            &[2],
            "an `option` starts with 2, neither 0 nor 1",
        ),
        (
            "result<u8>",
            &[9],
            "a `result` starts with 9, neither 0 nor 1",
        ),
        ("two", &[2], "case 2 of 2"),
        ("three", &[0x83, 0x01], "case 131 of 3"),
        (
            "u16",
            &[0xff, 0xff, 0x04],
            "an integer does not fit 16 bits",
        ),
        (
            "s16",
            &[0x80, 0x80, 0x02],
            "an integer does not fit 16 bits",
        ),
        ("u32", &[0x80; 6], "an integer does not fit 32 bits"),
        ("s64", &[0x80; 11], "an integer does not fit 64 bits"),
        ("list<u8>", &[0xff; 5], "an integer does not fit 32 bits"),
        ("char", &[0x80], "a `char` is not valid UTF-8"),
        ("char", &[0xc0, 0x80], "a `char` is not valid UTF-8"),
        ("char", &[0xed, 0xa0, 0x80], "a `char` is not valid UTF-8"),
        (
            "char",
            &[0xf4, 0x90, 0x80, 0x80],
            "a `char` is not valid UTF-8",
        ),
        ("char", &[0xe2, b'a', b'b'], "a `char` is not valid UTF-8"),
        ("string", &[2, 0xc3, 0x28], "a `string` is not valid UTF-8"),
        ("nine", &[0, 2], "a bit is set past the 9 flags"),
        ("u8", &[1, 2], "there is more than the declared values"),
        ("list<two>", &[2, 0, 0xff, 0x01], "case 255 of 2"),
    ];
    let names: Vec<_> = table.iter().map(|(ty, ..)| *ty).collect();
    for ((ty, bytes, text), declared) in table.iter().zip(types(&names)) {
        for portion in [1, 100] {
            let error = decode(Arrived::new(bytes, portion), &declared, Limits::default()).await;
            let error = RpcError::from(error.unwrap_err());
            assert_eq!(error.kind(), RpcErrorKind::Protocol, "{ty}");
            assert_eq!(error.delivery(), Delivery::Accepted, "{ty}");
            assert_eq!(error.message(), *text, "{ty}");
        }
    }
}

#[tokio::test]
async fn lengths_past_the_limits_are_refused_before_anything_of_them_is_read() {
    let four_billion = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let names = [
        "list<u8>",
        "list<u64>",
        "list<string>",
        "list<list<u8>>",
        "string",
    ];
    for (name, ty) in names.iter().zip(types(&names)) {
        // A read past the length fails otherwise than the limit does.
        let incoming = Arrived::new(&four_billion, 5).failing(io::ErrorKind::BrokenPipe);
        let error = decode(incoming, &ty, Limits::default()).await.unwrap_err();
        assert!(
            matches!(error, DecodeError::Limit { .. }),
            "{name}: {error}"
        );
        let error = RpcError::from(error);
        assert_eq!(error.kind(), RpcErrorKind::Protocol);
        assert_eq!(error.delivery(), Delivery::Accepted);
    }
}

#[tokio::test]
async fn a_length_within_the_limits_reserves_nothing() {
    // Eight lists in each other, each of which announces what a whole call may have.
    let [ty] = types(&["list<list<list<list<list<list<list<list<u64>>>>>>>>"])
        .try_into()
        .unwrap();
    let limits = Limits::default()
        .with_elements(usize::MAX)
        .with_bytes(usize::MAX);
    let bytes = [0xff, 0xff, 0xff, 0xff, 0x0f].repeat(8);
    let error = decode(Arrived::new(&bytes, 64), &ty, limits).await;
    assert!(
        matches!(error, Err(DecodeError::UnexpectedEnd)),
        "{error:?}"
    );
}

#[tokio::test]
async fn sixteen_mebibytes_are_a_list_that_may_come() {
    // What the memory of the default limits is computed from.
    assert!(size_of::<Val>() <= 40);
    let [ty] = types(&["option<list<u8>>"]).try_into().unwrap();
    for (length, admitted) in [(16 << 20, true), (17 << 20, false)] {
        let mut bytes = BytesMut::from(&[1][..]);
        put_unsigned(&mut bytes, length);
        let error = decode(Arrived::new(&bytes, 9), &ty, Limits::default()).await;
        let ended = matches!(error.unwrap_err(), DecodeError::UnexpectedEnd);
        assert_eq!(ended, admitted, "{length}");
    }
}

#[tokio::test]
async fn elements_are_counted_over_all_lists() {
    let [ty] = types(&["list<list<u8>>"]).try_into().unwrap();
    let limits = Limits::default().with_elements(9);
    let bytes = [3, 2, 0, 0, 2, 0, 0, 2, 0, 0];
    decode(Arrived::new(&bytes, 64), &ty, limits).await.unwrap();
    let limits = Limits::default().with_elements(8);
    let error = decode(Arrived::new(&bytes, 64), &ty, limits)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the values exceed the limit of 8 elements"
    );
}

#[tokio::test]
async fn values_nest_as_deep_as_the_limit_says() {
    let [flat, nested] = types(&["u8", "list<option<tuple<u8>>>"])
        .try_into()
        .unwrap();
    let bytes = [1, 1, 7];
    let limits = Limits::default();
    decode(Arrived::new(&[7], 1), &flat, limits.with_depth(0))
        .await
        .unwrap();
    decode(Arrived::new(&bytes, 1), &nested, limits.with_depth(3))
        .await
        .unwrap();
    let error = decode(Arrived::new(&bytes, 1), &nested, limits.with_depth(2)).await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "the values exceed the limit of 2 levels of nesting"
    );
}

#[tokio::test]
async fn the_end_is_the_targets_and_a_broken_connection_is_the_transports() {
    let [ty] = types(&["list<u32>"]).try_into().unwrap();
    let error = decode(Arrived::new(&[3, 1], 1), &ty, Limits::default()).await;
    let error = RpcError::from(error.unwrap_err());
    assert_eq!(error.kind(), RpcErrorKind::TargetFailed);
    assert_eq!(error.delivery(), Delivery::Accepted);

    let broken = Arrived::new(&[3, 1], 1).failing(io::ErrorKind::ConnectionReset);
    let error = decode(broken, &ty, Limits::default()).await;
    let error = RpcError::from(error.unwrap_err());
    assert_eq!(error.kind(), RpcErrorKind::Transport);
    assert!(core::error::Error::source(&error).is_some());
}
