//! The codec against upstream's, and against bytes that nobody should send.

mod handles;
mod hostile;
mod interop;
mod streams;
mod types;
mod wire;
