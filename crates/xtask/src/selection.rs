//! Which parts of a command to run.

use clap::error::ErrorKind;
use clap::{Args, ValueEnum};

/// Choices among all `T`.
#[derive(Debug, Args)]
pub(crate) struct Selection<T: ValueEnum + Send + Sync + 'static> {
    /// Run these only; several are separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<T>,
    /// Run all but these
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    skip: Vec<T>,
}

impl<T: ValueEnum + PartialEq + Send + Sync + 'static> Selection<T> {
    /// What is chosen, in the order in which it runs.
    ///
    /// # Errors
    ///
    /// When nothing is: a mistake in the arguments.
    pub(crate) fn chosen(&self) -> Result<Vec<T>, clap::Error> {
        let chosen: Vec<_> = T::value_variants()
            .iter()
            .filter(|part| self.only.is_empty() || self.only.contains(part))
            .filter(|part| !self.skip.contains(part))
            .cloned()
            .collect();
        if chosen.is_empty() {
            let message = "nothing is left to run\n";
            return Err(clap::Error::raw(ErrorKind::ArgumentConflict, message));
        }
        Ok(chosen)
    }
}

/// The name by which `--only` and `--skip` know a part.
pub(crate) fn name<T: ValueEnum>(part: &T) -> String {
    part.to_possible_value()
        .map_or_else(String::new, |value| value.get_name().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::Step;

    fn chosen(only: &[Step], skip: &[Step]) -> Result<Vec<Step>, String> {
        let selection = Selection {
            only: only.into(),
            skip: skip.into(),
        };
        selection.chosen().map_err(|error| error.to_string())
    }

    #[test]
    fn all_parts_run_unless_some_are_chosen() {
        assert_eq!(chosen(&[], &[]).unwrap(), Step::value_variants());
    }

    #[test]
    fn chosen_parts_run_in_their_usual_order() {
        assert_eq!(
            chosen(&[Step::Test, Step::Fmt], &[]),
            Ok(vec![Step::Fmt, Step::Test])
        );
    }

    #[test]
    fn skipped_parts_do_not_run() {
        let left = chosen(&[], &[Step::Fmt]).unwrap();
        assert_eq!(left, Step::value_variants()[1..]);
    }

    #[test]
    fn nothing_to_run_is_an_error_and_not_a_success() {
        let error = chosen(&[Step::Fmt], &[Step::Fmt]).unwrap_err();
        assert!(error.contains("nothing is left to run"), "{error}");
    }
}
