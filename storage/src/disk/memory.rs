//! A disk of plain vectors: the home of in-memory databases, and of tests.

use super::{BasePage, Disk, FileRole};
use crate::error::{Error, Result};
use crate::page::{PageBytes, PageId};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The files in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryDisk {
    files: [Mutex<Vec<u8>>; 4],
}

impl MemoryDisk {
    fn file(&self, file: FileRole) -> MutexGuard<'_, Vec<u8>> {
        // There are as many files as roles. Bytes are whole even if their writer panicked.
        self.files[file.index()].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for MemoryDisk {
    fn page(&self, id: PageId, page_size: usize) -> Result<BasePage> {
        let start = id.0 as usize * page_size;
        match self.file(FileRole::Base).get(start..start + page_size) {
            Some(bytes) => Ok(BasePage::Owned(PageBytes::from(bytes.to_vec()))),
            None => Err(Error::corrupt(id, "it lies beyond the end of the file")),
        }
    }

    fn read_at(&self, file: FileRole, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let bytes = self.file(file);
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]); // the shorter of both
        Ok(length)
    }

    fn write_at(&self, file: FileRole, offset: u64, bytes: &[u8]) -> Result<()> {
        let mut content = self.file(file);
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        if content.len() < end {
            content.resize(end, 0);
        }
        content[start..end].copy_from_slice(bytes); // made long enough above
        Ok(())
    }

    fn sync_data(&self, _file: FileRole) -> Result<()> {
        Ok(())
    }

    fn truncate(&self, file: FileRole, length: u64) -> Result<()> {
        self.file(file).resize(length as usize, 0);
        Ok(())
    }

    fn length(&self, file: FileRole) -> Result<u64> {
        Ok(self.file(file).len() as u64)
    }

    fn create_log(&self, _file: FileRole) -> Result<()> {
        Ok(())
    }

    fn remove_log(&self, file: FileRole) -> Result<()> {
        self.file(file).clear();
        Ok(())
    }

    fn lock(&self, _exclusive: bool) -> Result<()> {
        Ok(())
    }

    fn path(&self) -> &Path {
        Path::new(":memory:")
    }
}
