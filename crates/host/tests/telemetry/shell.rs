//! `completions` and `man`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::{Files, run};

fn printed(args: &[&str]) -> String {
    let output = run(&Files::new(), args);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    output.stdout
}

#[test]
fn every_shell_can_complete() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(&["completions", shell]);
        for part in ["wrpc-host", "serve", "metrics", "permissions"] {
            assert!(script.contains(part), "no `{part}` for {shell}");
        }
    }
}

#[test]
fn bash_takes_its_script() {
    let script = printed(&["completions", "bash"]);
    let mut bash = Command::new("bash");
    let bash = bash.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut bash = bash.arg("--norc").spawn().unwrap();
    let ask = "COMP_WORDS=(wrpc-host ser); COMP_CWORD=1; _wrpc__host wrpc-host ser wrpc-host; \
               echo \"${COMPREPLY[@]}\"\n";
    let mut input = bash.stdin.take().unwrap();
    input.write_all((script + "\n" + ask).as_bytes()).unwrap();
    drop(input);
    let output = bash.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "serve\n");
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let program = printed(&["man"]);
    assert!(program.contains(".TH wrpc-host 1"), "{program}");
    assert!(program.contains("wrpc\\-host\\-serve(1)"), "{program}");
    let put = printed(&["man", "links", "put"]);
    assert!(put.contains("SOURCE"), "{put}");

    let files = Files::new();
    let directory = files.path("man1");
    let written = run(
        &files,
        [
            std::ffi::OsStr::new("man"),
            "--out".as_ref(),
            directory.as_ref(),
        ],
    );
    assert_eq!((written.code, written.stdout.as_str()), (Some(0), ""));
    for page in [
        "wrpc-host.1",
        "wrpc-host-serve.1",
        "wrpc-host-links-put.1",
        "wrpc-host-top.1",
    ] {
        let page = std::fs::read_to_string(directory.join(page)).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
    }
}
