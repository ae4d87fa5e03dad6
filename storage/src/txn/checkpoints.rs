//! Checkpoints and the thread that runs them: closing a log, waiting for readers, flushing, and dropping what was flushed.
//!
//! ```text
//! writer's turn:  settle -- close the log |                                        | drop what was flushed
//! no turn:                                | wait for older readers -- flush -- free |
//! commits:                                | go on, in the other log ----------------------------------->
//! ```
//! A checkpoint is one of a commit V: everything up to V gets into the base file. Readers of V and of what follows
//! see none of it change: what is written in place they all have in their overlays, until the drop, and from then on
//! it is in the base file. Only readers of commits before V are waited for, so short readers that take turns without
//! end are in nobody's way.

use super::core::{CHECKPOINT_MIN, Core};
use super::writer_queue::{Holder, WriterQueue};
use crate::disk::FileRole;
use crate::error::{Error, Result};
use crate::overlay::Root;
use crate::page::{PageBytes, PageId, Sequence};
use crate::wal::{self, Afterwards, Wal};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a checkpoint that holds the writer's turn waits for readers of older commits, before it is put off.
const READERS_WAIT: Duration = Duration::from_millis(20);
/// The first and the longest pause between two looks at them.
const PAUSES: [Duration; 2] = [Duration::from_micros(100), Duration::from_millis(10)];
/// The part of the cache that images take in the log at a time: one in so many.
const IMAGES_SHARE: u64 = 2;
/// Log files stay as long as this many times what logs may grow to, to be written over; what is more goes back to
/// the system when a checkpoint has freed it.
const LOG_KEPT: u64 = 2;
/// How long a committer waits for a checkpoint, where the logs are too long.
const AT_WORK_WAIT: Duration = Duration::from_secs(1);
/// Longer than anybody waits.
const FOREVER: Duration = Duration::MAX;

/// What the checkpoints of a database share.
#[derive(Default)]
pub(super) struct Checkpoints {
    /// One at a time.
    turn: WriterQueue,
    /// What the last one flushed, until somebody who has the writer's turn drops it.
    flushed: Mutex<Option<Flushed>>,
    /// True while there is something in it.
    has_flushed: AtomicBool,
    thread: Mutex<Thread>,
    /// The thread is woken, or its stage has changed.
    changed: Condvar,
}

/// A root whose pages are all in the base file, and page 0 as it is there.
struct Flushed {
    root: Arc<Root>,
    first: PageBytes,
}

#[derive(Default)]
struct Thread {
    handle: Option<JoinHandle<()>>,
    due: bool,
    ends: bool,
    stage: Stage,
}

/// What the thread is doing.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Idle,
    /// It closes the log, or flushes: who waits for it waits for the disk.
    AtWork,
    /// It waits for readers: as long as they want.
    Waiting,
}

impl Checkpoints {
    /// Asks for a checkpoint; false if there is no thread for it and none can be made.
    pub(super) fn wake(&self, core: &Arc<Core>) -> bool {
        let mut thread = self.thread();
        if thread.handle.is_none() && !thread.ends {
            let core = Arc::clone(core);
            let made = std::thread::Builder::new().name("sedge-checkpoint".into());
            thread.handle = made.spawn(move || core.run_checkpoints()).ok();
        }
        if !thread.due {
            thread.due = true;
            self.changed.notify_all();
        }
        thread.handle.is_some()
    }

    /// Ends the thread when its checkpoint is done, or waits for readers.
    pub(super) fn end(&self) {
        let mut thread = self.thread();
        thread.ends = true;
        let handle = thread.handle.take();
        drop(thread);
        self.changed.notify_all();
        if let Some(handle) = handle {
            // A panic there was told on its standard error; the log has all that it had not flushed.
            let _ = handle.join();
        }
    }

