//! A store: opening and closing a database, and what can be asked of it as a whole.

use crate::btree::{TreeId, TreeKind};
use crate::disk::{Disk, Entry, FileRole, MemoryDisk, OsDisk, OsDiskOptions, Registration, enter};
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use crate::overlay::{Base, Overlay, Root};
use crate::page::file_header::{self, FileState, IDENTITY_SIZE, Identity, SCHEMA_ROOT};
use crate::page::{self, DEFAULT_PAGE_SIZE, PageBytes, PageId, PageKind};
use crate::space::{BackupProgress, Vacuum, VacuumStep};
use crate::txn::{
    Direct, Engine, EngineOptions, Layout, Memory, PrivatePages, Snapshot, Synchronous, WriteTransaction,
};
use crate::wal::{self, RecoveryReport, Wal};
use std::any::Any;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How to open a store.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes of a page in a new database: a power of two from 4096 to 65536.
    pub page_size: usize,
    /// Bytes of memory for pages, and a bound for the logs.
    pub cache_size: usize,
    /// When a commit is on the medium.
    pub synchronous: Synchronous,
    /// Open without the right to write; other readers may have it open too.
    pub read_only: bool,
    /// Make the database if there is none.
    pub create: bool,
    /// Read the file through a mapping. An I/O error of the device then ends the process.
    pub mmap: bool,
    /// How long [`Store::checkpoint`] waits for its turn and for readers.
    pub busy_timeout: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            page_size: DEFAULT_PAGE_SIZE,
            cache_size: 64 << 20,
            synchronous: Synchronous::Full,
            read_only: false,
            create: true,
            mmap: true,
            busy_timeout: Duration::from_secs(5),
        }
    }
}

/// An open database. Clones share it; the last one dropped, snapshots and transactions included, leaves a single
/// file at rest.
#[derive(Clone)]
pub struct Store {
    engine: Arc<Engine>,
}

impl Store {
    /// The index tree that every database has from its creation on.
    pub const SCHEMA_TREE: TreeId = TreeId(SCHEMA_ROOT.0);

    /// Opens the database at `path`; what a crash left undone is recovered first. A second open of a file in the
    /// same process gives the store that is open already, whatever the options.
    ///
    /// # Errors
    /// [`Error::NotADatabase`] for other files, [`Error::Busy`] if another process is in the way,
    /// [`Error::Corrupt`] if the file or its logs are damaged, I/O errors.
    pub fn open(path: &Path, options: &Options) -> Result<Store> {
        Store::open_with(path, options, Layout::TREES)
    }

    pub(crate) fn open_with(path: &Path, options: &Options, layout: Layout) -> Result<Store> {
        check_options(options)?;
        let disk_options = OsDiskOptions {
            read_only: options.read_only,
            create: options.create,
            mmap: options.mmap,
            cache_size: options.cache_size,
        };
        let disk = OsDisk::open(path, disk_options)?;
        let registration = match enter(path, disk.base())? {
            Entry::Open(shared) => return Store::join(shared, options),
            Entry::Vacant(registration) => registration,
        };
        disk.lock(!options.read_only)?;
        let engine = open_engine(Arc::new(disk), options, layout, Some(registration))?;
        Ok(Store { engine })
    }

    /// Makes a new database at `path`, lets `fill` fill it, and closes it: it is on the medium when this returns. Where
    /// anything fails it leaves no file behind.
    ///
    /// # Errors
    /// [`Error::Misuse`] if there is such a file already that is not empty; those of [`Store::open`], `fill` and
    /// [`Store::close`].
    pub fn make<T, E: From<Error>>(
        path: &Path,
        options: &Options,
        fill: impl FnOnce(&Store) -> Result<T, E>,
    ) -> Result<T, E> {
        let existing = std::fs::metadata(path);
        if existing.as_ref().is_ok_and(|file| file.len() > 0) {
            return Err(Error::Misuse(format!("{} exists already and is not empty", path.display())).into());
        }
        let store = Store::open(path, options)?;
        let filled = fill(&store);
        let closed = store.close();
        let made = filled.and_then(|filled| closed.map(|()| filled).map_err(E::from));
        if made.is_err() {
            // The first failure is the one to tell.
            let _ = match existing {
                Ok(_) => std::fs::File::create(path).map(drop),
                Err(_) => std::fs::remove_file(path),
            };
        }
        made
    }

