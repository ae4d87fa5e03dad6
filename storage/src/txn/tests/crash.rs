//! What fails and what stays: full disks, syncs that fail, large commits in parts, each crashed behind every call.
//!
//! Random workloads are crashed by `storage/tests/sim`; here each test leads up to one state of things.

use super::model::{Model, assert_owned, assert_shows};
use super::trial_disk::{TrialDisk, crash_everywhere};
use super::{PAGE_SIZE, RAW, Random, options};
use crate::disk::{Disk, FileRole};
use crate::error::{Error, Result};
use crate::page::{HEADER_SIZE, PageKind, WritePages};
use crate::store::{Options, Store};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A cache in which 16 pages make a transaction large.
pub(super) const SMALL_CACHE: usize = 4 * 16 * PAGE_SIZE;

/// Adds `count` pages filled with a byte in one transaction.
pub(super) fn fill(store: &Store, model: &mut Model, count: usize, byte: u8) -> Result<()> {
    let mut transaction = store.begin_write(Duration::ZERO)?;
    let mut filled = model.clone();
    for _ in 0..count {
        let id = transaction.pages.allocate(PageKind::Overflow, 0)?;
        let (page, _, _) = transaction.pages.edit(id)?.parts_mut();
        page[HEADER_SIZE..PAGE_SIZE - 4].fill(byte);
        filled.insert(id, vec![byte; PAGE_SIZE - 4 - HEADER_SIZE]);
    }
    transaction.commit()?;
    *model = filled;
    Ok(())
}

#[test]
fn large_commits_in_parts_and_checkpoints_of_their_own_accord_survive() {
    let random = &mut Random::new(9);
    let disk = TrialDisk::new();
    let options = Options { cache_size: 4 << 20, ..options() };
    let store = Store::on_disk(Arc::clone(&disk) as Arc<dyn Disk>, &options, RAW).unwrap();
    let mut states = vec![Model::new()];
    for commit in 1..=8 {
        let mut model = states[commit - 1].clone();
        fill(&store, &mut model, 200, commit as u8).unwrap();
        states.push(model);
        disk.acknowledge(commit);
    }
    assert!(store.metrics().counters.checkpoints >= 1);
    drop(store);
    crash_everywhere(9, random, &disk, &states);
}

#[test]
fn a_full_disk_takes_back_the_transaction_and_nothing_else() {
    let disk = TrialDisk::new();
    let open = || Store::on_disk(Arc::clone(&disk) as Arc<dyn Disk>, &options(), RAW).unwrap();
    let store = open();
    let mut model = Model::new();
    fill(&store, &mut model, 20, 1).unwrap();
    disk.full.store(true, Ordering::Relaxed);
    let error = fill(&store, &mut model, 600, 2).unwrap_err();
    assert!(matches!(error, Error::Full(_)), "{error}");
    assert!(matches!(store.checkpoint(), Err(Error::Full(_))));
    assert_shows(&store.snapshot(), &model);
    assert_owned(&store.snapshot(), &model);
    disk.full.store(false, Ordering::Relaxed);
    fill(&store, &mut model, 30, 3).unwrap();
    store.checkpoint().unwrap();
    fill(&store, &mut model, 30, 4).unwrap();
    store.close().unwrap();
    let store = open();
    assert_shows(&store.snapshot(), &model);
    assert_owned(&store.snapshot(), &model);
    assert_eq!(store.recovery_report(), None);
}

#[test]
fn a_full_disk_after_a_crash_leaves_the_database_readable() {
    // The checkpoint that ends a recovery failed, and with it the open: not even a SELECT went.
    let disk = TrialDisk::new();
    let store = Store::on_disk(Arc::clone(&disk) as Arc<dyn Disk>, &options(), RAW).unwrap();
    let mut model = Model::new();
    fill(&store, &mut model, 40, 1).unwrap();
    let crashed = disk.killed();
    crashed.full.store(true, Ordering::Relaxed);
    let store = Store::on_disk(Arc::clone(&crashed) as Arc<dyn Disk>, &options(), RAW).unwrap();
    assert_shows(&store.snapshot(), &model);
    assert!(matches!(store.begin_write(Duration::ZERO), Err(Error::Full(_))));
    assert!(matches!(store.checkpoint(), Err(Error::Full(_))));
    crashed.full.store(false, Ordering::Relaxed);
    fill(&store, &mut model, 10, 2).unwrap();
    store.close().unwrap();
    let store = Store::on_disk(crashed, &options(), RAW).unwrap();
    assert_eq!(store.recovery_report(), None);
    assert_shows(&store.snapshot(), &model);
    assert_owned(&store.snapshot(), &model);
}

#[test]
fn after_a_failed_sync_readers_go_on_and_writers_are_refused() {
    let disk = TrialDisk::new();
    let open = || Store::on_disk(Arc::clone(&disk) as Arc<dyn Disk>, &options(), RAW).unwrap();
    let store = open();
    let mut model = Model::new();
    fill(&store, &mut model, 20, 1).unwrap();
    *disk.broken.lock().unwrap() = FileRole::LOGS.to_vec();
    assert!(matches!(fill(&store, &mut model.clone(), 5, 2), Err(Error::OutcomeUnknown)));
    disk.broken.lock().unwrap().clear();
    assert!(matches!(store.begin_write(Duration::ZERO), Err(Error::OutcomeUnknown)));
    assert!(store.checkpoint().is_err());
    assert_shows(&store.snapshot(), &model);
    assert_eq!(store.snapshot().sequence(), 1);
    drop(store);
    let store = open();
    assert_shows(&store.snapshot(), &model);
    fill(&store, &mut model, 5, 3).unwrap();
}

#[test]
fn a_failed_sync_of_the_base_file_drops_nothing() {
    let disk = TrialDisk::new();
    let store = Store::on_disk(Arc::clone(&disk) as Arc<dyn Disk>, &options(), RAW).unwrap();
    let mut model = Model::new();
    fill(&store, &mut model, 20, 1).unwrap();
    let snapshot = store.snapshot();
    *disk.broken.lock().unwrap() = vec![FileRole::Base];
    assert!(matches!(store.checkpoint(), Err(Error::Io { .. })));
    assert_shows(&snapshot, &model);
    let mut states = vec![Model::new(), model.clone()];
    for commit in 2..5 {
        fill(&store, &mut model, 3, commit).unwrap();
        states.push(model.clone());
    }
    drop(snapshot);
    assert!(store.checkpoint().is_err());
    disk.broken.lock().unwrap().clear();
    fill(&store, &mut model, 3, 6).unwrap();
    states.push(model.clone());
    store.checkpoint().unwrap();
    fill(&store, &mut model, 3, 7).unwrap();
    states.push(model.clone());
    store.checkpoint().unwrap();
    assert_shows(&store.snapshot(), &model);
    drop(store);
    crash_everywhere(11, &mut Random::new(11), &disk, &states);
}
