//! The holes in a leaf's heap, sorted and never touching. Arithmetic on extents only.

use super::extents::Extent;
use smallvec::SmallVec;

/// Free stretches of a heap in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FreeRegions {
    list: SmallVec<[Extent; 8]>,
}

impl FreeRegions {
    /// What `used`, in ascending order, leaves free of `start..end`.
    pub(super) fn between(start: usize, end: usize, used: impl Iterator<Item = Extent>) -> FreeRegions {
        let mut list = SmallVec::new();
        let mut at = start;
        for extent in used {
            if extent.start() > at {
                list.push(Extent::new(at, extent.start() - at));
            }
            at = at.max(extent.end());
        }
        if end > at {
            list.push(Extent::new(at, end - at));
        }
        FreeRegions { list }
    }

    /// Forgets all regions: there is no hole.
    pub(super) fn clear(&mut self) {
        self.list.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Extent> {
        self.list.iter().copied()
    }

    /// Takes `length` bytes from the smallest region that has them; gives their offset.
    pub(super) fn take(&mut self, length: usize) -> Option<usize> {
        let fits = |extent: &&mut Extent| usize::from(extent.length) >= length;
        let region = self.list.iter_mut().filter(fits).min_by_key(|extent| extent.length)?;
        let left = usize::from(region.length) - length;
        let offset = region.start() + left;
        if left > 0 {
            region.length = left as u16;
        } else {
            self.list.retain(|extent| extent.start() != offset);
        }
        Some(offset)
    }

    /// Adds a stretch, joining it with the regions that it touches.
    pub(super) fn give(&mut self, freed: Extent) {
        let at = self.list.partition_point(|extent| extent.offset < freed.offset);
        let mut joined = freed;
        if let Some(after) = self.list.get(at).filter(|after| after.start() == freed.end()).copied() {
            joined.length += after.length;
            self.list.remove(at);
        }
        match at.checked_sub(1).and_then(|before| self.list.get_mut(before)) {
            Some(before) if before.end() == joined.start() => before.length += joined.length,
            _ => self.list.insert(at, joined),
        }
    }

    /// Takes away the region that starts at `start`; gives its length, 0 where there is none.
    pub(super) fn absorb(&mut self, start: usize) -> usize {
        match self.list.first() {
            Some(first) if first.start() == start => usize::from(self.list.remove(0).length),
            _ => 0,
        }
    }
}
