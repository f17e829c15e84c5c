//! Whatever is wrong: what the person is told, and the exit code.

use std::net::TcpListener;

use crate::support::setup::Setup;
use crate::support::{Files, output, run};

#[test]
fn an_address_that_is_in_use() {
    let setup = Setup::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let commands: [&[&str]; 2] = [
        &[
            "serve",
            "--id",
            "greeter",
            "quick.wasm",
            "--metrics",
            &address,
        ],
        &[
            "call",
            "--id",
            "client",
            "client.wasm",
            "greet(\"bob\")",
            "--metrics",
            &address,
        ],
    ];
    for command in commands {
        let output = output(&mut setup.command(command));
        let expected = format!("error: can't listen at {address}: it is in use; ");
        assert!(output.stderr.starts_with(&expected), "{}", output.stderr);
        assert!(output.stderr.contains("`--metrics`"), "{}", output.stderr);
        assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""));
    }
}

#[test]
fn arguments_that_mean_nothing() {
    let files = Files::new();
    let serve = ["serve", "--id", "greeter", "quick.wasm", "--metrics"];
    let table: [(Vec<&str>, &str); 9] = [
        (
            [&serve[..], &["9464"]].concat(),
            "expected an IP address and a port",
        ),
        (
            [&serve[..], &["192.0.2.1:9464"]].concat(),
            "does not have that address",
        ),
        (vec!["top"], "<URL>..."),
        (
            vec!["top", "localhost"],
            "expected a host and a port, as in 127.0.0.1:9464",
        ),
        (vec!["top", "https://localhost:9464"], "without TLS"),
        (vec!["top", "--interval", "0s", "localhost:9464"], "no time"),
        (vec!["completions", "tcsh"], "[possible values: bash"),
        (vec!["man", "lniks"], "`wrpc-host lniks` is no command"),
        (
            vec!["man", "--out", "text.txt"],
            "can't write manual pages into `text.txt`",
        ),
    ];
    for (args, expected) in table {
        let output = run(&files, &args);
        assert!(
            output.stderr.contains(expected),
            "{args:?}: {}",
            output.stderr
        );
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(2), ""),
            "{args:?}"
        );
    }
}
