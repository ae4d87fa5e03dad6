//! The pages that one write transaction has copied, changed, made and given back.
//!
//! Copies lie in a slab, found by page number. A stamp on each says when it was last touched: an edit under an
//! older stamp takes the slow way once, which keeps an image for the open savepoint and tells the next snapshot
//! of the transaction that the page has changed. Where memory is short, copies leave it: see `eviction`.

use super::direct::Direct;
use super::eviction::Memory;
use super::savepoint::{SavepointState, Undo};
use super::{Savepoint, engine::Layout};
use crate::disk::{self, TemporaryPage};
use crate::error::{Error, Result};
use crate::metrics::Counters;
use crate::overlay::{Overlay, PageRef, PageVersion, Root};
use crate::page::file_header::{FileState, SCHEMA_ROOT};
use crate::page::{
    KIND_OFFSET, LEVEL_OFFSET, PageCopy, PageId, PageKind, PageLook, ReadPages, Sequence, WritePages,
    sequence_of,
};
use crate::space::freelist;
use crate::wal;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::sync::Arc;

/// A write transaction's pages over the root it started from.
pub(crate) struct PrivatePages {
    pub(super) root: Arc<Root>,
    /// The fields of page 0; written there by the commit.
    pub(super) state: FileState,
    /// Pages that were free when the transaction began.
    free_before: u32,
    pub(super) entries: Entries,
    /// Places by page number, of all entries, from the time on when they were more than a few.
    index: FxHashMap<PageId, usize>,
    /// The page last edited, and its place.
    recent: (PageId, usize),
    /// Raised whenever a touch must be noticed again.
    stamp: u64,
    savepoints: Vec<SavepointState>,
    pub(super) undo: Vec<Undo>,
    savepoints_made: u64,
    epoch: u64,
    /// The state last shown to readers of the transaction.
    pub(super) shown: Option<Arc<Root>>,
    /// Places of pages touched since then.
    pub(super) touched: Vec<usize>,
    pub(super) direct: Direct,
    pub(super) memory: Memory,
    /// The page at the end of the file was given back: the commit may cut it off.
    pub(super) tail_freed: bool,
    pub(crate) counters: Counters,
}

/// The private pages in the order of their making; those of a small transaction take no memory of their own.
type Entries = SmallVec<[Entry; 4]>;

/// So many entries are found by looking through them.
const ENTRIES_FEW: usize = 8;
/// Pages that change together and may go to the list before the overlay's tree.
const CHANGED_FEW: usize = 4;

/// One private page.
pub(super) struct Entry {
    pub(super) id: PageId,
    pub(super) place: Place,
    /// The transaction's stamp when the page was last touched.
    stamp: u64,
    /// The page was given back: its content means nothing.
    pub(super) freed: bool,
    /// Edited since the search for pages that may leave the memory came by.
    pub(super) used: bool,
    /// Readers of the open transaction were shown the page as it stands in the base file.
    pub(super) shown: bool,
}

/// Where a private page is. What is large is boxed: a page that left the memory leaves little behind.
pub(super) enum Place {
    /// Here, to be edited.
    Memory(Box<PageCopy>),
    /// In its place in the base file, under this checksum, for the commit to name: a page that the transaction made.
    Base(u32),
    /// In the temporary file, and the rest of its copy here.
    Temporary(Box<PageCopy>, TemporaryPage),
}

impl Place {
    pub(super) fn is_memory(&self) -> bool {
        matches!(self, Place::Memory(_))
    }
}

/// What cannot be: a touch brings the copy into the memory.
const ABSENT: &str = "its copy left the memory while it was edited";

/// No page is edited as the highest number: the page count could not hold it.
const NO_RECENT: (PageId, usize) = (PageId(u32::MAX), 0);

impl PrivatePages {
    /// No private page yet, over `root`. `direct` says what may be written to the base file before the commit, and
    /// `memory` how many copies are too many.
    pub(crate) fn new(root: Arc<Root>, direct: Direct, memory: Memory) -> Result<PrivatePages> {
        let state = FileState::read(&root.page(PageId(0))?)?;
        Ok(PrivatePages {
            root,
            state,
            free_before: state.free_count,
            entries: SmallVec::new(),
            index: FxHashMap::default(),
            recent: NO_RECENT,
            stamp: 1,
            savepoints: Vec::new(),
            undo: Vec::new(),
            savepoints_made: 0,
            epoch: 0,
            shown: None,
            touched: Vec::new(),
            direct,
            memory,
            tail_freed: false,
            counters: Counters::default(),
        })
    }