    /// A store on any disk, for tests that crash it.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn on_disk(disk: Arc<dyn Disk>, options: &Options, layout: Layout) -> Result<Store> {
        Ok(Store { engine: open_engine(disk, options, layout, None)? })
    }

    /// A second handle on what this process has open.
    fn join(shared: Arc<dyn Any + Send + Sync>, options: &Options) -> Result<Store> {
        let engine = shared.downcast::<Engine>();
        let engine = engine.map_err(|_| Error::Misuse("the file is open as something else".into()))?;
        if engine.options().read_only && !options.read_only {
            return Err(Error::Busy("this process has the database open read-only".into()));
        }
        Ok(Store { engine })
    }

    /// A new database in memory, gone with its last handle.
    ///
    /// # Errors
    /// [`Error::Misuse`] for impossible options.
    pub fn open_in_memory(options: &Options) -> Result<Store> {
        check_options(options)?;
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        let (root, _) = new_database(disk, options, Layout::TREES)?;
        let engine = Engine::new(root, None, engine_options(options, Layout::TREES, false), None, None);
        Ok(Store { engine: Arc::new(engine) })
    }

    /// A stable view of the newest commit. It takes no lock.
    pub fn snapshot(&self) -> Snapshot {
        self.engine.snapshot()
    }

    /// Starts a write transaction over the newest commit; waits for others for as long as `timeout`.
    ///
    /// # Errors
    /// [`Error::Busy`] after the timeout, [`Error::ReadOnly`], [`Error::OutcomeUnknown`] once a log sync failed.
    pub fn begin_write(&self, timeout: Duration) -> Result<WriteTransaction> {
        self.engine.begin_write(None, timeout)
    }

    /// Starts a write transaction that continues what `snapshot` has read.
    ///
    /// # Errors
    /// As [`Store::begin_write`], and [`Error::Conflict`] if there is a newer commit.
    pub fn begin_write_from(&self, snapshot: &Snapshot, timeout: Duration) -> Result<WriteTransaction> {
        self.engine.begin_write(Some(snapshot), timeout)
    }

    /// Brings all commits so far from the log into the database file, while others go on.
    ///
    /// # Errors
    /// [`Error::Busy`] if a transaction is writing or a snapshot of an older commit is alive for longer than the busy
    /// timeout; I/O errors, after which nothing is lost.
    pub fn checkpoint(&self) -> Result<()> {
        self.engine.checkpoint(self.engine.options().busy_timeout)
    }

    /// Does the next part of `vacuum` in a transaction of its own; see [`WriteTransaction::vacuum`]. It is for databases
    /// whose owner keeps the trees' numbers elsewhere.
    ///
    /// # Errors
    /// As [`Store::begin_write`] and [`WriteTransaction::commit`].
    pub fn vacuum_step(
        &self,
        vacuum: &mut Vacuum,
        trees: &[TreeId],
        timeout: Duration,
    ) -> Result<VacuumStep> {
        let mut transaction = self.begin_write(timeout)?;
        let step = transaction.vacuum(vacuum, trees)?;
        transaction.commit()?;
        Ok(step)
    }

    /// Copies the newest commit to a new file at `path`, a database of its own, while writers go on; it is on the medium
    /// when this returns. `progress` is told now and then how far it is, and ends it by answering false.
    ///
    /// The copy has all pages where they are here, the free ones too. Where it ends early it leaves no file behind, and
    /// where `progress` ended it, this is false.
    ///
    /// # Errors
    /// [`Error::Misuse`] if there is such a file already that is not empty; [`Error::Corrupt`], [`Error::Full`] and I/O
    /// errors.
    pub fn backup(&self, path: &Path, progress: &mut dyn FnMut(BackupProgress) -> bool) -> Result<bool> {
        crate::space::backup(&self.snapshot(), path, progress)
    }

    /// When a commit is on the medium.
    pub fn synchronous(&self) -> Synchronous {
        self.engine.synchronous()
    }

    /// Changes when commits are on the medium, from the next one on.
    pub fn set_synchronous(&self, level: Synchronous) {
        self.engine.set_synchronous(level);
    }

    /// Event counts, sizes and commit times.
    pub fn metrics(&self) -> Metrics {
        self.engine.metrics()
    }

    /// What the open found in the logs, if they were not empty.
    pub fn recovery_report(&self) -> Option<&RecoveryReport> {
        self.engine.recovery.as_ref()
    }

    /// The file, as it was named; `None` for a database in memory.
    pub fn path(&self) -> Option<PathBuf> {
        self.engine.is_registered().then(|| self.engine.newest().base.disk.path().to_path_buf())
    }

    /// A number that all handles on this database have in common, and no other database that this process has open.
    pub fn identity(&self) -> usize {
        Arc::as_ptr(&self.engine).addr()
    }

    /// True if the store was opened without the right to write.
    pub fn is_read_only(&self) -> bool {
        self.engine.options().read_only
    }

    /// Gives up this handle; the last one closes the database and reports what went wrong, where a drop is silent.
    ///
    /// # Errors
    /// Those of the last checkpoint: the logs stay then, and the next open recovers from them.
    pub fn close(self) -> Result<()> {
        Arc::into_inner(self.engine).map_or(Ok(()), |mut engine| engine.close())
    }

    /// Walks the freelist, the schema tree and the named trees and says what is wrong: pages that are damaged, owned twice or
    /// owned by none, keys out of order. An empty list means a sound file.
    ///
    /// # Errors
    /// I/O errors; damage is not one.
    pub fn check(&self, trees: &[(TreeId, TreeKind, String)]) -> Result<Vec<String>> {
        let snapshot = self.snapshot();
        snapshot.root().base.forget_verified(); // a page read before is read and verified again
        let mut all = trees.to_vec();
        if trees.iter().all(|(tree, ..)| *tree != Store::SCHEMA_TREE) {
            all.push((Store::SCHEMA_TREE, TreeKind::Index, "the schema".to_owned()));
        }
        crate::space::check(&snapshot, &all)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = self.engine.newest();
        write!(f, "Store({}, commit {})", root.base.disk.path().display(), root.sequence)
    }
}