    /// Waits while a checkpoint that is due is at work, but for no reader, and not for ever: it may itself wait for a
    /// writer who waits for the caller.
    pub(super) fn wait_while_at_work(&self) {
        let until = Instant::now() + AT_WORK_WAIT;
        let mut thread = self.thread();
        while thread.handle.is_some()
            && !thread.ends
            && (thread.stage == Stage::AtWork || thread.stage == Stage::Idle && thread.due)
        {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread = self.changed.wait_timeout(thread, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn flushed(&self) -> MutexGuard<'_, Option<Flushed>> {
        self.flushed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn thread(&self) -> MutexGuard<'_, Thread> {
        // Each change is one step.
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a checkpoint waits for its turns and for readers.
enum Patience<'a> {
    Until(Instant),
    /// Until the store is closed.
    UntilClosed(&'a Checkpoints),
}

impl Patience<'_> {
    fn left(&self) -> Duration {
        match self {
            Patience::Until(deadline) => deadline.saturating_duration_since(Instant::now()),
            Patience::UntilClosed(checkpoints) if checkpoints.thread().ends => Duration::ZERO,
            Patience::UntilClosed(_) => FOREVER,
        }
    }

    /// Tells those who wait for the thread what it is doing, if this is the thread.
    fn enter(&self, stage: Stage) {
        if let Patience::UntilClosed(checkpoints) = self {
            checkpoints.thread().stage = stage;
            checkpoints.changed.notify_all();
        }
    }
}

impl Core {
    /// The life of the thread.
    fn run_checkpoints(&self) {
        let shared = &self.checkpoints;
        loop {
            let mut thread = shared.thread();
            while !thread.due && !thread.ends {
                thread.stage = Stage::Idle;
                shared.changed.notify_all();
                thread = shared.changed.wait(thread).unwrap_or_else(PoisonError::into_inner);
            }
            if thread.ends {
                return;
            }
            (thread.stage, thread.due) = (Stage::AtWork, false);
            drop(thread);
            // It may have been asked for when the last one was about to begin.
            let size = self.wal().as_ref().map_or(0, Wal::idle_size);
            if self.is_checkpoint_due(&self.newest(), size) {
                let done = self.checkpoint_with(&Patience::UntilClosed(shared));
                self.note_attempt(done.is_ok());
            }
        }
    }

    /// Runs a checkpoint that is due; the caller holds the writer's turn.
    ///
    /// It waits a little for readers of older commits: while it does nobody comes to see an older one. A failure is no
    /// failure of the commit before, nor is a reader who stays: the log keeps all, and a later commit tries again.
    pub(super) fn checkpoint_in_turn(&self) {
        let patience = Patience::Until(Instant::now() + READERS_WAIT);
        if self.checkpoints.turn.acquire(Holder::Writer, Duration::ZERO) {
            let done = self.wait_for_readers(self.newest().sequence, &patience)
                && self.checkpoint_now(Afterwards::Switch).is_ok();
            self.checkpoints.turn.release();
            self.note_attempt(done);
        }
    }

    /// After a checkpoint that was due: one that failed is tried again only when the log has grown.
    fn note_attempt(&self, done: bool) {
        let size = self.wal().as_ref().map_or(0, Wal::size);
        let not_before = if done { 0 } else { size + CHECKPOINT_MIN };
        self.checkpoint_not_before.store(not_before, Ordering::Relaxed);
    }

    /// Brings all commits so far into the base file; waits for turns and readers up to `timeout` in all.
    ///
    /// # Errors
    /// [`Error::Busy`] after that, I/O errors.
    pub(crate) fn checkpoint(&self, timeout: Duration) -> Result<()> {
        if self.options.read_only {
            return Err(Error::ReadOnly);
        }
        let now = Instant::now();
        let longest = Duration::from_secs(u64::from(u32::MAX)); // a hundred years
        let deadline = now.checked_add(timeout).unwrap_or(now + longest);
        self.checkpoint_with(&Patience::Until(deadline))
    }

    fn checkpoint_with(&self, patience: &Patience<'_>) -> Result<()> {
        if !self.checkpoints.turn.acquire(Holder::Writer, patience.left()) {
            return Err(Error::Busy("another checkpoint is at work, or waits for a reader".into()));
        }
        let done = self.checkpoint_alone(patience);
        self.checkpoints.turn.release();
        done
    }

    /// The checkpoint itself, while no other runs.
    fn checkpoint_alone(&self, patience: &Patience<'_>) -> Result<()> {
        if !self.writers.acquire(Holder::Checkpoint, patience.left()) {
            return Err(Error::Busy("another transaction is writing".into()));
        }
        let begun = match self.recovering.load(Ordering::Acquire) {
            true => self.end_recovery().map(|()| None),
            false => self.begin_checkpoint(Afterwards::Switch),
        };
        let mut cut = Ok(());
        if matches!(begun, Ok(None)) {
            // The base file holds all. Readers whom the last checkpoint counted may be gone.
            self.roots.end_closed_log();
            cut = self.cut_tail();
        }
        self.release_turn();
        let Some((root, checkpoint)) = begun? else { return cut };
        patience.enter(Stage::Waiting);
        if !self.wait_for_readers(root.sequence, patience) {
            self.put_back(checkpoint);
            return Err(Error::Busy("a reader still sees an older state of the database".into()));
        }
        patience.enter(Stage::AtWork);
        let done = self.flush(root, checkpoint);
        // Whoever has the turn drops what was flushed when giving it back; where nobody has it, that is here.
        if self.writers.acquire(Holder::Checkpoint, patience.left()) {
            if let Err(Unfinished { root, grown_from: Some(length), .. }) = &done {
                self.give_back(root, *length);
            }
            self.drop_flushed();
            let cut = if done.is_ok() { self.cut_tail() } else { Ok(()) };
            self.release_turn();
            cut?;
        }
        done.map_err(|unfinished| unfinished.error)
    }

    /// A checkpoint at the newest commit, which nobody sees an older one than; the caller holds the writer's turn, so
    /// no commit runs meanwhile.
    fn checkpoint_now(&self, afterwards: Afterwards) -> Result<()> {
        if let Some((root, checkpoint)) = self.begin_checkpoint(afterwards)? {
            let done = self.flush(root, checkpoint);
            self.drop_flushed();
            done.map_err(|unfinished| {
                if let Some(length) = unfinished.grown_from {
                    self.give_back(&unfinished.root, length);
                }
                unfinished.error
            })?;
        }
        if afterwards == Afterwards::Switch { self.cut_tail() } else { Ok(()) }
    }

    /// Gives back the end of the base file that no root looks at any more, nor a recovery that may come. The caller
    /// holds the writer's turn: an open transaction may have written behind all page counts.
    ///
    /// Commits lower the page count long before. The file keeps its length until then, since
    /// - readers of older commits still see what lies there, and states of an open transaction that readers hold are
    ///   counted;
    /// - the log of those commits may tell of changes to pages that only the base file has whole, or name pages that a
    ///   transaction wrote there: a recovery that reads it must find them. So the checkpoint is first stated durably, in
    ///   the header of the log that follows or by the removal of both logs. From then on no recovery reads the older
    ///   one, and the next transaction may write there what it likes.
    ///
    /// A crash before that finds the file as it was, a crash after it a file that is longer than its page count at worst,
    /// and bytes there mean nothing.
    fn cut_tail(&self) -> Result<()> {
        let root = self.newest();
        let page_size = root.base.page_size as u64;
        let length = u64::from(self.roots.counted()) * page_size;
        let before = root.base.disk.length(FileRole::Base)?;
        if before <= length || self.wal().is_none() {
            return Ok(());
        }
        self.sync_header()?;
        root.base.disk.truncate(FileRole::Base, length)?;
        let pages = length / page_size..before / page_size;
        pages.filter_map(|id| u32::try_from(id).ok()).for_each(|id| root.base.forget(PageId(id)));
        Ok(())
    }

    /// Makes durable what the header of the log that grows states of the last checkpoint: no recovery reads the other
    /// one any more. False if there is no log.
    fn sync_header(&self) -> Result<bool> {
        let mut is_stated = false;
        self.group.sync_alone(|| {
            let growing = self.wal().as_mut().map(Wal::begin_header_sync).transpose()?.flatten();
            is_stated = growing.is_some();
            growing.map_or(Ok(()), |growing| self.sync_file(growing, 0))
        })?;
        Ok(is_stated)
    }

    /// Closes the log at the newest commit; none if the base file holds it. The caller holds the writer's turn.
    fn begin_checkpoint(&self, afterwards: Afterwards) -> Result<Option<(Arc<Root>, wal::Checkpoint)>> {
        self.settle(self.newest_committed().sequence)?;
        self.drop_flushed();
        let root = self.newest();
        let mut guard = self.wal();
        let Some(wal) = &mut *guard else { return Ok(None) };
        if root.sequence == wal.checkpoint() {
            return Ok(None);
        }
        let begun = wal.begin_checkpoint(afterwards);
        self.counters.fold(&std::mem::take(&mut wal.counters));
        let Some(checkpoint) = begun? else { return Ok(None) };
        if checkpoint.is_first_try {
            self.roots.begin_log(root.page_count);
        }
        Ok(Some((root, checkpoint)))
    }

    /// Waits until nobody sees a commit before `sequence`; false if that takes too long.
    fn wait_for_readers(&self, sequence: Sequence, patience: &Patience<'_>) -> bool {
        let [mut pause, longest] = PAUSES;
        while self.roots.is_seen_before(sequence) {
            let left = patience.left();
            if left.is_zero() {
                return false;
            }
            std::thread::sleep(pause.min(left));
            pause = longest.min(pause * 2);
        }
        true
    }

    /// Brings the pages of `root` into the base file and frees the closed log. Nobody sees an older commit.
    fn flush(&self, root: Arc<Root>, mut checkpoint: wal::Checkpoint) -> Result<(), Unfinished> {
        crate::trace::span!("checkpoint", sequence = root.sequence);
        let mut timer = self.timer.started();
        let images_max = self.options.cache_size / IMAGES_SHARE;
        let flushed = checkpoint.flush(&root, self.options.layout.ranges, images_max);
        timer.lap(crate::profile::Phase::Checkpoint);
        match flushed {
            Ok(first) => self.end_checkpoint(&root, first, checkpoint),
            Err(error) => {
                let grown_from = checkpoint.grown_from;
                self.put_back(checkpoint);
                Err(Unfinished { error, root, grown_from })
            }
        }
    }

    /// Leaves the closed log to a later checkpoint.
    fn put_back(&self, checkpoint: wal::Checkpoint) {
        if let Some(wal) = &mut *self.wal() {
            wal.put_back(checkpoint);
            self.counters.fold(&std::mem::take(&mut wal.counters));
        }
    }

    /// Frees the closed log; what was flushed is dropped by whoever has the writer's turn next.
    fn end_checkpoint(
        &self,
        root: &Arc<Root>,
        first: PageBytes,
        checkpoint: wal::Checkpoint,
    ) -> Result<(), Unfinished> {
        let ended = match &mut *self.wal() {
            Some(wal) => {
                let ended = wal.end_checkpoint(checkpoint, root.sequence).map(Some);
                self.counters.fold(&std::mem::take(&mut wal.counters));
                ended
            }
            None => Ok(None),
        };
        self.roots.end_closed_log();
        *self.checkpoints.flushed() = Some(Flushed { root: Arc::clone(root), first });
        self.checkpoints.has_flushed.store(true, Ordering::Release);
        let shrunk = ended.and_then(|freed| match freed {
            Some((file, length)) => self.shrink(file, length),
            None => Ok(()),
        });
        shrunk.map_err(|error| Unfinished { error, root: Arc::clone(root), grown_from: None })
    }

    /// Gives most of a free log file of `length` bytes back to the system, if it is long.
    fn shrink(&self, file: FileRole, length: u64) -> Result<()> {
        let kept = LOG_KEPT * self.logs_unit();
        if length <= kept {
            return Ok(());
        }
        // Recovery needs the whole file until the other one says durably that it does not.
        if self.sync_header()? { self.newest().base.disk.truncate(file, kept) } else { Ok(()) }
    }

    /// Cuts off what an unfinished checkpoint of `root` on a full disk has added to a base file of `length` bytes, if
    /// nobody else has written there: the log may need the room. The caller holds the writer's turn.
    fn give_back(&self, root: &Root, length: u64) {
        if !self.roots.is_counted_beyond(root.page_count) {
            // Where that fails the disk stays fuller than it need be.
            let _ = root.base.disk.truncate(FileRole::Base, length);
        }
    }

    /// Takes what the last checkpoint flushed out of the newest root and of the visible one; roots made from them
    /// have it no more. The caller holds the writer's turn. An entry goes only if it is the very version flushed.
    pub(super) fn drop_flushed(&self) {
        if !self.checkpoints.has_flushed.swap(false, Ordering::Acquire) {
            return;
        }
        let Some(Flushed { root: flushed, first }) = self.checkpoints.flushed().take() else { return };
        let smaller = |root: &Arc<Root>| {
            let mut overlay = root.overlay.without(&flushed.overlay);
            // Page 0 is overwritten in place under any root.
            if overlay.get(PageId(0)).is_none() {
                overlay.insert(PageId(0), first.clone());
            }
            let (sequence, page_count, base) = (root.sequence, root.page_count, Arc::clone(&root.base));
            let root = Arc::new(Root { sequence, page_count, overlay, base, parent: None });
            self.roots.register(&root);
            root
        };
        self.group.exchange(smaller, || self.visible.store(smaller(&self.newest())));
    }

    /// Brings what was recovered into the base file and removes the logs: the first commit starts a new generation. The
    /// caller holds the writer's turn, or nobody else has the database yet.
    ///
    /// # Errors
    /// Those of the checkpoint. The logs stay, readers go on, and the next call tries again.
    pub(crate) fn end_recovery(&self) -> Result<()> {
        if !self.recovering.load(Ordering::Acquire) {
            return Ok(());
        }
        self.checkpoint_now(Afterwards::Finish)?;
        if let Some(wal) = &mut *self.wal() {
            wal.remove()?;
        }
        self.cut_tail()?;
        self.recovering.store(false, Ordering::Release);
        Ok(())
    }

    /// Brings all into the base file and removes the logs, unless somebody sees an older commit.
    pub(super) fn close(&self) -> Result<()> {
        let sequence = self.newest().sequence;
        if self.wal().as_ref().is_none_or(Wal::failed) || self.roots.is_seen_before(sequence) {
            return Ok(());
        }
        self.checkpoint_now(Afterwards::Finish)?;
        let removed = self.wal().as_mut().map_or(Ok(()), Wal::remove);
        removed?;
        // No recovery will look at the end of the file.
        self.roots.begin_log(self.newest().page_count);
        self.roots.end_closed_log();
        self.cut_tail()?;
        *self.wal() = None;
        Ok(())
    }
}

/// A checkpoint that failed.
struct Unfinished {
    error: Error,
    root: Arc<Root>,
    /// Where the base file ended before it, if the disk was full.
    grown_from: Option<u64>,
}
