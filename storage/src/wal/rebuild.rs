//! Pages as the logs leave them: entries applied, in the order of the log, to what the base file holds.
//!
//! Versions that the memory has no room for go to the temporary file, as those of a running store do. So a log of any
//! length is read in bounded memory, but for a few bytes a page that it names.

use super::entry::{self, Change, Content};
use crate::disk::BasePage;
use crate::error::{Error, Result};
use crate::overlay::{Base, Overlay, PageVersion};
use crate::page::{self, CHECKSUM_SIZE, PageBytes, PageId, Sequence, sequence_of, set_sequence};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::hash_map::Entry;

/// The pages that entries have named so far.
pub(super) struct Rebuilt<'a> {
    base: &'a Base,
    /// The versions that the base file does not hold.
    overlay: Overlay,
    states: FxHashMap<PageId, State>,
    in_memory_max: u64,
    /// Where the search for versions goes on that leave the memory.
    hand: u32,
}

/// What is known of one page.
struct State {
    /// The last commit whose change it shows, or would have to show where it is lost.
    sequence: Sequence,
    /// The last commit whose change the base file shows.
    at_rest: Sequence,
    place: Place,
    /// Its whole content stands in a log, with all later changes.
    whole: bool,
}

enum Place {
    /// The base file has it; a commit may have said that it wrote it there.
    Base {
        named: bool,
    },
    Overlay,
    /// It cannot be told, unless its whole content is still to come.
    Lost(Error),
}

/// All pages, in the end.
pub(super) struct Finished {
    pub(super) overlay: Overlay,
    /// The pages whose whole content stands in a log.
    pub(super) whole: FxHashSet<PageId>,
    /// Pages that the logs changed, or wrote to the base file.
    pub(super) pages: u64,
    /// Why a page could not be rebuilt, in the order of the page numbers.
    pub(super) lost: Vec<(PageId, Error)>,
}

