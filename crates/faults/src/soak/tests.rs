//! What is left behind, and what grows, is found.

use std::collections::BTreeMap;

use super::*;
use crate::audit::check::Verdict;
use crate::audit::faults::Cast;

const VITALS: Vitals = Vitals {
    resident: 10_000,
    peak: 20_000,
    tasks: 7,
    calls: 0,
    buffered: 0,
};

const SETTINGS: Settings = Settings {
    cast: Cast {
        callers: 1,
        targets: 1,
        members: 2,
        spares_first: true,
    },
    workers: 1,
    rate: 1,
    seed: 1,
    blindly: false,
};

fn round(caller: Vitals, target: Vitals, subscriptions: u64) -> Round {
    Round {
        verdict: Verdict::default(),
        faults: BTreeMap::new(),
        callers: vec![caller],
        targets: vec![VITALS, target],
        subscriptions,
        unrest: None,
    }
}

fn soak() -> Soak {
    let mut soak = Soak {
        audit: Audit::default(),
        samples: Vec::new(),
        leaks: Vec::new(),
    };
    soak.add(round(VITALS, VITALS, 5), Duration::ZERO);
    soak
}

#[test]
fn what_is_left_behind_is_found() {
    let soak = soak();
    let [first] = &soak.samples[..] else {
        panic!("{soak:?}")
    };
    let left =
        |caller, target, subscriptions| first.left_by(&round(caller, target, subscriptions)).len();
    assert_eq!(left(VITALS, VITALS, 5), 0);
    assert_eq!(left(Vitals { tasks: 6, ..VITALS }, VITALS, 5), 0);
    assert_eq!(left(Vitals { tasks: 8, ..VITALS }, VITALS, 5), 1);
    assert_eq!(left(VITALS, Vitals { tasks: 8, ..VITALS }, 5), 1);
    assert_eq!(left(VITALS, Vitals { calls: 1, ..VITALS }, 5), 1);
    assert_eq!(
        left(
            VITALS,
            Vitals {
                buffered: 1,
                ..VITALS
            },
            5
        ),
        1
    );
    assert_eq!(left(VITALS, VITALS, 6), 1);
    assert_eq!(left(VITALS, VITALS, 4), 1, "one that serves no more");
}

/// A run of an hour whose caller has grown by this many KiB a minute.
fn grown(by: u64, minutes: u64) -> Soak {
    let mut soak = soak();
    for minute in 1..=minutes {
        // Caches fill at the beginning; memory comes and goes.
        let resident = 10_000 + minute.min(minutes / 2) * 100 + minute % 3 * 200 + minute * by;
        let vitals = Vitals { resident, ..VITALS };
        soak.add(round(vitals, VITALS, 5), Duration::from_secs(minute * 60));
    }
    soak.look_for_growth(SETTINGS);
    soak
}

#[test]
fn what_grows_in_the_second_half_is_found() {
    assert!(grown(0, 60).is_clean());
    assert!(grown(50, 60).is_clean(), "within the limit");
    let soak = grown(80, 60);
    assert_eq!(soak.leaks.len(), 1);
    assert!(
        soak.leaks[0].starts_with("caller 0 grew by 8"),
        "{:?}",
        soak.leaks
    );
}

#[test]
fn a_short_run_says_nothing_of_growth() {
    let soak = grown(1_000, 15);
    assert!(soak.is_clean());
    assert!(
        soak.memory(SETTINGS)
            .iter()
            .all(|memory| memory.slope.is_none())
    );
}

#[test]
fn what_does_not_come_to_rest_is_found_and_told() {
    let mut audit = Audit::default();
    audit.add(round(VITALS, VITALS, 5));
    assert!(audit.is_clean());
    let busy = Vitals { calls: 1, ..VITALS };
    audit.add(Round {
        unrest: Some("one call is under way".into()),
        ..round(busy, VITALS, 5)
    });
    assert!(!audit.is_clean());
    let text = crate::audit::report::markdown(&audit, SETTINGS, Duration::ZERO);
    assert!(text.contains("one call is under way"), "{text}");
}
