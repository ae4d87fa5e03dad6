//! The order in which commits, checkpoints and readers come to see each other: what races with a checkpoint's flush.
//!
//! Each test stops the checkpoint inside its flush, at the sync of the base file, and lets something else happen there.

use super::crash::{SMALL_CACHE, fill};
use super::model::{Model, assert_owned, assert_shows};
use super::trial_disk::{TrialDisk, crash_everywhere};
use super::{PAGE_SIZE, RAW, Random, options};
use crate::disk::{Disk, FileRole};
use crate::error::Error;
use crate::page::{HEADER_SIZE, PageId, ReadPages, WritePages};
use crate::store::{Options, Store};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(20);

/// A store whose pages are all in the base file, and whose commits stand in one log alone.
fn store(disk: &Arc<TrialDisk>, pages: usize) -> (Store, Model) {
    let options = Options { busy_timeout: WAIT, ..options() };
    let store = Store::on_disk(Arc::clone(disk) as Arc<dyn Disk>, &options, RAW).unwrap();
    let mut model = Model::new();
    fill(&store, &mut model, pages, 0).unwrap();
    store.checkpoint().unwrap();
    (store, model)
}

/// Fills a page with a byte, in a transaction of its own.
fn set(store: &Store, model: &mut Model, id: PageId, byte: u8) {
    let mut transaction = store.begin_write(WAIT).unwrap();
    let (page, edits, _) = transaction.pages.edit(id).unwrap().parts_mut();
    page[HEADER_SIZE..PAGE_SIZE - 4].fill(byte);
    edits.note_write(HEADER_SIZE, PAGE_SIZE - 4);
    transaction.commit().unwrap();
    model.get_mut(&id).unwrap().fill(byte);
}

fn byte_in(pages: &impl ReadPages, id: PageId) -> u8 {
    pages.page(id).unwrap()[HEADER_SIZE]
}

/// What the database is after a crash now, unsynced writes included.
fn assert_recovers(disk: &TrialDisk, model: &Model) {
    let store = Store::on_disk(disk.killed(), &options(), RAW).unwrap();
    assert_shows(&store.snapshot(), model);
    assert_owned(&store.snapshot(), model);
}

#[test]
fn commits_go_on_during_a_flush_and_its_drop_leaves_theirs() {
    let disk = TrialDisk::new();
    let (store, mut model) = store(&disk, 3);
    let ids: Vec<PageId> = model.keys().copied().collect();
    ids.iter().for_each(|id| set(&store, &mut model, *id, 1));
    disk.close(&[FileRole::Base]);
    thread::scope(|scope| {
        let checkpoint = scope.spawn(|| store.checkpoint());
        disk.wait_for(FileRole::Base);
        // The pages stand in their places, and nobody was told.
        set(&store, &mut model, ids[0], 2);
        assert_shows(&store.snapshot(), &model);
        assert_recovers(&disk, &model);
        assert!(!checkpoint.is_finished());
        disk.open(FileRole::Base);
        checkpoint.join().unwrap().unwrap();
    });
    assert_eq!(store.metrics().overlay_pages, 2, "page 0, and the one that the later commit changed");
    assert_shows(&store.snapshot(), &model);
    assert_recovers(&disk, &model);
    store.checkpoint().unwrap();
    assert_eq!(store.metrics().overlay_pages, 1);
    assert_shows(&store.snapshot(), &model);
    assert_recovers(&disk, &model);
}

#[test]
fn a_reader_that_comes_during_a_flush_sees_one_commit() {
    let disk = TrialDisk::new();
    let (store, mut model) = store(&disk, 3);
    let ids: Vec<PageId> = model.keys().copied().collect();
    ids.iter().for_each(|id| set(&store, &mut model, *id, 1));
    let before = model.clone();
    disk.close(&[FileRole::Base]);
    thread::scope(|scope| {
        let checkpoint = scope.spawn(|| store.checkpoint());
        disk.wait_for(FileRole::Base);
        let reader = store.snapshot();
        assert_shows(&reader, &before);
        set(&store, &mut model, ids[1], 2);
        disk.open(FileRole::Base);
        checkpoint.join().unwrap().unwrap();
        set(&store, &mut model, ids[2], 3);
        assert_shows(&reader, &before);
        assert_shows(&store.snapshot(), &model);
        // It sees commits before those: the next checkpoint waits for it, and for it alone.
        let next = scope.spawn(|| store.checkpoint());
        thread::sleep(Duration::from_millis(30));
        assert!(!next.is_finished());
        assert_shows(&reader, &before);
        set(&store, &mut model, ids[2], 4);
        drop(reader);
        next.join().unwrap().unwrap();
    });
    assert_shows(&store.snapshot(), &model);
    assert_recovers(&disk, &model);
}

