//! Crashes at every I/O call of a workload, with what was not synced written, lost or torn at random.

use super::model::{MANY, Model, assert_owned, assert_shows, transaction};
use super::{PAGE_SIZE, RAW, Random, SMALLEST_CACHE, options, runs};
use crate::disk::{BasePage, Disk, FileRole, MemoryDisk};
use crate::error::{Error, Result};
use crate::page::{HEADER_SIZE, PageId, PageKind, WritePages};
use crate::store::{Options, Store};
use crate::txn::Synchronous;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

/// A cache for which no transaction of these tests is large.
const LARGE_CACHE: usize = 64 << 20;
/// A cache in which 16 pages make a transaction large.
pub(super) const SMALL_CACHE: usize = 4 * 16 * PAGE_SIZE;

/// Bytes that a device writes whole or not at all.
const SECTOR: usize = 512;

#[derive(Clone, Debug)]
pub(super) enum Call {
    Write(FileRole, u64, Vec<u8>),
    Sync(FileRole),
    Truncate(FileRole, u64),
    Remove(FileRole),
    /// The workload learned that its commit number so many is done.
    Acknowledged(usize),
}

/// A disk in memory that notes each call.
#[derive(Default)]
pub(super) struct NotingDisk {
    pub(super) disk: MemoryDisk,
    pub(super) calls: Mutex<Vec<Call>>,
    /// No file grows while this is set.
    pub(super) full: AtomicBool,
    /// Files that cannot be synced at present.
    pub(super) broken: Mutex<Vec<FileRole>>,
    /// Syncs wait while a test holds it.
    pub(super) gate: RwLock<()>,
    /// How long a sync takes.
    pub(super) sync_micros: AtomicU64,
}

impl NotingDisk {
    pub(super) fn note(&self, call: Call) {
        self.calls.lock().unwrap().push(call);
    }
}

impl Disk for NotingDisk {
    fn page(&self, id: PageId, page_size: usize) -> Result<BasePage> {
        self.disk.page(id, page_size)
    }
    fn read_at(&self, file: FileRole, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        self.disk.read_at(file, offset, buffer)
    }
    fn write_at(&self, file: FileRole, offset: u64, bytes: &[u8]) -> Result<()> {
        if self.full.load(Ordering::Relaxed) && offset + bytes.len() as u64 > self.length(file)? {
            return Err(Error::Full(format!("writing {file:?}")));
        }
        // A temporary file is gone after a crash.
        if file != FileRole::Temporary {
            self.note(Call::Write(file, offset, bytes.to_vec()));
        }
        self.disk.write_at(file, offset, bytes)
    }
    fn sync_data(&self, file: FileRole) -> Result<()> {
        let _passed = self.gate.read();
        if self.broken.lock().unwrap().contains(&file) {
            let source = std::io::Error::other("broken");
            return Err(Error::Io { context: format!("syncing {file:?}"), source });
        }
        // A sync is good for what was written before it began.
        self.note(Call::Sync(file));
        std::thread::sleep(Duration::from_micros(self.sync_micros.load(Ordering::Relaxed)));
        Ok(())
    }
    fn truncate(&self, file: FileRole, length: u64) -> Result<()> {
        self.note(Call::Truncate(file, length));
        self.disk.truncate(file, length)
    }
    fn length(&self, file: FileRole) -> Result<u64> {
        self.disk.length(file)
    }
    fn create_log(&self, _file: FileRole) -> Result<()> {
        Ok(())
    }
    fn remove_log(&self, file: FileRole) -> Result<()> {
        self.note(Call::Remove(file));
        self.disk.remove_log(file)
    }
    fn lock(&self, _exclusive: bool) -> Result<()> {
        Ok(())
    }
    fn path(&self) -> &Path {
        Path::new("noted")
    }
}

/// What is on the medium if the power fails after `calls`.
pub(super) fn after_crash(calls: &[Call], random: &mut Random) -> MemoryDisk {
    let disk = MemoryDisk::default();
    let fate = random.below(3);
    for (at, call) in calls.iter().enumerate() {
        match call {
            Call::Write(file, offset, bytes) => {
                let later = &calls[at..];
                let synced = later.iter().any(|call| matches!(call, Call::Sync(other) if other == file));
                for (sector, part) in bytes.chunks(SECTOR).enumerate() {
                    // Some crashes lose nothing, some everything that was not synced, most something.
                    if synced || fate == 0 || (fate == 1 && random.one_in(2)) {
                        disk.write_at(*file, offset + (sector * SECTOR) as u64, part).unwrap();
                    }
                }
            }
            Call::Truncate(file, length) => disk.truncate(*file, *length).unwrap(),
            Call::Remove(file) => disk.remove_log(*file).unwrap(),
            Call::Sync(_) | Call::Acknowledged(_) => {}
        }
    }
    disk
}