impl<'a> Rebuilt<'a> {
    /// Nothing yet; about `in_memory_max` versions stay in memory.
    pub(super) fn new(base: &'a Base, in_memory_max: u64) -> Rebuilt<'a> {
        Rebuilt { base, overlay: Overlay::default(), states: FxHashMap::default(), in_memory_max, hand: 0 }
    }

    /// Applies the entries of a record of commit `sequence`; `None` if they are none, and then nothing was done.
    ///
    /// # Errors
    /// I/O errors: they say nothing of what the base file holds.
    pub(super) fn apply(&mut self, sequence: Sequence, entries: &[u8]) -> Result<Option<()>> {
        let Some(all) = entry::read_all(entries) else { return Ok(None) };
        for entry in all {
            let id = entry.page;
            match entry.change {
                Change::Delta { base_sequence, edits } => {
                    // The range was read from there.
                    self.change(id, sequence, base_sequence, &entries[edits])?;
                }
                Change::Whole(content) => self.replace(id, sequence, entries, &content),
                Change::Image { sequence, content } => self.replace(id, sequence, entries, &content),
                Change::Direct { checksum } => self.expect_in_base(id, sequence, checksum)?,
            }
            if self.overlay.in_memory() > self.in_memory_max {
                // Where there is no room for a temporary file they stay.
                let _ = self.overlay.spill(self.base, self.in_memory_max, &mut self.hand);
            }
        }
        Ok(Some(()))
    }

    /// Applies edits to a page as of `base_sequence`.
    fn change(
        &mut self,
        id: PageId,
        sequence: Sequence,
        base_sequence: Sequence,
        edits: &[u8],
    ) -> Result<()> {
        let state = match self.states.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(at_rest(self.base, id)?),
        };
        if sequence <= state.sequence {
            return Ok(()); // it is in the version that is known
        }
        let known = std::mem::replace(&mut state.sequence, sequence);
        if matches!(state.place, Place::Lost(_)) {
            return Ok(());
        }
        match edited(self.base, &mut self.overlay, id, known, base_sequence, edits) {
            Ok(mut page) => {
                set_sequence(id, page.make_mut(), sequence);
                self.overlay.insert(id, page);
                state.place = Place::Overlay;
            }
            Err(error @ Error::Corrupt { .. }) => {
                self.overlay.remove(id);
                state.place = Place::Lost(error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Takes the whole content of a page as of `sequence`, unless the logs gave a newer version before.
    ///
    /// A newer one in the base file is no reason to do without: a checkpoint has written it, and where its sync failed
    /// the system shows what is not on the medium. The log has all of it, and what is in the overlay is written again.
    fn replace(&mut self, id: PageId, sequence: Sequence, entries: &[u8], content: &Content) {
        let known = self.states.get(&id);
        if known.is_some_and(|known| known.sequence > sequence && !matches!(known.place, Place::Base { .. }))
        {
            return;
        }
        let at_rest = known.map_or(0, |known| known.at_rest);
        let (place, whole) = match unpack(id, self.base, sequence, entries, content) {
            Ok(page) => {
                self.overlay.insert(id, page);
                (Place::Overlay, true)
            }
            Err(error) => {
                self.overlay.remove(id);
                (Place::Lost(error), false)
            }
        };
        self.states.insert(id, State { sequence, at_rest, place, whole });
    }

    /// Takes the page from the base file, to which commit `sequence` wrote it; a later version may stand there.
    fn expect_in_base(&mut self, id: PageId, sequence: Sequence, checksum: u32) -> Result<()> {
        if self.states.get(&id).is_some_and(|state| state.sequence > sequence) {
            return Ok(());
        }
        self.overlay.remove(id);
        let lost = |what: &str| State {
            sequence,
            at_rest: 0,
            place: Place::Lost(Error::corrupt(id, what)),
            whole: false,
        };
        let state = match read_base(self.base, id)? {
            None => lost("the page that a commit wrote to the base file is damaged"),
            Some(page) => {
                let found = sequence_of(id, &page);
                if found <= sequence && page.last_chunk() != Some(&checksum.to_le_bytes()) {
                    lost("the base file does not hold what a commit wrote there")
                } else {
                    let place = Place::Base { named: true };
                    State { sequence: found.max(sequence), at_rest: found, place, whole: false }
                }
            }
        };
        self.states.insert(id, state);
        Ok(())
    }

    /// Page 0 as it is so far, if it is sound.
    pub(super) fn first(&self) -> Result<Option<PageBytes>> {
        match (self.states.get(&PageId(0)), self.overlay.get(PageId(0))) {
            (_, Some(version)) => version.read().map(Some),
            (Some(State { place: Place::Lost(_), .. }), None) => Ok(None),
            (_, None) => Ok(read_base(self.base, PageId(0))?.map(PageBytes::from)),
        }
    }

    /// What came of it, without what lies at page `page_count` and behind, which means nothing: it may be cut off, or
    /// written to by a load that was not committed, and older commits of the log may name it nevertheless. `last` is
    /// the last commit, where one is known.
    pub(super) fn finish(mut self, page_count: u32, last: Option<Sequence>) -> Finished {
        let behind = self.states.keys().filter(|id| id.0 >= page_count);
        behind.for_each(|id| self.overlay.remove(*id));
        self.states.retain(|id, _| id.0 < page_count);
        let mut finished =
            Finished { overlay: self.overlay, whole: FxHashSet::default(), pages: 0, lost: Vec::new() };
        for (id, state) in self.states {
            match state.place {
                Place::Lost(error) => finished.lost.push((id, error)),
                Place::Base { named: false } => {}
                Place::Base { named: true } | Place::Overlay => {
                    finished.pages += 1;
                    if state.whole {
                        finished.whole.insert(id);
                    }
                    if let Some(last) = last.filter(|last| state.sequence.max(state.at_rest) > *last) {
                        let detail = format!("it is newer than the last commit, {last}");
                        finished.lost.push((id, Error::corrupt(id, detail)));
                    }
                }
            }
        }
        finished.lost.sort_by_key(|(id, _)| *id);
        finished
    }
}

/// The page as the base file has it.
fn at_rest(base: &Base, id: PageId) -> Result<State> {
    Ok(match read_base(base, id)? {
        Some(page) => {
            let sequence = sequence_of(id, &page);
            State { sequence, at_rest: sequence, place: Place::Base { named: false }, whole: false }
        }
        None => {
            let detail = "it is damaged in the base file, and the logs hold only changes of it";
            State { sequence: 0, at_rest: 0, place: Place::Lost(Error::corrupt(id, detail)), whole: false }
        }
    })
}

/// The page, which is as of `known`, with edits of it as of `base_sequence`. It is taken out of the overlay, so that
/// nobody else holds it and it is edited where it is.
fn edited(
    base: &Base,
    overlay: &mut Overlay,
    id: PageId,
    known: Sequence,
    base_sequence: Sequence,
    edits: &[u8],
) -> Result<PageBytes> {
    if base_sequence != known {
        let detail = format!("a commit changes it as of {base_sequence}, but it is as of {known}");
        return Err(Error::corrupt(id, detail));
    }
    let version = overlay.get(id).cloned();
    overlay.remove(id);
    let mut page = match version {
        Some(PageVersion::Memory(bytes)) => bytes,
        Some(PageVersion::Temporary(page)) => page.read()?,
        None => {
            let page = read_base(base, id)?;
            let page =
                page.ok_or_else(|| Error::corrupt(id, "the base file gave it once and does no more"))?;
            base.buffers.copy_of(&page)
        }
    };
    page::replay(id, edits, page.make_mut())?;
    Ok(page)
}

/// A page from its parts.
fn unpack(
    id: PageId,
    base: &Base,
    sequence: Sequence,
    entries: &[u8],
    content: &Content,
) -> Result<PageBytes> {
    // Both ranges were read from these entries.
    let (front, heap) = (&entries[content.front.clone()], &entries[content.heap.clone()]);
    let end = base.page_size - CHECKSUM_SIZE;
    if front.len() + heap.len() > end {
        return Err(Error::corrupt(id, "its content in the log is longer than a page"));
    }
    let mut page = base.buffers.zeroed();
    let bytes = page.make_mut();
    bytes[..front.len()].copy_from_slice(front); // together shorter than the page
    bytes[end - heap.len()..end].copy_from_slice(heap);
    set_sequence(id, bytes, sequence);
    Ok(page)
}

/// The page in the base file, if it is intact there.
///
/// # Errors
/// Those of reading: they say nothing of what is there.
pub(super) fn read_base(base: &Base, id: PageId) -> Result<Option<Vec<u8>>> {
    let page = match base.disk.page(id, base.page_size) {
        Ok(page) => page,
        Err(Error::Corrupt { .. }) => return Ok(None), // it lies beyond the end
        Err(error) => return Err(error),
    };
    let bytes = match page {
        BasePage::Mapped(mapped) => mapped.bytes(base).to_vec(),
        BasePage::Owned(bytes) => bytes.to_vec(),
    };
    Ok(page::verify(id, &bytes).is_ok().then_some(bytes))
}
