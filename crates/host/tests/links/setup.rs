//! A server with JetStream, and what is run against it.

use serde_json::Value;

use crate::support::setup::Setup;
use crate::support::{Output, output};

pub const BUCKET: [&str; 2] = ["--links", "kv://links"];

/// A server with JetStream and a bucket without links.
pub fn server() -> Setup {
    let setup = without_bucket("");
    let made = run(&setup, "links init");
    assert_eq!(made, "made the bucket `links`\n");
    setup
}

/// The same without the bucket, with more of a configuration.
pub fn without_bucket(config: &str) -> Setup {
    Setup::with_jetstream(config)
}

/// Runs the program, with the words of `args`.
pub fn try_run(setup: &Setup, args: &str) -> Output {
    let args: Vec<_> = args.split_whitespace().collect();
    output(&mut setup.command(&args))
}

/// Does the same; it has to succeed, without a word on stderr. Returns what it prints.
#[track_caller]
pub fn run(setup: &Setup, args: &str) -> String {
    let output = try_run(setup, args);
    assert_eq!(
        (output.stderr.as_str(), output.code),
        ("", Some(0)),
        "{args}"
    );
    output.stdout
}

#[track_caller]
pub fn json(setup: &Setup, args: &str) -> Value {
    serde_json::from_str(&run(setup, &format!("{args} --output json"))).unwrap()
}
