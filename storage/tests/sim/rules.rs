//! One named test for each rule of the log and of recovery, and one for each bug that the sweep has found.
//!
//! Most are a few steps, crashed behind every call by many seeds; the damage of some is made by hand.

use crate::life::{Floor, Life, live};
use crate::setting;
use crate::state::{State, entry};
use crate::steps::{Shape, Step};
use crate::sweep::Run;
use sedge_storage::testing::{Crash, Fault, FaultKind, SimDisk, open};
use sedge_storage::{Error, Options, Store, Synchronous, TreeKind, WriteTransaction};
use std::time::Duration;

use Step::{Beside, Checkpoint, Kill, Reopen};

/// Bytes in front of a log's records; its two headers stand at 0 and at half of it.
const RECORDS_START: usize = 8192;

fn shape(synchronous: Synchronous, cache_size: usize) -> Shape {
    let busy_timeout = Duration::ZERO;
    let options = Options { page_size: 4096, cache_size, synchronous, busy_timeout, ..Options::default() };
    Shape { options, value_max: 300, keys: 120 }
}

fn full() -> Shape {
    shape(Synchronous::Full, 64 << 20)
}

/// A transaction that is committed: a seed is a rollback only where it is a multiple of 7.
fn change(seed: u64) -> Step {
    Step::Change { seed: seed * 7 + 1, edits: 12 }
}

fn load(seed: u64, records: u64) -> Step {
    Step::Load { seed: seed * 7 + 1, records }
}

fn thin(seed: u64) -> Step {
    Step::Thin { seed: seed * 7 + 1 }
}

/// Crashes behind each call of a run, by several seeds.
fn crash_everywhere(shape: Shape, steps: &[Step], faults: &[Fault], seeds: u64) {
    for seed in 0..seeds {
        let run = Run { seed, shape, steps: steps.to_vec(), faults: faults.to_vec() };
        run.crash_everywhere().unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}\n{run:?}"));
    }
}

/// A life without crash and fault.
fn lived(disk: &SimDisk, shape: &Shape, steps: &[Step]) -> Life {
    live(disk, shape, steps, &[State::default()], (Crash::Kill, Floor::default()), false).unwrap()
}

/// Calls of a run so far, before its last steps and behind them.
fn calls_of(shape: &Shape, steps: &[Step], before: usize) -> std::ops::Range<u64> {
    let calls = |steps: &[Step]| {
        let disk = SimDisk::new();
        lived(&disk, shape, steps);
        disk.calls()
    };
    calls(&steps[..before])..calls(steps)
}

/// Fails each call that step `at` makes, goes on, and crashes behind each call.
fn fail_in_step(shape: Shape, steps: &[Step], at: usize, kind: FaultKind, seeds: u64) {
    for call in calls_of(&shape, &steps[..=at], at) {
        crash_everywhere(shape, steps, &[Fault { call, kind }], seeds);
    }
}

/// A disk whose process was killed after `steps`, and what it must show.
fn killed(shape: &Shape, steps: &[Step]) -> (SimDisk, State) {
    let disk = SimDisk::new();
    let life = lived(&disk, shape, steps);
    let state = life.states(life.recording.len()).pop().unwrap();
    (disk, state)
}

fn assert_shows(disk: &SimDisk, shape: &Shape, state: &State) {
    let store = open(disk, &shape.options).unwrap();
    assert_eq!(state.verify(&store).unwrap(), None);
}

#[test]
fn a_checkpoint_is_cut_off_at_any_call() {
    let steps = [change(1), change(2), change(3), Checkpoint, change(4), change(5)];
    crash_everywhere(full(), &steps, &[], 12);
    crash_everywhere(shape(Synchronous::Off, 64 << 20), &steps, &[], 12);
}

#[test]
fn a_checkpoint_that_failed_at_any_call_is_tried_again_behind_later_commits() {
    // The second attempt's images stand behind those of the first, and show commits of the other log.
    let steps = [change(1), change(2), Checkpoint, change(3), change(4), Checkpoint, change(5)];
    fail_in_step(full(), &steps, 2, FaultKind::Error, 2);
    fail_in_step(full(), &steps, 2, FaultKind::Full, 1);
}

