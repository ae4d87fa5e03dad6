//! Copies of a transaction that leave the memory when there are too many, and come back when they are edited.
//!
//! A page that the transaction made goes to its place in the base file, where that may be: see `direct`. All others,
//! and the images that savepoints keep, go to the temporary file. Nodes above the leaves stay: they are few, and every
//! descent reads them.

use super::private_pages::{Entry, Place, PrivatePages};
use super::savepoint::Undo;
use crate::disk::TemporaryPages;
use crate::error::Result;
use crate::page::{LEVEL_OFFSET, PageBytes, PageCopy, PageId, Sequence};
use std::sync::Arc;

/// Of the copies in memory, the part that leaves it at once: one in so many.
const EVICTED_SHARE: usize = 4;

/// How much of the memory a transaction uses, in pages.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// Copies that are not too many.
    copies_max: usize,
    /// Copies at which some leave.
    due: usize,
    /// Copies in memory now.
    pub(super) copies: usize,
    /// Images of savepoints that were looked at: they are not in memory.
    pub(super) images_gone: usize,
    /// Where the search for copies that may leave goes on.
    hand: usize,
}

impl Memory {
    /// Room for `copies_max` copies.
    pub(crate) fn new(copies_max: usize) -> Memory {
        Memory { copies_max, due: copies_max, copies: 0, images_gone: 0, hand: 0 }
    }

    /// The transaction is over.
    pub(super) fn forget(&mut self) {
        *self = Memory::new(self.copies_max);
    }
}

impl PrivatePages {
    /// Lets copies leave the memory where there are too many.
    #[inline]
    pub(super) fn evict_if_due(&mut self) -> Result<()> {
        let images = self.undo.len().saturating_sub(self.memory.images_gone);
        if self.memory.copies + images > self.memory.due { self.evict() } else { Ok(()) }
    }

    #[cold]
    fn evict(&mut self) -> Result<()> {
        self.evict_images()?;
        let wanted = self.memory.copies_max.div_ceil(EVICTED_SHARE);
        let mut leaving = self.choose(wanted);
        leaving.sort_unstable_by_key(|at| self.entries.get(*at).map(|entry| entry.id));
        let (to_base, to_temporary): (Vec<usize>, Vec<usize>) = leaving
            .into_iter()
            .partition(|at| self.entries.get(*at).is_some_and(|entry| self.direct.takes(entry)));
        self.write_early(&to_base)?;
        let sequence = self.root.sequence + 1;
        for at in to_temporary {
            let Some(Entry { id, place: place @ Place::Memory(_), .. }) = self.entries.get_mut(at) else {
                continue;
            };
            leave(place, *id, sequence, &self.root.base.temporary)?;
            self.gone(at);
        }
        // Where little could leave, the next search waits until there is more.
        let (max, present) = (self.memory.copies_max, self.memory.copies);
        self.memory.due = if present <= max { max } else { present + wanted };
        Ok(())
    }

    /// Places of copies that may leave and were not edited since the search last came by.
    fn choose(&mut self, wanted: usize) -> Vec<usize> {
        let mut leaving = Vec::with_capacity(wanted);
        for _ in 0..2 * self.entries.len() {
            self.memory.hand = (self.memory.hand + 1) % self.entries.len();
            let Some(entry) = self.entries.get_mut(self.memory.hand) else { continue };
            if entry.may_leave() && !std::mem::take(&mut entry.used) {
                // So that the second round does not choose it again.
                entry.used = true;
                leaving.push(self.memory.hand);
                if leaving.len() == wanted {
                    break;
                }
            }
        }
        leaving
    }

    /// The images that savepoints keep are needed by a rollback alone: all leave that still are in memory.
    fn evict_images(&mut self) -> Result<()> {
        let from = self.memory.images_gone.min(self.undo.len());
        for Undo { at, place, .. } in self.undo.iter_mut().skip(from) {
            if let Some(entry) = self.entries.get(*at) {
                leave(place, entry.id, self.root.sequence + 1, &self.root.base.temporary)?;
            }
            self.memory.images_gone += 1;
        }
        Ok(())
    }

    /// The copy at a place is no longer in memory.
    pub(super) fn gone(&mut self, at: usize) {
        self.memory.copies -= 1;
        if self.shown.is_some() {
            self.touched.push(at); // what readers are shown next need not keep the copy
        }
    }

    /// Savepoints keep `images` images from now on.
    pub(super) fn keep_images(&mut self, images: usize) {
        self.undo.truncate(images);
        self.memory.images_gone = self.memory.images_gone.min(images);
    }

    /// A page that is not in memory.
    #[cold]
    pub(super) fn read_evicted(&self, entry: &Entry) -> Result<PageBytes> {
        match &entry.place {
            Place::Memory(copy) => Ok(copy.share()),
            Place::Base(checksum) => self.read_direct(entry.id, *checksum),
            Place::Temporary(_, page) => page.read(),
        }
    }

    /// Makes sure that a page has its copy in memory.
    #[inline]
    pub(super) fn bring_back(&mut self, at: usize) -> Result<()> {
        match self.entries.get(at) {
            Some(Entry { place: Place::Memory(_), .. }) | None => Ok(()),
            Some(_) => self.bring_in(at),
        }
    }

    fn bring_in(&mut self, at: usize) -> Result<()> {
        self.evict_if_due()?;
        let Some(entry) = self.entries.get(at) else { return Ok(()) };
        let bytes = self.read_evicted(entry)?;
        let Some(entry) = self.entries.get_mut(at) else { return Ok(()) };
        let fresh = Place::Memory(Box::new(PageCopy::new(bytes, 0, true)));
        let before = std::mem::replace(&mut entry.place, fresh);
        if let (Place::Temporary(mut rest, _), Place::Memory(copy)) = (before, &mut entry.place) {
            rest.put_bytes(copy.take_bytes());
            *copy = rest;
        }
        self.memory.copies += 1;
        Ok(())
    }
}

impl Entry {
    fn may_leave(&self) -> bool {
        match &self.place {
            Place::Memory(copy) => self.id.0 != 0 && copy.bytes().get(LEVEL_OFFSET) == Some(&0),
            _ => false,
        }
    }
}

/// Moves a copy in memory to the temporary file, as of the commit that is to come.
fn leave(place: &mut Place, id: PageId, sequence: Sequence, temporary: &Arc<TemporaryPages>) -> Result<()> {
    let Place::Memory(copy) = place else { return Ok(()) };
    let page = temporary.put(id, Some(sequence), copy.bytes())?;
    let empty = PageCopy::new(PageBytes::from(Vec::new()), 0, true);
    let mut rest = std::mem::replace(copy, Box::new(empty));
    rest.take_bytes();
    *place = Place::Temporary(rest, page);
    Ok(())
}
