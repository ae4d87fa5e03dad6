//! Real files: the calls of the operating system, the mapping of the base file, and the lock between processes.

use super::file_disk::{FileDisk, io_error};
use super::files::Files;
use super::mapping::Segments;
use super::open;
use super::{BasePage, FileRole, MappedPage};
use crate::error::{Error, Result};
use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
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
pub(crate) type OsDisk = FileDisk<OsFiles>;

/// Open files, and the names of those that come and go.
#[derive(Debug)]
pub(crate) struct OsFiles {
    path: PathBuf,
    /// Where the base file itself lies, if the path is a link: its logs stand there.
    folder: PathBuf,
    base: File,
    logs: [Log; 2],
    temporary: OnceLock<File>,
    /// None where the file is read instead of mapped.
    mapped: Option<Segments>,
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
        // The logs stand beside the file itself: whichever link it is opened by, they are the same.
        let real = path.canonicalize().map_err(|source| io_error(path.display().to_string(), source))?;
        let log = |role: FileRole| {
            let mut name = OsString::from(&real);
            name.push(role.suffix());
            Log { path: PathBuf::from(name), file: Mutex::new(None) }
        };
        let is_mapped = options.mmap && cfg!(all(unix, target_pointer_width = "64"));
        let files = OsFiles {
            logs: FileRole::LOGS.map(log),
            folder: real.parent().unwrap_or(Path::new(".")).to_path_buf(),
            path: path.to_path_buf(),
            base,
            temporary: OnceLock::new(),
            mapped: is_mapped.then(Segments::new),
            read_only: options.read_only,
        };
        FileDisk::new(files, options.read_only, options.cache_size, is_new)
    }

    /// The base file, for its identity among the files of this process.
    pub(crate) fn base(&self) -> &File {
        &self.files.base
    }

    /// Removes the base file, which was made for nothing.
    pub(crate) fn remove(&self) -> Result<()> {
        let removed = std::fs::remove_file(&self.files.path);
        removed.map_err(|source| io_error(format!("removing {}", self.files.path.display()), source))
    }
}

impl OsFiles {
    fn log(&self, file: FileRole) -> io::Result<&Log> {
        let log = file.index().checked_sub(1).and_then(|index| self.logs.get(index));
        log.ok_or_else(|| ErrorKind::InvalidInput.into())
    }

    /// The temporary file, made now if there is none: beside the database, where there is room for as much as that.
    fn temporary(&self) -> io::Result<&File> {
        if let Some(file) = self.temporary.get() {
            return Ok(file);
        }
        let made = tempfile::tempfile_in(&self.folder)?;
        Ok(self.temporary.get_or_init(|| made))
    }

    /// Runs `action` on an open file.
    fn with<T>(&self, file: FileRole, action: impl Fn(&File) -> io::Result<T>) -> io::Result<T> {
        match file {
            FileRole::Base => action(&self.base),
            FileRole::Temporary => self.temporary().and_then(action),
            FileRole::Log0 | FileRole::Log1 => {
                let open = self.log(file)?.file.lock().unwrap_or_else(PoisonError::into_inner).clone();
                action(&*open.ok_or(ErrorKind::NotFound)?)
            }
        }
    }
}

impl Files for OsFiles {
    fn read(&self, file: FileRole, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let buffer = std::cell::RefCell::new(buffer);
        self.with(file, |file| read_some(file, offset, &mut buffer.borrow_mut()))
    }

    fn write(&self, file: FileRole, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.with(file, |file| write_some(file, offset, bytes))
    }

    fn sync(&self, file: FileRole) -> io::Result<()> {
        self.with(file, File::sync_data)
    }

    fn set_length(&self, file: FileRole, length: u64) -> io::Result<()> {
        self.with(file, |file| file.set_len(length))
    }

    fn length(&self, file: FileRole) -> io::Result<u64> {
        self.with(file, |file| file.metadata().map(|metadata| metadata.len()))
    }

    fn open_log(&self, file: FileRole) -> io::Result<bool> {
        let log = self.log(file)?;
        let found = open::log(&log.path, !self.read_only)?.map(Arc::new);
        let is_there = found.is_some();
        *log.file.lock().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(is_there)
    }

    fn create_log(&self, file: FileRole) -> io::Result<()> {
        let log = self.log(file)?;
        let made = open::create_log(&log.path, &self.base)?;
        *log.file.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(made));
        Ok(())
    }

    fn remove_log(&self, file: FileRole) -> io::Result<()> {
        let log = self.log(file)?;
        std::fs::remove_file(&log.path)?;
        *log.file.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        if !cfg!(unix) {
            return Ok(()); // elsewhere a folder cannot be opened as a file, and its entries are durable by themselves
        }
        File::open(&self.folder)?.sync_all()
    }

    fn mapped_page(&self, offset: u64, page_size: usize) -> Option<Result<BasePage>> {
        let segments = self.mapped.as_ref()?;
        Some(segments.page(&self.base, offset, page_size).map(BasePage::Mapped))
    }

    #[inline]
    fn page_in_place(&self, offset: u64, page_size: usize) -> Option<MappedPage> {
        self.mapped.as_ref()?.page_in_place(offset, page_size)
    }

    fn lock(&self, exclusive: bool) -> Result<()> {
        let locked = if exclusive { self.base.try_lock() } else { self.base.try_lock_shared() };
        match locked {
            Ok(()) => Ok(()),
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(()),
            Err(TryLockError::Error(source)) => {
                Err(io_error(format!("locking {}", self.path.display()), source))
            }
            Err(TryLockError::WouldBlock) => {
                let who = lock_holder(&self.base);
                let purpose = if exclusive { "" } else { " for writing" };
                Err(Error::Busy(format!("{}: {who} has it open{purpose}", self.path.display())))
            }
        }
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

#[cfg(unix)]
fn read_some(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(unix)]
fn write_some(file: &File, offset: u64, bytes: &[u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_some(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(windows)]
fn write_some(file: &File, offset: u64, bytes: &[u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, offset)
}
