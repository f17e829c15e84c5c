//! What is shown of all hosts together.

use core::time::Duration;
use std::collections::BTreeMap;

use serde::Serialize;

use super::totals::{Key, Side, Tally, Totals};

/// What is shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct View {
    pub(super) hosts: Vec<HostView>,
    pub(super) functions: Vec<FunctionView>,
    /// The state of each target that is not the same for all hosts is the worst.
    pub(super) targets: BTreeMap<String, String>,
}

/// A host, or why there is nothing of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct HostView {
    pub(super) endpoint: String,
    pub(super) error: Option<String>,
    pub(super) id: Option<String>,
    pub(super) connection: Option<String>,
    /// None without a bucket, and before its first table.
    pub(super) links_age_seconds: Option<f64>,
}

/// A function of a link that is in use, or a function that is served.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct FunctionView {
    pub(super) side: Side,
    /// The id of the host that calls; empty for what is served.
    pub(super) source: String,
    /// Who is called; empty where no call has ended yet.
    pub(super) target: String,
    /// `instance#function`.
    pub(super) function: String,
    pub(super) calls_per_second: Option<f64>,
    pub(super) p50_seconds: Option<f64>,
    pub(super) p99_seconds: Option<f64>,
    /// Of all targets of the function, at the first of them.
    pub(super) in_flight: u64,
    /// Since the hosts have started.
    pub(super) calls: u64,
    pub(super) errors: BTreeMap<String, u64>,
}

/// A host at a moment: what it has counted, or why nothing is known.
pub(super) type Look = Result<Totals, String>;

/// What all hosts show, by their endpoints, and what they had `elapsed` earlier.
pub(super) fn view(now: &[(String, Look)], before: &[Look], elapsed: Duration) -> View {
    let mut view = View::default();
    let mut all = BTreeMap::<Key, Tally>::new();
    let mut recent = BTreeMap::<Key, Tally>::new();
    let mut running = BTreeMap::<Key, u64>::new();
    let mut is_known = false;
    for (place, (endpoint, look)) in now.iter().enumerate() {
        let endpoint = endpoint.clone();
        let totals = match look {
            Ok(totals) => totals,
            Err(error) => {
                view.hosts.push(HostView {
                    endpoint,
                    error: Some(error.clone()),
                    ..HostView::default()
                });
                continue;
            }
        };
        view.hosts.push(HostView {
            endpoint,
            error: None,
            id: totals.id.clone(),
            connection: totals.connection.clone(),
            links_age_seconds: totals.links_age.filter(|age| age.is_finite()),
        });
        let before = before.get(place).and_then(|look| look.as_ref().ok());
        is_known |= before.is_some();
        for (key, tally) in &totals.calls {
            all.entry(key.clone()).or_default().add(tally);
            if let Some(before) = before {
                let since = tally.since(before.calls.get(key));
                recent.entry(key.clone()).or_default().add(&since);
            }
        }
        for (key, calls) in &totals.running {
            *running.entry(key.clone()).or_default() += calls;
        }
        for (target, state) in &totals.targets {
            let known = view.targets.entry(target.clone()).or_default();
            if rank(state) >= rank(known) {
                known.clone_from(state);
            }
        }
    }
    for (key, calls) in &running {
        let of_function = |other: &Key| other.is_of(key);
        if *calls > 0 && !all.keys().any(of_function) {
            all.insert(key.clone(), Tally::default());
        }
    }
    for (key, tally) in &all {
        let recent = recent.get(key);
        let in_flight = running.iter().find(|(other, _)| key.is_of(other));
        let is_first = !view.functions.iter().any(|row| row.is_of(key));
        view.functions.push(FunctionView {
            in_flight: in_flight
                .filter(|_| is_first)
                .map_or(0, |(_, calls)| *calls),
            ..FunctionView::new(key, tally, recent, is_known.then_some(elapsed))
        });
    }
    view
}

impl FunctionView {
    #[expect(clippy::cast_precision_loss, reason = "it is a rate")]
    fn new(key: &Key, all: &Tally, recent: Option<&Tally>, elapsed: Option<Duration>) -> Self {
        let calls = recent.map_or(0, Tally::calls);
        // Where nothing was called meanwhile, what was before says more than nothing.
        let timed = recent.filter(|_| calls > 0).unwrap_or(all);
        let errors = all.outcomes.iter().filter(|(outcome, _)| *outcome != "ok");
        Self {
            side: key.side,
            source: key.source.clone(),
            target: key.target.clone(),
            function: key.name(),
            calls_per_second: elapsed
                .filter(|elapsed| !elapsed.is_zero())
                .map(|elapsed| calls as f64 / elapsed.as_secs_f64()),
            p50_seconds: timed.durations.quantile(0.5),
            p99_seconds: timed.durations.quantile(0.99),
            in_flight: 0,
            calls: all.calls(),
            errors: errors.map(|(case, calls)| (case.clone(), *calls)).collect(),
        }
    }

