//! Steps that change trees as a whole: schema changes, and the transactions of a vacuum, which moves their roots.

use crate::random::Random;
use crate::state::{Map, State, Tree, entry};
use crate::steps::{Change, choose, make};
use sedge_storage::{Result, Store, TreeId, TreeKind, Vacuum, WriteTransaction};
use std::sync::Arc;
use std::time::Duration;

/// Trees come and go in one transaction, some of it taken back by a savepoint.
pub fn change_schema(
    random: &mut Random,
    transaction: &mut WriteTransaction,
    state: &mut State,
) -> Result<()> {
    for _ in 0..1 + random.below(5) {
        let undo = random.one_in(4).then(|| (transaction.savepoint(), state.clone()));
        match random.below(4) {
            0 => drop(make(random, transaction, state)?),
            1 => index(random, transaction, state)?,
            2 => rebuild(random, transaction, state)?,
            _ => remove(random, transaction, state)?,
        }
        if let Some((savepoint, before)) = undo {
            transaction.rollback_to(&savepoint)?;
            transaction.release(savepoint)?;
            *state = before;
        }
    }
    Ok(())
}

/// Fills an empty tree from a map.
fn fill(transaction: &mut WriteTransaction, id: TreeId, rows: &Map) -> Result<()> {
    let mut left = rows.iter();
    let loaded = transaction.bulk_load(id, |key, value| {
        let Some(row) = left.next() else { return Ok(false) };
        key.clone_from(row.0);
        value.clone_from(row.1);
        Ok(true)
    })?;
    assert_eq!(loaded, rows.len() as u64);
    Ok(())
}

/// A tree of the first bytes of another's values with its keys behind them, as CREATE INDEX makes one.
fn index(random: &mut Random, transaction: &mut WriteTransaction, state: &mut State) -> Result<()> {
    let Some(of) = choose(random, state) else { return Ok(()) };
    let Some(name) = (0..=u8::MAX).find(|name| !state.trees.contains_key(name)) else { return Ok(()) };
    let key = |(key, value): (&Vec<u8>, &Vec<u8>)| [&value[..value.len().min(12)], key].concat();
    let rows: Map = state.trees[&of].rows.iter().map(|row| (key(row), Vec::new())).collect();
    let id = transaction.create_tree(TreeKind::Index)?;
    fill(transaction, id, &rows)?;
    assert!(transaction.insert(Store::SCHEMA_TREE, &[name], &entry(id))?);
    state.trees.insert(name, Tree { id, kind: TreeKind::Index, rows: Arc::new(rows) });
    Ok(())
}

/// A tree whose rows all change: in its place, or in another that takes its name, as ALTER TABLE does.
fn rebuild(random: &mut Random, transaction: &mut WriteTransaction, state: &mut State) -> Result<()> {
    let Some(name) = choose(random, state) else { return Ok(()) };
    let tree = state.trees.get_mut(&name).expect("it was chosen");
    let added = random.next() as u8;
    for value in Arc::make_mut(&mut tree.rows).values_mut() {
        value.push(added);
    }
    if random.one_in(2) {
        transaction.clear_tree(tree.id)?;
        return fill(transaction, tree.id, &tree.rows);
    }
    let id = transaction.create_tree(tree.kind)?;
    fill(transaction, id, &tree.rows)?;
    transaction.drop_tree(tree.id)?;
    tree.id = id;
    assert!(transaction.replace(Store::SCHEMA_TREE, &[name], &entry(id))?);
    Ok(())
}

fn remove(random: &mut Random, transaction: &mut WriteTransaction, state: &mut State) -> Result<()> {
    let Some(name) = choose(random, state) else { return Ok(()) };
    transaction.drop_tree(state.trees[&name].id)?;
    assert!(transaction.delete(Store::SCHEMA_TREE, &[name])?);
    state.trees.remove(&name);
    Ok(())
}

/// One transaction of a vacuum, which notes in the schema which roots have moved.
pub fn vacuum_step(vacuum: &mut Vacuum, is_done: &mut bool, store: &Store, before: &State) -> Change {
    let mut after = before.clone();
    let mut work = || -> Result<WriteTransaction> {
        let mut transaction = store.begin_write(Duration::ZERO)?;
        let known = before.trees.values().map(|tree| tree.id);
        let trees: Vec<TreeId> = [Store::SCHEMA_TREE].into_iter().chain(known).collect();
        let step = transaction.vacuum(vacuum, &trees)?;
        for (name, tree) in &mut after.trees {
            let Some((_, now)) = step.moved_trees.iter().find(|(moved, _)| *moved == tree.id) else {
                continue;
            };
            tree.id = *now;
            assert!(transaction.replace(Store::SCHEMA_TREE, &[*name], &entry(*now))?);
        }
        *is_done = step.is_done;
        Ok(transaction)
    };
    match work() {
        Ok(transaction) => Change::Committed(transaction.commit(), after),
        Err(error) => Change::Failed(error),
    }
}
