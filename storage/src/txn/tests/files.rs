//! Damaged, foreign and copied files.

use super::model::{Model, assert_owned, assert_shows, transaction};
use super::{PAGE_SIZE, RAW, Random, options, runs};
use crate::Error;
use crate::page::ReadPages;
use crate::store::{Options, Store};
use std::fs;
use std::path::{Path, PathBuf};

/// Copies a database with its logs, as it lies there, to another name.
fn copy(from: &Path, folder: &Path, name: &str) -> PathBuf {
    let to = folder.join(name);
    for suffix in ["", "-wal0", "-wal1"] {
        let named = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        let _ = fs::remove_file(named(&to));
        if named(from).exists() {
            fs::copy(named(from), named(&to)).unwrap();
        }
    }
    to
}

fn open(path: &Path) -> crate::Result<Store> {
    Store::open_with(path, &options(), RAW)
}

/// A database with some commits in its base file and some in its log.
fn sample(random: &mut Random, path: &Path) -> (Store, Vec<Model>) {
    let store = open(path).unwrap();
    let mut states = vec![Model::new()];
    for at in 0..12 {
        let mut model = states.last().unwrap().clone();
        transaction(random, &store, &mut model, 30);
        if store.snapshot().sequence() as usize == states.len() {
            states.push(model);
        }
        if at == 6 {
            store.checkpoint().unwrap();
        }
    }
    (store, states)
}

#[test]
fn a_copy_of_the_files_of_a_running_store_is_a_crash() {
    for seed in 0..runs(3) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("running.sedge");
        let random = &mut Random::new(seed);
        let store = open(&path).unwrap();
        let mut model = Model::new();
        for at in 0..40 {
            transaction(random, &store, &mut model, 20);
            if random.one_in(6) {
                store.checkpoint().unwrap();
            }
            let name = format!("copy{at}.sedge");
            let copied = copy(&path, folder.path(), &name);
            let read_only = Options { read_only: true, ..options() };
            let reader = Store::open_with(&copied, &read_only, RAW).unwrap();
            assert_shows(&reader.snapshot(), &model);
            reader.close().unwrap();
            let copied = open(&copied).unwrap();
            assert_shows(&copied.snapshot(), &model);
            assert_owned(&copied.snapshot(), &model);
        }
    }
}

/// Opens a damaged copy: what it shows must be a committed state, from `least` on, or an error.
fn assert_honest(path: &Path, states: &[Model], least: usize, what: &str) {
    match open(path) {
        Ok(store) => {
            let snapshot = store.snapshot();
            let sequence = snapshot.sequence() as usize;
            assert!(sequence >= least, "{what}: commit {sequence} only");
            for (id, content) in &states[sequence] {
                match snapshot.page(*id) {
                    Ok(page) => assert_eq!(page[16..PAGE_SIZE - 4], content[..], "{what}"),
                    Err(error) => {
                        assert!(matches!(error, Error::Corrupt { page, .. } if page == id.0), "{what}")
                    }
                }
            }
        }
        Err(Error::Corrupt { .. } | Error::NotADatabase { .. }) => {}
        Err(error) => panic!("{what}: {error}"),
    }
}

#[test]
fn damaged_logs_are_cut_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.sedge");
    let random = &mut Random::new(3);
    let (store, states) = sample(random, &path);
    let newest = states.len() - 1;
    for run in 0..runs(150) {
        let damaged = copy(&path, folder.path(), "damaged.sedge");
        let log = format!("{}-wal{}", damaged.display(), random.below(2));
        let mut bytes = fs::read(&log).unwrap();
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        let at = random.below(used);
        let what = if run % 3 == 0 {
            bytes.truncate(at);
            format!("{log} cut at {at} of {used}")
        } else {
            bytes[at] ^= 1 << random.below(8);
            format!("{log} flipped at {at} of {used}")
        };
        fs::write(&log, bytes).unwrap();
        // Damage to the newest record cannot be told from a crash while it was written; but all before it were
        // stated to be durable by the record after each.
        let cut = run % 3 == 0;
        assert_honest(&damaged, &states, if cut { 0 } else { newest - 1 }, &what);
    }
    drop(store);
}

#[test]
fn a_flipped_byte_of_the_base_file_is_found_by_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.sedge");
    let random = &mut Random::new(4);
    let (store, states) = sample(random, &path);
    store.close().unwrap();
    let newest = states.len() - 1;
    for _ in 0..runs(150) {
        let damaged = copy(&path, folder.path(), "damaged.sedge");
        let mut bytes = fs::read(&damaged).unwrap();
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(8);
        fs::write(&damaged, bytes).unwrap();
        assert_honest(&damaged, &states, newest, &format!("flipped at {at}"));
    }
}