    fn is_of(&self, key: &Key) -> bool {
        self.side == key.side && self.source == key.source && self.function == key.name()
    }
}

impl Key {
    fn name(&self) -> String {
        match self.instance.as_str() {
            "" => self.function.clone(),
            instance => format!("{instance}#{}", self.function),
        }
    }

    fn is_of(&self, other: &Self) -> bool {
        let of = |key: &Self| (key.side, key.source.clone(), key.instance.clone());
        of(self) == of(other) && self.function == other.function
    }
}

fn rank(state: &str) -> u8 {
    match state {
        "open" => 3,
        "half-open" => 2,
        "closed" => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(calls: u64, failed: u64) -> Totals {
        let labels = "target=\"t\",instance=\"a:b/c\",function=\"f\"";
        let all = calls + failed;
        let text = format!(
            "wrpc_host_info{{id=\"client\"}} 1\n\
             wrpc_client_calls_total{{{labels},outcome=\"ok\"}} {calls}\n\
             wrpc_client_calls_total{{{labels},outcome=\"timeout\",delivery=\"accepted\"}} {failed}\n\
             wrpc_client_call_duration_seconds_bucket{{{labels},outcome=\"ok\",le=\"0.1\"}} {all}\n\
             wrpc_client_call_duration_seconds_bucket{{{labels},outcome=\"ok\",le=\"+Inf\"}} {all}\n\
             wrpc_client_calls_in_flight{{instance=\"a:b/c\",function=\"f\"}} 2\n\
             wrpc_client_target_state{{target=\"t\",state=\"open\"}} 1\n\
             wrpc_client_target_state{{target=\"t\",state=\"closed\"}} 0\n\
             wrpc_nats_connection_state{{state=\"connected\"}} 1\n"
        );
        Totals::read(&text).unwrap()
    }

    #[test]
    fn hosts_are_added_up_and_rates_are_of_what_was_added() {
        let now = [
            ("one".to_owned(), Ok(totals(30, 1))),
            ("two".to_owned(), Ok(totals(10, 1))),
            ("three".to_owned(), Err("no answer".to_owned())),
        ];
        // The second has started anew.
        let before = [Ok(totals(20, 1)), Ok(totals(100, 0)), Err(String::new())];
        let view = view(&now, &before, Duration::from_secs(2));
        assert_eq!(view.functions.len(), 1);
        let row = view.functions.first().unwrap();
        assert_eq!(
            (row.function.as_str(), row.target.as_str()),
            ("a:b/c#f", "t")
        );
        assert_eq!((row.calls, row.in_flight), (42, 4));
        assert_eq!(row.errors, BTreeMap::from([("timeout".to_owned(), 2)]));
        let rate = row.calls_per_second.unwrap();
        assert!((rate - f64::from(10 + 11) / 2.0).abs() < 1e-9, "{rate}");
        assert!(row.p99_seconds.unwrap() <= 0.1);
        assert_eq!(view.targets.get("t").map(String::as_str), Some("open"));
        let errors: Vec<_> = view
            .hosts
            .iter()
            .map(|host| host.error.as_deref())
            .collect();
        assert_eq!(errors, [None, None, Some("no answer")]);
    }

    #[test]
    fn each_link_in_use_has_its_own_row() {
        let host = |id: &str| {
            let text = format!(
                "wrpc_client_calls_total{{target=\"t\",instance=\"a:b/c\",function=\"f\",outcome=\"ok\"}} 1\n\
                 wrpc_client_calls_in_flight{{instance=\"a:b/c\",function=\"f\"}} 2\n\
                 wrpc_host_info{{id=\"{id}\"}} 1\n"
            );
            (id.to_owned(), Ok(Totals::read(&text).unwrap()))
        };
        let view = view(&[host("x"), host("y"), host("x")], &[], Duration::ZERO);
        let rows = view.functions.iter();
        let rows: Vec<_> = rows
            .map(|row| {
                (
                    row.source.as_str(),
                    row.target.as_str(),
                    row.calls,
                    row.in_flight,
                )
            })
            .collect();
        assert_eq!(rows, [("x", "t", 2, 4), ("y", "t", 1, 2)]);
    }

    #[test]
    fn a_call_that_runs_is_shown_before_any_has_ended() {
        let text = "wrpc_server_calls_in_flight{instance=\"a:b/c\",function=\"f\"} 3\n";
        let now = [("one".to_owned(), Ok(Totals::read(text).unwrap()))];
        let view = view(&now, &[], Duration::ZERO);
        let row = view.functions.first().unwrap();
        assert_eq!(
            (row.in_flight, row.calls, row.calls_per_second),
            (3, 0, None)
        );
    }

    #[test]
    fn what_has_nothing_of_ours_is_no_host() {
        assert_eq!(Totals::read("up 1\n<html>"), None);
    }
}