    /// The root that the transaction started from.
    pub(crate) fn root(&self) -> &Arc<Root> {
        &self.root
    }

    /// Forgets all pages: the transaction is over and `root` is the newest commit.
    pub(crate) fn end(&mut self, root: Arc<Root>) {
        self.root = root;
        self.shown = None;
        self.entries = SmallVec::new();
        self.index = FxHashMap::default();
        self.memory.forget();
        self.direct.forget();
        self.recent = NO_RECENT;
        self.undo = Vec::new();
        self.savepoints = Vec::new();
    }

    /// The transaction's present state as a root of its own, in time proportional to the pages touched since the
    /// last call. Later edits copy what it holds.
    pub(crate) fn show(&mut self) -> Arc<Root> {
        if self.entries.is_empty() {
            return Arc::clone(&self.root);
        }
        let overlay = match &self.shown {
            Some(shown) if self.touched.is_empty() => return Arc::clone(shown),
            Some(shown) => {
                let mut overlay = shown.overlay.clone();
                for at in self.touched.drain(..) {
                    if let Some(entry) = self.entries.get_mut(at) {
                        entry.show_in(&mut overlay);
                    }
                }
                overlay
            }
            None => {
                self.touched.clear();
                let mut overlay = self.root.overlay.clone();
                self.entries.iter_mut().for_each(|entry| entry.show_in(&mut overlay));
                overlay
            }
        };
        self.stamp += 1;
        self.direct.show(self.state.page_count);
        let shown = Arc::new(Root {
            sequence: self.root.sequence,
            page_count: self.state.page_count,
            overlay,
            base: Arc::clone(&self.root.base),
            parent: Some(crate::overlay::Parent::Committed { _root: Arc::clone(&self.root) }),
        });
        Arc::clone(self.shown.insert(shown))
    }

    /// The place of the private copy of a page, made now if there is none, and touched.
    #[inline]
    fn place(&mut self, id: PageId) -> Result<usize> {
        let at = if self.recent.0 == id {
            self.recent.1
        } else {
            let at = match self.place_of(id) {
                Some(at) => at,
                None => self.copy_in(id)?,
            };
            self.recent = (id, at);
            at
        };
        let entry = &mut self.entries[at]; // places come from the index
        if entry.freed {
            return Err(given_back(id));
        }
        entry.used = true;
        if entry.stamp != self.stamp || !entry.place.is_memory() {
            self.touch(at)?;
        }
        Ok(at)
    }

    /// The place of the private copy of a page, if there is one.
    #[inline]
    pub(super) fn place_of(&self, id: PageId) -> Option<usize> {
        if self.index.is_empty() {
            return self.entries.iter().position(|entry| entry.id == id);
        }
        self.index.get(&id).copied()
    }

    /// The private copy of a page, if there is one.
    #[inline]
    fn entry(&self, id: PageId) -> Option<&Entry> {
        let at = if self.recent.0 == id { Some(self.recent.1) } else { self.place_of(id) };
        at.and_then(|at| self.entries.get(at))
    }

    #[cold]
    fn copy_in(&mut self, id: PageId) -> Result<usize> {
        self.evict_if_due()?;
        let bytes = self.root.base.buffers.copy_of(&self.root.look(id)?);
        let base_sequence = sequence_of(id, &bytes);
        self.counters.pages_copied += 1;
        Ok(self.push(id, PageCopy::new(bytes, base_sequence, false)))
    }

    /// Adds an entry that was never touched.
    fn push(&mut self, id: PageId, copy: PageCopy) -> usize {
        let at = self.entries.len();
        let place = Place::Memory(Box::new(copy));
        self.entries.push(Entry { id, place, stamp: 0, freed: false, used: true, shown: false });
        self.memory.copies += 1;
        if !self.index.is_empty() {
            self.index.insert(id, at);
        } else if self.entries.len() > ENTRIES_FEW {
            self.index.extend(self.entries.iter().enumerate().map(|(at, entry)| (entry.id, at)));
        }
        at
    }

