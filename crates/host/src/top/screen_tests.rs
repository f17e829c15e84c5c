use core::time::Duration;

use crossterm::event::KeyEvent;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::top::totals::Totals;

fn look(function: usize) -> String {
    let labels =
        format!("target=\"greeter\",instance=\"test:app/greeter\",function=\"greet{function}\"");
    let durations = format!("wrpc_client_call_duration_seconds_bucket{{{labels},outcome=\"ok\"");
    format!(
        "wrpc_host_info{{id=\"client\"}} 1\n\
         wrpc_nats_connection_state{{state=\"connected\"}} 1\n\
         wrpc_links_age_seconds 0.25\n\
         wrpc_client_calls_total{{{labels},outcome=\"ok\"}} 90\n\
         wrpc_client_calls_total{{{labels},outcome=\"timeout\",delivery=\"accepted\"}} 7\n\
         wrpc_client_calls_total{{{labels},outcome=\"timeout\",delivery=\"unknown\"}} 3\n\
         {durations},le=\"0.001\"}} 50\n\
         {durations},le=\"0.1\"}} 100\n\
         {durations},le=\"+Inf\"}} 100\n\
         wrpc_client_calls_in_flight{{instance=\"test:app/greeter\",function=\"greet{function}\"}} 2\n\
         wrpc_client_target_state{{target=\"greeter\",state=\"open\"}} 1\n"
    )
}

fn shown(functions: usize, colour: bool) -> Shown {
    let text: String = (0..functions).map(look).collect();
    let now = [
        (
            "127.0.0.1:9464".to_owned(),
            Ok(Totals::read(&text).unwrap()),
        ),
        (
            "127.0.0.1:9465".to_owned(),
            Err("unreachable: connection refused".to_owned()),
        ),
    ];
    let before = [Ok(Totals::default()), Err(String::new())];
    Shown {
        view: view(&now, &before, Duration::from_secs(2)),
        ..Shown::new(colour)
    }
}

fn draw(shown: &mut Shown, height: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(100, height)).unwrap();
    terminal.draw(|frame| shown.render(frame)).unwrap();
    terminal
}

fn colours(terminal: &Terminal<TestBackend>) -> bool {
    let cells = terminal.backend().buffer().content();
    cells.iter().any(|cell| cell.fg != Color::Reset)
}

#[test]
fn the_screen_has_hosts_and_functions() {
    let terminal = draw(&mut shown(1, true), 8);
    terminal.backend().assert_buffer_lines_plain([
        "127.0.0.1:9464  client  NATS connected, links 0.2s old",
        "127.0.0.1:9465  unreachable: connection refused",
        "",
        "SOURCE  TARGET   STATE  FUNCTION                 CALLS/S    P50     P99  RUNNING  CALLS  ERRORS",
        "client  greeter  open   test:app/greeter#greet0     50.0  1.0ms  98.0ms        2    100  timeout 10",
        "",
        "",
        "q quits, arrows scroll",
    ]);
}

trait Plain {
    fn assert_buffer_lines_plain<const N: usize>(&self, lines: [&str; N]);
}

/// Without styles, which have a test of their own.
impl Plain for TestBackend {
    #[track_caller]
    fn assert_buffer_lines_plain<const N: usize>(&self, lines: [&str; N]) {
        let buffer = self.buffer();
        let width = usize::from(buffer.area.width);
        let found: Vec<String> = buffer
            .content()
            .chunks(width)
            .map(|row| {
                row.iter()
                    .map(ratatui::buffer::Cell::symbol)
                    .collect::<String>()
            })
            .map(|row| row.trim_end().to_owned())
            .collect();
        assert_eq!(found, lines, "{found:#?}");
    }
}

#[test]
fn colours_are_for_who_wants_them() {
    assert!(colours(&draw(&mut shown(1, true), 8)));
    assert!(!colours(&draw(&mut shown(1, false), 8)));
}

#[test]
fn more_functions_than_rows_are_scrolled() {
    let mut shown = shown(5, false);
    let first = |shown: &mut Shown| {
        let terminal = draw(shown, 6);
        let content = terminal.backend().to_string();
        content.lines().nth(4).unwrap().to_owned()
    };
    assert!(first(&mut shown).contains("greet0"));
    shown.scroll(2);
    assert!(first(&mut shown).contains("greet2"));
    shown.scroll(-100);
    assert!(first(&mut shown).contains("greet0"));
    shown.scroll(100);
    assert!(first(&mut shown).contains("greet4"));
}

#[test]
fn a_small_or_empty_screen_is_no_mistake() {
    for height in 0..6 {
        draw(&mut shown(3, true), height);
    }
    draw(&mut Shown::new(true), 8);
}

#[test]
fn keys_quit_and_scroll() {
    let key = |code, modifiers| action(&Event::Key(KeyEvent::new(code, modifiers)));
    let none = KeyModifiers::NONE;
    assert_eq!(key(KeyCode::Char('q'), none), Some(Action::Quit));
    assert_eq!(key(KeyCode::Esc, none), Some(Action::Quit));
    assert_eq!(
        key(KeyCode::Char('c'), KeyModifiers::CONTROL),
        Some(Action::Quit)
    );
    assert_eq!(key(KeyCode::Char('c'), none), None);
    assert_eq!(key(KeyCode::Down, none), Some(Action::Scroll(1)));
    assert_eq!(action(&Event::FocusGained), None);
}
