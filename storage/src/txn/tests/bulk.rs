//! Large transactions: fresh pages go straight to the base file, once, and nothing of them counts before the commit.

use super::crash::{SMALL_CACHE, fill};
use super::model::{Model, assert_owned, assert_shows};
use super::trial_disk::{TrialDisk, crash_everywhere};
use super::{PAGE_SIZE, RAW, Random, options};
use crate::disk::{Disk, FileRole};
use crate::error::Error;
use crate::page::{HEADER_SIZE, PageKind, WritePages};
use crate::store::{Options, Store};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn small_cache() -> Options {
    Options { cache_size: SMALL_CACHE, ..options() }
}

fn open(disk: &Arc<TrialDisk>) -> Store {
    Store::on_disk(Arc::clone(disk) as Arc<dyn Disk>, &small_cache(), RAW).unwrap()
}

#[test]
fn a_bulk_load_is_written_once() {
    let disk = TrialDisk::new();
    let store = open(&disk);
    let mut model = Model::new();
    fill(&store, &mut model, 400, 1).unwrap();
    let spent = store.metrics().counters;
    assert_eq!(
        (spent.pages_written, spent.fsyncs),
        (400, 3),
        "syncs of the base, the log's header, the record"
    );
    assert!(spent.wal_bytes < 12 * 400, "{} bytes of log", spent.wal_bytes);
    assert_eq!(store.metrics().overlay_pages, 1, "page 0");
    assert_shows(&store.snapshot(), &model);
    store.close().unwrap();
    let written = disk.written.load(Ordering::Relaxed);
    let length = disk.length(FileRole::Base).unwrap();
    assert!(written * 100 <= length * 115, "{written} bytes for a file of {length}");
    let store = open(&disk);
    assert_shows(&store.snapshot(), &model);
    assert_owned(&store.snapshot(), &model);
}

#[test]
fn a_transaction_that_fills_the_disk_gives_the_room_back() {
    let disk = TrialDisk::new();
    let store = open(&disk);
    let mut model = Model::new();
    fill(&store, &mut model, 40, 1).unwrap();
    let length = disk.length(FileRole::Base).unwrap();
    disk.full.store(true, Ordering::Relaxed);
    assert!(matches!(fill(&store, &mut model, 100, 2), Err(Error::Full(_))));
    assert_eq!(disk.length(FileRole::Base).unwrap(), length);
    disk.full.store(false, Ordering::Relaxed);
    fill(&store, &mut model, 60, 3).unwrap();
    assert_shows(&store.snapshot(), &model);
    drop(store);
    let store = open(&disk);
    assert_shows(&store.snapshot(), &model);
    assert_owned(&store.snapshot(), &model);
}

#[test]
fn pages_whose_sync_failed_are_not_committed() {
    let disk = TrialDisk::new();
    let store = open(&disk);
    let mut states = vec![Model::new()];
    let mut model = Model::new();
    fill(&store, &mut model, 30, 1).unwrap();
    states.push(model.clone());
    *disk.broken.lock().unwrap() = vec![FileRole::Base];
    assert!(matches!(fill(&store, &mut model.clone(), 30, 2), Err(Error::Io { .. })));
    assert_shows(&store.snapshot(), &model);
    fill(&store, &mut model, 3, 3).unwrap();
    states.push(model.clone());
    disk.broken.lock().unwrap().clear();
    fill(&store, &mut model, 30, 4).unwrap();
    states.push(model.clone());
    assert_shows(&store.snapshot(), &model);
    drop(store);
    crash_everywhere(12, &mut Random::new(12), &disk, &states);
}

#[test]
fn a_snapshot_of_the_open_transaction_outlives_the_commit_of_its_pages() {
    let disk = TrialDisk::new();
    let store = open(&disk);
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    let ids: Vec<_> = (0..30).map(|_| transaction.pages.allocate(PageKind::Overflow, 0).unwrap()).collect();
    let early = transaction.snapshot();
    for id in &ids {
        transaction.pages.edit(*id).unwrap().parts_mut().0[HEADER_SIZE] = 9;
    }
    let late = transaction.snapshot();
    transaction.commit().unwrap();
    let model = |byte: u8| -> Model {
        let mut content = vec![0; PAGE_SIZE - 4 - HEADER_SIZE];
        content[0] = byte;
        ids.iter().map(|id| (*id, content.clone())).collect()
    };
    assert_shows(&early, &model(0));
    assert_shows(&late, &model(9));
    assert_shows(&store.snapshot(), &model(9));
}

#[test]
fn a_load_larger_than_the_cache_keeps_few_pages_in_memory() {
    let disk = TrialDisk::new();
    let store = open(&disk);
    let copies_max = SMALL_CACHE / 4 / PAGE_SIZE;
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    let mut model = Model::new();
    let mut shown = Vec::new();
    for at in 0..1000 {
        let id = transaction.pages.allocate(PageKind::Overflow, 0).unwrap();
        let (page, ..) = transaction.pages.edit(id).unwrap().parts_mut();
        page[HEADER_SIZE..PAGE_SIZE - 4].fill(at as u8);
        model.insert(id, vec![at as u8; PAGE_SIZE - 4 - HEADER_SIZE]);
        assert!(transaction.pages.memory.copies <= copies_max + 2);
        if at % 50 == 0 {
            let snapshot = transaction.snapshot();
            // A page of the first state shown may stay in the overlay until it is touched again.
            assert!(snapshot.root().overlay.pages() <= copies_max as u64 + 2, "{at}");
            shown.push((snapshot, model.clone()));
        }
    }
    assert_shows(&*transaction.pages, &model);
    transaction.commit().unwrap();
    assert_eq!(store.metrics().counters.pages_written, 1000, "each page is written once");
    assert_shows(&store.snapshot(), &model);
    shown.iter().for_each(|(snapshot, model)| assert_shows(snapshot, model));
    drop(shown);
    store.close().unwrap();
    let store = open(&disk);
    assert_shows(&store.snapshot(), &model);
    assert_owned(&store.snapshot(), &model);
}

