//! Opening a damaged file: its identity, its logs, its page count, its freelist, one after the other, each in spite of
//! what is wrong with the others.

use super::{Salvage, SkippedPage};
use crate::disk::{Disk, Entry, FileRole, OsDisk, OsDiskOptions, enter};
use crate::error::{Error, Result};
use crate::overlay::{Base, Overlay, Root};
use crate::page::file_header::{self, FileState, IDENTITY_SIZE, Identity};
use crate::page::{self, PageId, ReadPages};
use crate::space::freelist;
use crate::txn::Layout;
use crate::wal::{self, LogHeader};
use rustc_hash::{FxHashMap, FxHashSet};
use std::path::Path;
use std::sync::Arc;

/// Bytes of the cache: a salvage reads each page a few times at most.
const CACHE_SIZE: usize = 8 << 20;
/// Pages of each size that are tried where nothing tells it.
const TRIED_MAX: u64 = 1000;

pub(super) fn open(path: &Path) -> Result<Salvage> {
    // Not mapped: a device that is failing must give errors, not signals.
    let options = OsDiskOptions { read_only: true, create: false, mmap: false, cache_size: CACHE_SIZE };
    let disk = OsDisk::open(path, options)?;
    let Entry::Vacant(registration) = enter(path, disk.base())? else {
        return Err(Error::Busy(format!("{}: this process has it open", path.display())));
    };
    disk.lock(false)?;
    let disk: Arc<dyn Disk> = Arc::new(disk);
    let mut notes = Vec::new();
    let (page_size, identity) = identify(&*disk, &mut notes)?;
    let base = Arc::new(Base::new(Arc::clone(&disk), page_size, CACHE_SIZE, Layout::TREES.check));
    let mut skipped = Vec::new();
    let overlay = newer_pages(&base, identity.as_ref(), &mut notes, &mut skipped);
    let root = root_of(base, overlay, &mut notes)?;
    let mut salvage = Salvage {
        root: Arc::new(root),
        nodes: FxHashMap::default(),
        free: FxHashSet::default(),
        freelist_is_whole: false,
        skipped,
        notes,
        _registration: registration,
    };
    match read_freelist(&salvage) {
        (free, Ok(())) => (salvage.free, salvage.freelist_is_whole) = (free, true),
        (free, Err(error)) => {
            salvage.free = free;
            salvage.notes.push(format!("the freelist cannot be read to its end: {error}"));
        }
    }
    salvage.find_nodes()?;
    Ok(salvage)
}

/// The page size, and the identity if it is known.
fn identify(disk: &dyn Disk, notes: &mut Vec<String>) -> Result<(usize, Option<Identity>)> {
    let mut sector = [0; IDENTITY_SIZE];
    let length = disk.read_at(FileRole::Base, 0, &mut sector)?;
    let error = match Identity::read(disk.path(), &sector[..length]) {
        // as much as was read
        Ok(identity) => return Ok((identity.page_size, Some(identity))),
        Err(error) => error,
    };
    if file_header::names_a_version(&sector) {
        return Err(error); // of another format, and not damaged
    }
    for file in FileRole::LOGS {
        if let Some(identity) = LogHeader::identity_in(disk, file)? {
            notes.push(format!("{error}; the log {} tells what file it is", disk.name(file)));
            return Ok((identity.page_size, Some(identity)));
        }
    }
    let mut best = (0, 0);
    for size in (12..=16).map(|bits| 1 << bits) {
        let sound = sound_pages(disk, size)?;
        // As many bytes of small pages as of large ones mean the same.
        if sound * size > best.0 * best.1 {
            best = (sound, size);
        }
    }
    if best.0 == 0 {
        return Err(error);
    }
    notes.push(format!("{error}; most of its pages are sound as pages of {} bytes", best.1));
    Ok((best.1, None))
}

/// How many of the first pages verify if they are of this size.
fn sound_pages(disk: &dyn Disk, size: usize) -> Result<usize> {
    let mut bytes = vec![0; size];
    let mut sound = 0;
    let count = disk.length(FileRole::Base)? / size as u64;
    for id in 1..count.min(TRIED_MAX) {
        let length = disk.read_at(FileRole::Base, id * size as u64, &mut bytes)?;
        let is_sound = length == size && page::verify(PageId(id as u32), &bytes).is_ok();
        sound += usize::from(is_sound);
    }
    Ok(sound)
}

/// The pages that the logs hold, as far as they go.
fn newer_pages(
    base: &Base,
    identity: Option<&Identity>,
    notes: &mut Vec<String>,
    skipped: &mut Vec<SkippedPage>,
) -> Overlay {
    let Some(identity) = identity else { return Overlay::default() };
    let mut problems = Vec::new();
    let in_memory_max = (CACHE_SIZE / base.page_size) as u64;
    let mut overlay = wal::salvage(base, identity, in_memory_max, &mut problems);
    let before = skipped.len();
    overlay.for_each(&mut |id, page| {
        if let Err(error) = page.read().and_then(|page| (Layout::TREES.check)(id, &page)) {
            skipped.push(SkippedPage { page: id.0, reason: error.to_string() });
        }
    });
    skipped.iter().skip(before).for_each(|skipped| overlay.remove(PageId(skipped.page)));
    notes.extend(problems.iter().map(|problem| format!("the logs cannot be used whole: {problem}")));
    overlay
}

/// A root that shows all there is.
fn root_of(base: Arc<Base>, overlay: Overlay, notes: &mut Vec<String>) -> Result<Root> {
    let whole_pages = base.disk.length(FileRole::Base)? / base.page_size as u64;
    let mut page_count = u32::try_from(whole_pages).unwrap_or(u32::MAX);
    let root = Arc::new(Root { sequence: 0, page_count, overlay, base, parent: None });
    match root.page(PageId(0)).and_then(|first| FileState::read(&first)) {
        Ok(state) => {
            if state.page_count > page_count {
                let lost = format!("the file ends before page {}", state.page_count - 1);
                notes.push(format!("{lost}: it has {page_count} whole pages, its header counts more"));
            }
            // Beyond the end of the file there are only pages that the logs hold.
            let mut present = page_count;
            root.overlay.for_each(&mut |id, _| present = present.max(id.0.saturating_add(1)));
            page_count = state.page_count.min(present);
        }
        Err(error) => {
            notes.push(error.to_string());
            root.overlay.for_each(&mut |id, _| page_count = page_count.max(id.0.saturating_add(1)));
        }
    }
    let (overlay, base) = (root.overlay.clone(), Arc::clone(&root.base));
    Ok(Root { sequence: 0, page_count, overlay, base, parent: None })
}

/// The free pages, as far as the list goes.
fn read_freelist(salvage: &Salvage) -> (FxHashSet<PageId>, Result<()>) {
    let mut free = FxHashSet::default();
    let walked = (|| {
        let mut head = FileState::read(&salvage.page(PageId(0))?)?.freelist_head;
        while head != PageId::NONE {
            let page = salvage.page(head)?;
            freelist::expect(head, &page)?;
            if !free.insert(head) {
                return Err(Error::corrupt(head, "the freelist comes back to it"));
            }
            free.extend(freelist::numbers(&page));
            head = freelist::next(&page);
        }
        Ok(())
    })();
    (free, walked)
}