    /// Notices the first touch under this stamp, and brings the page into the memory.
    #[cold]
    pub(super) fn touch(&mut self, at: usize) -> Result<()> {
        let Some(entry) = self.entries.get(at) else { return Ok(()) };
        let (stamp, freed) = (entry.stamp, entry.freed);
        // A page copied in after the savepoint needs no image: it is dropped by a rollback.
        let needs_image =
            self.savepoints.last().is_some_and(|savepoint| at < savepoint.entries && stamp < savepoint.stamp);
        let mut image = match &entry.place {
            // The slot stays as it is for as long as somebody holds it; a place in the base file does not.
            Place::Temporary(copy, page) if needs_image => {
                Some(Place::Temporary(Box::new(copy.image()), page.clone()))
            }
            _ => None,
        };
        self.bring_back(at)?;
        let Some(entry) = self.entries.get_mut(at) else { return Ok(()) };
        if let Place::Memory(copy) = &entry.place
            && needs_image
            && image.is_none()
        {
            image = Some(Place::Memory(Box::new(copy.image())));
        }
        entry.stamp = self.stamp;
        if self.shown.is_some() && stamp != self.stamp {
            self.touched.push(at);
        }
        self.undo.extend(image.map(|place| Undo { at, place, stamp, freed }));
        Ok(())
    }

    /// Makes `id` a zeroed page of this transaction.
    pub(crate) fn make(&mut self, id: PageId, kind: PageKind, level: u8) -> Result<usize> {
        let mut bytes = self.root.base.buffers.zeroed();
        let page = bytes.make_mut();
        page[KIND_OFFSET] = kind as u8; // inside any page
        page[LEVEL_OFFSET] = level;
        let copy = PageCopy::new(bytes, 0, true);
        let at = match self.place_of(id) {
            Some(at) => at,
            None => self.push(id, copy.image()),
        };
        self.touch(at)?;
        if let Some(entry) = self.entries.get_mut(at) {
            entry.place = Place::Memory(Box::new(copy));
            entry.freed = false;
        }
        Ok(at)
    }

    /// A page number from the freelist.
    fn take_free(&mut self) -> Result<Option<PageId>> {
        let head = self.state.freelist_head;
        if head == PageId::NONE {
            return Ok(None);
        }
        let page_count = self.state.page_count;
        let copy = self.edit(head)?;
        freelist::expect(head, copy.bytes())?;
        let (id, next) = match freelist::pop(copy) {
            Some(id) => (id, head),
            None => (head, freelist::next(copy.bytes())),
        };
        if id <= SCHEMA_ROOT || id.0 >= page_count || next.0 >= page_count {
            return Err(Error::corrupt(
                head,
                format!("the freelist names page {} of {page_count}", id.max(next)),
            ));
        }
        self.state.freelist_head = next;
        self.state.free_count = self.state.free_count.saturating_sub(1);
        Ok(Some(id))
    }

    /// Marks the present state to come back to.
    pub(crate) fn savepoint(&mut self) -> Savepoint {
        self.stamp += 1;
        self.savepoints_made += 1;
        self.savepoints.push(SavepointState {
            number: self.savepoints_made,
            undo: self.undo.len(),
            entries: self.entries.len(),
            stamp: self.stamp,
            state: self.state,
        });
        Savepoint::new(self.savepoints_made)
    }

    /// Undoes all since the savepoint, which stays; those made after it are gone.
    pub(crate) fn rollback_to(&mut self, savepoint: &Savepoint) -> Result<()> {
        let depth = self.depth(savepoint)?;
        self.savepoints.truncate(depth + 1);
        self.stamp += 1;
        let Some(state) = self.savepoints.get_mut(depth) else { return Ok(()) };
        state.stamp = self.stamp;
        self.state = state.state;
        self.direct.roll_back();
        for Undo { at, place, stamp, freed } in self.undo.drain(state.undo..).rev() {
            if let Some(entry) = self.entries.get_mut(at) {
                self.memory.copies += usize::from(place.is_memory());
                self.memory.copies -= usize::from(entry.place.is_memory());
                (entry.place, entry.stamp, entry.freed) = (place, stamp, freed);
            }
        }
        self.memory.images_gone = self.memory.images_gone.min(self.undo.len());
        for entry in self.entries.drain(state.entries..) {
            self.index.remove(&entry.id);
            self.memory.copies -= usize::from(entry.place.is_memory());
        }
        self.recent = NO_RECENT;
        self.shown = None;
        self.touched.clear();
        self.epoch += 1;
        self.counters.rollbacks += 1;
        Ok(())
    }

    /// Forgets the savepoint and those made after it; what was done since stays.
    pub(crate) fn release(&mut self, savepoint: &Savepoint) -> Result<()> {
        let depth = self.depth(savepoint)?;
        self.savepoints.truncate(depth);
        if depth == 0 {
            self.keep_images(0);
        }
        Ok(())
    }

