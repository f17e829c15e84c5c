//! What `wit-bindgen` makes of the world.

wit_bindgen::generate!({
    path: "../wit",
    world: "welcome",
    generate_all,
});
