//! One life of a store: it is opened, does its steps, and is left as it is, for a crash behind any of its calls.

use crate::copies;
use crate::random::Random;
use crate::schema::vacuum_step;
use crate::state::State;
use crate::steps::{Change, Shape, Step, change};
use sedge_storage::testing::{Crash, Recording, SimDisk, open};
use sedge_storage::{Error, Snapshot, Store, Synchronous, Vacuum};
use std::ops::Range;

/// Commits that must be there after a crash, however it comes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Floor {
    /// After the process was killed.
    pub killed: u64,
    /// After the power failed.
    pub powerless: u64,
}

impl Floor {
    pub fn after(&self, crash: Crash) -> u64 {
        match crash {
            Crash::Kill => self.killed,
            Crash::PowerFailure(_) => self.powerless,
        }
    }
}

/// What a life has done.
pub struct Life {
    /// Its calls, from the opening on.
    pub recording: Recording,
    /// By sequence: what each commit left.
    states: Vec<State>,
    /// From which call on which commits are promised.
    promises: Vec<(usize, Floor)>,
    /// Commits that failed, between which calls, and what they would have left: a crash in between may keep them.
    failures: Vec<(Range<usize>, u64, State)>,
    /// Checkpoints that ended between two commits made meanwhile.
    pub overtaken: u64,
    /// Crashes of the disks that copies went to.
    pub copies_crashed: u64,
}

impl Life {
    /// What the commits are that may be there if it crashes after so many calls.
    pub fn states(&self, calls: usize) -> Vec<State> {
        let mut states = self.states.clone();
        for (_, sequence, state) in self.failures.iter().filter(|(during, ..)| during.contains(&calls)) {
            states.truncate(*sequence as usize);
            states.push(state.clone());
        }
        states
    }

    /// How many calls the opening made.
    pub fn opening(&self) -> usize {
        self.promises.get(2).map_or(0, |(calls, _)| *calls)
    }

    /// What is promised after so many calls.
    pub fn floor(&self, calls: usize) -> Floor {
        let reached = self.promises.iter().rev().find(|(from, _)| *from <= calls);
        reached.map(|(_, floor)| *floor).unwrap_or_default()
    }
}

/// A life while it lasts.
struct Living<'a> {
    disk: &'a SimDisk,
    shape: &'a Shape,
    store: Option<Store>,
    level: Synchronous,
    states: Vec<State>,
    floor: Floor,
    promises: Vec<(usize, Floor)>,
    failures: Vec<(Range<usize>, u64, State)>,
    held: Vec<(Snapshot, State)>,
    /// Checkpoints that ended between two commits made meanwhile.
    overtaken: u64,
    copies_crashed: u64,
    /// Errors of the disk are to be expected.
    faulty: bool,
}

/// Opens the store on `disk`, where `states` are the commits that may be there and `floor` says which must be, checks what
/// it shows, and does the steps. With `faulty`, calls may fail; then it goes on as a careful user would.
///
/// # Errors
/// Says what was wrong.
pub fn live(
    disk: &SimDisk,
    shape: &Shape,
    steps: &[Step],
    states: &[State],
    (crash, floor): (Crash, Floor),
    faulty: bool,
) -> Result<Life, String> {
    disk.record();
    // A power failure takes what only a killed process was promised.
    let floor = Floor { killed: floor.after(crash), ..floor };
    let mut living = Living {
        disk,
        shape,
        store: None,
        level: shape.options.synchronous,
        states: states.to_vec(),
        floor,
        promises: vec![(0, floor)],
        failures: Vec::new(),
        held: Vec::new(),
        overtaken: 0,
        copies_crashed: 0,
        faulty,
    };
    let sequence = living.open(floor.after(crash))?;
    // What the first opening has found could be found by another one, had this one been killed.
    let found =
        Floor { killed: sequence, powerless: if crash == Crash::Kill { floor.powerless } else { sequence } };
    living.promises.insert(1, (0, found));
    for (at, step) in steps.iter().enumerate() {
        living.step(step).map_err(|wrong| format!("step {at}, {step:?}: {wrong}"))?;
    }
    living.held.clear();
    let Living { states, promises, failures, overtaken, copies_crashed, store, .. } = living;
    let recording = disk.recording();
    disk.kill();
    drop(store);
    Ok(Life { recording, states, promises, failures, overtaken, copies_crashed })
}