#[test]
fn a_transaction_that_is_open_when_a_flush_ends_keeps_what_it_began_from() {
    let disk = TrialDisk::new();
    let (store, mut model) = store(&disk, 3);
    let ids: Vec<PageId> = model.keys().copied().collect();
    ids.iter().for_each(|id| set(&store, &mut model, *id, 1));
    disk.close(&[FileRole::Base]);
    thread::scope(|scope| {
        let checkpoint = scope.spawn(|| store.checkpoint());
        disk.wait_for(FileRole::Base);
        let mut writer = store.begin_write(WAIT).unwrap();
        disk.open(FileRole::Base);
        thread::sleep(Duration::from_millis(20)); // the flush ends; its drop waits for the writer's turn
        let (page, edits, _) = writer.pages.edit(ids[0]).unwrap().parts_mut();
        page[HEADER_SIZE..PAGE_SIZE - 4].fill(7);
        edits.note_write(HEADER_SIZE, PAGE_SIZE - 4);
        assert_eq!(byte_in(&*writer.pages, ids[1]), 1);
        writer.commit().unwrap();
        model.get_mut(&ids[0]).unwrap().fill(7);
        checkpoint.join().unwrap().unwrap();
    });
    assert_eq!(store.metrics().overlay_pages, 2);
    assert_shows(&store.snapshot(), &model);
    assert_recovers(&disk, &model);
}

#[test]
fn a_drop_reaches_a_commit_that_waits_for_its_sync() {
    let disk = TrialDisk::new();
    let (store, mut model) = store(&disk, 3);
    let ids: Vec<PageId> = model.keys().copied().collect();
    ids.iter().for_each(|id| set(&store, &mut model, *id, 1));
    let before = model.clone();
    disk.close(&[FileRole::Base]);
    thread::scope(|scope| {
        let checkpoint = scope.spawn(|| store.checkpoint());
        disk.wait_for(FileRole::Base);
        // The first checkpoint switched to the second log, this one back to the first.
        let log = FileRole::Log0;
        disk.close(&[FileRole::Base, log]);
        let committer = scope.spawn(|| {
            set(&store, &mut model, ids[0], 2);
            model
        });
        disk.wait_for(log);
        disk.open(FileRole::Base);
        checkpoint.join().unwrap().unwrap();
        assert_shows(&store.snapshot(), &before);
        assert_eq!(store.metrics().overlay_pages, 1, "what is visible was made smaller");
        assert!(!committer.is_finished());
        disk.open(log);
        let after = committer.join().unwrap();
        assert_shows(&store.snapshot(), &after);
        assert_eq!(store.metrics().overlay_pages, 2, "and so was the commit");
        assert_recovers(&disk, &after);
    });
}

#[test]
fn readers_that_take_turns_without_end_are_in_no_checkpoints_way() {
    let disk = TrialDisk::new();
    let (store, mut model) = store(&disk, 2);
    let id = *model.keys().next().unwrap();
    for round in 0..20 {
        set(&store, &mut model, id, round);
        let old = store.snapshot();
        set(&store, &mut model, id, round + 100);
        thread::scope(|scope| {
            let checkpoint = scope.spawn(|| store.checkpoint());
            thread::sleep(Duration::from_millis(2));
            // The next reader comes before the one before it goes: there is always one.
            let new = store.snapshot();
            drop(old);
            checkpoint.join().unwrap().unwrap();
            assert_eq!(byte_in(&new, id), round + 100);
        });
    }
    assert!(store.metrics().counters.checkpoints >= 20);
}

