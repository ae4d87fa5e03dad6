//! Real files: the base file, mapped or cached, its two logs beside it, and the lock between processes.

use super::cache::PageCache;
use super::mapping::Segments;
use super::open;
use super::{BasePage, Disk, FileRole};
use crate::error::{Error, Result};
use crate::page::{PageBytes, PageId};
use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// How to open the files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OsDiskOptions {
    pub(crate) read_only: bool,
    /// Make the base file if there is none.
    pub(crate) create: bool,
    /// Read base pages through a mapping instead of a cache.
    pub(crate) mmap: bool,
    /// Bytes of the cache where there is no mapping.
    pub(crate) cache_size: usize,
}

/// The files of one database on a file system.
#[derive(Debug)]
pub(crate) struct OsDisk {
    path: PathBuf,
    base: File,
    /// Bytes of the base file; pages behind it are never looked at.
    length: AtomicU64,
    logs: [Log; 2],
    temporary: OnceLock<File>,
    /// None where the file is read instead of mapped.
    mapped: Option<Segments>,
    /// The cache for that and its page size, made at the first page.
    cache: OnceLock<(PageCache, usize)>,
    cache_size: usize,
    read_only: bool,
}

#[derive(Debug)]
struct Log {
    path: PathBuf,
    file: Mutex<Option<Arc<File>>>,
}

impl OsDisk {
    /// Opens the base file; the logs are opened when it is locked.
    pub(crate) fn open(path: &Path, options: OsDiskOptions) -> Result<OsDisk> {
        let writing = !options.read_only;
        let (base, is_new) = open::base(path, writing, options.create)?;
        let length = base.metadata().map_err(|source| io_error(path.display().to_string(), source))?.len();
        // The logs stand beside the file itself: whichever link it is opened by, they are the same.
        let real = path.canonicalize().map_err(|source| io_error(path.display().to_string(), source))?;
        let log = |role: FileRole| {
            let mut name = OsString::from(&real);
            name.push(role.suffix());
            Log { path: PathBuf::from(name), file: Mutex::new(None) }
        };
        let is_mapped = options.mmap && cfg!(all(unix, target_pointer_width = "64"));
        let disk = OsDisk {
            logs: FileRole::LOGS.map(log),
            path: path.to_path_buf(),
            base,
            temporary: OnceLock::new(),
            length: AtomicU64::new(length),
            mapped: is_mapped.then(Segments::new),
            cache: OnceLock::new(),
            cache_size: options.cache_size,
            read_only: options.read_only,
        };
        if is_new {
            disk.sync_directory()?;
        }
        Ok(disk)
    }

    /// The base file, for its identity among the files of this process.
    pub(crate) fn base(&self) -> &File {
        &self.base
    }

    /// Removes the base file, which was made for nothing.
    pub(crate) fn remove(&self) -> Result<()> {
        let removed = std::fs::remove_file(&self.path);
        removed.map_err(|source| io_error(format!("removing {}", self.path.display()), source))
    }

    fn log(&self, file: FileRole) -> Option<&Log> {
        file.index().checked_sub(1).and_then(|index| self.logs.get(index))
    }

    /// The temporary file, made now if there is none: beside the database, where there is room for as much as that.
    fn temporary(&self) -> io::Result<&File> {
        if let Some(file) = self.temporary.get() {
            return Ok(file);
        }
        let made = tempfile::tempfile_in(self.folder())?;
        Ok(self.temporary.get_or_init(|| made))
    }

    /// Where the file itself stands, whichever link it was opened by.
    fn folder(&self) -> &Path {
        let [log, _] = &self.logs;
        log.path.parent().unwrap_or(Path::new("."))
    }

    /// Runs `action` on a file, or gives back `absent` for a log that does not exist.
    fn with<T>(
        &self,
        file: FileRole,
        doing: &str,
        absent: Option<T>,
        action: impl Fn(&File) -> io::Result<T>,
    ) -> Result<T> {
        if file == FileRole::Temporary {
            let name = || format!("{doing} a temporary file beside {}", self.path.display());
            return self.temporary().and_then(action).map_err(|e| io_error(name(), e));
        }
        let Some(log) = self.log(file) else {
            return action(&self.base).map_err(|e| io_error(format!("{doing} {}", self.path.display()), e));
        };
        let open = log.file.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match (open, absent) {
            (Some(open), _) => {
                action(&open).map_err(|e| io_error(format!("{doing} {}", log.path.display()), e))
            }
            (None, Some(absent)) => Ok(absent),
            (None, None) => {
                Err(io_error(format!("{doing} {}", log.path.display()), ErrorKind::NotFound.into()))
            }
        }
    }

    fn sync_directory(&self) -> Result<()> {
        if !cfg!(unix) {
            return Ok(()); // elsewhere a folder cannot be opened as a file, and its entries are durable by themselves
        }
        let folder = self.folder();
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|source| io_error(format!("syncing the folder {}", folder.display()), source))
    }
}

impl Disk for OsDisk {
    fn page(&self, id: PageId, page_size: usize) -> Result<BasePage> {
        let offset = u64::from(id.0) * page_size as u64;
        if offset + page_size as u64 > self.length.load(Ordering::Acquire) {
            return Err(Error::corrupt(id, "it lies beyond the end of the file"));
        }
        if let Some(segments) = &self.mapped {
            return segments.page(&self.base, offset, page_size).map(BasePage::Mapped);
        }
        let (cache, _) = self.cache.get_or_init(|| (PageCache::new(self.cache_size / page_size), page_size));
        if let Some(page) = cache.get(id) {
            return Ok(BasePage::Owned(page));
        }
        let mut page = vec![0; page_size];
        if self.read_at(FileRole::Base, offset, &mut page)? < page_size {
            return Err(Error::corrupt(id, "it lies beyond the end of the file"));
        }
        let page = PageBytes::from(page);
        cache.put(id, page.clone());
        Ok(BasePage::Owned(page))
    }