    fn depth(&self, savepoint: &Savepoint) -> Result<usize> {
        let number = savepoint.number();
        let depth = self.savepoints.iter().rposition(|state| state.number == number);
        depth.ok_or_else(|| Error::Misuse("this savepoint is no longer open".into()))
    }

    /// Readies the pages for commit `sequence`; false if nothing was changed.
    pub(crate) fn seal(&mut self, sequence: Sequence) -> Result<bool> {
        self.cut_free_tail()?;
        if FileState::read(&self.root.page(PageId(0))?)? != self.state {
            let state = self.state;
            let (page, edits, _) = self.edit(PageId(0))?.parts_mut();
            let range = state.write(page);
            edits.note_write(range.start, range.end);
        }
        let mut any = false;
        for entry in self.entries.iter_mut().filter(|entry| entry.is_changed()) {
            any = true;
            let Place::Memory(copy) = &mut entry.place else { continue };
            debug_assert!(
                copy.fresh
                    || self
                        .root
                        .page(entry.id)
                        .map_or(true, |base| { copy.edits.proves(entry.id, &base, copy.bytes()) }),
                "page {} was changed beyond what was noted",
                entry.id
            );
            copy.set_sequence(entry.id, sequence);
        }
        Ok(any)
    }

    /// Hands the changed pages to the log: their edits, or their content where that is shorter.
    pub(crate) fn log(&self, commit: &mut wal::Commit<'_>, layout: Layout) -> Result<()> {
        for Entry { id, place, .. } in self.entries.iter().filter(|entry| entry.is_changed()) {
            let read;
            let (copy, page) = match place {
                Place::Memory(copy) => (copy, copy.bytes()),
                Place::Temporary(copy, page) => {
                    read = page.read()?;
                    (copy, &*read)
                }
                Place::Base(checksum) => {
                    commit.put_direct(*id, *checksum)?;
                    continue;
                }
            };
            let (front, heap) = wal::content(*id, page, layout.ranges);
            if copy.fresh || copy.edits.is_whole() || copy.edits.encoded_size() >= front.len() + heap.len() {
                commit.put_whole(*id, front, heap)?;
            } else {
                commit.put_delta(*id, copy.base_sequence, &copy.edits, page)?;
            }
        }
        Ok(())
    }

    /// The root that follows when commit `sequence` is done.
    pub(crate) fn committed_root(&self, sequence: Sequence) -> Root {
        let mut overlay = self.root.overlay.clone();
        let are_few = self.entries.len() <= CHANGED_FEW;
        for Entry { id, place, .. } in self.entries.iter().filter(|entry| entry.is_changed()) {
            match place {
                Place::Memory(copy) if are_few => overlay.insert_recent(*id, copy.share()),
                Place::Memory(copy) => overlay.insert(*id, copy.share()),
                Place::Temporary(_, page) => overlay.insert(*id, PageVersion::Temporary(page.clone())),
                Place::Base(_) => {}
            }
        }
        // Nobody looks behind the page count.
        (self.state.page_count..self.root.page_count).for_each(|id| overlay.remove(PageId(id)));
        let base = Arc::clone(&self.root.base);
        Root { sequence, page_count: self.state.page_count, overlay, base, parent: None }
    }
}

impl Entry {
    /// Puts the page as it is now into what readers are shown.
    fn show_in(&mut self, overlay: &mut Overlay) {
        match &self.place {
            _ if self.freed => {}
            Place::Memory(copy) => overlay.insert(self.id, copy.share()),
            Place::Temporary(_, page) => overlay.insert(self.id, PageVersion::Temporary(page.clone())),
            Place::Base(_) => {
                overlay.remove(self.id);
                self.shown = true;
            }
        }
    }

    /// True if the commit must know of the page.
    pub(super) fn is_changed(&self) -> bool {
        let is_edited = match &self.place {
            Place::Memory(copy) | Place::Temporary(copy, _) => copy.fresh || !copy.edits.is_empty(),
            Place::Base(_) => true,
        };
        is_edited && !self.freed
    }
}

impl ReadPages for PrivatePages {
    type Page = PageRef;

    fn page(&self, id: PageId) -> Result<PageRef> {
        match self.entry(id) {
            Some(Entry { place: Place::Memory(copy), .. }) => Ok(PageRef::owned(copy.share())),
            Some(entry) => self.read_evicted(entry).map(PageRef::owned),
            None => self.root.page(id),
        }
    }

