//! What a person can find out without a manual.

mod support;

use support::{Files, run};

fn help(args: &[&str]) -> String {
    let output = run(&Files::new(), args);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    output.stdout
}

#[test]
fn each_command_explains_itself() {
    let table: &[(&[&str], &[&str])] = &[
        (
            &["--help"],
            &["serve", "call", "demo", "Exit codes: 0", "RUST_LOG"],
        ),
        (
            &["serve", "--help"],
            &[
                "queue\ngroup ID",
                "A second signal does not wait",
                "--max-calls",
                "--grace",
                "[default: 10s]",
                "--params-timeout",
                "[default: 30s]",
                "serving ID: N functions",
            ],
        ),
        (
            &["links", "--help"],
            &[
                "wrpc-host links put client greeter",
                "permissions",
                "--links kv://BUCKET",
            ],
        ),
        (
            &["links", "put", "--help"],
            &[
                "SOURCE",
                "test:app/greeter",
                "[default: default]",
                "[default: kv://links]",
                "--nats",
            ],
        ),
        (
            &["links", "permissions", "--help"],
            &["was taken over", "[default: 0,1]", "config", "--lattice"],
        ),
        (
            &["call", "--help"],
            &[
                "greet(\"bob\")",
                "[[link]]",
                "[default: 2s]",
                "[default: 500ms]",
                "[default: 0s]",
                "--repeat",
                "--interval",
                "--stream-idle",
                "--keepalive",
                "[default: 1s]",
                "--max-value-bytes",
                "[default: 67108864]",
                "--max-value-elements",
            ],
        ),
        (
            &["top", "--help"],
            &[
                "q quits",
                "--output json",
                "[default: 1s]",
                "127.0.0.1:9464",
            ],
        ),
        (
            &["completions", "--help"],
            &["bash-completion", "[possible values: bash,"],
        ),
        (&["man", "--help"], &["man -l", "--out"]),
        (&["demo", "--help"], &["nats-server", "NATS_SERVER"]),
    ];
    for (args, expected) in table {
        let help = help(args);
        for expected in *expected {
            assert!(help.contains(expected), "no `{expected}` in\n{help}");
        }
    }
}

#[test]
fn nats_options_are_named_as_those_of_the_nats_program() {
    for command in ["serve", "call"] {
        let help = help(&[command, "--help"]);
        for option in [
            "-s, --nats <URL>",
            "--server",
            "--user",
            "--password",
            "--creds",
            "--nkey",
            "--tlscert",
            "--tlskey",
            "--tlsca",
            "--tlsfirst",
            "--inbox-prefix",
            "--peer-inbox-prefix",
            "--connection-name",
        ] {
            assert!(help.contains(option), "no `{option}` in\n{help}");
        }
        for variable in [
            "NATS_URL",
            "NATS_USER",
            "NATS_PASSWORD",
            "NATS_CREDS",
            "NATS_NKEY",
            "NATS_CERT",
            "NATS_KEY",
            "NATS_CA",
        ] {
            assert!(help.contains(variable), "no `{variable}` in\n{help}");
        }
    }
}

#[test]
fn the_options_of_nats_are_set_apart_from_the_others() {
    let help = help(&["call", "--help"]);
    let (ours, nats) = help.split_once("NATS options:").unwrap();
    for option in ["--id", "--links", "--repeat", "--interval"] {
        assert!(ours.contains(&format!("  {option}")), "{help}");
        assert!(!nats.contains(&format!("  {option}")), "{help}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = format!("wrpc-host {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(help(&["--version"]), version);
}
