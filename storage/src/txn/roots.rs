//! The roots that may still be read: whom a checkpoint has to wait for, and which part of the base file is nobody's.
//!
//! A root is alive as long as somebody holds a count of it. Readers take and give back counts without a word to this
//! list; it keeps weak references and looks.

use crate::overlay::Root;
use crate::page::Sequence;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// All roots that may be alive, and page counts.
pub(super) struct Roots {
    state: Mutex<State>,
}

struct State {
    /// In the order of their making; the dead are dropped when one joins.
    roots: Vec<Weak<Root>>,
    /// No root that is alive and no recovery that may come looks at the base file from this page on: the greatest page
    /// count since the commit that the base file holds all of, and of what is alive.
    counted: u32,
    /// The greatest page count since the active log was begun: all that a recovery sees once the other is free.
    counted_in_log: u32,
}

impl Roots {
    /// The root of a database that was just opened.
    pub(super) fn new(root: &Arc<Root>) -> Roots {
        let (counted, counted_in_log) = (root.page_count, root.page_count);
        Roots { state: Mutex::new(State { roots: vec![Arc::downgrade(root)], counted, counted_in_log }) }
    }

    /// Counts a root that readers may come to hold, or that looks at the base file before it is visible: a commit that
    /// waits for its sync, or a state of an open transaction.
    pub(super) fn register(&self, root: &Arc<Root>) {
        let mut state = self.state();
        state.roots.retain(|root| root.strong_count() > 0);
        state.roots.push(Arc::downgrade(root));
        state.counted = state.counted.max(root.page_count);
        state.counted_in_log = state.counted_in_log.max(root.page_count);
    }

    /// True if somebody sees the database as of a commit before `sequence`.
    pub(super) fn is_seen_before(&self, sequence: Sequence) -> bool {
        self.state().roots.iter().filter_map(Weak::upgrade).any(|root| root.sequence < sequence)
    }

    /// The page from which on nobody looks at the base file.
    pub(super) fn counted(&self) -> u32 {
        self.state().counted
    }

    /// True if a root that is alive, or a commit since the active log was begun, has more pages than `page_count`.
    pub(super) fn is_counted_beyond(&self, page_count: u32) -> bool {
        let state = self.state();
        let mut alive = state.roots.iter().filter_map(Weak::upgrade);
        state.counted_in_log > page_count || alive.any(|root| root.page_count > page_count)
    }

    /// Commits go to another log file from here on, where the database has `page_count` pages.
    pub(super) fn begin_log(&self, page_count: u32) {
        self.state().counted_in_log = page_count;
    }

    /// The log file that was closed is not needed any more.
    pub(super) fn end_closed_log(&self) {
        let mut state = self.state();
        let alive = state.roots.iter().filter_map(Weak::upgrade).map(|root| root.page_count);
        state.counted = alive.fold(state.counted_in_log, u32::max);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
