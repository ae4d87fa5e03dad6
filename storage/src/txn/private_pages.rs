//! The pages that one write transaction has copied, changed, made and given back.
//!
//! Copies lie in a slab, found by page number. A stamp on each says when it was last touched: an edit under an
//! older stamp takes the slow way once, which keeps an image for the open savepoint and tells the next snapshot
//! of the transaction that the page has changed. Copies of pages that the transaction made may leave the memory for
//! their places in the base file: see `direct`.

use super::direct::Direct;
use super::savepoint::{SavepointState, Undo};
use super::{Savepoint, engine::Layout};
use crate::error::{Error, Result};
use crate::metrics::Counters;
use crate::overlay::{Overlay, PageRef, Root};
use crate::page::file_header::{FileState, SCHEMA_ROOT};
use crate::page::{
    KIND_OFFSET, LEVEL_OFFSET, PageBytes, PageCopy, PageId, PageKind, PageLook, ReadPages, Sequence,
    WritePages, sequence_of,
};
use crate::space::freelist;
use crate::wal;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A write transaction's pages over the root it started from.
pub(crate) struct PrivatePages {
    pub(super) root: Arc<Root>,
    /// The fields of page 0; written there by the commit.
    state: FileState,
    pub(super) entries: Vec<Entry>,
    index: FxHashMap<PageId, usize>,
    /// The page last edited, and its place.
    recent: (PageId, usize),
    /// Raised whenever a touch must be noticed again.
    stamp: u64,
    savepoints: Vec<SavepointState>,
    undo: Vec<Undo>,
    savepoints_made: u64,
    epoch: u64,
    /// The state last shown to readers of the transaction.
    pub(super) shown: Option<Arc<Root>>,
    /// Places of pages touched since then.
    pub(super) touched: Vec<usize>,
    pub(super) direct: Direct,
    pub(crate) counters: Counters,
}

/// One private page.
pub(super) struct Entry {
    pub(super) id: PageId,
    /// None while the page stands in the base file alone. Boxed, so that a page that left the memory leaves little.
    pub(super) copy: Option<Box<PageCopy>>,
    /// The transaction's stamp when the page was last touched.
    stamp: u64,
    /// The page was given back: its content means nothing.
    pub(super) freed: bool,
    /// Edited since the search for pages that may leave the memory came by.
    pub(super) used: bool,
    /// Readers of the open transaction were shown the page as it stands in the base file.
    pub(super) shown: bool,
    /// The checksum under which the page stands in the base file, for the commit to name.
    pub(super) direct: Option<u32>,
}

/// What cannot be: a touch brings the copy into memory.
const ABSENT: &str = "its copy left the memory while it was edited";

/// No page is edited as the highest number: the page count could not hold it.
const NO_RECENT: (PageId, usize) = (PageId(u32::MAX), 0);

impl PrivatePages {
    /// No private page yet, over `root`; `direct` says what may be written to the base file before the commit.
    pub(crate) fn new(root: Arc<Root>, direct: Direct) -> Result<PrivatePages> {
        let state = FileState::read(&root.page(PageId(0))?)?;
        Ok(PrivatePages {
            root,
            state,
            entries: Vec::new(),
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
        self.entries = Vec::new();
        self.index = FxHashMap::default();
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
            _parent: Some(Arc::clone(&self.root)),
        });
        Arc::clone(self.shown.insert(shown))
    }

    /// The place of the private copy of a page, made now if there is none, and touched.
    #[inline]
    fn place(&mut self, id: PageId) -> Result<usize> {
        let at = if self.recent.0 == id {
            self.recent.1
        } else {
            let at = match self.index.get(&id) {
                Some(at) => *at,
                None => self.copy_in(id)?,
            };
            self.recent = (id, at);
            at
        };
        let entry = &mut self.entries[at]; // places come from the index
        entry.used = true;
        if entry.stamp != self.stamp || entry.copy.is_none() {
            self.touch(at)?;
        }
        debug_assert!(!self.entries[at].freed, "page {id} is edited after it was given back");
        Ok(at)
    }

    /// The private copy of a page, if there is one.
    #[inline]
    fn entry(&self, id: PageId) -> Option<&Entry> {
        let at = if self.recent.0 == id { Some(self.recent.1) } else { self.index.get(&id).copied() };
        at.and_then(|at| self.entries.get(at))
    }

