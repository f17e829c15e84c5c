//! The live table.

use std::io;

use crossterm::event::{Event, EventStream, KeyCode, KeyEventKind, KeyModifiers};
use futures::StreamExt as _;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Cell, Paragraph, Row, Table, TableState};
use ratatui::{DefaultTerminal, Frame};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::table::{HEADER, NUMBERS, host, rows, widths};
use super::view::{Look, View, view};
use super::{look_at_all, named};
use crate::cli::TopArgs;
use crate::error::{Error, Exit};
use crate::signals::StopSignals;
use crate::terminal::has_colour;

/// Shows the table until `q`, Escape, Ctrl-C or a signal.
pub(super) async fn run(args: &TopArgs) -> Result<Exit, Error> {
    let mut signals = StopSignals::new()?;
    let mut screen = Screen::open()?;
    let mut keys = EventStream::new();
    let mut ticks = interval(args.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let colour = has_colour(&io::stdout());
    let mut shown = Shown::new(colour);
    let mut before: (Vec<Look>, Instant) = (Vec::new(), Instant::now());
    loop {
        screen.draw(&mut shown)?;
        tokio::select! {
            _ = ticks.tick() => {}
            _ = signals.next() => return Ok(Exit::Success),
            key = keys.next() => match key {
                Some(Ok(event)) => match action(&event) {
                    Some(Action::Quit) => return Ok(Exit::Success),
                    Some(Action::Scroll(rows)) => {
                        shown.scroll(rows);
                        continue;
                    }
                    None => continue,
                },
                Some(Err(error)) => return Err(failed(error)),
                None => return Ok(Exit::Success),
            }
        }
        let looked = tokio::select! {
            looked = look_at_all(&args.endpoints) => looked,
            _ = signals.next() => return Ok(Exit::Success),
        };
        let now = Instant::now();
        let elapsed = now.duration_since(before.1);
        shown.view = view(&named(&args.endpoints, looked.clone()), &before.0, elapsed);
        before = (looked, now);
    }
}

fn failed(source: io::Error) -> Error {
    Error::Run {
        what: "can't use the terminal",
        source,
    }
}

/// The terminal, which is as it was before once this is dropped, in a panic too.
struct Screen(DefaultTerminal);

impl Screen {
    fn open() -> Result<Self, Error> {
        ratatui::try_init().map(Self).map_err(failed)
    }

    fn draw(&mut self, shown: &mut Shown) -> Result<(), Error> {
        self.0
            .draw(|frame| shown.render(frame))
            .map(|_| ())
            .map_err(failed)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Quit,
    Scroll(isize),
}

fn action(event: &Event) -> Option<Action> {
    let Event::Key(key) = event else {
        return None;
    };
    if key.kind == KeyEventKind::Release {
        return None;
    }
    match key.code {
        KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => {
            Some(Action::Quit)
        }
        KeyCode::Char('q') | KeyCode::Esc => Some(Action::Quit),
        KeyCode::Char('j') | KeyCode::Down => Some(Action::Scroll(1)),
        KeyCode::Char('k') | KeyCode::Up => Some(Action::Scroll(-1)),
        KeyCode::PageDown => Some(Action::Scroll(10)),
        KeyCode::PageUp => Some(Action::Scroll(-10)),
        _ => None,
    }
}

/// What is on the screen.
struct Shown {
    view: View,
    /// How many rows are above.
    above: usize,
    colour: bool,
}

impl Shown {
    fn new(colour: bool) -> Self {
        Self {
            view: View::default(),
            above: 0,
            colour,
        }
    }

    fn scroll(&mut self, rows: isize) {
        let last = self.view.functions.len().saturating_sub(1);
        self.above = self.above.saturating_add_signed(rows).min(last);
    }

    fn colour(&self, colour: Color) -> Style {
        if self.colour {
            Style::new().fg(colour)
        } else {
            Style::new()
        }
    }

    fn render(&mut self, frame: &mut Frame<'_>) {
        let hosts = u16::try_from(self.view.hosts.len()).unwrap_or(u16::MAX);
        let [top, _, middle, bottom] = Layout::vertical([
            Constraint::Length(hosts.min(frame.area().height / 2)),
            Constraint::Length(1),
            Constraint::Fill(1),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        let lines = self.view.hosts.iter().map(|shown| {
            let is_well =
                shown.error.is_none() && shown.connection.as_deref() != Some("disconnected");
            let style = self.colour(if is_well { Color::Green } else { Color::Red });
            Line::styled(host(shown), style)
        });
        frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), top);
        self.above = self.above.min(self.view.functions.len().saturating_sub(1));
        let mut state = TableState::new().with_offset(self.above);
        frame.render_stateful_widget(self.table(), middle, &mut state);
        let help = Line::styled(
            "q quits, arrows scroll",
            Style::new().add_modifier(Modifier::DIM),
        );
        frame.render_widget(help, bottom);
    }

    fn table(&self) -> Table<'_> {
        let rows = rows(&self.view);
        let header = HEADER.map(str::to_owned);
        let mut all = rows.clone();
        all.push(header.clone());
        let widths =
            widths(&all).map(|width| Constraint::Length(u16::try_from(width).unwrap_or(u16::MAX)));
        let cells = |row: [String; HEADER.len()]| {
            let cells = row.into_iter().zip(NUMBERS).zip(HEADER);
            cells
                .map(|((text, is_number), column)| {
                    let style = self.style(column, &text);
                    let line = Line::styled(text, style);
                    Cell::from(if is_number {
                        line.right_aligned()
                    } else {
                        line
                    })
                })
                .collect::<Vec<_>>()
        };
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let header = Row::new(cells(header)).style(bold);
        Table::new(rows.into_iter().map(|row| Row::new(cells(row))), widths)
            .header(header)
            .column_spacing(2)
    }

    fn style(&self, column: &str, text: &str) -> Style {
        match (column, text) {
            ("STATE", "open") => self.colour(Color::Red),
            ("STATE", "half-open") => self.colour(Color::Yellow),
            ("ERRORS", text) if text != "ERRORS" => self.colour(Color::Red),
            _ => Style::new(),
        }
    }
}

#[cfg(test)]
#[path = "screen_tests.rs"]
mod tests;
