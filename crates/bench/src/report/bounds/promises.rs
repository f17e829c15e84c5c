//! Every promise.

use super::super::ratio::Quantity;
use super::super::units;
use super::figure::Figure;
use super::{Bound, Limit};

const FULL_STACK: &str = "full stack";

const TRANSPORT: &str = "Transport";
const OWN: &str = "own transport";
const OWN_TO_UPSTREAM: &str = "own transport, upstream's target";
const BY_HAND: &str = "caller by hand, upstream's target";
const OWN_FULL_STACK: &str = "full stack on own transport";
const UPSTREAM: &str = "upstream's client";

const MIB: usize = 1 << 20;

/// All of them.
pub(super) fn all() -> Vec<Bound> {
    [stack(), transport(), bytes(), endurance()].concat()
}

/// What the layers cost.
fn stack() -> Vec<Bound> {
    vec![
        Bound {
            what: "full stack over bare wRPC, one call at a time: latency".into(),
            figure: over_bare(1, Quantity::Latency),
            limit: Limit::AtMost(1.05),
        },
        Bound {
            what: "full stack over bare wRPC, 64 calls at a time: throughput".into(),
            figure: over_bare(64, Quantity::Throughput),
            limit: Limit::AtLeast(0.95),
        },
        Bound {
            what: "full stack without a network: time of a call".into(),
            figure: Figure::Time {
                id: "success/full stack",
            },
            limit: Limit::AtMost(1_000.0),
        },
        Bound {
            what: "full stack without a network: time of a denial".into(),
            figure: Figure::Time {
                id: "failure/denied",
            },
            limit: Limit::AtMost(1_000.0),
        },
        Bound {
            what: "full stack: allocations of a call".into(),
            figure: Figure::Count {
                call: FULL_STACK,
                unit: "allocations",
            },
            limit: Limit::AtMost(6.0),
        },
        Bound {
            what: "full stack: allocations of a denial".into(),
            figure: Figure::Count {
                call: "denied",
                unit: "allocations",
            },
            limit: Limit::AtMost(5.0),
        },
        Bound {
            what: "lookup of one link, 100,000 links over 1: time".into(),
            figure: Figure::TimeRatio {
                id: "lookup/same link/100000",
                to: "lookup/same link/1",
            },
            limit: Limit::AtMost(2.0),
        },
        Bound {
            what: "lookup of random links, 100,000 links over 1: time".into(),
            figure: Figure::TimeRatio {
                id: "lookup/random link/100000",
                to: "lookup/random link/1",
            },
            limit: Limit::AtMost(2.0),
        },
    ]
}

fn over_bare(concurrency: usize, quantity: Quantity) -> Figure {
    Figure::Ratio {
        title: "Native calls",
        row: FULL_STACK,
        to: None,
        concurrency,
        payload: 16,
        quantity,
    }
}

/// What the transport costs, over what NATS costs and next to upstream's client.
fn transport() -> Vec<Bound> {
    const TO_UPSTREAM: &str = "own to upstream's target,";
    let over_raw = [
        (OWN, OWN, 1, 1.15),
        (OWN, OWN, 64, 2.2),
        (TO_UPSTREAM, OWN_TO_UPSTREAM, 1, 1.2),
        (TO_UPSTREAM, OWN_TO_UPSTREAM, 64, 2.9),
    ];
    let over_raw = over_raw.map(|(what, row, concurrency, limit)| Bound {
        what: format!("{what} over a raw NATS request, {concurrency} at a time"),
        figure: latency(row, None, concurrency),
        limit: Limit::AtMost(limit),
    });
    // What 1.2 of a raw request leaves depends on upstream's target: this is the caller's part.
    let by_hand = Bound {
        what: format!("{TO_UPSTREAM} over a caller by hand, 1 at a time"),
        figure: latency(OWN_TO_UPSTREAM, Some(BY_HAND), 1),
        limit: Limit::AtMost(1.05),
    };
    let over_upstream = [1, 16, 64, 256].map(|concurrency| Bound {
        what: format!("own full stack over upstream's bare client, {concurrency} at a time"),
        figure: latency(OWN_FULL_STACK, Some(UPSTREAM), concurrency),
        limit: Limit::AtMost(1.0),
    });
    let stalled = Bound {
        what: "one stalled reader of 64: throughput of the others".into(),
        figure: Figure::Ratio {
            title: "One stalled reader",
            row: "own transport, one reader stalled",
            to: Some(OWN),
            concurrency: 63,
            payload: 16,
            quantity: Quantity::Throughput,
        },
        limit: Limit::AtLeast(0.95),
    };
    let no_parameters = [
        (OWN_FULL_STACK, "own full stack"),
        (OWN_TO_UPSTREAM, "own to upstream's"),
    ];
    let no_parameters = no_parameters.into_iter().flat_map(|(row, what)| {
        [1, 64].map(|concurrency| Bound {
            what: format!("no parameters: {what} over upstream's, {concurrency} at a time"),
            figure: Figure::Ratio {
                title: "No parameters",
                row,
                to: None,
                concurrency,
                payload: 0,
                quantity: Quantity::Latency,
            },
            limit: Limit::AtMost(1.0),
        })
    });
    let bounds = over_raw.into_iter().chain(over_upstream);
    bounds
        .chain([by_hand, stalled])
        .chain(no_parameters)
        .collect()
}

fn latency(row: &'static str, to: Option<&'static str>, concurrency: usize) -> Figure {
    Figure::Ratio {
        title: TRANSPORT,
        row,
        to,
        concurrency,
        payload: 16,
        quantity: Quantity::Latency,
    }
}

/// How fast many bytes are.
fn bytes() -> Vec<Bound> {
    let rows = [
        (
            "parameters",
            "Bytes to the target",
            "own transport, parameters",
        ),
        ("a stream", "Bytes to the target", "own transport, stream"),
        ("results", "Bytes to the caller", OWN),
    ];
    let bound = |(what, title, row), payload| {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let size = units::bytes(payload as f64);
        Bound {
            what: format!("{size} of {what} over plain publishing: throughput"),
            figure: Figure::Ratio {
                title,
                row,
                to: None,
                concurrency: 1,
                payload,
                quantity: Quantity::Throughput,
            },
            limit: Limit::AtLeast(0.7),
        }
    };
    rows.into_iter()
        .flat_map(|row| [3 * MIB, 64 * MIB].map(|payload| bound(row, payload)))
        .collect()
}

/// What many calls leave behind.
fn endurance() -> Vec<Bound> {
    let growth = |sample| Figure::Growth {
        sample,
        first: 10_000,
        last: 1_000_000,
    };
    // Of some 14 MiB: two bytes a call. Buffers that happen to be larger at the time of the look
    // are less, the smallest allocation left behind by every fifteenth call is more.
    let limit = Limit::AtMost(1.15);
    vec![
        Bound {
            what: "memory after 1,000,000 calls over that after 10,000".into(),
            figure: growth("resident memory after "),
            limit,
        },
        Bound {
            what: "own transport: memory after as many calls".into(),
            figure: growth("own transport: resident memory after "),
            limit,
        },
        Bound {
            what: "own transport: calls of 20,000,000 without an answer".into(),
            figure: Figure::Calls {
                sample: "own transport: calls without an answer after ",
                of: 20_000_000,
            },
            limit: Limit::AtMost(0.0),
        },
    ]
}