#[test]
fn a_crash_between_sets_of_images_loses_nothing() {
    // A cache of four pages: images stand in the log two at a time, each set over the one before.
    let disk = TrialDisk::new();
    let options = Options { cache_size: 4 * PAGE_SIZE, ..options() };
    let store = Store::on_disk(Arc::clone(&disk) as Arc<dyn Disk>, &options, RAW).unwrap();
    let mut states = vec![Model::new()];
    let mut model = Model::new();
    fill(&store, &mut model, 9, 1).unwrap();
    let mut done = |model: &Model| {
        states.push(model.clone());
        disk.acknowledge(states.len() - 1);
    };
    done(&model);
    store.checkpoint().unwrap();
    for byte in 2..5 {
        for id in model.keys().copied().collect::<Vec<_>>() {
            let mut transaction = store.begin_write(WAIT).unwrap();
            let (page, edits, _) = transaction.pages.edit(id).unwrap().parts_mut();
            page[100..200].fill(byte);
            edits.note_write(100, 200);
            transaction.commit().unwrap();
            model.get_mut(&id).unwrap()[100 - HEADER_SIZE..200 - HEADER_SIZE].fill(byte);
            done(&model);
        }
        let pages = store.metrics().overlay_pages;
        assert!(pages > 8, "{pages} pages to flush");
        store.checkpoint().unwrap();
    }
    drop(store);
    (0..4).for_each(|seed| crash_everywhere(seed, &mut Random::new(seed), &disk, &states));
}

/// A large transaction that comes in front of call number `place` of a checkpoint; false if there is no such call.
fn load_between(place: usize) -> bool {
    let disk = TrialDisk::new();
    let options = Options { cache_size: SMALL_CACHE, ..options() };
    let store = Store::on_disk(Arc::clone(&disk) as Arc<dyn Disk>, &options, RAW).unwrap();
    let mut model = Model::new();
    // Few enough pages to be logged: the file does not have them before the checkpoint.
    fill(&store, &mut model, 12, 1).unwrap();
    let (reached, is_there) = mpsc::channel();
    let (go_on, waits) = mpsc::channel();
    let waits = Mutex::new(waits);
    thread::scope(|scope| {
        let (store, noting) = (&store, Arc::clone(&disk));
        let checkpoint = scope.spawn(move || {
            let (me, calls, at) = (thread::current().id(), AtomicUsize::new(0), reached.clone());
            noting.before_each_call(move || {
                if thread::current().id() == me && calls.fetch_add(1, Ordering::Relaxed) == place {
                    at.send(true).unwrap();
                    // Where it holds what the load needs, the load comes behind it.
                    let _ = waits.lock().unwrap().recv_timeout(Duration::from_millis(200));
                }
            });
            let done = store.checkpoint();
            reached.send(false).unwrap();
            done
        });
        let is_there = is_there.recv().unwrap();
        fill(store, &mut model, 100, 2).unwrap();
        let _ = go_on.send(());
        checkpoint.join().unwrap().unwrap();
        assert_shows(&store.snapshot(), &model);
        assert_owned(&store.snapshot(), &model);
        assert_recovers(&disk, &model);
        is_there
    })
}

#[test]
fn a_load_between_any_two_calls_of_a_checkpoint_keeps_its_pages() {
    // A checkpoint saw that the base file was too short for its pages, and set its length. Between both a load had written
    // its own pages behind them, which were cut off again: its commit was acknowledged, and its pages were zeros.
    let places = (0..).take_while(|place| load_between(*place)).count();
    assert!(places > 8, "a checkpoint of {places} calls");
}

#[test]
fn a_checkpoint_makes_no_writer_give_up() {
    let disk = TrialDisk::new();
    let (store, mut model) = store(&disk, 1);
    let id = *model.keys().next().unwrap();
    set(&store, &mut model, id, 1);
    disk.close(&FileRole::LOGS);
    thread::scope(|scope| {
        let checkpoint = scope.spawn(|| store.checkpoint());
        // It has the writer's turn and starts the first log again.
        disk.wait_for(FileRole::Log0);
        let writer = scope.spawn(|| store.begin_write(Duration::ZERO).map(drop));
        thread::sleep(Duration::from_millis(10));
        assert!(!writer.is_finished());
        disk.open(FileRole::Log0);
        disk.open(FileRole::Log1);
        writer.join().unwrap().unwrap();
        checkpoint.join().unwrap().unwrap();
    });
    let writer = store.begin_write(WAIT).unwrap();
    assert!(matches!(store.begin_write(Duration::ZERO), Err(Error::Busy(_))));
    drop(writer);
}
