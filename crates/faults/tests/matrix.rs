//! The cells of the fault matrix that show most in little time, and that it can fail.
//! `cargo xtask faults` plays all of them.

use std::path::Path;

use wrpc_middleware_faults::caller::Client;
use wrpc_middleware_faults::cluster::Topology;
use wrpc_middleware_faults::matrix::{Cell, Component, Fault, Phase, Played, play_all};

/// Each has processes of its own, which wait more than they work.
const JOBS: usize = 3;

async fn play(cells: Vec<Cell>, client: Client) -> Vec<Played> {
    let program = Path::new(env!("CARGO_BIN_EXE_fault-matrix"));
    play_all(program, cells, client, JOBS, |played| {
        println!("{}", played.line());
    })
    .await
}

#[tokio::test]
async fn every_call_that_meets_a_fault_ends_as_it_must() {
    let played = play(Cell::quick().collect(), Client::Own).await;
    assert_eq!(played.len(), Cell::quick().count());
    let failed: Vec<_> = played
        .iter()
        .filter(|played| !played.is_passed())
        .map(Played::line)
        .collect();
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

/// The control: without the stack, the caller of a target that is killed waits for ever.
#[tokio::test]
async fn a_client_without_the_stack_fails_the_matrix() {
    let cell = Cell {
        topology: Topology::Single,
        component: Component::Target,
        fault: Fault::Killed,
        phase: Phase::Handshake,
    };
    let played = play(vec![cell], Client::Bare).await;
    let wrong = played.iter().flat_map(|played| &played.wrong);
    let wrong: Vec<_> = wrong.map(String::as_str).collect();
    assert!(
        wrong.iter().any(|wrong| wrong.contains("does not end")),
        "{wrong:?}"
    );
    // Nobody keeps it from making a call that no link permits, either.
    assert!(
        wrong.iter().any(|wrong| wrong.contains("no link permits")),
        "{wrong:?}"
    );
}
