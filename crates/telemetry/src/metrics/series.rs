//! The handles of metrics, one set for each set of labels.

use core::hash::{Hash, Hasher};
use core::time::Duration;
use std::sync::{Arc, OnceLock};

use hashbrown::Equivalent;
use metrics::{Counter, Gauge, Histogram, Label};
use tokio::time::Instant;

use super::capped::{Capped, is_label};
use super::names::{self, DELIVERY, FUNCTION, INSTANCE, OTHER, OUTCOME, TARGET, UNRESOLVED};
use super::options::{MetricsOptions, label};
use crate::Outcome;
use crate::outcome::{CLASSES, INDICES};

/// Which metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names {
    pub(crate) calls: &'static str,
    pub(crate) duration: &'static str,
    pub(crate) in_flight: &'static str,
    /// Whether they have a target.
    pub(crate) has_target: bool,
}

pub(crate) const CLIENT: Names = Names {
    calls: names::CLIENT_CALLS,
    duration: names::CLIENT_CALL_DURATION,
    in_flight: names::CLIENT_CALLS_IN_FLIGHT,
    has_target: true,
};

#[cfg(feature = "nats")]
pub(crate) const SERVER: Names = Names {
    calls: names::SERVER_CALLS,
    duration: names::SERVER_CALL_DURATION,
    in_flight: names::SERVER_CALLS_IN_FLIGHT,
    has_target: false,
};

/// All series of calls.
#[derive(Debug)]
pub(crate) struct Calls {
    options: MetricsOptions,
    names: Names,
    functions: Capped<Name, Function>,
    routes: Capped<Route, Ends>,
    /// Made when there is no room for another.
    other_function: OnceLock<Arc<Function>>,
    other_ends: Arc<Ends>,
}

/// What is known of a function before its call has a target.
#[derive(Debug)]
pub(crate) struct Function {
    name: Name,
    in_flight: Gauge,
    /// Where all of its calls end that have no target.
    untargeted: Arc<Ends>,
}

/// The series of calls that have ended, made when the first of them does.
#[derive(Debug)]
pub(crate) struct Ends {
    labels: Vec<Label>,
    calls: [OnceLock<Counter>; INDICES],
    durations: [OnceLock<Histogram>; CLASSES],
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Name {
    instance: Arc<str>,
    func: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Route {
    target: Arc<str>,
    name: Name,
}

/// A name that is looked up.
struct NameRef<'a> {
    instance: &'a str,
    func: &'a str,
}

struct RouteRef<'a> {
    target: &'a str,
    name: &'a Name,
}

/// As that of a [`Name`].
impl Hash for NameRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.instance.hash(state);
        self.func.hash(state);
    }
}

impl Equivalent<Name> for NameRef<'_> {
    fn equivalent(&self, name: &Name) -> bool {
        *self.instance == *name.instance && *self.func == *name.func
    }
}

/// As that of a [`Route`].
impl Hash for RouteRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.target.hash(state);
        self.name.hash(state);
    }
}

impl Equivalent<Route> for RouteRef<'_> {
    fn equivalent(&self, route: &Route) -> bool {
        *self.target == *route.target && *self.name == route.name
    }
}

impl Calls {
    pub(crate) fn new(names: Names, options: MetricsOptions) -> Self {
        let target = names.has_target.then(|| Arc::from(OTHER));
        Self {
            other_ends: Arc::new(Ends::new(&Name::other(), target.as_ref())),
            other_function: OnceLock::new(),
            functions: Capped::new(options.max_series),
            routes: Capped::new(options.max_series),
            names,
            options,
        }
    }

    /// The series of a function. Versions of an instance share theirs.
    pub(crate) fn function(&self, instance: &str, func: &str) -> Arc<Function> {
        let instance = instance.split_once('@').map_or(instance, |(name, _)| name);
        let known = if is_label(instance) && is_label(func) {
            self.functions.get(&NameRef { instance, func }, || {
                let name = Name {
                    instance: instance.into(),
                    func: func.into(),
                };
                let function = Function::new(name.clone(), self.names, &self.options);
                (name, function)
            })
        } else {
            None
        };
        known.unwrap_or_else(|| self.other_function())
    }

