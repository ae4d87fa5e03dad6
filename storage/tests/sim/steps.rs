//! What a run does: a list of steps, each of which can be left out.
//!
//! A step carries a seed of its own, so that leaving out another changes as little of it as can be.

use crate::random::Random;
use crate::schema::change_schema;
use crate::state::{State, Tree, entry};
use sedge_storage::{
    Error, Options, Result, Savepoint, Store, Synchronous, TreeKind, WriteTransaction, row_key,
};
use std::sync::Arc;
use std::time::Duration;

/// One thing that a run does.
#[derive(Clone, Debug)]
pub enum Step {
    /// Random changes in one transaction, with savepoints, committed or not.
    Change { seed: u64, edits: u64 },
    /// A new tree, or an empty one, filled from sorted records: many new pages at once.
    Load { seed: u64, records: u64 },
    /// Most records of one tree deleted, or the tree dropped: pages are freed.
    Thin { seed: u64 },
    /// Trees made, filled from others, made anew under their names and dropped, in one transaction.
    Schema { seed: u64 },
    /// A vacuum, of all or of so many pages at the end, with changes between its transactions.
    Vacuum { seed: u64, pages: Option<u32> },
    /// The newest commit is copied to another disk, which crashes behind each call: page by page, or loaded anew.
    Copy { seed: u64, loaded: bool },
    /// A checkpoint.
    Checkpoint,
    /// A checkpoint in a thread of its own, and changes while it runs. How they meet is not in the seed's hand, so this
    /// is no step of the sweep.
    Beside(Vec<Step>),
    /// All later commits are synced so.
    Synchronous(Synchronous),
    /// The store is closed and opened again.
    Reopen,
    /// The process is killed, and another opens the store.
    Kill,
    /// A reader begins to look at the newest commit.
    Hold,
    /// All readers end, and must have seen all the time what they saw at first.
    Release,
}

/// How the store is opened, and how large a run is.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub options: Options,
    /// Bytes of the largest usual value.
    pub value_max: u64,
    /// Keys to choose from.
    pub keys: u64,
}

impl Shape {
    /// One of several shapes: caches of 16 pages, of 64, and of plenty; pages mapped and read; each level of syncing.
    pub fn of(random: &mut Random) -> Shape {
        let cache_size = [64 << 10, 256 << 10, 64 << 20][random.below(3) as usize];
        let synchronous = [Synchronous::Full, Synchronous::Full, Synchronous::Normal, Synchronous::Off];
        let synchronous = synchronous[random.below(4) as usize];
        let mmap = random.one_in(2);
        // Whoever would see a reader go is the one who waits.
        let busy_timeout = Duration::ZERO;
        let options =
            Options { page_size: 4096, cache_size, synchronous, mmap, busy_timeout, ..Options::default() };
        Shape { options, value_max: [60, 300, 1500][random.below(3) as usize], keys: 20 + random.below(300) }
    }
}

/// The steps of a run.
pub fn steps(random: &mut Random, shape: &Shape, count: u64) -> Vec<Step> {
    let pages = 4096 / (shape.value_max / 2 + 20);
    (0..count)
        .map(|_| match random.below(40) {
            0 | 1 => Step::Reopen,
            2 => Step::Kill,
            3..8 => Step::Checkpoint,
            8 => Step::Synchronous(
                [Synchronous::Full, Synchronous::Normal, Synchronous::Off][random.below(3) as usize],
            ),
            9 => Step::Hold,
            10 | 11 => Step::Release,
            12..15 => Step::Thin { seed: random.next() },
            15..18 => Step::Load { seed: random.next(), records: pages * (1 + random.below(40)) },
            18 => Step::Change { seed: random.next(), edits: 30 + random.below(150) },
            19 | 20 => Step::Schema { seed: random.next() },
            21 => Step::Vacuum { seed: random.next(), pages: None },
            22 => Step::Vacuum { seed: random.next(), pages: Some(1 + random.below(60) as u32) },
            23 if random.one_in(2) => Step::Copy { seed: random.next(), loaded: random.one_in(2) },
            _ => Step::Change { seed: random.next(), edits: 1 + random.below(25) },
        })
        .collect()
}