#[test]
fn a_file_that_is_cut_short_is_damaged_where_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.sedge");
    let random = &mut Random::new(5);
    let (store, states) = sample(random, &path);
    store.close().unwrap();
    let bytes = fs::read(&path).unwrap();
    for length in [1, 511, 512, 4095, 4096, 8192, 8193, bytes.len() / 2, bytes.len() - 1] {
        let damaged = folder.path().join("cut.sedge");
        fs::write(&damaged, &bytes[..length]).unwrap();
        assert_honest(&damaged, &states, states.len() - 1, &format!("cut to {length}"));
    }
}

#[test]
fn foreign_files_and_logs_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let mut sqlite = vec![0; 4096];
    sqlite[..16].copy_from_slice(b"SQLite format 3\0");
    let error = open(&file("old.db", &sqlite)).unwrap_err();
    assert!(error.to_string().contains("old.db .dump | sedge new.sedge"), "{error}");
    let error = open(&file("notes.txt", b"buy milk")).unwrap_err();
    assert!(matches!(error, Error::NotADatabase { .. }), "{error}");
    let missing = folder.path().join("missing.sedge");
    let error = Store::open_with(&missing, &Options { create: false, ..options() }, RAW).unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && !missing.exists(), "{error}");

    let random = &mut Random::new(6);
    let (one, other) = (folder.path().join("one.sedge"), folder.path().join("other.sedge"));
    let _one = sample(random, &one);
    sample(random, &other).0.close().unwrap();
    fs::copy(format!("{}-wal0", one.display()), format!("{}-wal0", other.display())).unwrap();
    let error = open(&other).unwrap_err();
    assert!(error.to_string().contains("belongs to another database"), "{error}");
}

#[test]
fn logs_of_a_database_that_is_gone_are_not_mixed_with_those_of_a_new_one() {
    // The base file was deleted and its logs forgotten: a crash of the new database met the old second log.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gone.sedge");
    let random = &mut Random::new(3);
    let (store, _) = sample(random, &path);
    let orphan = copy(&path, folder.path(), "orphan.sedge");
    drop(store);
    fs::remove_file(&orphan).unwrap();
    let error = open(&orphan).unwrap_err();
    assert!(error.to_string().contains("belongs to another database"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_leads_to_the_logs_of_its_file() {
    // Logs were named after the link: opened by its own name after a crash, the file had lost its last commits.
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("real.sedge"), folder.path().join("links/other.sedge"));
    fs::create_dir(folder.path().join("links")).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    open(&path).unwrap().close().unwrap();
    let (store, states) = sample(&mut Random::new(8), &link);
    let crashed = copy(&path, folder.path(), "crashed.sedge");
    drop(store);
    assert_shows(&open(&crashed).unwrap().snapshot(), states.last().unwrap());
}

#[test]
fn a_second_open_in_the_process_is_the_same_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared.sedge");
    let first = open(&path).unwrap();
    let second = open(&path).unwrap();
    assert!(first.snapshot().is_of_the_same_store(&second.snapshot()));
    drop(first);
    let mut model = Model::new();
    while !transaction(&mut Random::new(1), &second, &mut model, 5) {}
    let kept = second.snapshot();
    drop(second);
    assert_shows(&open(&path).unwrap().snapshot(), &model);
    drop(kept);
    let read_only = Options { read_only: true, ..options() };
    let reader = Store::open_with(&path, &read_only, RAW).unwrap();
    assert!(matches!(reader.begin_write(std::time::Duration::ZERO), Err(Error::ReadOnly)));
    assert!(matches!(open(&path), Err(Error::Busy(_))));
}

#[test]
fn handles_move_between_threads() {
    fn assert_shared<T: Send + Sync>() {}
    fn assert_sent<T: Send>() {}
    assert_shared::<Store>();
    assert_shared::<crate::Snapshot>();
    assert_shared::<crate::PageRef>();
    assert_sent::<crate::WriteTransaction>();
    assert_sent::<crate::Cursor<crate::Snapshot>>();
}

#[test]
fn threads_that_open_and_close_one_file_meet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("met.sedge");
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let path = &path;
            scope.spawn(move || {
                for _ in 0..20 {
                    let store = open(path).unwrap();
                    let mut transaction = store.begin_write(std::time::Duration::from_secs(10)).unwrap();
                    super::model::edit(&mut Random::new(seed), &mut transaction, &mut Model::new());
                    transaction.commit().unwrap();
                }
            });
        }
    });
    assert_eq!(open(&path).unwrap().snapshot().sequence(), 80);
}
