//! What transports can tell, side by side.

use core::fmt::Write as _;

use crate::{CannotTell, Scenario, Verdict};

/// A table in Markdown of what transports declare: their names, each with its
/// [`CANNOT_TELL`](crate::Testbed::CANNOT_TELL). A column for each of them, a row for each scenario,
/// and the reasons below.
#[must_use]
pub fn table(transports: &[(&str, &[CannotTell])]) -> String {
    let mut rows = String::from("| scenario | the leaf alone |");
    let mut rule = String::from("|---|---|");
    for (name, _) in transports {
        let _ = write!(rows, " {name} |");
        rule.push_str("---|");
    }
    let _ = writeln!(rows, "\n{rule}");
    let mut reasons = Vec::new();
    for &scenario in Scenario::ALL {
        let _ = write!(
            rows,
            "| `{}`: {} | {} |",
            scenario.name(),
            scenario.does(),
            scenario.ideal()
        );
        for (_, declared) in transports {
            let _ = match Verdict::of(declared, scenario) {
                Verdict::Proves => write!(rows, " ✓ |"),
                Verdict::CannotTell { sees, reason } => {
                    write!(rows, " {sees} ({}) |", number(&mut reasons, reason))
                }
            };
        }
        rows.push('\n');
    }
    for (n, reason) in (1..).zip(reasons) {
        let _ = write!(rows, "\n{n}. {reason}");
    }
    rows.push('\n');
    rows
}

/// Which of `reasons` it is, from one on.
fn number(reasons: &mut Vec<&'static str>, reason: &'static str) -> usize {
    let known = reasons.iter().position(|known| *known == reason);
    1 + known.unwrap_or_else(|| {
        reasons.push(reason);
        reasons.len() - 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    #[test]
    fn a_reason_is_given_once() {
        let cannot = [Scenario::TargetGone, Scenario::ConnectionLost].map(|scenario| CannotTell {
            scenario,
            sees: Outcome::Waits,
            reason: "nothing is watched",
        });
        let table = table(&[("one", &cannot), ("other", &cannot), ("best", &[])]);
        assert_eq!(table.matches("nothing is watched").count(), 1);
        assert_eq!(table.matches(" waits (1) | waits (1) | ✓ |").count(), 2);
        assert_eq!(
            table.lines().filter(|line| line.starts_with("| `")).count(),
            Scenario::ALL.len()
        );
    }
}
