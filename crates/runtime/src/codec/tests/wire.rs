//! The bytes, next to upstream's.

use bytes::BytesMut;
use proptest::prelude::*;
use tokio_util::codec::Encoder as _;
use wasmtime::component::{Type, Val};
use wasmtime::{AsContextMut as _, Store};
use wrpc_runtime_wasmtime::{ValEncoder, read_value};
use wrpc_transport::frame::Outgoing;

use super::types::{TYPES, value};
use crate::Limits;
use crate::codec::encode::put_flags;
use crate::codec::fuzzing::parts;
use crate::codec::host::{Arrived, Host, decode, encode, store};
use crate::codec::{DecodeError, Decoder};

/// One of the types, and a value of it.
fn typed() -> impl Strategy<Value = (&'static Type, Val)> {
    (0..TYPES.1.len()).prop_flat_map(|i| {
        let ty = &TYPES.1[i];
        (Just(ty), value(ty))
    })
}

fn upstream_encode(store: &mut Store<Host>, value: &Val, ty: &Type) -> BytesMut {
    let mut bytes = BytesMut::new();
    let mut encoder: ValEncoder<'_, Host, Outgoing> =
        ValEncoder::new(store.as_context_mut(), ty, &[], &[]);
    encoder.encode(value, &mut bytes).unwrap();
    bytes
}

async fn upstream_decode(store: &mut Store<Host>, incoming: Arrived, ty: &Type) -> Val {
    let mut value = Val::Bool(false);
    let mut incoming = core::pin::pin!(incoming);
    read_value(store, &mut incoming, &[], &[], &mut value, ty, &[0])
        .await
        .unwrap();
    value
}

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_codecs_write_the_same_bytes_and_read_each_others(
        (ty, value) in typed(),
        portion in 1..64usize,
    ) {
        let mut store = store(&TYPES.0);
        let ours = encode(&mut store, &value, ty).unwrap();
        let upstreams = upstream_encode(&mut store, &value, ty);
        prop_assert_eq!(&ours.bytes, &upstreams);
        prop_assert!(ours.streams.is_empty());

        run(async {
            let decoded = decode(Arrived::new(&upstreams, portion), ty, Limits::default()).await;
            let decoded = decoded.unwrap();
            // Bytes again, since a NaN is not equal to itself.
            let again = encode(&mut store, &decoded, ty).unwrap();
            prop_assert_eq!(&again.bytes, &upstreams);
            let theirs = upstream_decode(&mut store, Arrived::new(&ours.bytes, portion), ty).await;
            let again = encode(&mut store, &theirs, ty).unwrap();
            prop_assert_eq!(&again.bytes, &upstreams);
            Ok(())
        })?;
    }

    #[test]
    fn a_value_that_is_cut_off_anywhere_is_incomplete((ty, value) in typed()) {
        let mut store = store(&TYPES.0);
        let bytes = encode(&mut store, &value, ty).unwrap().bytes;
        run(async {
            for end in 0..bytes.len() {
                let cut = Arrived::new(&bytes[..end], 7);
                let error = decode(cut, ty, Limits::default()).await.unwrap_err();
                prop_assert!(matches!(error, DecodeError::UnexpectedEnd), "{end}: {error}");
            }
            let mut more = bytes.to_vec();
            more.push(0);
            let error = decode(Arrived::new(&more, 7), ty, Limits::default()).await.unwrap_err();
            prop_assert!(matches!(error, DecodeError::Invalid(_)), "{error}");
            Ok(())
        })?;
    }

    #[test]
    fn limits_hold_exactly((ty, value) in typed()) {
        let mut store = store(&TYPES.0);
        let bytes = encode(&mut store, &value, ty).unwrap().bytes;
        let parts = parts(&value);
        let exact = Limits::default().with_bytes(bytes.len()).with_elements(parts);
        run(async {
            let decoded = decode(Arrived::new(&bytes, 16), ty, exact).await;
            prop_assert!(decoded.is_ok(), "{decoded:?}");
            let tight = [
                exact.with_bytes(bytes.len() - 1),
                exact.with_elements(parts.saturating_sub(1)),
            ];
            for limits in tight.into_iter().filter(|limits| *limits != exact) {
                let error = decode(Arrived::new(&bytes, 16), ty, limits).await.unwrap_err();
                prop_assert!(matches!(error, DecodeError::Limit { .. }), "{error}");
            }
            Ok(())
        })?;
    }

    #[test]
    fn any_bytes_are_a_value_within_the_limits_or_an_error(
        i in 0..TYPES.1.len(),
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        small in any::<bool>(),
    ) {
        // Small numbers make lengths that fit, so that more of the bytes are looked at.
        let bytes: Vec<u8> = bytes.into_iter().map(|byte| if small { byte % 3 } else { byte }).collect();
        let ty = &TYPES.1[i];
        let limits = Limits::default().with_elements(100);
        if let Ok(value) = run(decode(Arrived::new(&bytes, 5), ty, limits)) {
            prop_assert!(parts(&value) <= 100);
            let mut store = store(&TYPES.0);
            prop_assert!(encode(&mut store, &value, ty).is_ok());
        }
    }
}

/// Upstream packs any number of flags; Wasmtime takes no component with more than 32.
#[tokio::test]
async fn flags_take_a_bit_each() {
    for count in [1, 8, 9, 128, 129, 200] {
        let names: Vec<_> = (0..count).map(|i| format!("f{i}")).collect();
        let names = || names.iter().map(String::as_str);
        let set = vec!["f0".to_owned(), format!("f{}", count - 1)];
        let set = if count == 1 {
            vec!["f0".to_owned()]
        } else {
            set
        };
        let mut bytes = BytesMut::new();
        put_flags(&mut bytes, &set, names()).unwrap();

        let mut expected = vec![0; usize::div_ceil(count, 8)];
        expected[0] |= 1;
        expected[(count - 1) / 8] |= 1 << ((count - 1) % 8);
        assert_eq!(*bytes, expected);
        let mut decoder = Decoder::new(Arrived::new(&bytes, 3), Limits::default());
        assert_eq!(decoder.flags(names()).await.unwrap(), set);
    }
}
