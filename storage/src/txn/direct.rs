//! Pages that a transaction writes straight to their places in the base file: before its commit, so that they are
//! written once, or as soon as its copies take too much memory.
//!
//! Only pages qualify that the transaction made at or behind the *floor*: every page count that a living root or a
//! recovery goes by is at or below it, so nobody reads there. What stands in the base file is named by the commit
//! with its checksum, after a sync. A page that is edited again comes back into the memory and is written again, unless
//! readers of the open transaction were shown it in the base file: then it goes through the log like any other.

use super::private_pages::{Entry, Place, PrivatePages};
use crate::disk::{BasePage, FileRole, PageRuns};
use crate::error::{Error, Result};
use crate::page::{self, PageBytes, PageId};

/// What a transaction has written to the base file, and may write.
pub(crate) struct Direct {
    /// The first page number that may be written.
    floor: u32,
    /// True once pages stand in the base file that no commit has named yet.
    written: bool,
    /// The greatest page count that readers of the transaction were shown with pages in the base file.
    shown: u32,
    /// Failed syncs of the base file before anything was written.
    sync_failures: u64,
}

impl Direct {
    /// Pages from `floor` on may be written to a base file that had so many failed syncs.
    pub(crate) fn new(floor: u32, sync_failures: u64) -> Direct {
        Direct { floor, written: false, shown: 0, sync_failures }
    }

    /// For databases without a file: nothing is ever written.
    pub(crate) fn never() -> Direct {
        Direct::new(u32::MAX, 0)
    }

    /// True once pages stand in the base file that no commit has named yet.
    pub(super) fn is_written(&self) -> bool {
        self.written
    }

    /// The transaction is over: its pages are gone, or named by its commit.
    pub(super) fn forget(&mut self) {
        *self = Direct::new(self.floor, self.sync_failures);
    }

    /// Readers see the transaction's pages, `page_count` in all: those in the base file must stay as they are.
    pub(super) fn show(&mut self, page_count: u32) {
        if self.written {
            self.shown = self.shown.max(page_count);
        }
    }

    /// After a rollback page numbers are given out again, and what readers were shown under them must stay.
    pub(super) fn roll_back(&mut self) {
        self.floor = self.floor.max(self.shown);
    }

    /// True if the page of `entry` may be written to its place.
    pub(super) fn takes(&self, entry: &Entry) -> bool {
        entry.id.0 >= self.floor
            && !entry.freed
            && !entry.shown
            && matches!(&entry.place, Place::Memory(copy) if copy.fresh)
    }
}

impl PrivatePages {
    /// Writes the pages at `places`, which qualify and come in the order of their numbers, to the base file and forgets
    /// their copies.
    pub(super) fn write_early(&mut self, places: &[usize]) -> Result<()> {
        let base = &self.root.base;
        let mut runs = PageRuns::new(&*base.disk, base.page_size);
        let mut sums = Vec::with_capacity(places.len());
        self.direct.written |= !places.is_empty();
        for at in places {
            let Some(Entry { id, place: Place::Memory(copy), .. }) = self.entries.get(*at) else { continue };
            base.forget(*id);
            sums.push((*at, runs.put_as_of(*id, self.root.sequence + 1, copy.bytes())?));
        }
        self.counters.pages_written += runs.finish()?;
        for (at, sum) in sums {
            if let Some(entry) = self.entries.get_mut(at) {
                entry.place = Place::Base(sum);
                self.gone(at);
            }
        }
        Ok(())
    }

    /// A page of this transaction as it stands in the base file under `checksum`.
    pub(super) fn read_direct(&self, id: PageId, checksum: u32) -> Result<PageBytes> {
        let base = &self.root.base;
        let page = base.disk.page(id, base.page_size)?;
        let bytes = match &page {
            BasePage::Mapped(mapped) => mapped.bytes(&self.root),
            BasePage::Owned(bytes) => bytes,
        };
        if page::verify(id, bytes)? != checksum {
            return Err(Error::corrupt(id, "the base file does not hold what this transaction wrote there"));
        }
        // Copied, since it may be written again.
        Ok(base.buffers.copy_of(bytes))
    }

    /// Writes the sealed pages that qualify, if they come to more than `bytes_min` bytes or others are written already, and
    /// makes all of them durable: they need neither log nor checkpoint then, only to be named by the commit.
    ///
    /// # Errors
    /// I/O errors. The file may then have pages that mean nothing.
    pub(crate) fn write_direct(&mut self, bytes_min: u64) -> Result<()> {
        let base = &self.root.base;
        let is_large = |pages: usize| (pages * base.page_size) as u64 > bytes_min;
        if !self.direct.written && !is_large(self.entries.len()) {
            return Ok(());
        }
        let mut fresh: Vec<&mut Entry> =
            self.entries.iter_mut().filter(|entry| self.direct.takes(entry)).collect();
        if !self.direct.written && !is_large(fresh.len()) {
            return Ok(());
        }
        self.direct.written = true;
        fresh.sort_unstable_by_key(|entry| entry.id);
        let mut runs = PageRuns::new(&*base.disk, base.page_size);
        for entry in fresh {
            base.forget(entry.id);
            if let Place::Memory(copy) = &entry.place {
                entry.place = Place::Base(runs.put(entry.id, copy.bytes())?);
            }
        }
        self.counters.pages_written += runs.finish()?;
        self.counters.fsyncs += 1;
        base.sync(self.direct.sync_failures)
    }

    /// Cuts off what was written to the base file from page `floor` on, where no root reads: the room may be needed.
    pub(crate) fn take_back_direct(&mut self, floor: u32) -> Result<()> {
        let base = &self.root.base;
        let length = u64::from(floor) * base.page_size as u64;
        if self.direct.written && base.disk.length(FileRole::Base)? > length {
            base.disk.truncate(FileRole::Base, length)?;
        }
        self.direct.written = false;
        Ok(())
    }
}