#[test]
fn a_checkpoint_beside_commits_is_cut_off_at_any_call() {
    // Which commits it meets differs from run to run; each run is crashed behind each of its calls.
    let mut overtaken = 0;
    for seed in 0..setting("SEDGE_BESIDE_RUNS", 12) {
        let cache_size = [64 << 10, 64 << 20][seed as usize % 2];
        let synchronous = [Synchronous::Full, Synchronous::Normal, Synchronous::Off][seed as usize % 3];
        let mut shape = shape(synchronous, cache_size);
        // The lives after a crash may hold readers, and wait for them as long as that.
        shape.options.busy_timeout = Duration::from_millis(100);
        let beside = |from: u64| {
            let mut changes: Vec<Step> = (from..from + 8).map(change).collect();
            changes.extend([load(from, 60), thin(from), change(from + 8), thin(from + 1), change(from + 9)]);
            Beside(changes)
        };
        let steps = [load(seed, 150), change(seed), beside(20 * seed), thin(seed), beside(20 * seed + 10)];
        let run = Run { seed, shape, steps: steps.to_vec(), faults: Vec::new() };
        run.crash_everywhere().unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}\n{run:?}"));
        overtaken += lived(&SimDisk::new(), &shape, &steps).overtaken;
    }
    assert!(overtaken > 0, "no checkpoint ran beside commits");
}

#[test]
fn sectors_in_the_midst_of_unsynced_records_are_lost_while_later_ones_stay() {
    let shape = shape(Synchronous::Normal, 64 << 20);
    let steps: Vec<Step> = (1..9).map(change).collect();
    let disk = SimDisk::new();
    let life = lived(&disk, &shape, &steps);
    let mut replay = life.recording.replay();
    while replay.step() {}
    let states = life.states(replay.done());
    let mut cut = 0;
    for seed in 0..300 {
        let crashed = replay.crash(Crash::PowerFailure(seed));
        let store = open(&crashed, &shape.options).unwrap();
        let sequence = store.snapshot().sequence() as usize;
        assert_eq!(states[sequence].verify(&store).unwrap(), None, "seed {seed}");
        let report = store.recovery_report();
        let is_cut = report.is_some_and(|report| report.ended_by.is_some());
        cut += u64::from(is_cut && sequence > 0 && sequence + 1 < states.len());
    }
    assert!(cut > 20, "{cut} of 300 crashes have cut the log in its midst");
}

#[test]
fn records_are_written_over_the_remains_of_an_old_generation() {
    let mut steps = Vec::new();
    for seed in 1..5 {
        steps.extend([change(2 * seed), Checkpoint, change(2 * seed + 1)]);
    }
    for level in [Synchronous::Full, Synchronous::Normal] {
        crash_everywhere(shape(level, 64 << 20), &steps, &[], 4);
    }
}

#[test]
fn a_sync_that_failed_and_a_reopening_that_reads_what_the_cache_kept() {
    let steps = [change(1), change(2), change(3), Checkpoint, change(4)];
    for (at, seeds) in [(2, 6), (3, 3)] {
        fail_in_step(full(), &steps, at, FaultKind::Error, seeds);
    }
}

#[test]
fn pages_are_freed_and_a_load_goes_straight_to_the_base_file() {
    let shape = shape(Synchronous::Full, 64 << 10);
    let steps = [load(1, 150), thin(2), Checkpoint, load(3, 150), thin(1), load(4, 100), change(5)];
    crash_everywhere(shape, &steps, &[], 6);
}

#[test]
fn a_commit_in_several_parts_is_cut_anywhere() {
    let steps = [change(1), load(2, 14_000), change(3)];
    let disk = SimDisk::new();
    let life = lived(&disk, &full(), &steps);
    let parts = (0..life.recording.len()).filter(|at| life.recording.describe(*at).contains("+10"));
    assert!(parts.count() >= 2, "the load is logged in parts of about 1 MiB");
    crash_everywhere(full(), &steps, &[], 1);
}

