//! Running the program, and something to run it on.

// Here as in a test, and not each test uses all of it.
#![allow(clippy::unwrap_used, dead_code)]

pub mod gateway;
pub mod http;
pub mod process;
pub mod setup;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A directory with components in it, good ones and bad ones.
pub struct Files(tempfile::TempDir);

/// What the program said and did.
pub struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Asserts that the program did nothing, and said why on stderr.
    #[track_caller]
    pub fn assert_refused(&self, args: &str, code: i32, expected: &[&str]) {
        for expected in expected {
            let is_said = self.stderr.contains(expected);
            assert!(is_said, "{args}: no `{expected}` in\n{}", self.stderr);
        }
        assert_eq!(self.code, Some(code), "{args}: {}", self.stderr);
        assert_eq!(self.stdout, "", "{args}");
    }
}

impl Files {
    pub fn new() -> Self {
        let this = Self(tempfile::tempdir().unwrap());
        let client = guest("client", |wat| wat);
        let hour = "3_600_000_000_000";
        this.write("quick.wasm", guest("quick", |wat| wat));
        this.write("slow.wasm", guest("slow", |wat| wat));
        // A quarter of a second, in nanoseconds.
        this.write(
            "soon.wasm",
            guest("slow", |wat| wat.replace(hour, "250_000_000")),
        );
        this.write("plain.wat", PLAIN);
        this.write("cut.wasm", client.get(..client.len() / 2).unwrap());
        this.write("client.wasm", client);
        this.write("core.wasm", wat::parse_str("(module)").unwrap());
        this.write("text.txt", "hello");
        this.write("empty.wasm", "");
        this.write("nothing.wat", "(component)");
        this.write("broken.wat", "(component\n  (import))");
        this.write("module.wat", "(component (import \"m\" (core module)))");
        this
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// Calls the greeter by a type that has no room for a failure.
const PLAIN: &str = r#"
(component
    (import "test:app/greeter" (instance $greeter
        (export "greet" (func (param "name" string) (result string)))))
    (core module $memory
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64)))
    (core instance $memory (instantiate $memory))
    (alias core export $memory "memory" (core memory $mem))
    (alias core export $memory "realloc" (core func $realloc))
    (alias export $greeter "greet" (func $greet))
    (core func $greet (canon lower (func $greet) (memory $mem) (realloc $realloc)))
    (core module $main
        (import "greeter" "greet" (func $greet (param i32 i32 i32)))
        (func (export "greet") (param i32 i32) (result i32)
            (call $greet (local.get 0) (local.get 1) (i32.const 0))
            (i32.const 0)))
    (core instance $main (instantiate $main
        (with "greeter" (instance (export "greet" (func $greet))))))
    (func (export "greet") (param "name" string) (result string)
        (canon lift (core func $main "greet") (memory $mem) (realloc $realloc))))
"#;

/// A component of the demonstration, with its text changed.
fn guest(world: &str, change: impl FnOnce(String) -> String) -> Vec<u8> {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo/guests");
    let wat = std::fs::read_to_string(guests.join(world).with_extension("wat")).unwrap();
    let mut resolve = Resolve::default();
    let package = resolve.push_file(guests.join("greeter.wit")).unwrap();
    let selected = resolve.select_world(&[package], Some(world)).unwrap();
    let mut module = wat::parse_str(change(wat)).unwrap();
    let encoding = StringEncoding::UTF8;
    embed_component_metadata(&mut module, &resolve, selected, encoding, false).unwrap();
    let mut encoder = ComponentEncoder::default();
    let encoder = encoder.module(&module).unwrap();
    encoder.validate(true).encode().unwrap()
}

/// The program, in `directory` and with an environment that says nothing about NATS.
pub fn program(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wrpc-host"));
    command.current_dir(directory).env_clear();
    // Backtraces have to be kept away from people even where developers ask for them.
    command.env("RUST_BACKTRACE", "1");
    command
}

/// Runs the program to its end in the directory of `files`.
pub fn run<A: AsRef<OsStr>>(files: &Files, args: impl IntoIterator<Item = A>) -> Output {
    output(program(files.0.path()).args(args))
}

/// Runs the program to its end. It may fail, but never by a panic.
pub fn output(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let output = Output {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    for sign in ["panicked", "backtrace", "RUST_BACKTRACE", "\n   0: "] {
        let found = output.stderr.contains(sign) || output.stdout.contains(sign);
        assert!(!found, "{sign}: {}{}", output.stdout, output.stderr);
    }
    output
}
