//! Page versions in memory, shared by count, and the pool that their buffers come from and go back to.
//!
//! The count of a version stands apart from its bytes, close to those of its neighbours: a commit that copies a node
//! of the overlay raises sixteen counts, and beside the pages each of them would be a cache miss.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One version of a page. A clone is one reference count; its buffer goes back to the pool with the last.
#[derive(Clone)]
pub(crate) struct PageBytes {
    buffer: Arc<Buffer>,
}

struct Buffer {
    bytes: Box<[u8]>,
    /// None for what is made one at a time.
    pool: Option<Arc<BufferPool>>,
}

/// Free buffers of one page size: a load of copies and releases costs no call of the allocator.
#[derive(Debug)]
pub(crate) struct BufferPool {
    free: Mutex<Vec<Box<[u8]>>>,
    page_size: usize,
    /// Free buffers kept at most.
    kept_max: usize,
}

impl BufferPool {
    /// A pool of pages of `page_size` bytes that keeps about `bytes_max` bytes of free ones.
    pub(crate) fn new(page_size: usize, bytes_max: usize) -> BufferPool {
        BufferPool { free: Mutex::new(Vec::new()), page_size, kept_max: bytes_max / page_size }
    }

    /// A page of zeros.
    pub(crate) fn zeroed(self: &Arc<BufferPool>) -> PageBytes {
        match self.take() {
            Some(mut bytes) => {
                bytes.fill(0);
                self.filled(bytes)
            }
            None => self.filled(vec![0; self.page_size].into_boxed_slice()),
        }
    }

    /// A page of these bytes.
    pub(crate) fn copy_of(self: &Arc<BufferPool>, content: &[u8]) -> PageBytes {
        match self.take() {
            Some(mut bytes) if bytes.len() == content.len() => {
                bytes.copy_from_slice(content);
                self.filled(bytes)
            }
            _ => self.filled(Box::from(content)),
        }
    }

    fn filled(self: &Arc<BufferPool>, bytes: Box<[u8]>) -> PageBytes {
        PageBytes { buffer: Arc::new(Buffer { bytes, pool: Some(Arc::clone(self)) }) }
    }

    fn take(&self) -> Option<Box<[u8]>> {
        self.free().pop()
    }

    fn give_back(&self, bytes: Box<[u8]>) {
        let mut free = self.free();
        if free.len() < self.kept_max && bytes.len() == self.page_size {
            free.push(bytes);
        }
    }

    fn free(&self) -> MutexGuard<'_, Vec<Box<[u8]>>> {
        // A list of buffers is whole after every step.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PageBytes {
    /// The bytes for writing; a version that somebody else holds is copied first, and this handle stands for the copy.
    #[inline]
    pub(crate) fn make_mut(&mut self) -> &mut [u8] {
        &mut Arc::make_mut(&mut self.buffer).bytes
    }

    /// True if both are the same version, not only equal.
    #[inline]
    pub(crate) fn is_same(&self, other: &PageBytes) -> bool {
        Arc::ptr_eq(&self.buffer, &other.buffer)
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Buffer {
        let reused = self.pool.as_ref().and_then(|pool| pool.take()).filter(|b| b.len() == self.bytes.len());
        let bytes = match reused {
            Some(mut bytes) => {
                bytes.copy_from_slice(&self.bytes);
                bytes
            }
            None => self.bytes.clone(),
        };
        Buffer { bytes, pool: self.pool.clone() }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            pool.give_back(std::mem::take(&mut self.bytes));
        }
    }
}

impl Deref for PageBytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.buffer.bytes
    }
}

impl From<Vec<u8>> for PageBytes {
    fn from(bytes: Vec<u8>) -> PageBytes {
        PageBytes { buffer: Arc::new(Buffer { bytes: bytes.into_boxed_slice(), pool: None }) }
    }
}

impl fmt::Debug for PageBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageBytes({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_and_are_handed_out_clean() {
        let pool = Arc::new(BufferPool::new(4096, 2 * 4096));
        let mut page = pool.zeroed();
        page.make_mut().fill(7);
        let held = page.clone();
        page.make_mut()[0] = 8;
        assert!((page[0], held[0]) == (8, 7) && !page.is_same(&held) && held.is_same(&held.clone()));
        drop(held);
        assert_eq!(pool.free().len(), 1);
        let copy = pool.copy_of(&page);
        assert_eq!((&copy[..], pool.free().len()), (&page[..], 0));
        drop((page, copy, pool.zeroed()));
        assert_eq!(pool.free().len(), 2, "as many as it keeps");
        assert!(pool.zeroed().iter().all(|byte| *byte == 0));
    }
}