    #[cold]
    fn copy_in(&mut self, id: PageId) -> Result<usize> {
        let bytes = self.root.base.buffers.copy_of(&self.root.look(id)?);
        let base_sequence = sequence_of(id, &bytes);
        self.counters.pages_copied += 1;
        Ok(self.push(id, PageCopy::new(bytes, base_sequence, false)))
    }

    /// Adds an entry that was never touched.
    fn push(&mut self, id: PageId, copy: PageCopy) -> usize {
        let at = self.entries.len();
        let copy = Some(Box::new(copy));
        self.entries.push(Entry { id, copy, stamp: 0, freed: false, used: true, shown: false, direct: None });
        self.direct.in_memory += 1;
        self.index.insert(id, at);
        at
    }

    /// Notices the first touch under this stamp, and brings the page into the memory.
    #[cold]
    fn touch(&mut self, at: usize) -> Result<()> {
        self.bring_back(at)?;
        let Some(entry) = self.entries.get_mut(at) else { return Ok(()) };
        if self.shown.is_some() && entry.stamp != self.stamp {
            self.touched.push(at);
        }
        // A page copied in after the savepoint needs no image: it is dropped by a rollback.
        if let Some(savepoint) = self.savepoints.last()
            && at < savepoint.entries
            && entry.stamp < savepoint.stamp
        {
            let (stamp, freed) = (entry.stamp, entry.freed);
            self.undo.extend(entry.copy.as_ref().map(|copy| Undo { at, copy: copy.image(), stamp, freed }));
        }
        entry.stamp = self.stamp;
        Ok(())
    }

