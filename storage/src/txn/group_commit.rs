//! Commits on their way to the medium: appended to the log, not yet synced, and not visible before they are.
//!
//! ```text
//! writer:   edits -- appends -- gives the turn back -- waits for its sync -- returns
//! next:                         edits on top of it  -- appends -- waits   -- returns
//! ```
//! One of those who wait syncs the log for all that was appended by then; meanwhile others append, and the next sync
//! is theirs. Whoever was let go by the last sync is often back with another commit at once: a sync waits for those a
//! little, where that has paid so far, so that all share one sync instead of each second one. Only one sync runs at a
//! time: the system tells of a failure once, and whoever synced beside it would not know. A sync that failed fails all
//! who wait, and all who come.
//!
//! Its locks come from `super::sync`, so that `storage/tests/interleavings` can put those of a model checker there.

use super::sync::atomic::{AtomicU64, Ordering};
use super::sync::{Arc, Condvar, Mutex, MutexGuard};
use crate::error::{Error, Result};
use crate::overlay::Root;
use crate::page::Sequence;
use std::sync::PoisonError;

/// The commits that wait for a sync.
#[derive(Default)]
pub(super) struct GroupCommit {
    state: Mutex<State>,
    changed: Condvar,
    /// The newest commit that is visible: to find without the lock that nothing is to be waited for.
    visible: AtomicU64,
    /// The newest commit that was appended to wait here.
    appended: AtomicU64,
}

#[derive(Default)]
struct State {
    /// The newest commit, while it waits for its sync.
    newest: Option<Arc<Root>>,
    /// Somebody is syncing.
    syncing: bool,
    /// A sync failed.
    failed: bool,
    /// Commits that the last sync served, and those that came too late for it: so many may share the next one.
    company: u64,
    /// Syncs that are not to wait for company, since it did not come.
    hasty: u32,
    /// How many those were when it last failed to come.
    hasty_last: u32,
}

/// The most syncs in a row that do not wait for company after it has failed to come.
const HASTY_MAX: u32 = 64;

impl GroupCommit {
    /// A commit is visible: those up to it wait no longer.
    pub(super) fn set_visible(&self, sequence: Sequence) {
        self.visible.store(sequence, Ordering::Release);
    }

    /// The newest commit, if it is not visible yet.
    pub(super) fn newest(&self) -> Option<Arc<Root>> {
        self.state().newest.clone()
    }

    /// A commit stands in the log: the next writer starts from it. Its committer holds the writer's turn.
    pub(super) fn append(&self, root: Arc<Root>) {
        let sequence = root.sequence;
        self.state().newest = Some(root);
        self.appended.store(sequence, Ordering::Release);
    }

    /// The newest commit that was appended to wait for a sync.
    pub(super) fn appended(&self) -> Sequence {
        self.appended.load(Ordering::Acquire)
    }

    /// Waits until commit `sequence` is visible, or makes it so: `gather` waits a little until a commit is appended and
    /// says whether it was, `sync` brings the log to the medium, `publish` lets readers see the commits up to a root.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`] if a sync failed before the commit was visible.
    pub(super) fn wait(
        &self,
        sequence: Sequence,
        gather: impl Fn(Sequence) -> bool,
        sync: impl Fn(Sequence) -> Result<()>,
        publish: impl Fn(Arc<Root>),
    ) -> Result<()> {
        if self.visible.load(Ordering::Acquire) >= sequence {
            return Ok(());
        }
        let mut state = self.state();
        loop {
            if self.visible.load(Ordering::Acquire) >= sequence {
                return Ok(());
            }
            if state.failed {
                return Err(Error::OutcomeUnknown);
            }
            let newest = state.newest.clone().filter(|_| !state.syncing);
            let Some(mut root) = newest else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.syncing = true;
            let visible = self.visible.load(Ordering::Acquire);
            if let Some(target) = state.company_wanted(visible, root.sequence) {
                drop(state);
                let came = gather(target);
                state = self.state();
                state.note_company(came);
                root = state.newest.clone().unwrap_or(root);
            }
            drop(state);
            let synced = sync(root.sequence);
            state = self.state();
            state.syncing = false;
            if synced.is_ok() {
                state.company =
                    state.newest.as_ref().map_or(root.sequence, |newest| newest.sequence) - visible;
                // A checkpoint may have made the newest root smaller meanwhile.
                let newest = state.newest.take_if(|newest| newest.sequence == root.sequence);
                // Under the lock: commits become visible in their order.
                publish(newest.unwrap_or(root));
            } else {
                state.failed = true;
                state.newest = None;
            }
            self.changed.notify_all();
        }
    }

    /// Runs a sync of the log that no commit waits for, while no other runs.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`] if it fails, or one has failed before: all who wait fail then.
    pub(super) fn sync_alone(&self, sync: impl FnOnce() -> Result<()>) -> Result<()> {
        let mut state = self.state();
        while state.syncing {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.failed {
            return Err(Error::OutcomeUnknown);
        }
        state.syncing = true;
        drop(state);
        let synced = sync();
        state = self.state();
        state.syncing = false;
        if synced.is_err() {
            state.failed = true;
            state.newest = None;
        }
        self.changed.notify_all();
        synced
    }

    /// Changes the newest commit, if it is not visible yet, and then what is visible, while none becomes visible. The
    /// caller holds the writer's turn.
    pub(super) fn exchange(&self, change: impl Fn(&Arc<Root>) -> Arc<Root>, change_visible: impl FnOnce()) {
        let mut state = self.state();
        if let Some(newest) = &mut state.newest {
            *newest = change(newest);
        }
        change_visible();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic between two fields cannot be: nothing here panics but the disk, and the lock is free then.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The commit that a sync should wait for which would serve `visible + 1` to `newest`, if any.
    fn company_wanted(&mut self, visible: Sequence, newest: Sequence) -> Option<Sequence> {
        let target = visible + self.company;
        if target <= newest {
            return None;
        }
        if self.hasty > 0 {
            self.hasty -= 1;
            return None;
        }
        Some(target)
    }

    /// Where company did not come it is not waited for the next times, more and more of them.
    fn note_company(&mut self, came: bool) {
        self.hasty_last = if came { 0 } else { (2 * self.hasty_last + 1).min(HASTY_MAX) };
        self.hasty = self.hasty_last;
    }
}
