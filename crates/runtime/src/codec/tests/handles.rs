//! Resources: those of a guest, those of a peer.

use std::sync::Arc;

use uuid::Uuid;
use wasmtime::component::{Resource, ResourceAny, ResourceType, Type, Val};
use wasmtime::{AsContextMut as _, Engine, Store};
use wrpc_runtime_wasmtime::RemoteResource;

use crate::codec::host::{Arrived, Host, decode_into, no_resources, store};
use crate::codec::{DecodeError, Handles, ResourceTypes, encode_values};

/// Stands for a resource that a guest exports.
struct Thing;
struct Other;
/// Stands for a resource of a peer.
struct Peers;

fn own<T: 'static>() -> Type {
    Type::Own(ResourceType::host::<T>())
}

fn borrow<T: 'static>() -> Type {
    Type::Borrow(ResourceType::host::<T>())
}

fn guest() -> ResourceTypes {
    ResourceTypes {
        guest: Arc::from([ResourceType::host::<Thing>(), ResourceType::host::<Other>()]),
        io_streams: Arc::from([]),
    }
}

fn thing(store: &mut Store<Host>, rep: u32) -> ResourceAny {
    Resource::<Thing>::new_own(rep)
        .try_into_resource_any(store)
        .unwrap()
}

/// What a peer gets for `resource`.
fn give(store: &mut Store<Host>, resource: ResourceAny, handles: &mut Handles) -> Vec<u8> {
    encode_values(
        store.as_context_mut(),
        &[Val::Resource(resource)],
        &[own::<Thing>()],
        &guest(),
        Some(handles),
    )
    .unwrap()
    .bytes
    .to_vec()
}

async fn take(
    store: &mut Store<Host>,
    bytes: &[u8],
    ty: &Type,
    handles: &mut Handles,
) -> Result<Val, DecodeError> {
    decode_into(store, Arrived::new(bytes, 100), ty, &guest(), Some(handles)).await
}

