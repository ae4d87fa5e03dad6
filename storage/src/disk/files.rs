//! What a disk of files asks of the operating system: one method a call, each of which may do less than it was asked.
//!
//! `os` makes these calls; the simulated files of the tests answer them from memory and lose what a power failure may
//! lose. `file_disk` stands above both, so that its retries, its cache and its care for the directory are tested, too.

use super::{BasePage, FileRole, MappedPage};
use crate::error::Result;
use std::io;
use std::path::Path;

/// The files of one database.
///
/// A log has to be opened or created before it is read or written. The calls other than [`Files::read`] and
/// [`Files::write`] are made again by themselves where a signal interrupts them.
pub(crate) trait Files: Send + Sync {
    /// Reads some bytes: fewer than the buffer takes where it likes, none at the end of the file alone.
    fn read(&self, file: FileRole, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes some of the bytes, growing the file where needed.
    fn write(&self, file: FileRole, offset: u64, bytes: &[u8]) -> io::Result<usize>;

    /// Returns when what was written is on the medium.
    fn sync(&self, file: FileRole) -> io::Result<()>;

    /// Cuts a file, or lengthens it with zeros.
    fn set_length(&self, file: FileRole, length: u64) -> io::Result<()>;

    /// Bytes of a file.
    fn length(&self, file: FileRole) -> io::Result<u64>;

    /// Opens a log; false if there is none.
    fn open_log(&self, file: FileRole) -> io::Result<bool>;

    /// Makes a log, where [`Files::open_log`] found none.
    fn create_log(&self, file: FileRole) -> io::Result<()>;

    /// Closes a log and takes it out of the directory.
    fn remove_log(&self, file: FileRole) -> io::Result<()>;

    /// Returns when what was created and removed is on the medium.
    fn sync_directory(&self) -> io::Result<()>;

    /// The page at a place that the base file reaches, where pages are not read but looked at.
    fn mapped_page(&self, offset: u64, page_size: usize) -> Option<Result<BasePage>>;

    /// The same, where the file's part around it is mapped already.
    fn page_in_place(&self, offset: u64, page_size: usize) -> Option<MappedPage> {
        let _ = (offset, page_size);
        None
    }

    /// Takes the lock between processes.
    ///
    /// # Errors
    /// [`crate::Error::Busy`] says who is in the way.
    fn lock(&self, exclusive: bool) -> Result<()>;

    /// The base file's name, for messages.
    fn path(&self) -> &Path;
}
