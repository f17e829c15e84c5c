//! What of a call a message is about.

use crate::subject::{ALIVE, CANCEL, PARAMS, RESULTS, path};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The handshake.
    Root,
    Params(Vec<usize>),
    Results(Vec<usize>),
    Cancel,
    Alive,
    /// Nothing that this version knows.
    Unknown,
}

impl Part {
    /// Of what follows the call in a subject.
    pub(crate) fn parse(rest: &str) -> Self {
        match rest {
            "" => return Self::Root,
            PARAMS => return Self::Params(Vec::new()),
            RESULTS => return Self::Results(Vec::new()),
            CANCEL => return Self::Cancel,
            ALIVE => return Self::Alive,
            _ => {}
        }
        let Some((name, indices)) = rest.split_once('.') else {
            return Self::Unknown;
        };
        match (name, path(indices)) {
            (PARAMS, Some(indices)) => Self::Params(indices),
            (RESULTS, Some(indices)) => Self::Results(indices),
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_by_name() {
        for (rest, part) in [
            ("", Part::Root),
            ("params", Part::Params(vec![])),
            ("results.0.12", Part::Results(vec![0, 12])),
            ("cancel", Part::Cancel),
            ("alive", Part::Alive),
            ("results.x", Part::Unknown),
            ("cancel.0", Part::Unknown),
            ("alive.0", Part::Unknown),
            ("anything", Part::Unknown),
        ] {
            assert_eq!(Part::parse(rest), part, "{rest}");
        }
    }
}
