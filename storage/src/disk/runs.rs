//! Pages on their way into the base file: sealed, and neighbours joined into large writes.

use super::{Disk, FileRole};
use crate::error::Result;
use crate::page::{self, PageId, Sequence};

/// Most bytes written at once.
const RUN_MAX: usize = 1 << 20;

/// Writes pages that come in ascending order of their numbers.
pub(crate) struct PageRuns<'a> {
    disk: &'a dyn Disk,
    page_size: usize,
    run: Vec<u8>,
    /// Where the run goes.
    start: u64,
    pages: u64,
}

impl<'a> PageRuns<'a> {
    /// No page yet.
    pub(crate) fn new(disk: &'a dyn Disk, page_size: usize) -> PageRuns<'a> {
        PageRuns { disk, page_size, run: Vec::new(), start: 0, pages: 0 }
    }

    /// Adds a page and gives back its checksum.
    pub(crate) fn put(&mut self, id: PageId, page: &[u8]) -> Result<u32> {
        let offset = u64::from(id.0) * self.page_size as u64;
        if offset != self.start + self.run.len() as u64 || self.run.len() + page.len() > RUN_MAX {
            self.write()?;
            self.start = offset;
        }
        let place = self.run.len();
        self.run.extend_from_slice(page);
        self.pages += 1;
        Ok(page::seal(id, &mut self.run[place..])) // the page that was just put there
    }

    /// As [`PageRuns::put`], with the page's commit set to `sequence`.
    pub(crate) fn put_as_of(&mut self, id: PageId, sequence: Sequence, page: &[u8]) -> Result<u32> {
        self.put(id, page)?;
        let place = self.run.len() - page.len();
        let copied = &mut self.run[place..]; // the page that was just put there
        page::set_sequence(id, copied, sequence);
        Ok(page::seal(id, copied))
    }

    /// Writes what is left and gives back how many pages there were.
    pub(crate) fn finish(mut self) -> Result<u64> {
        self.write()?;
        Ok(self.pages)
    }

    fn write(&mut self) -> Result<()> {
        if !self.run.is_empty() {
            self.disk.write_at(FileRole::Base, self.start, &self.run)?;
            self.run.clear();
        }
        Ok(())
    }
}
