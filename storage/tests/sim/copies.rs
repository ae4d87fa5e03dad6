//! Copies of a store on another disk: page by page as a backup, or its records loaded anew as by VACUUM INTO.
//!
//! A copy that was made is there, whatever happens then; one that was cut short is no database, an empty one, or whole.

use crate::random::Random;
use crate::state::{State, entry};
use crate::steps::Shape;
use crate::sweep::crash;
use sedge_storage::testing::{Recording, SimDisk, backup, open};
use sedge_storage::{Error, Result, Store};
use std::time::Duration;

/// How a copy was made, and what it holds.
pub struct Copy {
    recording: Recording,
    state: State,
}

/// Copies what `state` says to be the newest commit of `store`.
///
/// # Errors
/// Those of reading the original.
pub fn copy(store: &Store, shape: &Shape, state: &State, loaded: bool) -> Result<Copy> {
    let disk = SimDisk::new();
    disk.record();
    let state = if loaded {
        load(store, shape, state, &disk)?
    } else {
        backup(store, &disk)?;
        state.clone()
    };
    Ok(Copy { recording: disk.recording(), state })
}

/// Loads all trees into a new database; gives what it holds.
fn load(store: &Store, shape: &Shape, state: &State, disk: &SimDisk) -> Result<State> {
    let (snapshot, mut copied) = (store.snapshot(), state.clone());
    let target = open(disk, &shape.options)?;
    let mut transaction = target.begin_write(Duration::ZERO)?;
    for (name, tree) in &mut copied.trees {
        let mut cursor = snapshot.cursor(tree.id);
        tree.id = transaction.create_tree(tree.kind)?;
        transaction.insert(Store::SCHEMA_TREE, &[*name], &entry(tree.id))?;
        let mut more = cursor.seek_first()?;
        transaction.bulk_load(tree.id, |key, value| {
            if !more {
                return Ok(false);
            }
            key.extend_from_slice(cursor.key()?);
            value.extend_from_slice(cursor.value()?);
            more = cursor.next()?;
            Ok(true)
        })?;
    }
    transaction.commit()?;
    target.close()?;
    Ok(copied)
}

impl Copy {
    /// Crashes the disk of the copy behind each call; gives the number of crashes.
    ///
    /// # Errors
    /// Says what was wrong.
    pub fn crash_everywhere(&self, shape: &Shape, random: &mut Random) -> Result<u64, String> {
        let mut replay = self.recording.replay();
        let mut crashes = 0;
        loop {
            let at = replay.done();
            let crash = crash(random);
            crashes += 1;
            self.look(&replay.crash(crash), shape, at == self.recording.len()).map_err(|wrong| {
                let next = self.recording.describe(at);
                format!("a copy behind call {at}, in front of {next}, {crash:?}: {wrong}")
            })?;
            if !replay.step() {
                return Ok(crashes);
            }
        }
    }

    /// Looks at what a crash has left.
    fn look(&self, disk: &SimDisk, shape: &Shape, is_done: bool) -> Result<(), String> {
        let store = match open(disk, &shape.options) {
            Ok(store) => store,
            Err(Error::NotADatabase { .. }) if !is_done => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        let verify = |state: &State| state.verify(&store).map_err(|error| error.to_string());
        match verify(&self.state)? {
            None => Ok(()),
            Some(_) if !is_done && verify(&State::default())?.is_none() => Ok(()),
            Some(wrong) => Err(wrong),
        }
    }
}
