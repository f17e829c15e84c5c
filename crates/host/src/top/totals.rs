//! What a host has counted since it started.

use std::collections::BTreeMap;

use serde::Serialize;
use wrpc_middleware::telemetry::metrics::{
    CLIENT_CALL_DURATION, CLIENT_CALLS, CLIENT_CALLS_IN_FLIGHT, CLIENT_TARGET_STATE,
    NATS_CONNECTION_STATE, SERVER_CALL_DURATION, SERVER_CALLS, SERVER_CALLS_IN_FLIGHT,
};

use super::histogram::Histogram;
use super::samples::{Sample, parse};
use crate::metrics::{HOST_INFO, LINKS_AGE};

/// Which end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Side {
    /// It makes the call.
    Client,
    /// It serves it.
    Server,
}

/// What calls are counted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) side: Side,
    /// Who calls. Empty for what is served: that is not counted by callers.
    pub(super) source: String,
    pub(super) instance: String,
    pub(super) function: String,
    /// Who is called. Empty where that is not known.
    pub(super) target: String,
}

/// Calls that have ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) outcomes: BTreeMap<String, u64>,
    pub(super) durations: Histogram,
}

/// All of a host.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Totals {
    pub(super) id: Option<String>,
    pub(super) connection: Option<String>,
    pub(super) links_age: Option<f64>,
    pub(super) calls: BTreeMap<Key, Tally>,
    /// Calls that run. Where they go may not be known yet.
    pub(super) running: BTreeMap<Key, u64>,
    pub(super) targets: BTreeMap<String, String>,
}

impl Totals {
    /// What a host serves. None if it has nothing of ours.
    pub(super) fn read(text: &str) -> Option<Self> {
        let samples: Vec<_> = parse(text).collect();
        let info = samples.iter().find(|sample| sample.name == HOST_INFO);
        let mut totals = Self {
            id: info.map(|info| info.label("id").to_owned()),
            ..Self::default()
        };
        for sample in &samples {
            totals.add(sample);
        }
        (totals != Self::default()).then_some(totals)
    }

    fn add(&mut self, sample: &Sample) {
        let name = sample.name.as_str();
        let (metric, part) = match name.strip_suffix("_bucket") {
            Some(metric) => (metric, true),
            None => (name, false),
        };
        match (metric, part) {
            (LINKS_AGE, false) => self.links_age = Some(sample.value),
            (NATS_CONNECTION_STATE, false) if sample.value > 0.0 => {
                self.connection = Some(sample.label("state").to_owned());
            }
            (CLIENT_TARGET_STATE, false) if sample.value > 0.0 => {
                let state = sample.label("state").to_owned();
                self.targets
                    .insert(sample.label("target").to_owned(), state);
            }
            (CLIENT_CALLS, false) => self.count(Side::Client, sample),
            (SERVER_CALLS, false) => self.count(Side::Server, sample),
            (CLIENT_CALL_DURATION, true) => self.time(Side::Client, sample),
            (SERVER_CALL_DURATION, true) => self.time(Side::Server, sample),
            (CLIENT_CALLS_IN_FLIGHT, false) => self.run(Side::Client, sample),
            (SERVER_CALLS_IN_FLIGHT, false) => self.run(Side::Server, sample),
            _ => {}
        }
    }

    fn key(&self, side: Side, sample: &Sample) -> Key {
        let id = self.id.clone().unwrap_or_default();
        let (source, target) = match side {
            Side::Client => (id, sample.label("target").to_owned()),
            Side::Server => (String::new(), id),
        };
        Key {
            side,
            source,
            instance: sample.label("instance").to_owned(),
            function: sample.label("function").to_owned(),
            target,
        }
    }

    fn tally(&mut self, side: Side, sample: &Sample) -> &mut Tally {
        let key = self.key(side, sample);
        self.calls.entry(key).or_default()
    }

    fn count(&mut self, side: Side, sample: &Sample) {
        let outcome = sample.label("outcome").to_owned();
        let tally = self.tally(side, sample);
        *tally.outcomes.entry(outcome).or_default() += whole(sample.value);
    }

    fn time(&mut self, side: Side, sample: &Sample) {
        let bound = match sample.label("le") {
            "+Inf" => f64::INFINITY,
            bound => match bound.parse() {
                Ok(bound) => bound,
                Err(_) => return,
            },
        };
        let tally = self.tally(side, sample);
        tally.durations.add(bound, whole(sample.value));
    }

    fn run(&mut self, side: Side, sample: &Sample) {
        let key = self.key(side, sample);
        let running = self.running.entry(key).or_default();
        *running += whole(sample.value);
    }
}

impl Tally {
    /// How many calls.
    pub(super) fn calls(&self) -> u64 {
        self.outcomes.values().sum()
    }

    /// What was added since `before`; all of it, if the host has started anew.
    pub(super) fn since(&self, before: Option<&Self>) -> Self {
        let Some(before) = before.filter(|before| before.calls() <= self.calls()) else {
            return self.clone();
        };
        let outcomes = self.outcomes.iter().map(|(outcome, calls)| {
            let before = before.outcomes.get(outcome).copied().unwrap_or_default();
            (outcome.clone(), calls.saturating_sub(before))
        });
        Self {
            outcomes: outcomes.collect(),
            durations: self.durations.since(&before.durations),
        }
    }

    /// Both together.
    pub(super) fn add(&mut self, other: &Self) {
        for (outcome, calls) in &other.outcomes {
            *self.outcomes.entry(outcome.clone()).or_default() += calls;
        }
        self.durations.merge(&other.durations);
    }
}

/// A number that counts something.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast saturates, and what a host made up may be anything"
)]
fn whole(value: f64) -> u64 {
    value as u64
}
