//! A temporary file of page-sized slots, for page versions that the memory has no room for.
//!
//! The file has no name and is gone with its process. A slot is written once, and free again with the last handle on
//! it. Its page is sealed, so that what comes back is what went.

use super::{Disk, FileRole};
use crate::error::Result;
use crate::page::{self, BufferPool, PageBytes, PageId, Sequence};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The slots of one database's temporary file.
pub(crate) struct TemporaryPages {
    disk: Arc<dyn Disk>,
    buffers: Arc<BufferPool>,
    page_size: usize,
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    free: Vec<u32>,
    /// Slots handed out so far.
    made: u32,
}

/// A page version in the temporary file. A clone is one reference count.
#[derive(Clone)]
pub(crate) struct TemporaryPage {
    slot: Arc<Slot>,
}

struct Slot {
    id: PageId,
    number: u32,
    home: Arc<TemporaryPages>,
}

impl TemporaryPages {
    /// No slot yet; the file is made with the first.
    pub(crate) fn new(disk: Arc<dyn Disk>, buffers: Arc<BufferPool>, page_size: usize) -> TemporaryPages {
        TemporaryPages { disk, buffers, page_size, slots: Mutex::default() }
    }

    /// Writes a page to a slot, as of commit `sequence` if one is given.
    ///
    /// # Errors
    /// I/O errors; nothing is kept then.
    pub(crate) fn put(
        self: &Arc<TemporaryPages>,
        id: PageId,
        sequence: Option<Sequence>,
        bytes: &[u8],
    ) -> Result<TemporaryPage> {
        let mut sealed = self.buffers.copy_of(bytes);
        let content = sealed.make_mut();
        if let Some(sequence) = sequence {
            page::set_sequence(id, content, sequence);
        }
        page::seal(id, content);
        let number = self.take();
        // Made first: where the write fails, dropping it frees the slot.
        let slot = Slot { id, number, home: Arc::clone(self) };
        self.disk.write_at(FileRole::Temporary, u64::from(number) * self.page_size as u64, &sealed)?;
        Ok(TemporaryPage { slot: Arc::new(slot) })
    }

    fn take(&self) -> u32 {
        let mut slots = self.slots();
        slots.free.pop().unwrap_or_else(|| {
            slots.made += 1;
            slots.made - 1
        })
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        // Each change is one step.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Slots in use.
    #[cfg(test)]
    pub(crate) fn in_use(&self) -> usize {
        let slots = self.slots();
        slots.made as usize - slots.free.len()
    }
}

impl TemporaryPage {
    /// Reads the page.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] if the file does not give back what was written; I/O errors.
    #[cold]
    pub(crate) fn read(&self) -> Result<PageBytes> {
        let Slot { id, number, home } = &*self.slot;
        let mut bytes = home.buffers.zeroed();
        let offset = u64::from(*number) * home.page_size as u64;
        let length = home.disk.read_at(FileRole::Temporary, offset, bytes.make_mut())?;
        page::verify(*id, bytes.get(..length).unwrap_or_default())?;
        Ok(bytes)
    }

    /// True if both are handles on one slot.
    pub(crate) fn is_same(&self, other: &TemporaryPage) -> bool {
        Arc::ptr_eq(&self.slot, &other.slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.home.slots().free.push(self.number);
    }
}

impl fmt::Debug for TemporaryPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TemporaryPage({} in slot {})", self.slot.id, self.slot.number)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::disk::MemoryDisk;

    #[test]
    fn slots_are_used_again_and_damage_is_found() {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        let buffers = Arc::new(BufferPool::new(4096, 0));
        let pages = Arc::new(TemporaryPages::new(Arc::clone(&disk), buffers, 4096));
        let first = pages.put(PageId(7), None, &[1; 4096]).unwrap();
        let second = pages.put(PageId(8), Some(5), &[2; 4096]).unwrap();
        let other = first.clone();
        drop(first);
        assert_eq!((other.read().unwrap()[100], pages.in_use()), (1, 2));
        assert_eq!(page::sequence_of(PageId(8), &second.read().unwrap()), 5);
        drop(other);
        let third = pages.put(PageId(9), None, &[3; 4096]).unwrap();
        assert_eq!((third.slot.number, pages.in_use(), third.is_same(&second)), (0, 2, false));
        disk.write_at(FileRole::Temporary, 50, &[9]).unwrap();
        assert!(third.read().is_err() && second.read().is_ok());
    }
}