fn check_options(options: &Options) -> Result<()> {
    if file_header::is_page_size(options.page_size) {
        return Ok(());
    }
    Err(Error::Misuse(format!(
        "a page of {} bytes: it must be a power of two from 4096 to 65536",
        options.page_size
    )))
}

fn engine_options(options: &Options, layout: Layout, background: bool) -> EngineOptions {
    EngineOptions {
        layout,
        cache_size: options.cache_size as u64,
        synchronous: options.synchronous,
        read_only: options.read_only,
        busy_timeout: options.busy_timeout,
        background,
    }
}

/// Opens the locked files: creates or recovers the database.
fn open_engine(
    disk: Arc<dyn Disk>,
    options: &Options,
    layout: Layout,
    registration: Option<Registration>,
) -> Result<Arc<Engine>> {
    // On the disk of a test checkpoints run where they fall due, so that a seed names a run.
    let background = registration.is_some();
    let mut start = [0; file_header::PAGE_SIZE_MIN];
    let length = disk.read_at(FileRole::Base, 0, &mut start)?;
    let is_blank = is_blank(&*disk, &start)?;
    let (root, identity) = if is_blank && options.create && !options.read_only {
        wal::refuse_leftovers(&*disk)?;
        create(&disk, options, layout)?
    } else {
        let identity = Identity::read(disk.path(), &start[..length])?; // as much as was read
        let base =
            Arc::new(Base::new(Arc::clone(&disk), identity.page_size, options.cache_size, layout.check));
        let in_memory_max = crate::txn::overlay_max(options.cache_size as u64, identity.page_size);
        if let Some(state) = wal::recover(&base, &identity, in_memory_max)? {
            let report = state.report.clone();
            let mut checked = Ok(());
            state.overlay.for_each(&mut |id, page| {
                if checked.is_ok() {
                    // As at the first touch of a page of the base file.
                    checked = page.read().and_then(|page| (layout.check)(id, &page));
                }
            });
            checked?;
            let root = recovered_root(base, state.overlay.clone(), report.last_sequence)?;
            let writing = !options.read_only;
            let wal = if writing { Some(Wal::resume(disk, state)?) } else { None };
            let options = engine_options(options, layout, background);
            let engine = Engine::new(root, wal, options, Some(report), registration);
            match engine.end_recovery() {
                // Readers have all they need in memory; the first writer tries again.
                Ok(()) | Err(Error::Full(_)) => return Ok(published(engine)),
                Err(error) => return Err(error),
            }
        }
        let first = PageBytes::from(read_first(&base)?);
        let sequence = file_header::checkpoint_sequence(&first);
        if sequence == 0 && !options.read_only {
            settle_creation(&*disk, &first)?;
        }
        let mut overlay = Overlay::default();
        overlay.insert(PageId(0), first);
        (recovered_root(base, overlay, sequence)?, identity)
    };
    let wal = (!options.read_only).then(|| Wal::new(disk, identity, root.sequence));
    Ok(published(Engine::new(root, wal, engine_options(options, layout, background), None, registration)))
}