#[test]
fn a_load_that_is_rolled_back_gives_its_room_back() {
    let disk = TrialDisk::new();
    let store = open(&disk);
    let mut model = Model::new();
    fill(&store, &mut model, 40, 1).unwrap();
    let length = disk.length(FileRole::Base).unwrap();
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    let ids: Vec<_> = (0..300).map(|_| transaction.pages.allocate(PageKind::Overflow, 0).unwrap()).collect();
    assert!(disk.length(FileRole::Base).unwrap() > length, "pages left the memory");
    let held = transaction.snapshot();
    transaction.rollback();
    // Somebody still looks at the pages that went: they stay, and the next load does not touch them.
    fill(&store, &mut model, 300, 2).unwrap();
    let blank: Model = ids.iter().map(|id| (*id, vec![0; PAGE_SIZE - 4 - HEADER_SIZE])).collect();
    assert_shows(&held, &blank);
    assert_shows(&store.snapshot(), &model);
    drop(held);
    store.checkpoint().unwrap();
    let length = disk.length(FileRole::Base).unwrap();
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    for _ in 0..300 {
        transaction.pages.allocate(PageKind::Overflow, 0).unwrap();
    }
    assert!(disk.length(FileRole::Base).unwrap() > length);
    transaction.rollback();
    assert_eq!(disk.length(FileRole::Base).unwrap(), length);
    assert_shows(&store.snapshot(), &model);
    assert_owned(&store.snapshot(), &model);
}

/// Changes one byte of each page of the model.
fn touch_all(transaction: &mut crate::txn::WriteTransaction, model: &mut Model, byte: u8) {
    for (id, content) in model.iter_mut() {
        let (page, edits, _) = transaction.pages.edit(*id).unwrap().parts_mut();
        page[HEADER_SIZE + 100] = byte;
        edits.note_write(HEADER_SIZE + 100, HEADER_SIZE + 101);
        content[100] = byte;
    }
}

#[test]
fn changes_of_more_pages_than_the_cache_has_room_for_keep_few_in_memory() {
    let disk = TrialDisk::new();
    let store = open(&disk);
    let copies_max = SMALL_CACHE / 4 / PAGE_SIZE;
    let in_use = || store.snapshot().root().base.temporary.in_use();
    let mut model = Model::new();
    fill(&store, &mut model, 500, 1).unwrap();
    let held = (store.snapshot(), model.clone());
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    touch_all(&mut transaction, &mut model, 2);
    assert!(transaction.pages.memory.copies <= copies_max + 2);
    let middle = model.clone();
    let savepoint = transaction.savepoint();
    touch_all(&mut transaction, &mut model, 3);
    assert!(transaction.pages.memory.copies <= copies_max + 2);
    let images = transaction.pages.undo.len() - transaction.pages.memory.images_gone;
    assert!(images <= copies_max + 2, "{images} images in memory");
    assert_shows(&*transaction.pages, &model);
    transaction.rollback_to(&savepoint).unwrap();
    assert_shows(&*transaction.pages, &middle);
    let shown = transaction.snapshot();
    let before = store.metrics().counters.wal_bytes;
    transaction.commit().unwrap();
    assert!(store.metrics().counters.wal_bytes - before < 500 * 64, "edits are logged, not pages");
    let overlay = store.metrics().overlay_pages;
    assert!(overlay > 500 && store.snapshot().root().overlay.in_memory() <= 3 * copies_max as u64 + 1);
    for (snapshot, model) in [&held, &(shown, middle.clone()), &(store.snapshot(), middle.clone())] {
        assert_shows(snapshot, model);
    }
    drop(held);
    store.checkpoint().unwrap();
    assert_eq!((store.metrics().overlay_pages, in_use()), (1, 0), "all slots are free again");
    assert_shows(&store.snapshot(), &middle);
    store.close().unwrap();
    assert_shows(&open(&disk).snapshot(), &middle);
}

#[test]
fn short_readers_do_not_keep_the_log_growing() {
    // One reader or the other always saw the commit before: no checkpoint ever ran.
    let disk = TrialDisk::new();
    let store = open(&disk);
    let mut model = Model::new();
    fill(&store, &mut model, 200, 1).unwrap();
    let over = AtomicBool::new(false);
    let most = std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let _held = store.snapshot();
                    std::thread::sleep(Duration::from_millis(3));
                }
            });
        }
        let mut most = 0;
        for byte in 0..60 {
            let mut transaction = store.begin_write(Duration::ZERO).unwrap();
            for id in model.keys() {
                let (page, edits, _) = transaction.pages.edit(*id).unwrap().parts_mut();
                page[HEADER_SIZE..PAGE_SIZE - 4].fill(byte);
                edits.note_whole();
            }
            transaction.commit().unwrap();
            most = store.metrics().wal_size.max(most);
        }
        over.store(true, Ordering::Relaxed);
        most
    });
    assert!(most < 12 << 20, "{most} bytes of log");
    assert!(store.metrics().counters.checkpoints > 3);
}