/// Does the changes of a step in one transaction; gives the state that follows if it was committed, or that was to
/// follow if the commit failed.
///
/// # Errors
/// The error of the call that failed, with the state if that was the commit.
pub fn change(step: &Step, shape: &Shape, store: &Store, before: &State) -> Change {
    let mut after = before.clone();
    let mut transaction = match store.begin_write(Duration::ZERO) {
        Ok(transaction) => transaction,
        Err(error) => return Change::Failed(error),
    };
    let edited = match step {
        Step::Schema { seed } => change_schema(&mut Random::new(*seed), &mut transaction, &mut after),
        Step::Change { seed, edits } => {
            edit_many(&mut Random::new(*seed), *edits, shape, &mut transaction, &mut after)
        }
        Step::Load { seed, records } => {
            load(&mut Random::new(*seed), *records, shape, &mut transaction, &mut after)
        }
        Step::Thin { seed } => thin(&mut Random::new(*seed), &mut transaction, &mut after),
        _ => Ok(()),
    };
    if let Err(error) = edited {
        return Change::Failed(error);
    }
    let seed = match step {
        Step::Change { seed, .. } | Step::Load { seed, .. } | Step::Thin { seed } | Step::Schema { seed } => {
            *seed
        }
        _ => 0,
    };
    if seed.is_multiple_of(7) {
        transaction.rollback();
        return Change::RolledBack;
    }
    Change::Committed(transaction.commit(), after)
}

/// What became of a transaction.
pub enum Change {
    /// The commit was tried, and this state is to follow.
    Committed(Result<()>, State),
    RolledBack,
    /// It did not come to a commit.
    Failed(Error),
}

fn key(random: &mut Random, kind: TreeKind, keys: u64) -> Vec<u8> {
    let number = random.below(keys);
    match kind {
        TreeKind::Table => row_key(number as i64 - 10).to_vec(),
        TreeKind::Index => {
            let mut key = format!("{:02}/{}", number % 7, number / 7).into_bytes();
            // A few keys are longer than a node may hold.
            let more = if number.is_multiple_of(60) { 900 } else { number % 20 };
            key.extend((0..more).map(|at| (number + at) as u8));
            key
        }
    }
}

fn value(random: &mut Random, shape: &Shape) -> Vec<u8> {
    let length = match random.below(60) {
        0 => 4000 + random.below(12_000),
        1..3 => random.below(2500),
        _ => random.below(shape.value_max),
    };
    let byte = random.next();
    (0..length).map(|at| (byte + at / 3) as u8).collect()
}

/// A tree of the state, chosen at random.
pub fn choose(random: &mut Random, state: &State) -> Option<u8> {
    let names: Vec<u8> = state.trees.keys().copied().collect();
    (!names.is_empty()).then(|| names[random.below(names.len() as u64) as usize])
}

pub fn make(random: &mut Random, transaction: &mut WriteTransaction, state: &mut State) -> Result<u8> {
    let name = (0..=u8::MAX).find(|name| !state.trees.contains_key(name)).expect("few trees");
    let kind = if random.one_in(2) { TreeKind::Table } else { TreeKind::Index };
    let id = transaction.create_tree(kind)?;
    assert!(transaction.insert(Store::SCHEMA_TREE, &[name], &entry(id))?);
    state.trees.insert(name, Tree { id, kind, rows: Arc::default() });
    Ok(name)
}