    fn other_function(&self) -> Arc<Function> {
        let other = || Function::new(Name::other(), self.names, &self.options);
        Arc::clone(self.other_function.get_or_init(|| Arc::new(other())))
    }

    /// Where calls of `function` to `target` end.
    fn ends(&self, function: &Arc<Function>, target: Option<&str>) -> Arc<Ends> {
        let Some(target) = target else {
            return Arc::clone(&function.untargeted);
        };
        let name = &function.name;
        let known = if *name.func == *OTHER || !is_label(target) {
            None
        } else {
            self.routes.get(&RouteRef { target, name }, || {
                let target = Arc::from(target);
                let ends = Ends::new(name, Some(&target));
                let name = name.clone();
                (Route { target, name }, ends)
            })
        };
        known.unwrap_or_else(|| Arc::clone(&self.other_ends))
    }

    /// A call has ended.
    pub(crate) fn end(&self, running: &Running, target: Option<&str>, outcome: Outcome) {
        let ends = self.ends(&running.function, target);
        ends.record(self, outcome, running.since.elapsed());
    }
}

impl Function {
    fn new(name: Name, names: Names, options: &MetricsOptions) -> Self {
        let target = names.has_target.then(|| Arc::from(UNRESOLVED));
        Self {
            in_flight: options.gauge(names.in_flight, name.labels()),
            untargeted: Arc::new(Ends::new(&name, target.as_ref())),
            name,
        }
    }
}

impl Name {
    /// The name of all that have none of their own. No function in WIT is called so.
    fn other() -> Self {
        Self {
            instance: OTHER.into(),
            func: OTHER.into(),
        }
    }

    fn labels(&self) -> Vec<Label> {
        vec![label(INSTANCE, &self.instance), label(FUNCTION, &self.func)]
    }
}

impl Ends {
    fn new(name: &Name, target: Option<&Arc<str>>) -> Self {
        let mut labels = name.labels();
        labels.extend(target.map(|target| label(TARGET, target)));
        Self {
            labels,
            calls: [const { OnceLock::new() }; INDICES],
            durations: [const { OnceLock::new() }; CLASSES],
        }
    }

    fn record(&self, all: &Calls, outcome: Outcome, took: Duration) {
        let (options, names) = (&all.options, &all.names);
        if let Some(calls) = self.calls.get(outcome.index()) {
            let counter = calls.get_or_init(|| {
                let mut labels = self.labels_of(outcome);
                if let Some(delivery) = outcome.delivery() {
                    labels.push(Label::from_static_parts(DELIVERY, delivery.as_str()));
                }
                options.counter(names.calls, labels)
            });
            counter.increment(1);
        }
        if let Some(durations) = self.durations.get(outcome.class()) {
            let histogram = durations
                .get_or_init(|| options.histogram(names.duration, self.labels_of(outcome)));
            histogram.record(took);
        }
    }

    fn labels_of(&self, outcome: Outcome) -> Vec<Label> {
        let mut labels = self.labels.clone();
        labels.push(Label::from_static_parts(OUTCOME, outcome.as_str()));
        labels
    }
}

/// A call that runs.
#[derive(Debug)]
pub(crate) struct Running {
    function: Arc<Function>,
    since: Instant,
}

impl Running {
    /// A call of `function` begins.
    pub(crate) fn begin(function: Arc<Function>) -> Self {
        function.in_flight.increment(1.0);
        Self {
            function,
            since: Instant::now(),
        }
    }
}

/// Whatever becomes of it, a panic included.
impl Drop for Running {
    fn drop(&mut self) {
        self.function.in_flight.decrement(1.0);
    }
}