#[test]
fn the_power_fails_right_after_the_creation() {
    crash_everywhere(full(), &[], &[], 60);
    crash_everywhere(full(), &[Kill, change(1), Reopen], &[], 20);
    let opening = calls_of(&full(), &[], 0).end;
    for call in 0..opening {
        for kind in [FaultKind::Error, FaultKind::Full] {
            crash_everywhere(full(), &[change(1)], &[Fault { call, kind }], 3);
        }
    }
}

#[test]
fn page_0_is_torn_and_comes_back_from_the_log() {
    let (disk, state) = killed(&full(), &[change(1), change(2)]);
    // A checkpoint up to its last call in place: all images are synced.
    disk.record();
    open(&disk, &full().options).unwrap().checkpoint().unwrap();
    let recording = disk.recording();
    let mut replay = recording.replay();
    let mut torn = 0;
    loop {
        let next = recording.describe(replay.done());
        if !replay.step() {
            break;
        }
        if next.starts_with("write Base 512+") {
            let crashed = replay.crash(Crash::Kill);
            crashed.put("", 1024, &[0xa5; 512]);
            assert_shows(&crashed, &full(), &state);
            torn += 1;
        }
    }
    assert_eq!(torn, 1, "the checkpoint writes page 0 once");
}

#[test]
fn a_torn_log_header_leaves_the_other_one_and_two_are_an_error() {
    let (disk, state) = killed(&full(), &[change(1), change(2)]);
    let files = ["", "-wal0"].map(|file| disk.bytes(file).unwrap());
    let damaged = |headers: &[u64]| {
        let disk = SimDisk::new();
        ["", "-wal0"].iter().zip(&files).for_each(|(name, bytes)| disk.put(name, 0, bytes));
        headers.iter().for_each(|offset| disk.put("-wal0", *offset, &[0xa5; 60]));
        disk
    };
    assert_shows(&damaged(&[0]), &full(), &state);
    assert_shows(&damaged(&[RECORDS_START as u64 / 2]), &full(), &state);
    let error = open(&damaged(&[0, RECORDS_START as u64 / 2]), &full().options).unwrap_err();
    assert!(matches!(&error, Error::Corrupt { detail, .. } if detail.contains("-wal0")), "{error}");
}

#[test]
fn a_log_beside_a_file_that_it_does_not_belong_to_is_refused() {
    let (disk, state) = killed(&full(), &[change(1), Reopen]);
    let (other, _) = killed(&full(), &[change(2)]);
    let before = disk.bytes("").unwrap();
    disk.put("-wal1", 0, &other.bytes("-wal0").unwrap());
    let error = open(&disk, &full().options).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::NotADatabase { .. }) && text.contains("-wal1"), "{text}");
    assert_eq!(disk.bytes(""), Some(before), "nothing was written");
    disk.remove("-wal1");
    assert_shows(&disk, &full(), &state);
    // Nor is a new database made beside it.
    let fresh = SimDisk::new();
    fresh.put("-wal0", 0, &other.bytes("-wal0").unwrap());
    assert!(matches!(open(&fresh, &full().options), Err(Error::NotADatabase { .. })));
}

#[test]
fn a_newer_format_version_is_refused_by_its_number() {
    let (disk, _) = killed(&full(), &[change(1), Reopen]);
    let mut sector = disk.bytes("").unwrap()[..512].to_vec();
    sector[16..20].copy_from_slice(&7u32.to_le_bytes());
    let crc = crc32fast::hash(&sector[..508]);
    sector[508..].copy_from_slice(&crc.to_le_bytes());
    disk.put("", 0, &sector);
    let before = disk.bytes("");
    let error = open(&disk, &full().options).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::NotADatabase { .. }) && text.contains("version is 7"), "{text}");
    assert_eq!(disk.bytes(""), before);
}

// What the sweep has found.

