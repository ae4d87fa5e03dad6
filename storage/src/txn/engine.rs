//! An open database as its handles share it: over the core that its checkpointer shares, too.

use super::core::Core;
use super::private_pages::PrivatePages;
use super::writer_queue::Holder;
use super::{Snapshot, WriteTransaction, check_page, content_ranges};
use crate::btree::{self, TreeKind};
use crate::disk::Registration;
use crate::error::{Error, Result};
use crate::overlay::{PageCheck, Root};
use crate::page::PageId;
use crate::wal::{ContentRanges, RecoveryReport, Wal};
use std::any::Any;
use std::ops::Deref;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// When a commit is on the medium.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// Some time after it returned; a power failure may take the last commits, a crash of the process takes none.
    Off,
    /// As [`Synchronous::Off`], with a sync at every checkpoint.
    Normal,
    /// Before it returns.
    #[default]
    Full,
}

/// How pages are laid out, as far as the log and the first touch of a page must know.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) check: PageCheck,
    pub(crate) ranges: ContentRanges,
    /// Makes the schema tree of a new database on the page that roots it.
    pub(crate) plant: fn(&mut PrivatePages, PageId) -> Result<()>,
}

impl Layout {
    /// The layout of trees and freelists.
    pub(crate) const TREES: Layout = Layout {
        check: check_page,
        ranges: content_ranges,
        plant: |pages, root| btree::create_at(pages, TreeKind::Index, root).map(drop),
    };
}

/// What an engine is made from.
pub(crate) struct EngineOptions {
    pub(crate) layout: Layout,
    pub(crate) cache_size: u64,
    pub(crate) synchronous: Synchronous,
    pub(crate) read_only: bool,
    pub(crate) busy_timeout: Duration,
    /// Checkpoints that are due have a thread of their own; else whoever finds one due runs it, before the next commit.
    pub(crate) background: bool,
}

/// The shared part of an open database. The last handle dropped ends the checkpointer and closes the files.
pub(crate) struct Engine {
    core: Arc<Core>,
    pub(crate) recovery: Option<RecoveryReport>,
    /// The place among this process's open files; given back after the files are closed.
    registration: Option<Registration>,
}

impl Deref for Engine {
    type Target = Core;
    #[inline]
    fn deref(&self) -> &Core {
        &self.core
    }
}

impl Engine {
    /// An engine that shows `root`, logs to `wal`, and counts as open by `registration`.
    pub(crate) fn new(
        root: Root,
        wal: Option<Wal>,
        options: EngineOptions,
        recovery: Option<RecoveryReport>,
        registration: Option<Registration>,
    ) -> Engine {
        let core = Arc::new(Core::new(root, wal, options, recovery.is_some()));
        Engine { core, recovery, registration }
    }

    pub(crate) fn snapshot(self: &Arc<Engine>) -> Snapshot {
        Snapshot::new(self.newest(), Arc::clone(self))
    }

    /// Waits for the writer's turn and starts a transaction: over `snapshot`, or over the newest commit.
    pub(crate) fn begin_write(
        self: &Arc<Engine>,
        snapshot: Option<&Snapshot>,
        timeout: Duration,
    ) -> Result<WriteTransaction> {
        if self.options.read_only {
            return Err(Error::ReadOnly);
        }
        if !self.writers.acquire(Holder::Writer, timeout) {
            return Err(Error::Busy("another transaction is writing".into()));
        }
        if let Err(error) = self.end_recovery() {
            self.release_turn();
            return Err(error);
        }
        let transaction = WriteTransaction::begin(Arc::clone(self), self.newest_committed())?;
        if self.wal().as_ref().is_some_and(Wal::failed) {
            return Err(Error::OutcomeUnknown);
        }
        if let Some(snapshot) = snapshot
            && snapshot.sequence() != transaction.base_sequence()
        {
            return Err(Error::Conflict);
        }
        Ok(transaction)
    }

    /// Wakes the checkpointer, which is there from the first time on; where there can be none, the caller runs the
    /// checkpoint, if it comes to its turn at once.
    pub(super) fn checkpoint_soon(&self) {
        if !self.checkpoints.wake(&self.core) {
            let _ = self.checkpoint(Duration::ZERO);
        }
    }

    /// As [`Engine::checkpoint_soon`], and waits while it is at work: the logs are too long. What waits for readers is
    /// not waited for.
    pub(super) fn checkpoint_and_wait(&self) {
        self.checkpoint_soon();
        self.checkpoints.wait_while_at_work();
    }

    /// Lets later opens of the file find `shared`.
    /// True if it is of a file that other opens of this process find.
    pub(crate) fn is_registered(&self) -> bool {
        self.registration.is_some()
    }

    pub(crate) fn publish_registration(&self, shared: Weak<dyn Any + Send + Sync>) {
        if let Some(registration) = &self.registration {
            registration.publish(shared);
        }
    }

    /// Leaves one file at rest, if nobody's view of the database is in the way.
    ///
    /// # Errors
    /// Those of the checkpoint; the logs are kept then, and the next open recovers from them.
    pub(crate) fn close(&mut self) -> Result<()> {
        self.checkpoints.end();
        self.core.close()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // What fails here is recovered by the next open; `Store::close` reports it.
        let _ = self.close();
    }
}
