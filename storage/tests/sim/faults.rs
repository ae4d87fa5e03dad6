//! Each call of small runs fails once, in each way: a statement fails, and nothing that was acknowledged is lost.

use crate::life::{Floor, live};
use crate::random::Random;
use crate::setting;
use crate::state::State;
use crate::steps::{Shape, Step, steps};
use sedge_storage::testing::{Crash, Fault, FaultKind, SimDisk};

/// Steps of a run.
const STEPS: u64 = 7;

/// A run in which one call fails, and the life after it.
fn fail_once(seed: u64, shape: &Shape, steps: &[Step], fault: Fault) -> Result<(), String> {
    let disk = SimDisk::new();
    disk.fail(fault);
    // Interrupted and short calls are gone on with: nobody hears of them.
    let is_heard = !matches!(fault.kind, FaultKind::Interrupted | FaultKind::Short);
    let start = (Crash::Kill, Floor::default());
    let life = live(&disk, shape, steps, &[State::default()], start, is_heard)?;
    let mut replay = life.recording.replay();
    while replay.step() {}
    for crash in [Crash::Kill, Crash::PowerFailure(seed), Crash::PowerFailure(seed + 1)] {
        let before = (crash, life.floor(replay.done()));
        live(&replay.crash(crash), shape, &[], &life.states(replay.done()), before, false)
            .map_err(|wrong| format!("{crash:?} at the end: {wrong}"))?;
    }
    Ok(())
}

fn fail_each_call(kinds: &[FaultKind], wanted: u64) {
    let first = setting("SEDGE_SIM_SEED", 0);
    let (mut seed, mut calls) = (first, 0);
    while calls < wanted {
        let random = &mut Random::new(seed ^ 0xfa17);
        let shape = Shape::of(random);
        let steps = steps(random, &shape, STEPS);
        let disk = SimDisk::new();
        let start = (Crash::Kill, Floor::default());
        live(&disk, &shape, &steps, &[State::default()], start, false).unwrap();
        for call in 0..disk.calls() {
            for kind in kinds {
                fail_once(seed, &shape, &steps, Fault { call, kind: *kind }).unwrap_or_else(|wrong| {
                    panic!("seed {seed} (SEDGE_SIM_SEED={seed}), call {call}, {kind:?}: {wrong}\n{shape:?}\n{steps:#?}")
                });
            }
        }
        calls += disk.calls();
        seed += 1;
    }
    println!("{calls} calls of {} runs", seed - first);
}

#[test]
fn a_call_that_fails_fails_one_statement() {
    fail_each_call(&[FaultKind::Error, FaultKind::Full], setting("SEDGE_FAULT_CALLS", 150));
}

#[test]
fn interrupted_and_partial_calls_are_not_noticed() {
    fail_each_call(&[FaultKind::Interrupted, FaultKind::Short], setting("SEDGE_FAULT_CALLS", 80));
}