#[test]
fn a_recovery_does_not_take_for_durable_what_only_the_cache_has() {
    // A process was killed in front of its sync, and the next one stated in the images of its recovery that the commit
    // was durable. When the power failed before the images were synced, they were there and the commit was not: the
    // log was "damaged", and the database could not be opened.
    for level in [Synchronous::Full, Synchronous::Normal] {
        crash_everywhere(shape(level, 64 << 20), &[change(1), change(2), Kill, Kill], &[], 40);
    }
}

#[test]
fn a_recovery_syncs_the_images_that_it_relies_on() {
    // Killed in a checkpoint between its images and their sync. The recovery wrote no images of its own for pages that
    // had some in the older log, did not sync that log, and wrote the pages in place.
    let steps = [change(1), load(2, 60), Checkpoint, change(3)];
    let disk = SimDisk::new();
    let life = lived(&disk, &full(), &steps);
    let mut replay = life.recording.replay();
    let mut lives = 0;
    while replay.step() {
        let at = replay.done();
        if life.recording.describe(at) != "sync Log0" {
            continue;
        }
        let killed = replay.crash(Crash::Kill);
        let before = (Crash::Kill, life.floor(at));
        let next = live(&killed, &full(), &[], &life.states(at), before, false).unwrap();
        let mut again = next.recording.replay();
        loop {
            for seed in 0..20 {
                let crash = Crash::PowerFailure(seed);
                let (disk, floor) = (again.crash(crash), next.floor(again.done()));
                live(&disk, &full(), &[], &next.states(again.done()), (crash, floor), false).unwrap();
                lives += 1;
            }
            if !again.step() {
                break;
            }
        }
    }
    assert!(lives > 100);
}

#[test]
fn a_commit_that_failed_does_not_come_back() {
    // The device said that the record was not written, and had written it: after a crash the commit was there that
    // the caller had been told of as failed.
    let steps = [change(1), change(2), change(3), Kill, change(4)];
    for level in [Synchronous::Full, Synchronous::Off] {
        fail_in_step(shape(level, 64 << 20), &steps, 1, FaultKind::Error, 3);
    }
}

#[test]
fn a_switch_of_logs_that_failed_is_passed_over() {
    // The header of the new log stood, then a call failed; commits went on in the old log, and a recovery found it to
    // be longer than the new one said.
    let steps = [change(1), Checkpoint, change(2), change(3)];
    for kind in [FaultKind::Error, FaultKind::Full] {
        fail_in_step(full(), &steps, 1, kind, 2);
    }
    // Nor is it the log that a close removes last.
    fail_in_step(full(), &[change(1), Checkpoint, change(2), Reopen], 1, FaultKind::Error, 6);
}

#[test]
fn a_new_file_is_durable_before_its_first_commit() {
    // Its maker was killed between the identity and its sync. The next process found a whole database and made
    // commits in the log; when the power failed the base file had no identity.
    crash_everywhere(full(), &[Kill, change(1), change(2)], &[], 40);
}

#[test]
fn logs_are_removed_in_their_order_by_whoever_removes_them() {
    // Killed when the older log was removed and the directory not synced. The next process removed the newer one; the
    // power failed, and the older one alone was back, which is no sound log.
    let steps = [change(1), Checkpoint, change(2), Reopen];
    let disk = SimDisk::new();
    let life = lived(&disk, &full(), &steps);
    let mut replay = life.recording.replay();
    let mut lives = 0;
    while replay.step() {
        let at = replay.done();
        if !life.recording.describe(at).contains("directory") {
            continue;
        }
        let killed = replay.crash(Crash::Kill);
        let before = (Crash::Kill, life.floor(at));
        let next = live(&killed, &full(), &[], &life.states(at), before, false).unwrap();
        let mut again = next.recording.replay();
        loop {
            for seed in 0..40 {
                let crash = Crash::PowerFailure(seed);
                let (disk, floor) = (again.crash(crash), next.floor(again.done()));
                live(&disk, &full(), &[], &next.states(again.done()), (crash, floor), false).unwrap();
                lives += 1;
            }
            if !again.step() {
                break;
            }
        }
    }
    assert!(lives > 100);
}

