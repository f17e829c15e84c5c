//! The guests themselves: each is a component that Wasmtime takes.

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::support::guests;

#[test]
fn every_guest_is_a_component() {
    let engine = Engine::default();
    let versions = [
        "fewer-cases",
        "fewer-fields",
        "unknown-option",
        "without-other",
    ];
    for guest in [
        guests::caller(),
        guests::target(),
        guests::opaque_caller(),
        guests::stream_reader(),
        guests::counter_target(),
        guests::root_caller(),
    ]
    .into_iter()
    .chain(versions.map(guests::versioned_caller))
    {
        Component::new(&engine, guest).unwrap();
    }
}