#[tokio::test]
async fn a_handle_is_16_random_bytes_and_lives_until_it_is_passed_by_value() {
    let mut store = store(&Engine::default());
    let mut handles = Handles::new(10);
    let resource = thing(&mut store, 7);
    let bytes = give(&mut store, resource, &mut handles);
    assert_eq!((bytes.len(), bytes[0]), (17, 16));
    let id = Uuid::from_slice(&bytes[1..]).unwrap();
    assert_eq!(id.get_version_num(), 4);

    for _ in 0..2 {
        let value = take(&mut store, &bytes, &borrow::<Thing>(), &mut handles).await;
        assert_eq!(value.unwrap(), Val::Resource(resource));
    }
    assert_eq!(handles.len(), 1);
    let value = take(&mut store, &bytes, &own::<Thing>(), &mut handles).await;
    assert_eq!(value.unwrap(), Val::Resource(resource));
    assert_eq!(handles.len(), 0);
    for ty in [borrow::<Thing>(), own::<Thing>()] {
        let error = take(&mut store, &bytes, &ty, &mut handles).await;
        assert!(
            matches!(error, Err(DecodeError::UnknownHandle)),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_handle_of_another_type_or_another_size_is_refused() {
    let mut store = store(&Engine::default());
    let mut handles = Handles::new(10);
    let resource = thing(&mut store, 7);
    let mut bytes = give(&mut store, resource, &mut handles);
    for ty in [borrow::<Other>(), own::<Other>()] {
        let error = take(&mut store, &bytes, &ty, &mut handles).await;
        assert!(
            matches!(error, Err(DecodeError::UnknownHandle)),
            "{error:?}"
        );
    }
    assert_eq!(handles.len(), 1);
    bytes[0] = 15;
    let error = take(&mut store, &bytes, &own::<Thing>(), &mut handles).await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "a resource handle has 15 bytes and not 16"
    );
}

#[test]
fn a_full_table_gives_out_no_handle_and_keeps_none_of_the_failed_values() {
    let mut store = store(&Engine::default());
    let mut handles = Handles::new(2);
    let values: Vec<_> = (0..3)
        .map(|rep| Val::Resource(thing(&mut store, rep)))
        .collect();
    let types = [own::<Thing>(), own::<Thing>(), own::<Thing>()];
    let error = encode_values(
        store.as_context_mut(),
        &values,
        &types,
        &guest(),
        Some(&mut handles),
    );
    let error = error.err().unwrap();
    assert_eq!(
        error.root_cause().to_string(),
        "peers hold 2 resource handles already, which is the limit"
    );
    assert_eq!(handles.len(), 0);
    let encoded = encode_values(
        store.as_context_mut(),
        &values[..2],
        &types[..2],
        &guest(),
        Some(&mut handles),
    );
    assert_eq!(encoded.unwrap().handles.len(), 2);
    assert_eq!(handles.len(), 2);
}

#[test]
fn resources_that_belong_to_a_store_do_not_travel() {
    let mut store = store(&Engine::default());
    let resource = thing(&mut store, 1);
    for (resources, text) in [
        (guest(), "kept between calls"),
        (no_resources(), "a resource of the host"),
    ] {
        let error = encode_values(
            store.as_context_mut(),
            &[Val::Resource(resource)],
            &[own::<Thing>()],
            &resources,
            None,
        );
        let error = error.err().unwrap().root_cause().to_string();
        assert!(error.contains(text), "{error}");
    }
}

#[tokio::test]
async fn a_resource_of_a_peer_is_read_to_its_length_and_given_back_as_it_came() {
    let engine = Engine::default();
    let mut store = store(&engine);
    let ty = own::<Other>();
    // The next value follows: upstream would take it for part of the handle.
    let bytes = [3, b'a', b'b', b'c', 2, b'd', b'e'];
    let mut decoder = crate::codec::Decoder::new(Arrived::new(&bytes, 2), crate::Limits::default());
    let mut values = Vec::new();
    for i in 0..2 {
        values.push(decoder.read(&ty, &[i], &no_resources()).await.unwrap());
    }
    let pending = decoder.take_pending();
    let _ = crate::codec::resolve(&mut store, &mut values, pending, None).unwrap();
    decoder.finish().await.unwrap();
    assert_eq!(store.data_mut().table.iter_mut().count(), 2);
    for value in &values {
        let Val::Resource(resource) = value else {
            panic!("{value:?}");
        };
        assert_eq!(resource.ty(), ResourceType::host::<RemoteResource>());
    }

    let encoded = encode_values(
        store.as_context_mut(),
        &values,
        &[ty.clone(), ty],
        &no_resources(),
        None,
    );
    assert_eq!(*encoded.unwrap().bytes, bytes);
    assert!(store.data_mut().table.is_empty());
}

#[tokio::test]
async fn what_a_call_borrows_leaves_the_store_with_it() {
    let mut store = store(&Engine::default());
    let mut decoder =
        crate::codec::Decoder::new(Arrived::new(&[1, b'a'], 2), crate::Limits::default());
    let value = decoder
        .read(&borrow::<Other>(), &[0], &no_resources())
        .await;
    let mut value = value.unwrap();
    let pending = decoder.take_pending();
    let lent = crate::codec::resolve(&mut store, [&mut value], pending, None).unwrap();
    assert!(!store.data_mut().table.is_empty());
    lent.release(&mut store);
    assert!(store.data_mut().table.is_empty());
}

#[tokio::test]
async fn parameters_that_fail_halfway_leave_store_and_handles_as_they_were() {
    let mut store = store(&Engine::default());
    let mut handles = Handles::new(10);
    let resource = thing(&mut store, 7);
    let known = give(&mut store, resource, &mut handles);
    let before = store.data_mut().table.iter_mut().count();

    let mut bytes = known.clone();
    bytes.extend([1, b'a']);
    bytes.push(16);
    bytes.extend(Uuid::new_v4().as_bytes());
    let types = [own::<Thing>(), own::<Peers>(), borrow::<Thing>()];
    let mut decoder = crate::codec::Decoder::new(Arrived::new(&bytes, 9), crate::Limits::default());
    let mut values = Vec::new();
    for (i, ty) in types.iter().enumerate() {
        values.push(decoder.read(ty, &[i], &guest()).await.unwrap());
    }
    let pending = decoder.take_pending();
    let error = crate::codec::resolve(&mut store, &mut values, pending, Some(&mut handles));
    assert!(
        matches!(error, Err(DecodeError::UnknownHandle)),
        "{error:?}"
    );
    assert_eq!(store.data_mut().table.iter_mut().count(), before);
    let value = take(&mut store, &known, &own::<Thing>(), &mut handles).await;
    assert_eq!(value.unwrap(), Val::Resource(resource));
}