fn edit_many(
    random: &mut Random,
    edits: u64,
    shape: &Shape,
    transaction: &mut WriteTransaction,
    state: &mut State,
) -> Result<()> {
    let mut savepoints: Vec<(Savepoint, State)> = Vec::new();
    for _ in 0..edits {
        match random.below(40) {
            0 | 1 => savepoints.push((transaction.savepoint(), state.clone())),
            2 if !savepoints.is_empty() => {
                savepoints.truncate(random.below(savepoints.len() as u64) as usize + 1);
                let (savepoint, then) = savepoints.last().expect("one is left");
                transaction.rollback_to(savepoint)?;
                *state = then.clone();
            }
            3 => {
                if let Some((savepoint, _)) = savepoints.pop() {
                    transaction.release(savepoint)?;
                }
            }
            _ => edit(random, shape, transaction, state)?,
        }
    }
    Ok(())
}

fn edit(
    random: &mut Random,
    shape: &Shape,
    transaction: &mut WriteTransaction,
    state: &mut State,
) -> Result<()> {
    let chosen = choose(random, state).filter(|_| state.trees.len() > 3 || !random.one_in(50));
    let Some(name) = chosen else { return make(random, transaction, state).map(drop) };
    let trees = state.trees.len();
    let tree = state.trees.get_mut(&name).expect("it was chosen");
    let (id, rows) = (tree.id, Arc::make_mut(&mut tree.rows));
    let key = key(random, tree.kind, shape.keys);
    let known = rows.contains_key(&key);
    match random.below(200) {
        0 => {
            transaction.clear_tree(id)?;
            rows.clear();
        }
        1 if trees > 1 => {
            transaction.drop_tree(id)?;
            assert!(transaction.delete(Store::SCHEMA_TREE, &[name])?);
            state.trees.remove(&name);
        }
        2..90 => {
            let value = value(random, shape);
            assert_eq!(transaction.insert(id, &key, &value)?, !known);
            rows.entry(key).or_insert(value);
        }
        90..130 => {
            let value = value(random, shape);
            assert_eq!(transaction.put(id, &key, &value)?, !known);
            rows.insert(key, value);
        }
        _ => {
            assert_eq!(transaction.delete(id, &key)?, known);
            rows.remove(&key);
        }
    }
    Ok(())
}

fn load(
    random: &mut Random,
    records: u64,
    shape: &Shape,
    transaction: &mut WriteTransaction,
    state: &mut State,
) -> Result<()> {
    let name = match choose(random, state).filter(|_| state.trees.len() > 3) {
        Some(name) => {
            transaction.clear_tree(state.trees[&name].id)?;
            name
        }
        None => make(random, transaction, state)?,
    };
    let tree = state.trees.get_mut(&name).expect("it was made or chosen");
    let mut rows = crate::state::Map::new();
    for at in 0..records {
        let key = match tree.kind {
            TreeKind::Table => row_key(at as i64).to_vec(),
            TreeKind::Index => format!("{at:06}").into_bytes(),
        };
        rows.insert(key, value(random, shape));
    }
    let mut left = rows.iter();
    let loaded = transaction.bulk_load(tree.id, |key, value| {
        let Some(row) = left.next() else { return Ok(false) };
        key.clone_from(row.0);
        value.clone_from(row.1);
        Ok(true)
    })?;
    assert_eq!(loaded, records);
    tree.rows = Arc::new(rows);
    Ok(())
}

fn thin(random: &mut Random, transaction: &mut WriteTransaction, state: &mut State) -> Result<()> {
    let Some(name) = choose(random, state) else { return Ok(()) };
    let tree = state.trees.get_mut(&name).expect("it was chosen");
    if random.one_in(3) {
        transaction.drop_tree(tree.id)?;
        assert!(transaction.delete(Store::SCHEMA_TREE, &[name])?);
        state.trees.remove(&name);
        return Ok(());
    }
    let rows = Arc::make_mut(&mut tree.rows);
    let all: Vec<Vec<u8>> = rows.keys().cloned().collect();
    let gone = 1 + random.below(all.len() as u64 + 1);
    for key in all.into_iter().take(gone as usize) {
        assert!(transaction.delete(tree.id, &key)?);
        rows.remove(&key);
    }
    Ok(())
}