impl Living<'_> {
    /// Opens the store, where commits up to `least` must be there, and gives the last one that is.
    fn open(&mut self, least: u64) -> Result<u64, String> {
        let mut tries = 0;
        let store = loop {
            match open(self.disk, &self.shape.options) {
                Ok(store) => break store,
                Err(Error::Corrupt { page, detail, .. }) => {
                    return Err(format!("open: page {page}: {detail}"));
                }
                // A fault that strikes once does so to one of a few attempts.
                Err(_) if self.faulty && tries < 8 => tries += 1,
                Err(error) => return Err(format!("open: {error}")),
            }
        };
        let sequence = store.snapshot().sequence();
        if sequence < least {
            return Err(format!("commit {least} was acknowledged, {sequence} is the last one"));
        }
        if sequence >= self.states.len() as u64 {
            return Err(format!(
                "commit {sequence} was never made, {} was the last one",
                self.states.len() - 1
            ));
        }
        self.states.truncate(sequence as usize + 1);
        self.verify(&store)?;
        store.set_synchronous(self.level);
        self.store = Some(store);
        // On a full disk the checkpoint that ends a recovery is put off.
        self.promise(sequence, if self.faulty { 0 } else { sequence });
        Ok(sequence)
    }

    fn verify(&self, store: &Store) -> Result<(), String> {
        self.read(|| self.state().verify(store))
            .map_err(|wrong| format!("after commit {}: {wrong}", self.last()))
    }

    /// What a look at the store finds wrong; where calls may fail it is looked at again.
    fn read(&self, look: impl Fn() -> sedge_storage::Result<Option<String>>) -> Result<(), String> {
        let looks = if self.faulty { 8 } else { 1 };
        let mut wrong = String::new();
        for _ in 0..looks {
            wrong = match look() {
                Ok(None) => return Ok(()),
                Ok(Some(found)) => found,
                Err(error) => error.to_string(),
            };
        }
        Err(wrong)
    }

    fn state(&self) -> &State {
        self.states.last().expect("there is a first one")
    }

    fn store(&self) -> &Store {
        self.store.as_ref().expect("it is open")
    }

    /// From the next call on, these commits must be there.
    fn promise(&mut self, killed: u64, powerless: u64) {
        self.floor.killed = self.floor.killed.max(killed);
        self.floor.powerless = self.floor.powerless.max(powerless);
        self.promises.push((self.disk.recorded(), self.floor));
    }

    fn last(&self) -> u64 {
        self.states.len() as u64 - 1
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Change { .. } | Step::Load { .. } | Step::Thin { .. } | Step::Schema { .. } => {
                self.change(step)?;
            }
            Step::Vacuum { seed, pages } => self.vacuum(*seed, *pages)?,
            Step::Copy { seed, loaded } => self.copy(*seed, *loaded)?,
            Step::Checkpoint => match self.store().checkpoint() {
                Ok(()) => self.promise(self.last(), self.last()),
                // Somebody sees an older commit.
                Err(Error::Busy(_)) if !self.held.is_empty() => {}
                Err(error) => self.failed(error)?,
            },
            Step::Beside(changes) => self.beside(changes)?,
            Step::Synchronous(level) => {
                self.level = *level;
                self.store().set_synchronous(*level);
            }
            Step::Reopen => {
                self.release()?;
                match self.store.take().expect("it is open").close() {
                    Ok(()) => self.promise(self.last(), self.last()),
                    Err(error) if self.faulty => drop(error),
                    Err(error) => return Err(format!("close: {error}")),
                }
                self.reopen()?;
            }
            Step::Kill => self.reopen()?,
            Step::Hold => {
                let held = (self.store().snapshot(), self.state().clone());
                self.held.push(held);
            }
            Step::Release => self.release()?,
        }
        Ok(())
    }

    /// A checkpoint that runs beside changes: it holds what was committed before it, and none of them is in its way.
    fn beside(&mut self, changes: &[Step]) -> Result<(), String> {
        let (store, before) = (self.store().clone(), self.last());
        let checkpoint = std::thread::scope(|scope| {
            let checkpoint = scope.spawn(|| {
                let done = store.checkpoint();
                (done, store.snapshot().sequence())
            });
            let changed = changes.iter().try_for_each(|step| self.step(step));
            let (done, reached) = checkpoint.join().expect("it does not panic");
            changed.map(|()| {
                self.overtaken += u64::from(before < reached && reached < self.last());
                done
            })
        })?;
        match checkpoint {
            Ok(()) => self.promise(before, before),
            // A transaction took long.
            Err(Error::Busy(_)) => {}
            Err(error) if self.faulty => drop(error),
            Err(error) => return Err(error.to_string()),
        }
        Ok(())
    }

    fn release(&mut self) -> Result<(), String> {
        for (snapshot, state) in std::mem::take(&mut self.held) {
            self.read(|| state.compare(&snapshot))
                .map_err(|wrong| format!("a reader of {}: {wrong}", snapshot.sequence()))?;
        }
        Ok(())
    }

    fn change(&mut self, step: &Step) -> Result<(), String> {
        let shape = self.shape;
        self.transact(|store, state| change(step, shape, store, state)).map(drop)
    }

    /// Does a transaction on the newest state; true if it was committed.
    fn transact(&mut self, work: impl FnOnce(&Store, &State) -> Change) -> Result<bool, String> {
        let store = self.store().clone();
        let from = self.disk.recorded();
        match work(&store, self.state()) {
            Change::Committed(Ok(()), after) => {
                // A transaction that changed nothing makes no commit, and promises nothing.
                if store.snapshot().sequence() > self.last() {
                    self.states.push(after);
                    let durable = if self.level == Synchronous::Full { self.last() } else { 0 };
                    self.promise(self.last(), durable);
                }
                return Ok(true);
            }
            Change::RolledBack => {}
            Change::Committed(Err(Error::OutcomeUnknown), after) => {
                if !self.faulty {
                    return Err("the outcome is unknown".into());
                }
                self.states.push(after);
                drop(store);
                self.store = None;
                self.reopen()?;
            }
            Change::Committed(Err(error), after) => {
                drop(store);
                self.failures.push((from..self.disk.recorded(), self.last() + 1, after));
                self.failed(error)?;
            }
            Change::Failed(error) => {
                drop(store);
                self.failed(error)?;
            }
        }
        Ok(false)
    }

    /// A vacuum to its end, or to the first transaction of it that fails.
    fn vacuum(&mut self, seed: u64, pages: Option<u32>) -> Result<(), String> {
        let random = &mut Random::new(seed);
        let mut vacuum = pages.map_or_else(Vacuum::full, Vacuum::incremental);
        let (mut is_done, mut is_alone) = (false, true);
        while !is_done {
            if random.one_in(4) {
                is_alone = false;
                self.change(&Step::Change { seed: random.next(), edits: 1 + random.below(25) })?;
            }
            if !self.transact(|store, state| vacuum_step(&mut vacuum, &mut is_done, store, state))? {
                return Ok(());
            }
        }
        let free_pages = self.store().metrics().free_pages;
        if pages.is_none() && is_alone && free_pages > 0 {
            return Err(format!("{free_pages} pages are free after a vacuum"));
        }
        Ok(())
    }

    /// Copies what was committed to another disk, and crashes that behind each call.
    fn copy(&mut self, seed: u64, loaded: bool) -> Result<(), String> {
        let state = self.state().clone();
        match copies::copy(self.store(), self.shape, &state, loaded) {
            Ok(copy) => self.copies_crashed += copy.crash_everywhere(self.shape, &mut Random::new(seed))?,
            Err(error) if self.faulty => drop(error),
            Err(error) => return Err(error.to_string()),
        }
        Ok(())
    }

    /// A call failed: what was committed is seen as before, and a store that takes no more writes is opened again.
    fn failed(&mut self, error: Error) -> Result<(), String> {
        if !self.faulty || matches!(error, Error::Corrupt { .. } | Error::Misuse(_)) {
            return Err(error.to_string());
        }
        let shown = self.store().snapshot();
        // A failed read of a page that is not mapped is an error of that reader alone.
        if shown.sequence() != self.last() {
            return Err(format!("after {error}: commit {} is shown, not {}", shown.sequence(), self.last()));
        }
        drop(shown);
        if matches!(error, Error::OutcomeUnknown) {
            self.reopen()?;
        } else {
            let store = self.store().clone();
            self.verify(&store).map_err(|wrong| format!("after {error}: {wrong}"))?;
        }
        Ok(())
    }

    /// Ends the process and begins another.
    fn reopen(&mut self) -> Result<(), String> {
        self.disk.kill();
        self.held.clear();
        self.store = None;
        // Readers of a dead process see nothing more; its commits are all in the system's cache.
        self.open(self.floor.killed).map(drop)
    }
}