    fn read_at(&self, file: FileRole, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let buffer = std::cell::RefCell::new(buffer);
        self.with(file, "reading", Some(0), |file| read_full(file, offset, &mut buffer.borrow_mut()))
    }

    fn write_at(&self, file: FileRole, offset: u64, bytes: &[u8]) -> Result<()> {
        self.with(file, "writing", None, |file| write_full(file, offset, bytes))?;
        if file == FileRole::Base {
            self.length.fetch_max(offset + bytes.len() as u64, Ordering::AcqRel);
            if let Some((cache, page_size)) = self.cache.get() {
                let page_size = *page_size as u64;
                let end = (offset + bytes.len() as u64).div_ceil(page_size);
                (offset / page_size..end).for_each(|id| cache.forget(PageId(id as u32)));
            }
        }
        Ok(())
    }

    fn sync_data(&self, file: FileRole) -> Result<()> {
        self.with(file, "syncing", None, File::sync_data)
    }

    fn truncate(&self, file: FileRole, length: u64) -> Result<()> {
        self.with(file, "resizing", None, |file| file.set_len(length))?;
        if file == FileRole::Base {
            self.length.store(length, Ordering::Release);
        }
        Ok(())
    }

    fn length(&self, file: FileRole) -> Result<u64> {
        self.with(file, "examining", Some(0), |file| file.metadata().map(|metadata| metadata.len()))
    }

    fn create_log(&self, file: FileRole) -> Result<()> {
        let Some(log) = self.log(file) else { return Ok(()) };
        let mut open = log.file.lock().unwrap_or_else(PoisonError::into_inner);
        if open.is_some() {
            return Ok(());
        }
        let made = open::create_log(&log.path, &self.base);
        let made =
            made.map_err(|source| io_error(format!("cannot create {}", log.path.display()), source))?;
        self.sync_directory()?;
        *open = Some(Arc::new(made));
        Ok(())
    }

    fn remove_log(&self, file: FileRole) -> Result<()> {
        let Some(log) = self.log(file) else { return Ok(()) };
        let mut open = log.file.lock().unwrap_or_else(PoisonError::into_inner);
        if open.is_none() {
            return Ok(());
        }
        std::fs::remove_file(&log.path)
            .map_err(|source| io_error(format!("cannot remove {}", log.path.display()), source))?;
        *open = None;
        self.sync_directory()
    }

    fn lock(&self, exclusive: bool) -> Result<()> {
        debug_assert!(exclusive || self.read_only, "only a reader is content with a shared lock");
        let locked = if exclusive { self.base.try_lock() } else { self.base.try_lock_shared() };
        match locked {
            Ok(()) => {}
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(source)) => {
                return Err(io_error(format!("locking {}", self.path.display()), source));
            }
            Err(TryLockError::WouldBlock) => {
                let who = lock_holder(&self.base);
                let purpose = if exclusive { "" } else { " for writing" };
                return Err(Error::Busy(format!("{}: {who} has it open{purpose}", self.path.display())));
            }
        }
        for log in &self.logs {
            let found = open::log(&log.path, exclusive);
            let found =
                found.map_err(|source| io_error(format!("cannot open {}", log.path.display()), source))?;
            let found = found.map(Arc::new);
            *log.file.lock().unwrap_or_else(PoisonError::into_inner) = found;
        }
        // The file may have grown between the opening and the lock.
        let length = self.length(FileRole::Base)?;
        self.length.store(length, Ordering::Release);
        Ok(())
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

/// Names the process that holds a lock on the file, as far as the system tells.
#[cfg(target_os = "linux")]
fn lock_holder(file: &File) -> String {
    use std::os::unix::fs::MetadataExt;
    let unknown = || "another process".to_string();
    let Ok(inode) = file.metadata().map(|metadata| metadata.ino()) else { return unknown() };
    let Ok(locks) = std::fs::read_to_string("/proc/locks") else { return unknown() };
    // A line reads: 1: FLOCK ADVISORY WRITE 4711 fe:00:131090 0 EOF
    let holder = locks.lines().find_map(|line| {
        let mut fields = line.split_whitespace().skip(4);
        let (pid, place) = (fields.next()?, fields.next()?);
        (place.rsplit(':').next()?.parse() == Ok(inode)).then_some(pid)
    });
    match holder {
        Some(pid) => format!("another process (pid {pid})"),
        None => unknown(),
    }
}

#[cfg(not(target_os = "linux"))]
fn lock_holder(_file: &File) -> String {
    "another process".to_string()
}

/// An I/O error by who must act: a full disk is its own.
pub(super) fn io_error(context: String, source: io::Error) -> Error {
    match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Error::Full(context),
        _ => Error::Io { context, source },
    }
}

fn read_full(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match read_some(file, offset + done as u64, &mut buffer[done..]) {
            // `done` is below the length
            Ok(0) => break,
            Ok(length) => done += length,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

#[cfg(unix)]
fn read_some(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(unix)]
fn write_full(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_some(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(windows)]
fn write_full(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match std::os::windows::fs::FileExt::seek_write(file, &bytes[done..], offset + done as u64)? {
            // `done` is below the length
            0 => return Err(ErrorKind::WriteZero.into()),
            length => done += length,
        }
    }
    Ok(())
}
