//! What a store's handles and its checkpoints share: the visible root, the log, the writers' queue, and the commit.

use super::checkpoints::Checkpoints;
use super::group_commit::GroupCommit;
use super::private_pages::PrivatePages;
use super::roots::Roots;
use super::writer_queue::WriterQueue;
use super::{Direct, EngineOptions, Memory, Synchronous};
use crate::disk::FileRole;
use crate::error::{Error, Result};
use crate::metrics::{AtomicCounters, CommitTimes, Metrics};
use crate::overlay::Root;
use crate::page::PageId;
use crate::page::file_header::FileState;
use crate::wal::{Growth, Wal};
use arc_swap::ArcSwap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The least log before a checkpoint is worth its syncs.
pub(super) const CHECKPOINT_MIN: u64 = 4 << 20;
/// Logs of so many times the cache make committers wait for the checkpoint that is at work: it and the last commits
/// of each writer come to no more than as much again.
const LOGS_MAX: u64 = 3;
/// Fresh pages of this many bytes are worth a sync of the base file more, to be written once instead of twice.
const DIRECT_MAX: u64 = 4 << 20;
/// Where the cache is small: the part of it that they must come to, one in so many.
const DIRECT_SHARE: u64 = 4;
/// The part of the cache that a transaction's own copies may take before some leave the memory: one in so many. The
/// overlay has the rest: what leaves it before a checkpoint takes it is written once more.
const COPIES_SHARE: u64 = 4;
/// However small the cache is, so many stay.
const COPIES_MIN: u64 = 16;

/// How long a sync waits for those whom the last one let go: the part of the time that it takes, one in so many.
const GATHER_SHARE: u64 = 2;
/// And not longer than this.
const GATHER_MAX: Duration = Duration::from_micros(500);

/// The part of an open database that its checkpoints need, too.
pub(crate) struct Core {
    /// What a new snapshot shows: the newest commit that is as durable as it was asked to be.
    pub(super) visible: ArcSwap<Root>,
    /// All roots that may still be held, and those that will be visible.
    pub(super) roots: Roots,
    /// None where nothing is logged: in memory, and read-only.
    wal: Mutex<Option<Wal>>,
    pub(super) writers: WriterQueue,
    pub(super) group: GroupCommit,
    synchronous: AtomicU8,
    pub(super) options: EngineOptions,
    pub(super) counters: AtomicCounters,
    commit_times: CommitTimes,
    /// What a sync of the log takes, when nothing is in its way.
    sync_nanos: AtomicU64,
    /// What all timers of the store are made from.
    pub(super) timer: crate::profile::Timer,
    /// True until what was recovered stands in the base file: before that nothing is logged.
    pub(super) recovering: AtomicBool,
    /// Page versions that a transaction keeps in memory at most.
    copies_max: usize,
    /// Page versions that the overlay keeps in memory at most.
    overlay_max: u64,
    /// Where the search for versions goes on that leave the memory.
    spill_hand: AtomicU32,
    /// Bytes of log before which a checkpoint that failed is not tried again.
    pub(super) checkpoint_not_before: AtomicU64,
    pub(super) checkpoints: Checkpoints,
}

/// What is to be done after a commit was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logged {
    /// It is to be settled.
    Well,
    /// And a checkpoint is due.
    CheckpointDue,
    /// And the logs are so long that the committer had better wait for the checkpoint that is at work.
    TooLong,
}

impl Core {
    /// The core of a database that shows `root` and logs to `wal`.
    pub(super) fn new(root: Root, wal: Option<Wal>, options: EngineOptions, recovering: bool) -> Core {
        debug_assert!(root.overlay.get(PageId(0)).is_some(), "page 0 is overwritten in place under any root");
        let root = Arc::new(root);
        let group = GroupCommit::default();
        group.set_visible(root.sequence);
        let page_size = root.base.page_size;
        let (copies_max, overlay_max) = match &wal {
            Some(_) => {
                let copies = options.cache_size / COPIES_SHARE / page_size as u64;
                (copies.max(COPIES_MIN), overlay_max(options.cache_size, page_size))
            }
            None => (u64::MAX, u64::MAX), // without a log there is no file to write to
        };
        Core {
            copies_max: copies_max as usize,
            overlay_max,
            spill_hand: AtomicU32::new(0),
            recovering: AtomicBool::new(recovering && wal.is_some()),
            roots: Roots::new(&root),
            visible: ArcSwap::new(root),
            wal: Mutex::new(wal),
            writers: WriterQueue::default(),
            group,
            synchronous: AtomicU8::new(options.synchronous as u8),
            options,
            counters: AtomicCounters::default(),
            commit_times: CommitTimes::default(),
            sync_nanos: AtomicU64::new(0),
            timer: crate::profile::Timer::of_process(),
            checkpoint_not_before: AtomicU64::new(0),
            checkpoints: Checkpoints::default(),
        }
    }

