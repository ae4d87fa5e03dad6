//! Edits of leaves, as many and of whatever kind the input says, against maps in memory.
#![no_main]
#![forbid(unsafe_code)]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sedge_fuzz::edits::{Map, Pair, Step};
use sedge_storage::{Options, Store, TreeKind};
use std::time::Duration;

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Action {
    Edit(bool, Step),
    Savepoint,
    Rollback,
    Commit,
}

#[derive(Arbitrary, Debug)]
struct Input {
    small_pages: bool,
    actions: Vec<Action>,
}

fn run(input: Input) -> sedge_storage::Result<()> {
    let page_size = if input.small_pages { 4096 } else { 8192 };
    let store = Store::open_in_memory(&Options { page_size, ..Options::default() })?;
    let wait = Duration::from_secs(1);
    let mut transaction = store.begin_write(wait)?;
    let mut pairs = Vec::new();
    for kind in [TreeKind::Table, TreeKind::Index] {
        pairs.push(Pair { kind, tree: transaction.create_tree(kind)?, map: Map::new() });
    }
    let mut savepoint = None;
    for action in input.actions {
        match action {
            Action::Savepoint => savepoint = Some((transaction.savepoint(), pairs.clone())),
            Action::Rollback => {
                if let Some((open, saved)) = &savepoint {
                    transaction.rollback_to(open)?;
                    pairs.clone_from(saved);
                }
            }
            Action::Commit => {
                savepoint = None;
                transaction.commit()?;
                transaction = store.begin_write(wait)?;
            }
            Action::Edit(which, step) => pairs[usize::from(which)].step(&mut transaction, step)?,
        }
    }
    let snapshot = transaction.snapshot();
    pairs.iter().try_for_each(|pair| pair.compare(&snapshot))?;
    transaction.commit()
}

fuzz_target!(|input: Input| run(input).expect("no edit of a sound store fails"));
