//! What a simulated power failure may do, and what it may not.

use super::super::{Disk, FileRole};
use super::{Crash, Fault, FaultKind, SimDisk};
use std::collections::BTreeSet;
use std::sync::Arc;

const LOG: FileRole = FileRole::Log0;

fn disk() -> (SimDisk, Arc<dyn Disk>) {
    let disk = SimDisk::new();
    let files = disk.attach(false, 1 << 16).unwrap();
    files.create_log(LOG).unwrap();
    disk.record();
    (disk, files)
}

/// What the log may hold after a power failure at the end.
fn outcomes(disk: &SimDisk) -> BTreeSet<Option<Vec<u8>>> {
    let recording = disk.recording();
    let mut replay = recording.replay();
    while replay.step() {}
    (0..400).map(|seed| replay.crash(Crash::PowerFailure(seed)).bytes("-wal0")).collect()
}

#[test]
fn what_was_synced_stays() {
    let (disk, files) = disk();
    files.write_at(LOG, 0, &[7; 1000]).unwrap();
    files.sync_data(LOG).unwrap();
    assert_eq!(outcomes(&disk), BTreeSet::from([Some(vec![7; 1000])]));
}

#[test]
fn unsynced_sectors_are_written_or_not_in_any_order() {
    let (disk, files) = disk();
    files.write_at(LOG, 0, &[1; 1536]).unwrap();
    files.sync_data(LOG).unwrap();
    files.write_at(LOG, 0, &[2; 1024]).unwrap();
    files.write_at(LOG, 1024, &[2; 512]).unwrap();
    let seen: BTreeSet<Vec<u8>> = outcomes(&disk)
        .into_iter()
        .map(|bytes| {
            let bytes = bytes.unwrap();
            bytes.chunks(512).for_each(|sector| assert!(sector.iter().all(|byte| *byte == sector[0])));
            bytes.iter().step_by(512).copied().collect()
        })
        .collect();
    assert_eq!(seen.len(), 8, "each of three sectors, old or new: {seen:?}");
}

#[test]
fn a_sync_that_failed_is_not_made_good_by_the_next() {
    let (disk, files) = disk();
    files.write_at(LOG, 0, &[1; 512]).unwrap();
    disk.fail(Fault { call: disk.calls(), kind: FaultKind::Error });
    files.sync_data(LOG).unwrap_err();
    files.write_at(LOG, 512, &[2; 512]).unwrap();
    files.sync_data(LOG).unwrap();
    let mut shown = [0; 1];
    files.read_at(LOG, 0, &mut shown).unwrap();
    assert_eq!(shown, [1], "the cache goes on showing it");
    let whole = |first: u8| Some([[first; 512], [2; 512]].concat());
    assert_eq!(outcomes(&disk), BTreeSet::from([whole(0), whole(1)]));
    disk.record();
    files.write_at(LOG, 0, &[3]).unwrap();
    files.sync_data(LOG).unwrap();
    let first = [&[3][..], &[1; 511], &[2; 512]].concat();
    assert_eq!(outcomes(&disk), BTreeSet::from([Some(first)]), "a write makes its sectors dirty again");
}

#[test]
fn names_come_and_go_when_the_directory_is_synced() {
    let disk = SimDisk::new();
    let files = disk.attach(false, 1 << 16).unwrap();
    disk.fail(Fault { call: disk.calls() + 1, kind: FaultKind::Error });
    disk.record();
    files.create_log(LOG).unwrap_err();
    files.write_at(LOG, 0, &[1]).unwrap();
    files.sync_data(LOG).unwrap();
    assert_eq!(outcomes(&disk), BTreeSet::from([None, Some(vec![1])]));
    disk.record();
    files.create_log(LOG).unwrap();
    assert_eq!(outcomes(&disk), BTreeSet::from([Some(vec![1])]), "the second attempt syncs the directory");
    // A process that finds a log cannot know whether its name is durable.
    drop(files);
    let files = disk.attach(false, 1 << 16).unwrap();
    disk.record();
    files.create_log(LOG).unwrap();
    assert_eq!(disk.recorded(), 1, "the directory is synced once more");
    files.remove_log(LOG).unwrap();
    assert_eq!(outcomes(&disk), BTreeSet::from([None]));
}

#[test]
fn interrupted_and_short_calls_are_gone_on_with() {
    let (disk, files) = disk();
    let bytes: Vec<u8> = (0..5000u32).map(|at| (at % 251) as u8).collect();
    for kind in [FaultKind::Interrupted, FaultKind::Short] {
        for at in 0..3 {
            disk.fail(Fault { call: disk.calls() + at, kind });
            files.write_at(LOG, 100, &bytes).unwrap();
            let mut read = vec![0; 5000];
            assert_eq!(files.read_at(LOG, 100, &mut read).unwrap(), 5000);
            assert_eq!(read, bytes);
        }
    }
}

#[test]
fn a_process_that_was_killed_does_nothing_more() {
    let (disk, files) = disk();
    files.write_at(LOG, 0, &[1]).unwrap();
    disk.kill();
    files.write_at(LOG, 0, &[2]).unwrap_err();
    files.sync_data(LOG).unwrap_err();
    assert_eq!(disk.bytes("-wal0"), Some(vec![1]));
    assert_eq!(outcomes(&disk), BTreeSet::from([Some(vec![]), Some(vec![0]), Some(vec![1])]));
}