/// True if the file is empty, or one whose making was interrupted. A database whose first page was lost is neither:
/// its other pages tell of commits.
fn is_blank(disk: &dyn Disk, start: &[u8; file_header::PAGE_SIZE_MIN]) -> Result<bool> {
    let made = 2 * file_header::PAGE_SIZE_MAX as u64; // page 0 and the root of the schema
    let length = disk.length(FileRole::Base)?;
    if !file_header::is_blank(start) || length > made {
        return Ok(false);
    }
    // Of whatever size the pages are, each starts at a multiple of the smallest, and with its sequence.
    for offset in (file_header::PAGE_SIZE_MIN as u64..length).step_by(file_header::PAGE_SIZE_MIN) {
        let mut sequence = [0; 8];
        disk.read_at(FileRole::Base, offset, &mut sequence)?;
        if sequence != [0; 8] {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Shares the engine and lets later opens of its file find it.
fn published(engine: Engine) -> Arc<Engine> {
    let engine = Arc::new(engine);
    let shared: Arc<dyn Any + Send + Sync> = Arc::<Engine>::clone(&engine);
    let weak: Weak<dyn Any + Send + Sync> = Arc::downgrade(&shared);
    engine.publish_registration(weak);
    engine
}

/// Page 0 as it stands in the base file.
fn read_first(base: &Base) -> Result<Vec<u8>> {
    let mut first = vec![0; base.page_size];
    let length = base.disk.read_at(FileRole::Base, 0, &mut first)?;
    page::verify(PageId(0), &first[..length])?; // as much as was read
    Ok(first)
}

/// The root of a database whose log gave `overlay`.
fn recovered_root(base: Arc<Base>, mut overlay: Overlay, sequence: u64) -> Result<Root> {
    let first = match overlay.get(PageId(0)) {
        Some(first) => first.read()?,
        None => PageBytes::from(read_first(&base)?),
    };
    let page_count = FileState::read(&first)?.page_count;
    overlay.insert(PageId(0), first);
    Ok(Root { sequence, page_count, overlay, base, parent: None })
}

/// The pages of a new database, all in the overlay.
fn new_database(disk: Arc<dyn Disk>, options: &Options, layout: Layout) -> Result<(Root, Identity)> {
    let mut file_id = [0; 16];
    getrandom::fill(&mut file_id).map_err(|error| Error::Io {
        context: "drawing a random number".into(),
        source: std::io::Error::other(error.to_string()),
    })?;
    let identity = Identity { page_size: options.page_size, file_id };
    let state = FileState { page_count: SCHEMA_ROOT.0 + 1, freelist_head: PageId::NONE, free_count: 0 };
    let mut overlay = Overlay::default();
    overlay.insert(PageId(0), PageBytes::from(identity.first_page(&state)));
    let base = Arc::new(Base::new(disk, options.page_size, options.cache_size, layout.check));
    let root = Root { sequence: 0, page_count: state.page_count, overlay, base, parent: None };
    let mut pages = PrivatePages::new(Arc::new(root), Direct::never(), Memory::new(usize::MAX))?;
    pages.make(SCHEMA_ROOT, PageKind::IndexLeaf, 0)?;
    (layout.plant)(&mut pages, SCHEMA_ROOT)?;
    pages.seal(0)?;
    Ok((pages.committed_root(0), identity))
}

/// Writes a new database to the base file.
fn create(disk: &Arc<dyn Disk>, options: &Options, layout: Layout) -> Result<(Root, Identity)> {
    let (mut root, identity) = new_database(Arc::clone(disk), options, layout)?;
    let mut pages = Vec::new();
    root.overlay.for_each(&mut |id, page| pages.push((id, page.clone())));
    let mut first = Overlay::default();
    let mut sector = Vec::new();
    for (id, page) in pages {
        let mut sealed = page.read()?.to_vec();
        page::seal(id, &mut sealed);
        if id.0 == 0 {
            first.insert(id, page);
            sector.extend_from_slice(&sealed[..IDENTITY_SIZE]); // a page is longer than that
            sealed[..IDENTITY_SIZE].fill(0);
        }
        disk.write_at(FileRole::Base, u64::from(id.0) * options.page_size as u64, &sealed)?;
    }
    disk.sync_data(FileRole::Base)?;
    // The identity comes last: a file that has one has all its pages, and without one it is made anew.
    disk.write_at(FileRole::Base, 0, &sector)?;
    disk.sync_data(FileRole::Base)?;
    root.overlay = first;
    Ok((root, identity))
}

/// Makes the pages of a database without a commit durable. Who made them may have been killed before they were, or met an
/// error of the sync; then they are in the system's cache alone, and the log of the first commit would have no file to
/// stand beside. They are written once more: a sync that failed is not made good by another.
fn settle_creation(disk: &dyn Disk, first: &[u8]) -> Result<()> {
    let mut pages = vec![0; first.len() * (SCHEMA_ROOT.0 as usize + 1)];
    let length = disk.read_at(FileRole::Base, 0, &mut pages)?;
    disk.write_at(FileRole::Base, 0, &pages[..length])?; // as much as was read
    disk.sync_data(FileRole::Base)
}
