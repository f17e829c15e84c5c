//! The parts of the program `wrpc-host`, as a library so that each can be tested by itself.
//!
//! The program is the interface that is kept stable; this library is not.

#![doc(hidden)]

pub mod call;
pub mod cli;
pub mod component;
pub mod connect;
pub mod demo;
pub mod engine;
pub mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod host;
pub mod http;
pub mod id;
pub mod links;
pub mod links_command;
pub mod listen;
pub mod metrics;
pub mod serve;
pub mod shell;
pub mod signals;
pub mod terminal;
pub mod top;
pub mod wave;
