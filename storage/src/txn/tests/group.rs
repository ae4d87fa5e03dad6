//! Group commit: who waits for whom, what readers see meanwhile, and what a failed sync does.

use super::crash::fill;
use super::model::{Model, assert_shows};
use super::trial_disk::{TrialDisk, crash_everywhere};
use super::{PAGE_SIZE, RAW, Random, options};
use crate::disk::{Disk, FileRole};
use crate::error::{Error, Result};
use crate::page::{CHECKSUM_SIZE, HEADER_SIZE, PageId, ReadPages, WritePages};
use crate::store::Store;
use crate::txn::Synchronous;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(20);

fn open(disk: &Arc<TrialDisk>) -> Store {
    Store::on_disk(Arc::clone(disk) as Arc<dyn Disk>, &options(), RAW).unwrap()
}

/// Raises the number in page `id` by one, and gives the commit's sequence.
fn count_up(store: &Store, id: PageId) -> Result<u64> {
    let mut transaction = store.begin_write(WAIT)?;
    let (page, edits, _) = transaction.pages.edit(id)?.parts_mut();
    let number = u32::from_le_bytes(page[HEADER_SIZE..HEADER_SIZE + 4].try_into().unwrap()) + 1;
    page[HEADER_SIZE..HEADER_SIZE + 4].copy_from_slice(&number.to_le_bytes());
    edits.note_write(HEADER_SIZE, HEADER_SIZE + 4);
    let sequence = transaction.base_sequence() + 1;
    transaction.commit()?;
    Ok(sequence)
}

fn number_in(pages: &impl ReadPages, id: PageId) -> u32 {
    u32::from_le_bytes(pages.page(id).unwrap()[HEADER_SIZE..HEADER_SIZE + 4].try_into().unwrap())
}

/// A store with one page, whose first commit made it.
fn counter(disk: &Arc<TrialDisk>) -> (Store, PageId) {
    let store = open(disk);
    let mut model = Model::new();
    fill(&store, &mut model, 1, 0).unwrap();
    disk.acknowledge(1);
    (store, *model.keys().next().unwrap())
}

fn states(id: PageId, last: u32) -> Vec<Model> {
    let state = |number: u32| {
        let mut content = vec![0; PAGE_SIZE - HEADER_SIZE - CHECKSUM_SIZE];
        content[..4].copy_from_slice(&number.to_le_bytes());
        Model::from([(id, content)])
    };
    [Model::new()].into_iter().chain((0..=last).map(state)).collect()
}

#[test]
fn threads_share_syncs_and_every_acknowledged_commit_survives() {
    const THREADS: u32 = 4;
    const EACH: u32 = 20;
    let disk = TrialDisk::new();
    let (store, id) = counter(&disk);
    disk.sync_micros.store(500, Ordering::Relaxed);
    let before = store.metrics().counters;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (store, disk) = (&store, &disk);
            scope.spawn(move || {
                for round in 0..EACH {
                    let sequence = count_up(store, id).unwrap();
                    disk.acknowledge(sequence as usize);
                    let snapshot = store.snapshot();
                    assert!(snapshot.sequence() >= sequence, "a commit is visible when it returns");
                    assert_eq!(u64::from(number_in(&snapshot, id)) + 1, snapshot.sequence());
                    if (thread, round) == (0, EACH / 2) {
                        store.checkpoint().unwrap_or_else(|error| {
                            assert!(matches!(error, Error::Busy(_)), "{error}"); // a reader may be in the way
                        });
                    }
                }
            });
        }
    });
    let spent = store.metrics().counters.since(&before);
    assert_eq!(spent.commits, u64::from(THREADS * EACH));
    assert!(spent.fsyncs * 3 < spent.commits * 2, "{} syncs for {} commits", spent.fsyncs, spent.commits);
    disk.sync_micros.store(0, Ordering::Relaxed);
    drop(store);
    crash_everywhere(31, &mut Random::new(31), &disk, &states(id, THREADS * EACH));
}

#[test]
fn what_waits_for_its_sync_is_seen_by_the_next_writer_alone() {
    let disk = TrialDisk::new();
    let (store, id) = counter(&disk);
    disk.close(&FileRole::LOGS);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| count_up(&store, id));
        // The next writer has its turn though the first one's sync is not done.
        let mut writer = store.begin_write(WAIT).unwrap();
        while writer.base_sequence() < 2 {
            drop(writer);
            writer = store.begin_write(WAIT).unwrap();
        }
        assert_eq!(number_in(&*writer.pages, id), 1);
        let reader = store.snapshot();
        assert_eq!((reader.sequence(), number_in(&reader, id)), (1, 0));
        assert!(matches!(store.begin_write_from(&reader, Duration::ZERO), Err(Error::Busy(_))));
        // Its end, too, waits until what it has read is visible.
        let rolled_back = scope.spawn(|| {
            writer.rollback();
            store.snapshot().sequence()
        });
        // A commit that asks for no sync does not overtake one that does.
        store.set_synchronous(Synchronous::Off);
        let hasty = scope.spawn(|| count_up(&store, id));
        std::thread::sleep(Duration::from_millis(30));
        assert!(!first.is_finished() && !rolled_back.is_finished() && !hasty.is_finished());
        assert_eq!(store.snapshot().sequence(), 1);
        disk.close(&[]);
        assert_eq!((first.join().unwrap().unwrap(), hasty.join().unwrap().unwrap()), (2, 3));
        assert!(rolled_back.join().unwrap() >= 2);
    });
    assert_eq!(number_in(&store.snapshot(), id), 2);
}

#[test]
fn a_failed_sync_fails_all_who_wait() {
    let disk = TrialDisk::new();
    let (store, id) = counter(&disk);
    disk.close(&FileRole::LOGS);
    *disk.broken.lock().unwrap() = FileRole::LOGS.to_vec();
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..4).map(|_| scope.spawn(|| count_up(&store, id))).collect();
        while store
            .begin_write(WAIT)
            .map(|writer| {
                let base = writer.base_sequence();
                // Dropping it would wait for the sync that the gate holds.
                scope.spawn(move || drop(writer));
                base
            })
            .unwrap()
            < 5
        {
            std::thread::yield_now();
        }
        let open = store.begin_write(WAIT).unwrap();
        disk.close(&[]);
        for thread in waiting {
            assert!(matches!(thread.join().unwrap(), Err(Error::OutcomeUnknown)));
        }
        let mut open = open;
        open.pages.edit(id).unwrap().edits.note_whole();
        assert!(matches!(open.commit(), Err(Error::OutcomeUnknown)), "the open writer is doomed");
    });
    disk.broken.lock().unwrap().clear();
    assert!(matches!(store.begin_write(WAIT), Err(Error::OutcomeUnknown)));
    assert!(store.checkpoint().is_err());
    let snapshot = store.snapshot();
    assert_eq!((snapshot.sequence(), number_in(&snapshot, id)), (1, 0));
    drop((snapshot, store));
    let store = open(&disk);
    let reached = store.snapshot().sequence() as usize;
    assert_shows(&store.snapshot(), &states(id, 4)[reached]);
}
