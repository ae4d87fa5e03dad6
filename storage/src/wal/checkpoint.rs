//! Checkpoints: bringing the committed pages of the overlay into the base file, and freeing the log they are in.

use super::ContentRanges;
use super::writer::{LogFile, Wal};
use crate::disk::{Disk, FileRole, PageRuns};
use crate::error::{Error, Result};
use crate::overlay::Root;
use crate::page::file_header::{self, IDENTITY_SIZE};
use crate::page::{self, CHECKSUM_SIZE, PageBytes, PageId, sequence_of};

/// What becomes of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// Commits go on, in the other log file.
    Switch,
    /// No commit follows: both log files may be removed.
    Finish,
}

/// Writes every page of `root`'s overlay to the base file and gives back page 0 as it stands there now.
///
/// `root` is the newest commit, no older root is alive, and nothing commits meanwhile. Until this has returned
/// well, the overlay must be kept: an error leaves the base file half written, with every page intact either
/// there or in the log.
///
/// # Errors
/// I/O errors; [`Error::Full`] can be retried after making room.
pub(crate) fn checkpoint(
    wal: &mut Wal,
    root: &Root,
    ranges: ContentRanges,
    afterwards: Afterwards,
) -> Result<PageBytes> {
    let first = root.overlay.get(PageId(0)).ok_or_else(|| Error::corrupt(PageId(0), "no root holds it"))?;
    let mut first: Vec<u8> = first.read()?.to_vec();
    file_header::set_checkpoint_sequence(&mut first, root.sequence);

    wal.sync()?;
    // A log that an earlier attempt closed is still needed: its images may be all that is left of a page.
    let closed = match (wal.closed.take(), afterwards) {
        (Some(closed), _) => Some(closed),
        (None, Afterwards::Switch) => wal.switch()?,
        (None, Afterwards::Finish) => wal.active.take(),
    };
    if let Some(mut closed) = closed {
        let done = flush(wal, &mut closed, root, &mut first, ranges);
        if let Err(error) = done {
            wal.closed = Some(closed);
            return Err(error);
        }
        wal.note_checkpoint(root.sequence)?;
        wal.counters.checkpoints += 1;
    }
    Ok(PageBytes::from(first))
}

/// Images first, then in place.
fn flush(
    wal: &mut Wal,
    closed: &mut LogFile,
    root: &Root,
    first: &mut [u8],
    ranges: ContentRanges,
) -> Result<()> {
    let whole = std::mem::take(&mut closed.whole);
    let imaged = write_images(wal, closed, root, first, ranges, &whole);
    closed.whole = whole;
    imaged?;
    wal.sync_file(closed.file)?;

    let written = write_in_place(&*root.base.disk, root, first);
    wal.counters.pages_written += written?;
    wal.counters.fsyncs += 1;
    if let Err(error) = root.base.disk.sync_data(FileRole::Base) {
        root.base.forget_verified();
        return Err(error);
    }
    Ok(())
}

fn write_images(
    wal: &mut Wal,
    closed: &mut LogFile,
    root: &Root,
    first: &[u8],
    ranges: ContentRanges,
    whole: &rustc_hash::FxHashSet<PageId>,
) -> Result<()> {
    let mut images = wal.begin_images(closed, root.sequence);
    let (front, heap) = content(PageId(0), first, ranges);
    images.put(PageId(0), sequence_of(PageId(0), first), front, heap)?;
    let mut done = Ok(());
    root.overlay.for_each(&mut |id, page| {
        if id.0 != 0 && !whole.contains(&id) && done.is_ok() {
            done = page.read().and_then(|page| {
                let (front, heap) = content(id, &page, ranges);
                images.put(id, sequence_of(id, &page), front, heap)
            });
        }
    });
    done?;
    images.finish()
}

/// Writes the pages, neighbours together, and counts them.
fn write_in_place(disk: &dyn Disk, root: &Root, first: &mut [u8]) -> Result<u64> {
    let length = u64::from(root.page_count) * root.base.page_size as u64;
    let before = disk.length(FileRole::Base)?;
    if before < length {
        disk.truncate(FileRole::Base, length)?;
    }
    let written = write_pages(disk, root, first);
    if before < length && matches!(written, Err(Error::Full(_))) {
        // What the file gained holds nothing that counts: no root reads there, and the log may need the room.
        disk.truncate(FileRole::Base, before)?;
    }
    written
}

fn write_pages(disk: &dyn Disk, root: &Root, first: &mut [u8]) -> Result<u64> {
    let mut runs = PageRuns::new(disk, root.base.page_size);
    let mut done = Ok(());
    root.overlay.for_each(&mut |id, page| {
        // A page behind the page count was given back at the end of the file.
        if id.0 != 0 && id.0 < root.page_count && done.is_ok() {
            done = page.read().and_then(|page| runs.put(id, &page)).map(drop);
        }
    });
    done?;
    let pages = runs.finish()?;
    page::seal(PageId(0), first);
    disk.write_at(FileRole::Base, IDENTITY_SIZE as u64, &first[IDENTITY_SIZE..])?; // a page is longer than that
    Ok(pages + 1)
}

/// The parts of a page in front of its gap and behind it.
pub(crate) fn content(id: PageId, page: &[u8], ranges: ContentRanges) -> (&[u8], &[u8]) {
    let end = page.len() - CHECKSUM_SIZE;
    let (front, heap) = ranges(id, page);
    let heap = heap.min(end);
    (&page[..front.min(heap)], &page[heap..end]) // cut to the page
}
