//! What a person sees.

use core::time::Duration;
use std::io::{self, Write};

use super::caller::Got;

const WHAT: usize = 32;
const GOT: usize = 26;
const DELIVERY: usize = 10;

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";

/// A table that is printed line by line, coloured if `colour` is set.
#[derive(Debug)]
pub(super) struct Table<W> {
    out: W,
    colour: bool,
}

impl<W: Write> Table<W> {
    pub(super) fn new(out: W, colour: bool) -> Self {
        Self { out, colour }
    }

    /// What is about to be seen, and the names of the columns.
    pub(super) fn head(&mut self, call: &str, port: u16) -> io::Result<()> {
        writeln!(
            self.out,
            "\nA component calls {call} of another one over NATS (port {port}),\n\
             and one thing after the other breaks. It gets each failure as a value.\n",
        )?;
        let head = format!(
            "  {:WHAT$}{:GOT$}{:DELIVERY$}{:>9}",
            "WHAT WAS DONE", "WHAT THE COMPONENT GOT", "DELIVERY", "TOOK"
        );
        self.line(&self.painted(BOLD, &head))
    }

    /// One call.
    pub(super) fn row(
        &mut self,
        what: &str,
        got: &Got,
        took: Duration,
        as_expected: bool,
    ) -> io::Result<()> {
        let (text, delivery, note, colour) = match got {
            Got::Ok(value) => (value.clone(), "", "", GREEN),
            Got::Err {
                case,
                delivery,
                message,
            } => (
                format!("err({case})"),
                delivery.as_str(),
                message.as_str(),
                YELLOW,
            ),
            Got::Failed(reason) => ("no value at all".into(), "", reason.as_str(), RED),
        };
        let mark = if as_expected {
            self.painted(GREEN, "✓")
        } else {
            self.painted(RED, "✗")
        };
        let line = format!(
            "{mark} {what:WHAT$}{}{delivery:DELIVERY$}{:>9}",
            self.painted(colour, &format!("{text:GOT$}")),
            human(took),
        );
        self.line(&line)?;
        for note in note.lines() {
            let note = self.painted(DIM, &format!("    {note}"));
            self.line(&note)?;
        }
        Ok(())
    }

    /// How it went.
    pub(super) fn foot(&mut self, rows: usize, as_expected: usize) -> io::Result<()> {
        let text = if as_expected == rows {
            let text = format!("All {rows} as expected, in one instance of the component.");
            self.painted(GREEN, &text)
        } else {
            let text = format!("{} of {rows} not as expected.", rows - as_expected);
            self.painted(RED, &text)
        };
        self.line(&format!("\n{text}"))
    }

    fn painted(&self, colour: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{colour}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{}", line.trim_end())?;
        // Each line when it happens, also into a pipe.
        self.out.flush()
    }
}

/// A duration in the unit that a person would use.
fn human(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds >= 1.0 {
        format!("{seconds:.2} s")
    } else if seconds >= 0.001 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        format!("{:.0} µs", seconds * 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(colour: bool) -> String {
        let mut out = Vec::new();
        let mut table = Table::new(&mut out, colour);
        table.head("greet(\"bob\")", 4222).unwrap();
        let ok = Got::Ok("ok(\"hello, bob\")".into());
        table
            .row("nothing", &ok, Duration::from_micros(1234), true)
            .unwrap();
        let error = Got::Err {
            case: "timeout".into(),
            delivery: "accepted".into(),
            message: "too late".into(),
        };
        table
            .row("slow", &error, Duration::from_millis(2003), false)
            .unwrap();
        table.foot(2, 1).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_pipe_gets_plain_text() {
        assert_eq!(
            printed(false),
            "
A component calls greet(\"bob\") of another one over NATS (port 4222),
and one thing after the other breaks. It gets each failure as a value.

  WHAT WAS DONE                   WHAT THE COMPONENT GOT    DELIVERY       TOOK
✓ nothing                         ok(\"hello, bob\")                       1.2 ms
✗ slow                            err(timeout)              accepted     2.00 s
    too late

1 of 2 not as expected.
"
        );
    }

    #[test]
    fn a_terminal_gets_colours_that_end() {
        let text = printed(true);
        assert!(text.contains("\u{1b}[32m✓\u{1b}[0m nothing"), "{text:?}");
        for line in text.lines() {
            let starts = line.matches('\u{1b}').count();
            assert_eq!(starts, 2 * line.matches("\u{1b}[0m").count(), "{line:?}");
        }
    }

    #[test]
    fn durations_are_human() {
        let table = [
            (Duration::from_micros(87), "87 µs"),
            (Duration::from_micros(1_900), "1.9 ms"),
            (Duration::from_millis(2_001), "2.00 s"),
        ];
        for (duration, expected) in table {
            assert_eq!(human(duration), expected);
        }
    }
}