#[test]
fn a_recovery_writes_again_what_only_the_cache_may_have() {
    // A checkpoint wrote a page in place whose whole content an earlier commit had logged, so that it needed no image;
    // then the sync of the base file failed. The recovery found the page as new as the log in the system's cache, did not
    // write it again, and removed the log. When the power failed, the page was the one before.
    let steps = [load(1, 120), thin(2), change(3), Checkpoint, Kill, change(4)];
    for cache_size in [64 << 10, 64 << 20] {
        fail_in_step(shape(Synchronous::Full, cache_size), &steps, 3, FaultKind::Error, 3);
    }
}

#[test]
fn a_vacuum_is_cut_off_at_any_call() {
    let vacuum = |seed: u64, pages| Step::Vacuum { seed, pages };
    let steps = [load(1, 150), load(2, 150), thin(3), Checkpoint, vacuum(4, None), Checkpoint, load(5, 150)];
    for cache_size in [64 << 10, 64 << 20] {
        crash_everywhere(shape(Synchronous::Full, cache_size), &steps, &[], 2);
        fail_in_step(shape(Synchronous::Normal, cache_size), &steps[..6], 4, FaultKind::Error, 1);
    }
    let steps = [load(1, 150), thin(3), vacuum(5, Some(20)), vacuum(6, Some(20)), Reopen, change(7)];
    crash_everywhere(shape(Synchronous::Off, 64 << 10), &steps, &[], 3);
}

#[test]
fn a_vacuum_beside_a_checkpoint_is_cut_off_at_any_call() {
    for seed in 0..setting("SEDGE_BESIDE_RUNS", 6) {
        let mut shape = shape(Synchronous::Full, [64 << 10, 64 << 20][seed as usize % 2]);
        shape.options.busy_timeout = Duration::from_millis(100);
        let vacuum = Step::Vacuum { seed, pages: None };
        let steps = [load(seed, 150), thin(seed), Beside(vec![vacuum, change(seed), load(seed + 1, 90)])];
        crash_everywhere(shape, &steps, &[], 1);
    }
}

#[test]
fn a_copy_is_whole_or_none_after_a_crash() {
    let copy = |seed, loaded| Step::Copy { seed, loaded };
    for cache_size in [64 << 10, 64 << 20] {
        let steps = [load(1, 200), Checkpoint, change(2), thin(3), copy(4, false), copy(5, true)];
        crash_everywhere(shape(Synchronous::Normal, cache_size), &steps, &[], 2);
    }
}

#[test]
fn pages_that_were_freed_before_any_checkpoint_are_counted_by_their_number() {
    // They stand neither in the file nor in the overlay, and a transaction that freed one more was told that it had
    // given back more pages than there are.
    let store = open(&SimDisk::new(), &full().options).unwrap();
    let change = |change: &dyn Fn(&mut WriteTransaction)| {
        let mut transaction = store.begin_write(Duration::ZERO).unwrap();
        change(&mut transaction);
        transaction.commit().unwrap();
    };
    let rows = 0..60u8;
    change(&|t| {
        let tree = t.create_tree(TreeKind::Index).unwrap();
        assert!(t.insert(Store::SCHEMA_TREE, &[0], &entry(tree)).unwrap());
        rows.clone().for_each(|row| assert!(t.insert(tree, &[row], &[row; 9000]).unwrap()));
        t.drop_tree(tree).unwrap();
        let tree = t.create_tree(TreeKind::Index).unwrap();
        rows.clone().for_each(|row| assert!(t.insert(tree, &[row], &[row; 9000]).unwrap()));
        t.drop_tree(tree).unwrap();
        assert!(t.delete(Store::SCHEMA_TREE, &[0]).unwrap());
    });
    for _ in 0..3 {
        change(&|t| {
            let tree = t.create_tree(TreeKind::Index).unwrap();
            assert!(t.insert(tree, &[1], &[1; 9000]).unwrap());
            t.drop_tree(tree).unwrap();
        });
    }
    assert_eq!(State::default().verify(&store).unwrap(), None);
}
