//! The disk as the rest of the engine sees it: one base file, two logs, a temporary file, and the few calls on them.
//!
//! `runs` and `temporary` know how pages lie in them. `file_disk` is a disk of files, read through the bounded `cache`
//! where they are not mapped; its `files` are real ones (`os`, `mapping`), or simulated ones that a test crashes (`sim`).
//! `memory` is plain vectors. Nothing above this folder opens a file.

mod cache;
mod file_disk;
mod files;
mod mapping;
mod memory;
mod open;
mod os;
mod registry;
mod runs;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod sim;
mod temporary;

pub(crate) use mapping::{MappedPage, prefetch};
pub(crate) use memory::MemoryDisk;
pub(crate) use os::{OsDisk, OsDiskOptions};
pub(crate) use registry::{Entry, Registration, enter};
pub(crate) use runs::PageRuns;
pub(crate) use temporary::{TemporaryPage, TemporaryPages};

use crate::error::Result;
use crate::page::{PageBytes, PageId};
use std::path::Path;

/// One of the files of an open database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileRole {
    /// The pages.
    Base,
    /// The first log.
    Log0,
    /// The second log.
    Log1,
    /// A file without a name, gone with the process, made when it is first written to. It is never synced.
    Temporary,
}

impl FileRole {
    /// The logs, by index.
    pub(crate) const LOGS: [FileRole; 2] = [FileRole::Log0, FileRole::Log1];

    /// What the file's name ends with, after the base file's name.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            FileRole::Base => "",
            FileRole::Log0 => "-wal0",
            FileRole::Log1 => "-wal1",
            FileRole::Temporary => " (temporary file)",
        }
    }

    fn index(self) -> usize {
        match self {
            FileRole::Base => 0,
            FileRole::Log0 => 1,
            FileRole::Log1 => 2,
            FileRole::Temporary => 3,
        }
    }
}

/// A page of the base file, not verified yet.
pub(crate) enum BasePage {
    /// A window into the mapped file.
    Mapped(MappedPage),
    /// Bytes read into memory.
    Owned(PageBytes),
}

/// The files of one database.
///
/// Offsets and lengths are bytes. A log that does not exist has length 0 and reads as empty.
pub(crate) trait Disk: Send + Sync {
    /// Page `id` of the base file.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] if it lies beyond the end of the file.
    fn page(&self, id: PageId, page_size: usize) -> Result<BasePage>;

    /// Page `id` of the base file without a detour, where pages are looked at in place and those around it were before;
    /// `None` says nothing about the page.
    fn page_in_place(&self, id: PageId, page_size: usize) -> Option<MappedPage> {
        let _ = (id, page_size);
        None
    }

    /// Fills `buffer` as far as the file goes and gives back how far that was.
    fn read_at(&self, file: FileRole, offset: u64, buffer: &mut [u8]) -> Result<usize>;

    /// Writes all bytes, growing the file where needed.
    ///
    /// # Errors
    /// [`crate::Error::Full`] if there is no room.
    fn write_at(&self, file: FileRole, offset: u64, bytes: &[u8]) -> Result<()>;

    /// Returns when what was written is on the medium.
    fn sync_data(&self, file: FileRole) -> Result<()>;

    /// Sets the length of a file.
    fn truncate(&self, file: FileRole, length: u64) -> Result<()>;

    /// Bytes of a file.
    fn length(&self, file: FileRole) -> Result<u64>;

    /// Makes sure that a log exists, and would after a power failure.
    fn create_log(&self, file: FileRole) -> Result<()>;

    /// Removes a log if it exists, and returns when that would survive a power failure.
    fn remove_log(&self, file: FileRole) -> Result<()>;

    /// Takes the lock between processes, shared among readers, exclusive for a writer; then finds the logs.
    ///
    /// # Errors
    /// [`crate::Error::Busy`] says who is in the way.
    fn lock(&self, exclusive: bool) -> Result<()>;

    /// The base file's name, for messages.
    fn path(&self) -> &Path;

    /// The name of a file, for messages.
    fn name(&self, file: FileRole) -> String {
        format!("{}{}", self.path().display(), file.suffix())
    }
}
