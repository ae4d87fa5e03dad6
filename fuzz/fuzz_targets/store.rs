//! A store in real files: trees made and dropped, edits, savepoints, commits, checkpoints, snapshots that are held,
//! clean reopenings and crashes, in whatever order the input says, against maps in memory. The cache is as small as it
//! can be, so that transactions and the overlay leave the memory.
#![no_main]
#![forbid(unsafe_code)]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sedge_fuzz::edits::{Map, Pair, Step};
use sedge_fuzz::sample;
use sedge_storage::{Error, Options, Result, Snapshot, Store, Synchronous, TreeKind};
use std::path::PathBuf;
use std::time::Duration;

const TREES_MAX: usize = 4;
const HELD_MAX: usize = 3;

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Action {
    Edit(u8, Step),
    Create(bool),
    Drop(u8),
    Clear(u8),
    Savepoint,
    RollbackTo,
    Commit,
    Rollback,
    Checkpoint,
    Hold,
    Release(u8),
    Reopen,
    /// The files are copied as they lie there, and the copy is opened.
    Crash,
}

#[derive(Arbitrary, Debug)]
struct Input {
    page_bits: u8,
    mmap: bool,
    roomy: bool,
    actions: Vec<Action>,
}

/// The database, where it lies, and what its last commit should show.
struct Home {
    folder: tempfile::TempDir,
    name: u32,
    options: Options,
    committed: Vec<Pair>,
}

impl Home {
    fn path(&self) -> PathBuf {
        self.folder.path().join(format!("{}.sedge", self.name))
    }

    fn open(&self) -> Result<Store> {
        let store = Store::open(&self.path(), &self.options)?;
        let snapshot = store.snapshot();
        self.committed.iter().try_for_each(|pair| pair.compare(&snapshot))?;
        let trees = self.committed.iter().map(|pair| (pair.tree, pair.kind, format!("{:?}", pair.tree)));
        assert_eq!(store.check(&trees.collect::<Vec<_>>())?, Vec::<String>::new());
        Ok(store)
    }

    /// Goes on with a copy of the files.
    fn move_on(&mut self) {
        let from = self.path();
        self.name += 1;
        sample::copy(&from, &self.path());
    }
}

fn run(input: Input) -> Result<()> {
    let page_size = 4096 << (input.page_bits % 5);
    let options = Options {
        page_size,
        cache_size: if input.roomy { 1 << 20 } else { 16 * page_size },
        synchronous: Synchronous::Off,
        mmap: input.mmap,
        ..Options::default()
    };
    let mut home = Home { folder: sample::folder(), name: 0, options, committed: Vec::new() };
    let mut store = home.open()?;
    let wait = Duration::from_secs(1);
    let mut transaction = store.begin_write(wait)?;
    let mut pairs: Vec<Pair> = Vec::new();
    let mut savepoint = None;
    let mut held: Vec<(Snapshot, Vec<Pair>)> = Vec::new();
    for action in input.actions {
        match action {
            Action::Edit(which, step) => {
                let count = pairs.len().max(1);
                if let Some(pair) = pairs.get_mut(usize::from(which) % count) {
                    pair.step(&mut transaction, step)?;
                }
            }
            Action::Create(table) if pairs.len() < TREES_MAX => {
                let kind = if table { TreeKind::Table } else { TreeKind::Index };
                pairs.push(Pair { kind, tree: transaction.create_tree(kind)?, map: Map::new() });
            }
            Action::Drop(which) if !pairs.is_empty() => {
                let pair = pairs.swap_remove(usize::from(which) % pairs.len());
                transaction.drop_tree(pair.tree)?;
            }
            Action::Clear(which) if !pairs.is_empty() => {
                let at = usize::from(which) % pairs.len();
                transaction.clear_tree(pairs[at].tree)?;
                pairs[at].map.clear();
            }
            Action::Savepoint => savepoint = Some((transaction.savepoint(), pairs.clone())),
            Action::RollbackTo => {
                if let Some((open, saved)) = &savepoint {
                    transaction.rollback_to(open)?;
                    pairs.clone_from(saved);
                }
            }
            Action::Hold if held.len() < HELD_MAX => held.push((transaction.snapshot(), pairs.clone())),
            Action::Release(which) if !held.is_empty() => {
                let (snapshot, pairs) = held.swap_remove(usize::from(which) % held.len());
                pairs.iter().try_for_each(|pair| pair.compare(&snapshot))?;
            }
            Action::Commit | Action::Rollback | Action::Checkpoint | Action::Reopen | Action::Crash => {
                savepoint = None;
                if matches!(action, Action::Rollback) {
                    transaction.rollback();
                    pairs.clone_from(&home.committed);
                } else if matches!(action, Action::Crash) {
                    // What is not committed is lost.
                    home.move_on();
                    drop(transaction);
                    pairs.clone_from(&home.committed);
                } else {
                    transaction.commit()?;
                    home.committed.clone_from(&pairs);
                }
                if matches!(action, Action::Checkpoint) {
                    match store.checkpoint() {
                        Err(Error::Busy(_)) if !held.is_empty() => {}
                        done => done?,
                    }
                }
                if matches!(action, Action::Reopen | Action::Crash) {
                    for (snapshot, pairs) in held.drain(..) {
                        pairs.iter().try_for_each(|pair| pair.compare(&snapshot))?;
                    }
                    store.close()?;
                    store = home.open()?;
                }
                transaction = store.begin_write(wait)?;
            }
            _ => {}
        }
    }
    let snapshot = transaction.snapshot();
    pairs.iter().try_for_each(|pair| pair.compare(&snapshot))?;
    for (snapshot, pairs) in held {
        pairs.iter().try_for_each(|pair| pair.compare(&snapshot))?;
    }
    transaction.commit()
}

fuzz_target!(|input: Input| run(input).expect("nothing done to a sound store fails"));
