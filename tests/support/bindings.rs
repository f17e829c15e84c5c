//! What a native program generates from the same WIT that the guests are built against.

/// The client's side.
pub mod client {
    wit_bindgen_wrpc::generate!({
        world: "test:app/native-client",
        path: ["wit", "tests/guests/wit"],
        generate_all,
    });
}

/// The server's side.
pub mod server {
    wit_bindgen_wrpc::generate!({
        world: "test:app/native-server",
        path: ["wit", "tests/guests/wit"],
        generate_all,
    });
}
