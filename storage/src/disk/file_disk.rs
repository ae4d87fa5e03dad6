//! A disk of files: whole reads and writes out of partial ones, the cache of pages that are not mapped, and the care
//! that a file's name is as durable as what is in it.

use super::cache::PageCache;
use super::files::Files;
use super::{BasePage, Disk, FileRole, MappedPage};
use crate::error::{Error, Result};
use crate::page::{PageBytes, PageId};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The files of one database.
#[derive(Debug)]
pub(crate) struct FileDisk<F> {
    pub(super) files: F,
    /// Bytes of the base file; pages behind it are never looked at.
    length: AtomicU64,
    logs: [LogName; 2],
    /// The cache for pages that are not mapped, and their size; made at the first page.
    cache: OnceLock<(PageCache, usize)>,
    cache_size: usize,
    read_only: bool,
}

/// What is known of a log's entry in the directory. Whoever changes it holds the log.
#[derive(Debug, Default)]
struct LogName {
    exists: AtomicBool,
    /// The entry may be other on the medium: it was changed here, or a log was found, perhaps of a process that was
    /// killed before it synced the directory.
    unsynced: AtomicBool,
}

impl LogName {
    /// Makes the entry durable, if it may not be.
    fn settle(&self, sync_directory: impl Fn() -> Result<()>) -> Result<()> {
        if self.unsynced.load(Ordering::Acquire) {
            sync_directory()?;
            self.unsynced.store(false, Ordering::Release);
        }
        Ok(())
    }
}

impl<F: Files> FileDisk<F> {
    /// A disk over open files, before it is locked. `made` says whether the base file was made just now.
    pub(crate) fn new(files: F, read_only: bool, cache_size: usize, made: bool) -> Result<FileDisk<F>> {
        let disk = FileDisk {
            files,
            length: AtomicU64::new(0),
            logs: Default::default(),
            cache: OnceLock::new(),
            cache_size,
            read_only,
        };
        if made {
            disk.sync_directory()?;
        }
        let length = disk.length(FileRole::Base)?;
        disk.length.store(length, Ordering::Release);
        Ok(disk)
    }

    /// The entry of a log, none for other files.
    fn log(&self, file: FileRole) -> Option<&LogName> {
        file.index().checked_sub(1).and_then(|index| self.logs.get(index))
    }

    fn is_absent(&self, file: FileRole) -> bool {
        self.log(file).is_some_and(|log| !log.exists.load(Ordering::Acquire))
    }

    fn io_error(&self, doing: &str, file: FileRole, source: io::Error) -> Error {
        io_error(format!("{doing} {}", self.name(file)), source)
    }

    fn sync_directory(&self) -> Result<()> {
        let synced = self.files.sync_directory();
        let name = || format!("syncing the folder of {}", self.path().display());
        synced.map_err(|source| io_error(name(), source))
    }

    fn read_full(&self, file: FileRole, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.files.read(file, offset + done as u64, rest) {
                Ok(0) => break,
                Ok(length) => done += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_full(&self, file: FileRole, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut done = 0;
        while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
            match self.files.write(file, offset + done as u64, rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => done += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Forgets the cached pages that a write to the base file touches, or touched before it failed.
    fn forget(&self, offset: u64, length: usize) {
        if let Some((cache, page_size)) = self.cache.get() {
            let page_size = *page_size as u64;
            let end = (offset + length as u64).div_ceil(page_size);
            (offset / page_size..end).for_each(|id| cache.forget(PageId(id as u32)));
        }
    }
}

impl<F: Files> Disk for FileDisk<F> {
    fn page(&self, id: PageId, page_size: usize) -> Result<BasePage> {
        let offset = u64::from(id.0) * page_size as u64;
        if offset + page_size as u64 > self.length.load(Ordering::Acquire) {
            return Err(Error::corrupt(id, "it lies beyond the end of the file"));
        }
        if let Some(page) = self.files.mapped_page(offset, page_size) {
            return page;
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

    fn page_in_place(&self, id: PageId, page_size: usize) -> Option<MappedPage> {
        let offset = u64::from(id.0) * page_size as u64;
        if offset + page_size as u64 > self.length.load(Ordering::Acquire) {
            return None;
        }
        self.files.page_in_place(offset, page_size)
    }

    fn read_at(&self, file: FileRole, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        if self.is_absent(file) {
            return Ok(0);
        }
        self.read_full(file, offset, buffer).map_err(|source| self.io_error("reading", file, source))
    }

    fn write_at(&self, file: FileRole, offset: u64, bytes: &[u8]) -> Result<()> {
        let written = self.write_full(file, offset, bytes);
        if file == FileRole::Base {
            if written.is_ok() {
                self.length.fetch_max(offset + bytes.len() as u64, Ordering::AcqRel);
            }
            self.forget(offset, bytes.len());
        }
        written.map_err(|source| self.io_error("writing", file, source))
    }

    fn sync_data(&self, file: FileRole) -> Result<()> {
        self.files.sync(file).map_err(|source| self.io_error("syncing", file, source))
    }

    fn truncate(&self, file: FileRole, length: u64) -> Result<()> {
        self.files.set_length(file, length).map_err(|source| self.io_error("resizing", file, source))?;
        if file == FileRole::Base {
            let before = self.length.swap(length, Ordering::AcqRel);
            self.forget(length, before.saturating_sub(length) as usize);
        }
        Ok(())
    }

    fn length(&self, file: FileRole) -> Result<u64> {
        if self.is_absent(file) {
            return Ok(0);
        }
        self.files.length(file).map_err(|source| self.io_error("examining", file, source))
    }

    fn create_log(&self, file: FileRole) -> Result<()> {
        let Some(log) = self.log(file) else { return Ok(()) };
        if !log.exists.load(Ordering::Acquire) {
            self.files.create_log(file).map_err(|source| self.io_error("creating", file, source))?;
            log.exists.store(true, Ordering::Release);
            log.unsynced.store(true, Ordering::Release);
        }
        // With the log's name that of the base file becomes durable, whoever made it.
        log.settle(|| self.sync_directory())
    }

    fn remove_log(&self, file: FileRole) -> Result<()> {
        let Some(log) = self.log(file) else { return Ok(()) };
        if log.exists.load(Ordering::Acquire) {
            self.files.remove_log(file).map_err(|source| self.io_error("removing", file, source))?;
            log.exists.store(false, Ordering::Release);
            log.unsynced.store(true, Ordering::Release);
        }
        log.settle(|| self.sync_directory())
    }

    fn lock(&self, exclusive: bool) -> Result<()> {
        debug_assert!(exclusive || self.read_only, "only a reader is content with a shared lock");
        self.files.lock(exclusive)?;
        let mut any = false;
        for (file, log) in FileRole::LOGS.into_iter().zip(&self.logs) {
            let found = self.files.open_log(file);
            let found = found.map_err(|source| self.io_error("opening", file, source))?;
            log.exists.store(found, Ordering::Release);
            any |= found;
        }
        // One log without the other may be what a process has left that was killed while it removed both.
        self.logs.iter().for_each(|log| log.unsynced.store(any, Ordering::Release));
        // The file may have grown between the opening and the lock.
        let length = self.length(FileRole::Base)?;
        self.length.store(length, Ordering::Release);
        Ok(())
    }

    fn path(&self) -> &Path {
        self.files.path()
    }
}

/// An I/O error by who must act: a full disk is its own.
pub(super) fn io_error(context: String, source: io::Error) -> Error {
    match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Error::Full(context),
        _ => Error::Io { context, source },
    }
}