    /// The root of the newest visible commit. It is never borrowed from the swap without a reference count: the checkpointer
    /// goes by counts.
    pub(crate) fn newest(&self) -> Arc<Root> {
        self.visible.load_full()
    }

    /// The newest commit, visible or not: where the next writer starts.
    pub(super) fn newest_committed(&self) -> Arc<Root> {
        self.group.newest().unwrap_or_else(|| self.newest())
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

    /// What the lengths of logs are measured by: the memory of the cache, unless that is tiny.
    pub(super) fn logs_unit(&self) -> u64 {
        self.options.cache_size.max(CHECKPOINT_MIN)
    }

    /// Hands on the writer's turn.
    pub(super) fn release_turn(&self) {
        self.drop_flushed();
        self.writers.release();
    }

    /// Logs what a transaction has changed, and forgets its copies: it holds the writer's turn, and from then on the
    /// next one may start from its root. Where no sync is asked for, readers see it at once; else [`Engine::settle`]
    /// must follow. Where a checkpoint is due and none but the caller runs it, that is
    /// before the turn goes on.
    pub(super) fn commit(&self, pages: &mut PrivatePages) -> Result<Logged> {
        let sequence = pages.root().sequence + 1;
        crate::trace::span!("commit", sequence = sequence);
        let mut timer = self.timer.started();
        if !pages.seal(sequence)? {
            let root = Arc::clone(pages.root());
            pages.end(root);
            return Ok(Logged::Well);
        }
        timer.lap(crate::profile::Phase::CommitSeal);
        let appended = self.append(pages, sequence)?;
        timer.lap(crate::profile::Phase::CommitLog);
        let mut root = pages.committed_root(sequence);
        let due = appended.is_some_and(|log| self.is_checkpoint_due(&root, log.idle));
        if root.overlay.in_memory() > self.overlay_max && !due {
            self.spill(&mut root);
        }
        let root = Arc::new(root);
        self.roots.register(&root);
        // What was committed before waits for its sync: nobody overtakes it.
        let waits =
            appended.is_some() && self.synchronous() == Synchronous::Full || self.group.newest().is_some();
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
        let is_long = appended.is_some_and(|log| log.size > LOGS_MAX * self.logs_unit());
        Ok(match () {
            () if is_long && self.options.background => Logged::TooLong,
            () if due => Logged::CheckpointDue,
            () => Logged::Well,
        })
    }

    /// Waits until commit `sequence`, which stands in the log, is visible; makes it so if nobody else does.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`] if a sync failed.
    pub(super) fn settle(&self, sequence: u64) -> Result<()> {
        let mut timer = self.timer.started();
        let (gather, sync) = (|target| self.gather(target), |target| self.sync(target));
        let settled = self.group.wait(sequence, gather, sync, |root| self.publish(root));
        timer.lap(crate::profile::Phase::CommitSync);
        settled
    }

    /// Brings the log to the medium up to commit `target`; others append meanwhile.
    fn sync(&self, target: u64) -> Result<()> {
        let file = self.wal().as_mut().map(|wal| wal.begin_sync(target)).transpose()?.flatten();
        let Some(file) = file else { return Ok(()) };
        let started = Instant::now();
        self.sync_file(file, target)?;
        let nanos = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        // Quicker ones count more: a slow one was mostly in somebody's way.
        let known = self.sync_nanos.load(Ordering::Relaxed);
        self.sync_nanos
            .store(if known == 0 { nanos } else { nanos.min(known + known / 8) }, Ordering::Relaxed);
        Ok(())
    }

    /// Waits until commit `target` is appended, for a part of the time that a sync takes; true if it was.
    fn gather(&self, target: u64) -> bool {
        let patience = Duration::from_nanos(self.sync_nanos.load(Ordering::Relaxed) / GATHER_SHARE);
        let until = Instant::now() + patience.min(GATHER_MAX);
        while self.group.appended() < target {
            if Instant::now() >= until {
                return false;
            }
            // Those who are waited for need the processors.
            std::thread::yield_now();
        }
        true
    }

    /// The sync of a log file that was begun; nobody else syncs it meanwhile.
    pub(super) fn sync_file(&self, file: FileRole, target: u64) -> Result<()> {
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
    /// sizes, if there is one.
    fn append(&self, pages: &mut PrivatePages, sequence: u64) -> Result<Option<LogSizes>> {
        if self.wal().is_none() {
            return Ok(None);
        }
        let mut sizes = LogSizes { idle: 0, size: 0 };
        let direct_min = DIRECT_MAX.min(self.options.cache_size / DIRECT_SHARE);
        let mut done = pages.write_direct(direct_min);
        if let (Ok(()), Some(wal)) = (&done, &mut *self.wal()) {
            done = self.log(wal, pages, sequence);
            pages.counters.add(&std::mem::take(&mut wal.counters));
            sizes = LogSizes { idle: wal.idle_size(), size: wal.size() };
        }
        match done {
            Err(Error::Full(_)) => self.take_back(pages)?,
            // The log may name the pages.
            Err(_) => pages.direct.forget(),
            Ok(()) => {}
        }
        done.map(|()| Some(sizes))
    }

    /// Gives the room of a transaction's pages in the base file back, whose commit failed or was not asked for.
    pub(super) fn take_back(&self, pages: &mut PrivatePages) -> Result<()> {
        pages.take_back_direct(self.roots.counted())
    }

    /// What a transaction over `root` that begins now may write to the base file.
    pub(super) fn direct(&self, root: &Root) -> Direct {
        Direct::new(self.roots.counted(), root.base.sync_failures())
    }

    /// The memory that a transaction has for its copies.
    pub(super) fn memory(&self) -> Memory {
        Memory::new(self.copies_max)
    }

    /// True if it is time to bring a new root's pages into the base file: what no checkpoint is at work
    /// on of the log has `log_size` bytes, twice what that
    /// would write, or half of it where the overlay has more in memory than it should.
    pub(super) fn is_checkpoint_due(&self, root: &Root, log_size: u64) -> bool {
        let page_size = root.base.page_size as u64;
        let in_memory = root.overlay.in_memory();
        let is_crowded = in_memory > self.overlay_max && log_size >= in_memory * page_size / 2;
        let due = 2 * root.overlay.pages() * page_size;
        if log_size < due.clamp(CHECKPOINT_MIN, self.logs_unit()) && !is_crowded {
            return false;
        }
        log_size >= self.checkpoint_not_before.load(Ordering::Relaxed)
    }

    /// Moves pages of a new root out of the memory where there are too many.
    fn spill(&self, root: &mut Root) {
        let mut hand = self.spill_hand.load(Ordering::Relaxed);
        // Where the file cannot be written the pages stay, and the commit is none the worse.
        let _ = root.overlay.spill(&root.base, self.overlay_max, &mut hand);
        self.spill_hand.store(hand, Ordering::Relaxed);
    }

    fn log(&self, wal: &mut Wal, pages: &PrivatePages, sequence: u64) -> Result<()> {
        let is_synced = self.synchronous() == Synchronous::Full;
        let mut commit =
            wal.begin_commit(sequence, if is_synced { Growth::Ahead } else { Growth::AsWritten })?;
        pages.log(&mut commit, self.options.layout)?;
        commit.finish()
    }

    /// Makes `root` the visible one.
    fn publish(&self, root: Arc<Root>) {
        let sequence = root.sequence;
        self.visible.store(root);
        self.group.set_visible(sequence);
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

    pub(super) fn wal(&self) -> MutexGuard<'_, Option<Wal>> {
        // A panic while the log is held leaves at worst an unfinished record, which the chain of CRCs disowns.
        self.wal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Page versions that the overlay keeps in memory at most, of a store with this cache.
pub(crate) fn overlay_max(cache_size: u64, page_size: usize) -> u64 {
    ((cache_size - cache_size / COPIES_SHARE) / page_size as u64).max(COPIES_MIN)
}

/// Bytes of log after an append.
#[derive(Clone, Copy)]
struct LogSizes {
    /// Those that no checkpoint is at work on.
    idle: u64,
    /// All.
    size: u64,
}
