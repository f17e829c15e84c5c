//! `top`, where it prints once.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use nix::pty::{Winsize, openpty};

use crate::scrape::{calling, measured, serving};
use crate::support::output;
use crate::support::setup::Setup;

/// An address where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn hosts_are_shown_together() {
    let setup = Setup::new();
    let (_greeter, server) = serving(&setup, "quick.wasm");
    let (_client, client) = calling(&setup, &["--links", "links.toml"]);
    measured(&client, &["outcome=\"ok\""]);
    let nobody = nobody();
    let looked = output(&mut setup.command(&["top", &client, &server, &nobody]));
    println!("{}", looked.stdout);
    let lines: Vec<_> = looked.stdout.lines().collect();
    assert_eq!(lines[0], format!("{client}  client  NATS connected"));
    assert_eq!(lines[1], format!("{server}  greeter  NATS connected"));
    assert_eq!(
        lines[2],
        format!("{nobody}  unreachable: connection refused")
    );
    assert!(
        lines[4].starts_with("SOURCE    TARGET   STATE   FUNCTION "),
        "{lines:#?}"
    );
    for (line, start) in [
        (5, "client    greeter  closed  test:app/greeter#greet"),
        (6, "(served)  greeter          test:app/greeter#greet"),
    ] {
        assert!(lines[line].starts_with(start), "{lines:#?}");
        let rate = lines[line].split_whitespace().rev().nth(4).unwrap();
        assert!(rate.parse::<f64>().unwrap() > 0.0, "{lines:#?}");
    }
    assert_eq!(lines.len(), 7, "{lines:#?}");
    assert!(!looked.stdout.contains('\x1b'));
    assert_eq!((looked.code, looked.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_script_gets_json() {
    let setup = Setup::new();
    let (_client, client) = calling(&setup, &[]);
    measured(&client, &["outcome=\"link-denied\""]);
    let nobody = nobody();
    let args = [
        "top",
        "--output",
        "json",
        "--interval",
        "100ms",
        &client,
        &nobody,
    ];
    let looked = output(&mut setup.command(&args));
    assert_eq!((looked.code, looked.stderr.as_str()), (Some(0), ""));
    let view: serde_json::Value = serde_json::from_str(&looked.stdout).unwrap();
    assert_eq!(view["hosts"][0]["id"], "client");
    assert_eq!(view["hosts"][0]["connection"], "connected");
    assert_eq!(view["hosts"][1]["error"], "unreachable: connection refused");
    let function = &view["functions"][0];
    assert_eq!(function["side"], "client");
    assert_eq!(function["function"], "test:app/greeter#greet");
    assert!(function["errors"]["link-denied"].as_u64().unwrap() > 0);
    assert!(function["p99_seconds"].as_f64().unwrap() > 0.0);
}

/// What listens may be something else.
#[test]
fn what_is_no_host_is_shown_as_that() {
    let setup = Setup::new();
    let nats = setup.nats.url();
    let nats = nats.strip_prefix("nats://").unwrap();
    let looked = output(&mut setup.command(&["top", "--interval", "1ms", nats]));
    assert_eq!(
        looked.stdout.lines().next().unwrap(),
        format!("{nats}  answers no metrics")
    );
    assert_eq!(looked.code, Some(0));
}

/// On a terminal it goes on until it is told to end.
#[test]
fn a_terminal_gets_a_live_table_until_q() {
    let setup = Setup::new();
    let (_client, client) = calling(&setup, &[]);
    measured(&client, &["outcome=\"link-denied\""]);
    for (environment, colour) in [("", true), ("1", false)] {
        let mut top = setup.command(&["top", "--interval", "100ms", &client]);
        top.env("NO_COLOR", environment).env("TERM", "xterm");
        let mut terminal = Terminal::start(&mut top);
        terminal.shows("link-denied");
        // Twice: it is live.
        terminal.shows("q quits");
        terminal.types("q");
        let (code, seen) = terminal.ended();
        assert_eq!(code, Some(0), "{seen:?}");
        assert!(
            seen.contains("\x1b[?1049l"),
            "the screen is not given back: {seen:?}"
        );
        assert_eq!(
            seen.contains("\x1b[31m") || seen.contains("38;5;1"),
            colour,
            "{seen:?}"
        );
    }
}

/// A program on a terminal.
struct Terminal {
    child: Child,
    master: File,
    seen: String,
}

impl Terminal {
    fn start(command: &mut Command) -> Self {
        let size = Winsize {
            ws_row: 24,
            ws_col: 120,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(&size, None).unwrap();
        command.stdin(pty.slave.try_clone().unwrap());
        command.stderr(Stdio::null()).stdout(pty.slave);
        let child = command.spawn().unwrap();
        // Its end of the terminal is its own.
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Self {
            child,
            master: pty.master.into(),
            seen: String::new(),
        }
    }

    /// Reads what there is; nothing once the program has ended.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        match self.master.read(&mut bytes) {
            Ok(read @ 1..) => {
                self.seen += &String::from_utf8_lossy(&bytes[..read]);
                true
            }
            Ok(0) | Err(_) => false,
        }
    }

    fn shows(&mut self, text: &str) {
        while !self.seen.contains(text) {
            assert!(self.read(), "no {text} in {:?}", self.seen);
        }
    }

    fn types(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    fn ended(mut self) -> (Option<i32>, String) {
        while self.read() {}
        (
            self.child.wait().unwrap().code(),
            core::mem::take(&mut self.seen),
        )
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
