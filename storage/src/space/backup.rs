//! Online backup: the pages of one snapshot, written to a file of their own.
//!
//! The snapshot keeps its pages as they are for as long as the copy takes, so writers go on and nothing is copied twice;
//! what they commit meanwhile is not in the copy, and stays in the log until the copy is done. The copy is a file at rest:
//! every page in its place, no log, and an identity of its own, so that a log of the original is refused beside it. The
//! identity is written last: a copy that was cut short is no database.

use super::freelist;
use crate::disk::{Disk, FileRole, OsDisk, OsDiskOptions, PageRuns};
use crate::error::{Error, Result};
use crate::page::file_header::{self, FileState, IDENTITY_SIZE, Identity};
use crate::page::{self, PageId, ReadPages};
use crate::txn::Snapshot;
use crate::wal;
use rustc_hash::FxHashSet;
use std::path::Path;

/// Pages between two reports.
const REPORT_PAGES: u32 = 128;

/// How far a copy has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupProgress {
    /// Pages that are done.
    pub done: u32,
    /// Pages in all.
    pub total: u32,
}

/// Copies what `snapshot` shows to a new file; false if `progress` ended it.
pub(crate) fn backup(
    snapshot: &Snapshot,
    path: &Path,
    progress: &mut dyn FnMut(BackupProgress) -> bool,
) -> Result<bool> {
    let existed = path.exists();
    let options = OsDiskOptions { read_only: false, create: true, mmap: false, cache_size: 0 };
    let disk = OsDisk::open(path, options)?;
    disk.lock(true)?;
    if disk.length(FileRole::Base)? > 0 {
        return Err(Error::Misuse(format!("{} exists already and is not empty", path.display())));
    }
    wal::refuse_leftovers(&disk)?;
    let copied = copy(snapshot, &disk, progress);
    if !matches!(copied, Ok(true)) {
        // The first failure is the one to tell.
        let _ = if existed { disk.truncate(FileRole::Base, 0) } else { disk.remove() };
    }
    copied
}

/// As [`backup`], to an empty disk.
pub(crate) fn copy(
    snapshot: &Snapshot,
    disk: &dyn Disk,
    progress: &mut dyn FnMut(BackupProgress) -> bool,
) -> Result<bool> {
    let (total, page_size) = (snapshot.page_count(), snapshot.page_size());
    // What stands in a free page may never have been written whole.
    let free = free_pages(snapshot)?;
    let mut runs = PageRuns::new(disk, page_size);
    for id in (1..total).map(PageId) {
        if id.0 % REPORT_PAGES == 1 && !progress(BackupProgress { done: id.0 - 1, total }) {
            return Ok(false);
        }
        if !free.contains(&id) {
            runs.put(id, &snapshot.page(id)?)?;
        }
    }
    runs.finish()?;
    let mut first = snapshot.page(PageId(0))?.to_vec();
    let mut file_id = [0; 16];
    getrandom::fill(&mut file_id).map_err(|error| Error::Io {
        context: "drawing a random number".into(),
        source: std::io::Error::other(error.to_string()),
    })?;
    let identity = Identity { page_size, file_id }.first_page(&FileState::read(&first)?);
    let identity = &identity[..IDENTITY_SIZE]; // a page is longer than that
    first[..IDENTITY_SIZE].copy_from_slice(identity); // as above
    file_header::set_checkpoint_sequence(&mut first, snapshot.sequence());
    page::seal(PageId(0), &mut first);
    disk.write_at(FileRole::Base, IDENTITY_SIZE as u64, &first[IDENTITY_SIZE..])?; // as above
    // Free pages at the end of the copy are not written, but belong to it.
    disk.truncate(FileRole::Base, u64::from(total) * page_size as u64)?;
    disk.sync_data(FileRole::Base)?;
    disk.write_at(FileRole::Base, 0, identity)?;
    disk.sync_data(FileRole::Base)?;
    progress(BackupProgress { done: total, total });
    Ok(true)
}

/// The pages that the freelist names; those of the list itself are not among them.
fn free_pages(snapshot: &Snapshot) -> Result<FxHashSet<PageId>> {
    let state = FileState::read(&snapshot.page(PageId(0))?)?;
    let (mut head, mut free) = (state.freelist_head, FxHashSet::default());
    let mut left = state.free_count;
    while head != PageId::NONE {
        let page = snapshot.page(head)?;
        freelist::expect(head, &page)?;
        free.extend(freelist::numbers(&page));
        head = freelist::next(&page);
        let detail = "the freelist has more pages than the file header counts";
        left = left.checked_sub(1).ok_or_else(|| Error::corrupt(head, detail))?;
    }
    Ok(free)
}