/// States by commit sequence, from a workload of transactions, small and large for the cache, checkpoints and
/// reopenings.
pub(super) fn workload(random: &mut Random, disk: &Arc<NotingDisk>, options: &Options) -> Vec<Model> {
    let open = || Store::on_disk(Arc::clone(disk) as Arc<dyn Disk>, options, RAW).unwrap();
    let mut store = open();
    let mut states = vec![Model::new()];
    for _ in 0..40 {
        match random.below(10) {
            0 => {
                store.close().unwrap();
                store = open();
            }
            1 | 2 => store.checkpoint().unwrap(),
            3 => {
                let mut model = states.last().unwrap().clone();
                let count = 10 + random.below(30);
                fill(&store, &mut model, count, random.next() as u8).unwrap();
                states.push(model);
            }
            _ => {
                let mut model = states.last().unwrap().clone();
                let is_load = options.cache_size == SMALLEST_CACHE && random.one_in(4);
                let edits = 1 + random.below(30) + if is_load { MANY } else { 0 };
                transaction(random, &store, &mut model, edits);
                if store.snapshot().sequence() as usize == states.len() {
                    states.push(model);
                }
            }
        }
        if options.synchronous == Synchronous::Full {
            disk.note(Call::Acknowledged(states.len() - 1));
        }
    }
    states
}

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

/// A workload in a cache of so many bytes, and a crash at each of its calls.
fn run(seed: u64, synchronous: Synchronous, cache_size: usize) {
    let random = &mut Random::new(seed);
    let disk = Arc::new(NotingDisk::default());
    let states = workload(random, &disk, &Options { synchronous, cache_size, ..options() });
    crash_everywhere(seed, random, &disk, &states);
}

/// Crashes after each call of a workload and compares with its states.
pub(super) fn crash_everywhere(seed: u64, random: &mut Random, disk: &NotingDisk, states: &[Model]) {
    let calls = disk.calls.lock().unwrap().clone();
    for point in 0..=calls.len() {
        let survived = &calls[..point];
        let acknowledged = survived.iter().filter_map(|call| match call {
            Call::Acknowledged(commit) => Some(*commit),
            _ => None,
        });
        let acknowledged = acknowledged.max();
        let crashed: Arc<dyn Disk> = Arc::new(after_crash(survived, random));
        let store = match Store::on_disk(Arc::clone(&crashed), &options(), RAW) {
            Ok(store) => store,
            Err(error) => panic!("seed {seed}, crash after call {point} of {}: {error}", calls.len()),
        };
        let snapshot = store.snapshot();
        let sequence = snapshot.sequence() as usize;
        assert!(
            acknowledged.is_none_or(|least| sequence >= least),
            "seed {seed}, crash after call {point}: commit {acknowledged:?} was acknowledged, {sequence} is there"
        );
        assert_shows(&snapshot, &states[sequence]);
        assert_owned(&snapshot, &states[sequence]);
        drop(snapshot);
        if point % 5 == 0 {
            let mut model = states[sequence].clone();
            transaction(random, &store, &mut model, 20);
            store.close().unwrap();
            let store = Store::on_disk(crashed, &options(), RAW).unwrap();
            assert_shows(&store.snapshot(), &model);
            assert_owned(&store.snapshot(), &model);
        }
    }
}

#[test]
fn an_acknowledged_commit_survives_a_crash_at_any_call() {
    (0..runs(4)).for_each(|seed| run(seed, Synchronous::Full, LARGE_CACHE));
}

#[test]
fn unsynced_commits_vanish_from_the_end_only() {
    (0..runs(2)).for_each(|seed| run(50 + seed, Synchronous::Normal, LARGE_CACHE));
    (0..runs(2)).for_each(|seed| run(70 + seed, Synchronous::Off, LARGE_CACHE));
}

#[test]
fn pages_written_straight_to_the_base_file_survive_a_crash_at_any_call() {
    (0..runs(2)).for_each(|seed| run(100 + seed, Synchronous::Full, SMALL_CACHE));
    (0..runs(1)).for_each(|seed| run(150 + seed, Synchronous::Normal, SMALL_CACHE));
    (0..runs(1)).for_each(|seed| run(170 + seed, Synchronous::Off, SMALL_CACHE));
}

#[test]
fn transactions_larger_than_the_cache_survive_a_crash_at_any_call() {
    (0..runs(1)).for_each(|seed| run(200 + seed, Synchronous::Full, SMALLEST_CACHE));
    (0..runs(1)).for_each(|seed| run(250 + seed, Synchronous::Normal, SMALLEST_CACHE));
}

#[test]
fn large_commits_in_parts_and_checkpoints_of_their_own_accord_survive() {
    let random = &mut Random::new(9);
    let disk = Arc::new(NotingDisk::default());
    let options = Options { cache_size: 4 << 20, ..options() };
    let store = Store::on_disk(Arc::clone(&disk) as Arc<dyn Disk>, &options, RAW).unwrap();
    let mut states = vec![Model::new()];
    for commit in 1..=8 {
        let mut model = states[commit - 1].clone();
        fill(&store, &mut model, 200, commit as u8).unwrap();
        states.push(model);
        disk.note(Call::Acknowledged(commit));
    }
    assert!(store.metrics().counters.checkpoints >= 1);
    drop(store);
    crash_everywhere(9, random, &disk, &states);
}

#[test]
fn a_full_disk_takes_back_the_transaction_and_nothing_else() {
    let disk = Arc::new(NotingDisk::default());
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
    let disk = Arc::new(NotingDisk::default());
    let store = Store::on_disk(Arc::clone(&disk) as Arc<dyn Disk>, &options(), RAW).unwrap();
    let mut model = Model::new();
    fill(&store, &mut model, 40, 1).unwrap();
    let crashed = Arc::new(NotingDisk {
        disk: after_crash(&disk.calls.lock().unwrap(), &mut Random::new(1)),
        ..NotingDisk::default()
    });
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
    let disk = Arc::new(NotingDisk::default());
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
    let disk = Arc::new(NotingDisk::default());
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