    #[inline]
    fn look(&self, id: PageId) -> Result<PageLook<'_, PageRef>> {
        match self.entry(id) {
            Some(Entry { place: Place::Memory(copy), .. }) => Ok(PageLook::Borrowed(copy.bytes())),
            Some(entry) => Ok(PageLook::Held(PageRef::owned(self.read_evicted(entry)?))),
            None => self.root.look(id),
        }
    }

    fn page_size(&self) -> usize {
        self.root.base.page_size
    }

    fn pages_max(&self) -> u64 {
        self.root.pages_max() + self.entries.len() as u64
    }

    #[inline(always)]
    fn prefetch(page: &[u8], offset: usize) {
        disk::prefetch(page, offset);
    }
}

impl WritePages for PrivatePages {
    #[inline]
    fn edit(&mut self, id: PageId) -> Result<&mut PageCopy> {
        let at = self.place(id)?;
        match &mut self.entries[at].place {
            // places come from the index
            Place::Memory(copy) => Ok(copy),
            _ => Err(Error::corrupt(id, ABSENT)),
        }
    }

    #[inline]
    fn edit_again(&mut self, id: PageId) -> Option<&mut PageCopy> {
        if self.recent.0 != id {
            return None;
        }
        match self.entries.get_mut(self.recent.1) {
            Some(Entry { place: Place::Memory(copy), stamp, used, .. }) if *stamp == self.stamp => {
                *used = true;
                Some(copy)
            }
            _ => None,
        }
    }

    fn edit_many<const N: usize>(&mut self, ids: [PageId; N]) -> Result<[&mut PageCopy; N]> {
        let first = ids.first().copied().unwrap_or_default();
        let mut places = [0; N];
        // Bringing one page into the memory may drive another out: once all were used, none of them goes.
        for _ in 0..=N {
            for (place, id) in places.iter_mut().zip(ids) {
                *place = self.place(id)?;
            }
            let is_memory = |at: &usize| self.entries.get(*at).is_some_and(|entry| entry.place.is_memory());
            if places.iter().all(is_memory) {
                break;
            }
        }
        let Ok(entries) = self.entries.get_disjoint_mut(places) else {
            return Err(Error::corrupt(first, "a page is linked to itself"));
        };
        if !entries.iter().all(|entry| entry.place.is_memory()) {
            return Err(Error::corrupt(first, ABSENT));
        }
        Ok(entries.map(|entry| match &mut entry.place {
            Place::Memory(copy) | Place::Temporary(copy, _) => &mut **copy,
            Place::Base(_) => unreachable!("all copies are in memory, as was just seen"),
        }))
    }

    fn allocate(&mut self, kind: PageKind, level: u8) -> Result<PageId> {
        let id = match self.take_free()? {
            Some(id) => id,
            None => {
                let id = PageId(self.state.page_count);
                let count = id.0.checked_add(1);
                self.state.page_count =
                    count.ok_or_else(|| Error::Full("the database has the most pages it can have".into()))?;
                id
            }
        };
        self.make(id, kind, level)?;
        self.evict_if_due()?;
        Ok(id)
    }

    fn free(&mut self, id: PageId) -> Result<()> {
        if id <= SCHEMA_ROOT || id.0 >= self.state.page_count {
            return Err(Error::corrupt(id, "a page was given back that no tree can own"));
        }
        // A forged tree that leads to a page again and again would give it back as often. What was free before need not
        // stand anywhere, in the file or in memory. Asked now and then: it asks for the file's length.
        let free_count = self.state.free_count.saturating_add(1);
        let given_back = free_count.saturating_sub(self.free_before);
        let is_too_much = given_back.is_power_of_two() && u64::from(given_back) > self.pages_max();
        if is_too_much || free_count >= self.state.page_count {
            return Err(Error::corrupt(id, "more pages were given back than there are"));
        }
        self.tail_freed |= id.0 == self.state.page_count - 1;
        let head = self.state.freelist_head;
        if head != PageId::NONE {
            let copy = self.edit(head)?;
            freelist::expect(head, copy.bytes())?;
            if freelist::push(copy, id) {
                self.discard(id)?;
                self.state.free_count = free_count;
                return Ok(());
            }
        }
        self.make(id, PageKind::Freelist, 0)?;
        freelist::link(self.edit(id)?, head);
        self.state.freelist_head = id;
        self.state.free_count = free_count;
        Ok(())
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }
}

/// Only in a forged file is a page given back that another tree, or the freelist, goes on with.
#[cold]
fn given_back(id: PageId) -> Error {
    Error::corrupt(id, "it is changed after it was given back: it has two owners")
}
