//! What a store, its snapshots and its write transaction share: the visible root, the log, the writers' queue.

use super::group_commit::GroupCommit;
use super::private_pages::PrivatePages;
use super::writer_queue::WriterQueue;
use super::{Direct, Memory, Snapshot, WriteTransaction, check_page, content_ranges};
use crate::btree::{self, TreeKind};
use crate::disk::{FileRole, Registration};
use crate::error::{Error, Result};
use crate::metrics::{AtomicCounters, CommitTimes, Metrics};
use crate::overlay::{PageCheck, Root};
use crate::page::PageId;
use crate::page::file_header::FileState;
use crate::wal::{self, Afterwards, ContentRanges, Growth, RecoveryReport, Wal};
use arc_swap::ArcSwap;
use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// The least log before a checkpoint is worth its syncs.
const CHECKPOINT_MIN: u64 = 4 << 20;
/// Fresh pages of this many bytes are worth a sync of the base file more, to be written once instead of twice.
const DIRECT_MAX: u64 = 4 << 20;
/// Where the cache is small: the part of it that they must come to, one in so many.
const DIRECT_SHARE: u64 = 4;
/// The part of the cache that a transaction's own copies may take before some leave the memory: one in so many. The
/// overlay has the rest: what leaves it before a checkpoint takes it is written once more.
const COPIES_SHARE: u64 = 4;
/// How long a checkpoint that is due waits for readers of older commits, before it is put off.
const READERS_WAIT: Duration = Duration::from_millis(20);
/// However small the cache is, so many stay.
const COPIES_MIN: u64 = 16;

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
}