    /// Makes `id` a zeroed page of this transaction.
    pub(crate) fn make(&mut self, id: PageId, kind: PageKind, level: u8) -> Result<usize> {
        let mut bytes = self.root.base.buffers.zeroed();
        let page = bytes.make_mut();
        page[KIND_OFFSET] = kind as u8; // inside any page
        page[LEVEL_OFFSET] = level;
        let copy = PageCopy::new(bytes, 0, true);
        let at = match self.index.get(&id) {
            Some(at) => *at,
            None => self.push(id, copy.image()),
        };
        self.touch(at)?;
        if let Some(entry) = self.entries.get_mut(at) {
            entry.copy = Some(Box::new(copy));
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
        for Undo { at, copy, stamp, freed } in self.undo.drain(state.undo..).rev() {
            if let Some(entry) = self.entries.get_mut(at) {
                self.direct.in_memory += usize::from(entry.copy.is_none());
                (entry.copy, entry.stamp, entry.freed) = (Some(Box::new(copy)), stamp, freed);
                entry.direct = None;
            }
        }
        for entry in self.entries.drain(state.entries..) {
            self.index.remove(&entry.id);
            self.direct.in_memory -= usize::from(entry.copy.is_some());
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
            self.undo.clear();
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
        if FileState::read(&self.root.page(PageId(0))?)? != self.state {
            let state = self.state;
            let (page, edits, _) = self.edit(PageId(0))?.parts_mut();
            let range = state.write(page);
            edits.note_write(range.start, range.end);
        }
        let mut any = false;
        for entry in self.entries.iter_mut().filter(|entry| entry.is_changed()) {
            any = true;
            let Some(copy) = &mut entry.copy else { continue };
            debug_assert!(
                copy.fresh
                    || self
                        .root
                        .page(entry.id)
                        .is_ok_and(|base| { copy.edits.proves(entry.id, &base, copy.bytes()) }),
                "page {} was changed beyond what was noted",
                entry.id
            );
            copy.set_sequence(entry.id, sequence);
        }
        Ok(any)
    }

    /// Hands the changed pages to the log: their edits, or their content where that is shorter.
    pub(crate) fn log(&self, commit: &mut wal::Commit<'_>, layout: Layout) -> Result<()> {
        for Entry { id, copy, direct, .. } in self.entries.iter().filter(|entry| entry.is_changed()) {
            if let Some(checksum) = direct {
                commit.put_direct(*id, *checksum)?;
                continue;
            }
            let Some(copy) = copy else { continue };
            let (front, heap) = wal::content(*id, copy.bytes(), layout.ranges);
            if copy.fresh || copy.edits.is_whole() || copy.edits.encoded_size() >= front.len() + heap.len() {
                commit.put_whole(*id, front, heap)?;
            } else {
                commit.put_delta(*id, copy.base_sequence, &copy.edits, copy.bytes())?;
            }
        }
        Ok(())
    }

    /// The root that follows when commit `sequence` is done.
    pub(crate) fn committed_root(&self, sequence: Sequence) -> Root {
        let mut overlay = self.root.overlay.clone();
        for entry in self.entries.iter().filter(|entry| entry.is_changed() && entry.direct.is_none()) {
            if let Some(copy) = &entry.copy {
                overlay.insert(entry.id, copy.share());
            }
        }
        let base = Arc::clone(&self.root.base);
        Root { sequence, page_count: self.state.page_count, overlay, base, _parent: None }
    }
}

impl Entry {
    /// Puts the page as it is now into what readers are shown.
    fn show_in(&mut self, overlay: &mut Overlay) {
        match &self.copy {
            _ if self.freed => {}
            Some(copy) => overlay.insert(self.id, copy.share()),
            None => {
                overlay.remove(self.id);
                self.shown = true;
            }
        }
    }

    /// True if the commit must know of the page.
    pub(super) fn is_changed(&self) -> bool {
        !self.freed && self.copy.as_ref().is_none_or(|copy| copy.fresh || !copy.edits.is_empty())
    }
}

impl ReadPages for PrivatePages {
    type Page = PageRef;

    fn page(&self, id: PageId) -> Result<PageRef> {
        match self.entry(id) {
            Some(Entry { copy: Some(copy), .. }) => Ok(PageRef::owned(copy.share())),
            Some(entry) => self.read_direct(entry).map(PageRef::owned),
            None => self.root.page(id),
        }
    }

    #[inline]
    fn look(&self, id: PageId) -> Result<PageLook<'_, PageRef>> {
        match self.entry(id) {
            Some(Entry { copy: Some(copy), .. }) => Ok(PageLook::Borrowed(copy.bytes())),
            Some(entry) => Ok(PageLook::Held(PageRef::owned(self.read_direct(entry)?))),
            None => self.root.look(id),
        }
    }

    fn page_size(&self) -> usize {
        self.root.base.page_size
    }
}

impl WritePages for PrivatePages {
    #[inline]
    fn edit(&mut self, id: PageId) -> Result<&mut PageCopy> {
        let at = self.place(id)?;
        let copy = self.entries[at].copy.as_deref_mut(); // places come from the index
        copy.ok_or_else(|| Error::corrupt(id, ABSENT))
    }

    fn edit_many<const N: usize>(&mut self, ids: [PageId; N]) -> Result<[&mut PageCopy; N]> {
        let mut places = [0; N];
        for (place, id) in places.iter_mut().zip(ids) {
            *place = self.place(id)?;
        }
        let first = ids.first().copied().unwrap_or_default();
        let Ok(entries) = self.entries.get_disjoint_mut(places) else {
            return Err(Error::corrupt(first, "a page is linked to itself"));
        };
        if entries.iter().any(|entry| entry.copy.is_none()) {
            return Err(Error::corrupt(first, ABSENT));
        }
        // None is made here: all are there.
        let absent = || Box::new(PageCopy::new(PageBytes::from(Vec::new()), 0, true));
        Ok(entries.map(|entry| &mut **entry.copy.get_or_insert_with(absent)))
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
        let head = self.state.freelist_head;
        if head != PageId::NONE {
            let copy = self.edit(head)?;
            freelist::expect(head, copy.bytes())?;
            if freelist::push(copy, id) {
                if let Some(at) = self.index.get(&id).copied() {
                    self.touch(at)?;
                    self.entries[at].freed = true; // places come from the index
                }
                self.state.free_count += 1;
                return Ok(());
            }
        }
        self.make(id, PageKind::Freelist, 0)?;
        freelist::link(self.edit(id)?, head);
        self.state.freelist_head = id;
        self.state.free_count += 1;
        Ok(())
    }

    fn counters(&mut self) -> &mut Counters {
        &mut self.counters
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }
}
