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
        let (name, indices) = match rest.split_once('.') {
            Some((name, indices)) => match path(indices) {
                Some(indices) => (name, indices),
                None => return Self::Unknown,
            },
            None => (rest, Vec::new()),
        };
        match name {
            "" => Self::Root,
            PARAMS => Self::Params(indices),
            RESULTS => Self::Results(indices),
            CANCEL => Self::Cancel,
            ALIVE => Self::Alive,
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
            ("anything", Part::Unknown),
        ] {
            assert_eq!(Part::parse(rest), part, "{rest}");
        }
    }
}