/// The shared part of an open database.
pub(crate) struct Engine {
    /// What a new snapshot shows: the newest commit that is as durable as it was asked to be.
    visible: ArcSwap<Root>,
    /// All roots that may still be held, and those that will be visible.
    roots: Mutex<Vec<Weak<Root>>>,
    /// None where nothing is logged: in memory, and read-only.
    wal: Mutex<Option<Wal>>,
    pub(super) writers: WriterQueue,
    group: GroupCommit,
    synchronous: AtomicU8,
    options: EngineOptions,
    pub(super) counters: AtomicCounters,
    commit_times: CommitTimes,
    /// What all timers of the store are made from.
    pub(super) timer: crate::profile::Timer,
    pub(crate) recovery: Option<RecoveryReport>,
    /// True until what was recovered stands in the base file: before that nothing is logged.
    recovering: AtomicBool,
    /// No root that is alive and no recovery that may come looks at the base file from this page on: the greatest page
    /// count since the last checkpoint, and of what is alive.
    counted: AtomicU32,
    /// Page versions that a transaction keeps in memory at most.
    copies_max: usize,
    /// Page versions that the overlay keeps in memory at most.
    overlay_max: u64,
    /// Where the search for versions goes on that leave the memory.
    spill_hand: AtomicU32,
    /// Bytes of log before which a checkpoint that failed is not tried again.
    checkpoint_not_before: Mutex<u64>,
    /// The place among this process's open files; given back after the files are closed.
    registration: Option<Registration>,
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
        debug_assert!(root.overlay.get(PageId(0)).is_some(), "page 0 is overwritten in place under any root");
        let root = Arc::new(root);
        let group = GroupCommit::default();
        group.set_visible(root.sequence);
        let recovering = AtomicBool::new(recovery.is_some() && wal.is_some());
        let page_size = root.base.page_size;
        let (copies_max, overlay_max) = match &wal {
            Some(_) => {
                let copies = options.cache_size / COPIES_SHARE / page_size as u64;
                (copies.max(COPIES_MIN), Engine::overlay_max(options.cache_size, page_size))
            }
            None => (u64::MAX, u64::MAX), // without a log there is no file to write to
        };
        Engine {
            copies_max: copies_max as usize,
            overlay_max,
            spill_hand: AtomicU32::new(0),
            counted: AtomicU32::new(root.page_count),
            recovering,
            roots: Mutex::new(vec![Arc::downgrade(&root)]),
            visible: ArcSwap::new(root),
            wal: Mutex::new(wal),
            writers: WriterQueue::default(),
            group,
            synchronous: AtomicU8::new(options.synchronous as u8),
            options,
            counters: AtomicCounters::default(),
            commit_times: CommitTimes::default(),
            timer: crate::profile::Timer::of_process(),
            recovery,
            checkpoint_not_before: Mutex::new(0),
            registration,
        }
    }

    /// Page versions that the overlay keeps in memory at most, of a store with this cache.
    pub(crate) fn overlay_max(cache_size: u64, page_size: usize) -> u64 {
        ((cache_size - cache_size / COPIES_SHARE) / page_size as u64).max(COPIES_MIN)
    }

    /// The root of the newest visible commit. It is never borrowed from the swap without a reference count: the checkpointer
    /// goes by counts.
    pub(crate) fn newest(&self) -> Arc<Root> {
        self.visible.load_full()
    }

    pub(crate) fn snapshot(self: &Arc<Engine>) -> Snapshot {
        Snapshot::new(self.newest(), Arc::clone(self))
    }

    pub(crate) fn synchronous(&self) -> Synchronous {
        match self.synchronous.load(Ordering::Relaxed) {
            0 => Synchronous::Off,
            1 => Synchronous::Normal,
            _ => Synchronous::Full,
        }
    }

    pub(crate) fn set_synchronous(&self, level: Synchronous) {
        self.synchronous.store(level as u8, Ordering::Relaxed);
    }

    pub(crate) fn options(&self) -> &EngineOptions {
        &self.options
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
        if !self.writers.acquire(timeout) {
            return Err(Error::Busy("another transaction is writing".into()));
        }
        if let Err(error) = self.end_recovery() {
            self.writers.release();
            return Err(error);
        }
        let newest = self.group.newest().unwrap_or_else(|| self.newest());
        let transaction = WriteTransaction::begin(Arc::clone(self), newest)?;
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

    /// Logs what a transaction has changed, and forgets its copies: it holds the writer's turn, and from then on the
    /// next one may start from its root. Where no sync is asked for, readers see it at once; else [`Engine::settle`]
    /// must follow. True if a checkpoint is due then, before the turn goes on.
    pub(super) fn commit(&self, pages: &mut PrivatePages) -> Result<bool> {
        let sequence = pages.root().sequence + 1;
        crate::trace::span!("commit", sequence = sequence);
        let mut timer = self.timer.started();
        if !pages.seal(sequence)? {
            let root = Arc::clone(pages.root());
            pages.end(root);
            return Ok(false);
        }
        timer.lap(crate::profile::Phase::CommitSeal);
        let log_size = self.append(pages, sequence)?;
        timer.lap(crate::profile::Phase::CommitLog);
        let mut root = pages.committed_root(sequence);
        let due = log_size.is_some_and(|size| self.is_checkpoint_due(&root, size));
        if root.overlay.in_memory() > self.overlay_max && !due {
            self.spill(&mut root);
        }
        let root = Arc::new(root);
        self.register(&root);
        // What was committed before waits for its sync: nobody overtakes it.
        let waits =
            log_size.is_some() && self.synchronous() == Synchronous::Full || self.group.newest().is_some();
        pages.counters.commits += 1;
        if waits {
            // Those who wait hold no root: a checkpoint need not wait for them to wake.
            pages.end(Arc::new(root.only_named()));
            self.group.append(root);
        } else {
            pages.end(Arc::clone(&root));
            self.publish(root);
        }
        timer.lap(crate::profile::Phase::CommitPublish);
        Ok(due)
    }

    /// Waits until commit `sequence`, which stands in the log, is visible; makes it so if nobody else does.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`] if a sync failed.
    pub(super) fn settle(&self, sequence: u64) -> Result<()> {
        let mut timer = self.timer.started();
        let settled = self.group.wait(sequence, |target| self.sync(target), |root| self.publish(root));
        timer.lap(crate::profile::Phase::CommitSync);
        settled
    }

    /// Brings the log to the medium up to commit `target`; others append meanwhile.
    fn sync(&self, target: u64) -> Result<()> {
        let Some(file) = self.wal().as_mut().map(|wal| wal.begin_sync(target)).transpose()?.flatten() else {
            return Ok(());
        };
        let synced = self.newest().base.disk.sync_data(file);
        match &mut *self.wal() {
            Some(wal) => {
                self.counters.fold(&std::mem::take(&mut wal.counters));
                wal.end_sync(target, synced)
            }
            None => synced,
        }
    }

    /// Counts a commit that took as long.
    pub(super) fn record_commit(&self, duration: Duration) {
        self.commit_times.record(duration);
    }

    /// Writes the sealed pages to the log, or to the base file and their names to the log; gives the log's
    /// size, if there is one.
    fn append(&self, pages: &mut PrivatePages, sequence: u64) -> Result<Option<u64>> {
        if self.wal().is_none() {
            return Ok(None);
        }
        let mut size = 0;
        let direct_min = DIRECT_MAX.min(self.options.cache_size / DIRECT_SHARE);
        let mut done = pages.write_direct(direct_min);
        if let (Ok(()), Some(wal)) = (&done, &mut *self.wal()) {
            done = self.log(wal, pages, sequence);
            pages.counters.add(&std::mem::take(&mut wal.counters));
            size = wal.size();
        }
        match done {
            Err(Error::Full(_)) => self.take_back(pages)?,
            // The log may name the pages.
            Err(_) => pages.direct.forget(),
            Ok(()) => {}
        }
        done.map(|()| Some(size))
    }

    /// Gives the room of a transaction's pages in the base file back, whose commit failed or was not asked for.
    pub(super) fn take_back(&self, pages: &mut PrivatePages) -> Result<()> {
        pages.take_back_direct(self.counted.load(Ordering::Relaxed))
    }

    /// What a transaction that begins now may write to the base file.
    pub(super) fn direct(&self) -> Direct {
        Direct::new(self.counted.load(Ordering::Relaxed))
    }

    /// The memory that a transaction has for its copies.
    pub(super) fn memory(&self) -> Memory {
        Memory::new(self.copies_max)
    }

    /// True if it is time to bring a new root's pages into the base file: the log has `log_size` bytes, twice what that
    /// would write, or half of it where the overlay has more in memory than it should.
    fn is_checkpoint_due(&self, root: &Root, log_size: u64) -> bool {
        let page_size = root.base.page_size as u64;
        let in_memory = root.overlay.in_memory();
        let is_crowded = in_memory > self.overlay_max && log_size >= in_memory * page_size / 2;
        let due = 2 * root.overlay.pages() * page_size;
        if log_size < due.clamp(CHECKPOINT_MIN, self.options.cache_size.max(CHECKPOINT_MIN)) && !is_crowded {
            return false;
        }
        log_size >= *self.checkpoint_not_before.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves pages of a new root out of the memory where there are too many.
    fn spill(&self, root: &mut Root) {
        let mut hand = self.spill_hand.load(Ordering::Relaxed);
        // Where the file cannot be written the pages stay, and the commit is none the worse.
        let _ = root.overlay.spill(&root.base, self.overlay_max, &mut hand);
        self.spill_hand.store(hand, Ordering::Relaxed);
    }

    /// Counts a root that is not visible, among those that look at the base file: a commit that waits for its sync, or
    /// a state of an open transaction that readers hold.
    pub(super) fn register(&self, root: &Arc<Root>) {
        let mut roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner);
        roots.retain(|root| root.strong_count() > 0);
        roots.push(Arc::downgrade(root));
        self.counted.fetch_max(root.page_count, Ordering::Relaxed);
    }

    fn log(&self, wal: &mut Wal, pages: &PrivatePages, sequence: u64) -> Result<()> {
        let is_synced = self.synchronous() == Synchronous::Full;
        let mut commit =
            wal.begin_commit(sequence, if is_synced { Growth::Ahead } else { Growth::AsWritten })?;
        pages.log(&mut commit, self.options.layout)?;
        commit.finish()
    }

    /// After a checkpoint: `page_count` pages are at rest, and living roots may see more.
    fn count_again(&self, page_count: u32) {
        let roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = roots.iter().filter_map(Weak::upgrade).map(|root| root.page_count);
        self.counted.store(alive.fold(page_count, u32::max), Ordering::Relaxed);
    }

    /// Makes `root` the visible one.
    fn publish(&self, root: Arc<Root>) {
        let sequence = root.sequence;
        self.visible.store(root);
        self.group.set_visible(sequence);
    }

    /// True if somebody still sees the database as of a commit before `sequence`.
    fn is_seen_before(&self, sequence: u64) -> bool {
        let roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner);
        roots.iter().filter_map(Weak::upgrade).any(|root| root.sequence < sequence)
    }

    /// Runs a checkpoint that is due; the caller holds the writer's turn.
    ///
    /// It waits a little for readers of older commits: while it does nobody comes to see an older one. A failure is no
    /// failure of the commit before, nor is a reader who stays: the log keeps all, and a later commit tries again.
    pub(super) fn try_checkpoint(&self) {
        let sequence = self.newest().sequence;
        let until = Instant::now() + READERS_WAIT;
        while self.is_seen_before(sequence) && Instant::now() < until {
            std::thread::sleep(READERS_WAIT / 200);
        }
        let size = self.wal().as_ref().map_or(0, Wal::size);
        let done = !self.is_seen_before(sequence) && self.checkpoint_now(Afterwards::Switch).is_ok();
        let mut not_before = self.checkpoint_not_before.lock().unwrap_or_else(PoisonError::into_inner);
        *not_before = if done { 0 } else { size + CHECKPOINT_MIN };
    }

    /// Waits for the writer's turn and brings all commits into the base file.
    pub(crate) fn checkpoint(&self, timeout: Duration) -> Result<()> {
        if self.options.read_only {
            return Err(Error::ReadOnly);
        }
        if !self.writers.acquire(timeout) {
            return Err(Error::Busy("another transaction is writing".into()));
        }
        let settled = self.group.newest().map_or(Ok(()), |newest| self.settle(newest.sequence));
        let sequence = self.newest().sequence;
        let done = if settled.is_err() {
            settled
        } else if self.recovering.load(Ordering::Acquire) {
            self.end_recovery()
        } else if self.is_seen_before(sequence) {
            Err(Error::Busy("a reader still sees an older state of the database".into()))
        } else {
            self.checkpoint_now(Afterwards::Switch)
        };
        self.writers.release();
        done
    }

    /// The checkpoint itself: no commit runs meanwhile, and nobody sees an older commit than the newest.
    fn checkpoint_now(&self, afterwards: Afterwards) -> Result<()> {
        let mut guard = self.wal();
        let Some(wal) = &mut *guard else { return Ok(()) };
        let root = self.newest();
        if root.sequence == wal.checkpoint() {
            return self.cut_tail(&root, wal);
        }
        crate::trace::span!("checkpoint", sequence = root.sequence);
        let mut timer = self.timer.started();
        let done = wal::checkpoint(wal, &root, self.options.layout.ranges, afterwards);
        timer.lap(crate::profile::Phase::Checkpoint);
        self.counters.fold(&std::mem::take(&mut wal.counters));
        let first = done?;
        let newest = self.newest();
        let mut overlay = newest.overlay.without(&root.overlay);
        if overlay.get(PageId(0)).is_none() {
            overlay.insert(PageId(0), first);
        }
        let (sequence, page_count) = (newest.sequence, newest.page_count);
        self.count_again(page_count);
        let at_rest =
            Arc::new(Root { sequence, page_count, overlay, base: Arc::clone(&root.base), parent: None });
        self.register(&at_rest);
        self.publish(at_rest);
        if afterwards == Afterwards::Switch { self.cut_tail(&root, wal) } else { Ok(()) }
    }

    /// Gives back the end of the base file that no root looks at any more, nor a recovery that may come.
    ///
    /// Commits lower the page count long before. The file keeps its length until then, since
    /// - readers of older commits still see what lies there: no checkpoint ends while one is alive, and states of an open
    ///   transaction that readers hold are counted;
    /// - the log of those commits may tell of changes to pages that only the base file has whole, or name pages that a
    ///   transaction wrote there: a recovery that reads it must find them. So the checkpoint is first stated durably, in
    ///   the header of the log that follows or by the removal of both logs. From then on no recovery reads the older
    ///   one, and the next transaction may write there what it likes.
    ///
    /// A crash before that finds the file as it was, a crash after it a file that is longer than its page count at worst,
    /// and bytes there mean nothing.
    fn cut_tail(&self, root: &Root, wal: &mut Wal) -> Result<()> {
        let length = u64::from(self.counted.load(Ordering::Relaxed)) * root.base.page_size as u64;
        let before = root.base.disk.length(FileRole::Base)?;
        if before <= length {
            return Ok(());
        }
        wal.sync_header()?;
        self.counters.fold(&std::mem::take(&mut wal.counters));
        root.base.disk.truncate(FileRole::Base, length)?;
        let pages = length / root.base.page_size as u64..before / root.base.page_size as u64;
        pages.filter_map(|id| u32::try_from(id).ok()).for_each(|id| root.base.forget(PageId(id)));
        Ok(())
    }

    /// Brings what was recovered into the base file and removes the logs: the first commit starts a new generation.
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
            self.cut_tail(&self.newest(), wal)?;
        }
        self.recovering.store(false, Ordering::Release);
        Ok(())
    }

    /// Lets later opens of the file find `shared`.
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
        let sequence = self.newest().sequence;
        if self.wal().as_ref().is_none_or(Wal::failed) || self.is_seen_before(sequence) {
            return Ok(());
        }
        self.checkpoint_now(Afterwards::Finish)?;
        match self.wal().take() {
            Some(mut wal) => {
                wal.remove()?;
                self.cut_tail(&self.newest(), &mut wal)
            }
            None => Ok(()),
        }
    }

    /// Counts, sizes and times.
    pub(crate) fn metrics(&self) -> Metrics {
        let root = self.newest();
        let state = root.page(PageId(0)).and_then(|page| FileState::read(&page));
        let mut counters = self.counters.load();
        counters.pages_read += root.base.first_reads();
        Metrics {
            counters,
            page_count: root.page_count,
            free_pages: state.map_or(0, |state| state.free_count),
            page_size: root.base.page_size as u32,
            overlay_pages: root.overlay.pages(),
            wal_size: self.wal().as_ref().map_or(0, Wal::size),
            commit_micros: self.commit_times.percentiles(),
            times: self.timer.times(),
        }
    }

    fn wal(&self) -> MutexGuard<'_, Option<Wal>> {
        // A panic while the log is held leaves at worst an unfinished record, which the chain of CRCs disowns.
        self.wal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // What fails here is recovered by the next open; `Store::close` reports it.
        let _ = self.close();
    }
}
