//! Checkpoints: bringing the committed pages of the overlay into the base file, and freeing the log they are in.
//!
//! Commits go on meanwhile, in the other log file. Each page is whole in one of two places at all times: its image
//! stands durably behind the closed log's last record before the base file is touched.

use super::ContentRanges;
use super::writer::{LogFile, Wal};
use crate::disk::{Disk, FileRole, PageRuns};
use crate::error::{Error, Result};
use crate::metrics::Counters;
use crate::overlay::{PageVersion, Root};
use crate::page::file_header::{self, IDENTITY_SIZE};
use crate::page::{self, CHECKSUM_SIZE, PageBytes, PageId, Sequence, sequence_of};

/// What becomes of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// Commits go on, in the other log file.
    Switch,
    /// No commit follows: both log files may be removed.
    Finish,
}

/// A checkpoint under way: it owns the log file that it will free, and needs nothing of the log that grows.
pub(crate) struct Checkpoint {
    pub(super) closed: LogFile,
    /// True if the log file was closed for this checkpoint; else an earlier one could not finish with it.
    pub(crate) is_first_try: bool,
    /// A newer generation than the closed log's has a durable header.
    pub(super) followed: bool,
    /// The last commit known to be durable.
    pub(super) synced: Sequence,
    /// A sync of the closed log failed.
    pub(super) log_failed: bool,
    /// Pages stand in their places whose images were written over.
    is_rewound: bool,
    /// The disk was full before that: what the base file has gained from here on means nothing, if no later commit
    /// has written there, and the log may need the room.
    pub(crate) grown_from: Option<u64>,
    /// The record under construction.
    pub(super) record: Vec<u8>,
    pub(super) counters: Counters,
}

impl Wal {
    /// Closes the active log file for a checkpoint of all commits so far; none if there is no log. Nothing is appended
    /// and nothing synced meanwhile.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`] once a sync failed, and I/O errors of starting the other file.
    pub(crate) fn begin_checkpoint(&mut self, afterwards: Afterwards) -> Result<Option<Checkpoint>> {
        self.sync()?;
        // A log that an earlier attempt closed is still needed: its images may be all that is left of a page.
        let is_first_try = self.closed.is_none();
        let closed = match (self.closed.take(), afterwards) {
            (Some(closed), _) => Some(closed),
            (None, Afterwards::Switch) => self.switch()?,
            (None, Afterwards::Finish) => self.active.take(),
        };
        let Some(closed) = closed else { return Ok(None) };
        self.closing_size = closed.size();
        let (followed, synced) = (self.active.is_some(), self.synced);
        Ok(Some(Checkpoint {
            closed,
            is_first_try,
            followed,
            synced,
            log_failed: false,
            is_rewound: false,
            grown_from: None,
            record: Vec::new(),
            counters: Counters::default(),
        }))
    }

    /// Ends a checkpoint that did not come to its end: another one has to.
    pub(crate) fn put_back(&mut self, checkpoint: Checkpoint) {
        self.counters.add(&checkpoint.counters);
        self.fail_if(checkpoint.log_failed);
        self.closing_size = 0;
        self.closed = Some(checkpoint.closed);
    }

    /// Ends a checkpoint after which the base file holds everything up to commit `sequence`: states that in the header
    /// of the log that goes on, and gives the file that is free and the bytes that it takes.
    ///
    /// # Errors
    /// I/O errors of the header: the next recovery reads more than it needs then.
    pub(crate) fn end_checkpoint(
        &mut self,
        checkpoint: Checkpoint,
        sequence: Sequence,
    ) -> Result<(FileRole, u64)> {
        self.counters.add(&checkpoint.counters);
        self.counters.checkpoints += 1;
        self.closing_size = 0;
        self.note_checkpoint(sequence)?;
        Ok((checkpoint.closed.file, checkpoint.closed.written()))
    }
}

impl Checkpoint {
    /// Writes every page of `root`'s overlay to the base file and gives back page 0 as it stands there now.
    ///
    /// `root` shows the last commit of the closed log or a later one, and is durable; no older root is alive. Until
    /// this has returned well, the overlay must be kept: an error leaves the base file half written, with every page
    /// intact either there or in the log. At most about `images_max` bytes of images stand in the log at a time: once
    /// pages are durable in their places, the next images are written over theirs.
    ///
    /// # Errors
    /// I/O errors; [`Error::Full`] can be retried after making room.
    pub(crate) fn flush(&mut self, root: &Root, ranges: ContentRanges, images_max: u64) -> Result<PageBytes> {
        let first = root.overlay.get(PageId(0));
        let first = first.ok_or_else(|| Error::corrupt(PageId(0), "no root holds it"))?;
        let mut first: Vec<u8> = first.read()?.to_vec();
        file_header::set_checkpoint_sequence(&mut first, root.sequence);

        let batch_max = (images_max / root.base.page_size as u64).max(1) as usize;
        let mut next = Some(PageId(1));
        while let Some(from) = next.take() {
            let mut pages: Vec<(PageId, PageVersion)> = Vec::new();
            root.overlay.visit_from(from, &mut |id, page| {
                if pages.len() == batch_max {
                    next = Some(id);
                } else if id.0 < root.page_count {
                    pages.push((id, page.clone()));
                }
                // A page behind the page count was given back at the end of the file.
                next.is_none() && id.0 < root.page_count
            });
            self.flush_batch(root, &pages, &mut first, next.is_none(), ranges)?;
        }
        Ok(PageBytes::from(first))
    }

    /// Images first, then in place. Page 0 is in every set of images, and in place with the last.
    fn flush_batch(
        &mut self,
        root: &Root,
        pages: &[(PageId, PageVersion)],
        first: &mut [u8],
        is_last: bool,
        ranges: ContentRanges,
    ) -> Result<()> {
        let disk = &*root.base.disk;
        let start = self.closed.place();
        self.write_images(disk, root, pages, first, ranges)?;
        self.counters.fsyncs += 1;
        if disk.sync_data(self.closed.file).is_err() {
            self.log_failed = true;
            return Err(Error::OutcomeUnknown);
        }
        let failures = root.base.sync_failures();
        let length = disk.length(FileRole::Base)?;
        let written = write_in_place(disk, root, pages, is_last.then_some(first));
        if matches!(written, Err(Error::Full(_))) && !self.is_rewound {
            self.grown_from = Some(length);
        }
        self.counters.pages_written += written?;
        self.counters.fsyncs += 1;
        root.base.sync(failures)?;
        if !is_last {
            self.closed.rewind(start);
            self.is_rewound = true;
        }
        Ok(())
    }

    fn write_images(
        &mut self,
        disk: &dyn Disk,
        root: &Root,
        pages: &[(PageId, PageVersion)],
        first: &[u8],
        ranges: ContentRanges,
    ) -> Result<()> {
        let whole = std::mem::take(&mut self.closed.whole);
        let mut write = || -> Result<()> {
            let mut images = self.begin_images(disk, root.sequence);
            let (front, heap) = content(PageId(0), first, ranges);
            images.put(PageId(0), sequence_of(PageId(0), first), front, heap)?;
            for (id, page) in pages.iter().filter(|(id, _)| !whole.contains(id)) {
                let page = page.read()?;
                let (front, heap) = content(*id, &page, ranges);
                images.put(*id, sequence_of(*id, &page), front, heap)?;
            }
            images.finish()
        };
        let written = write();
        self.closed.whole = whole;
        written
    }
}

/// Writes pages to their places, neighbours together, and counts them.
fn write_in_place(
    disk: &dyn Disk,
    root: &Root,
    pages: &[(PageId, PageVersion)],
    first: Option<&mut [u8]>,
) -> Result<u64> {
    let length = u64::from(root.page_count) * root.base.page_size as u64;
    if disk.length(FileRole::Base)? < length {
        // The file gets longer by its last byte and not by its length: an open transaction may write pages of its own
        // behind all page counts meanwhile, which that would cut off again.
        disk.write_at(FileRole::Base, length - 1, &[0])?;
    }
    let mut runs = PageRuns::new(disk, root.base.page_size);
    for (id, page) in pages {
        runs.put(*id, &page.read()?)?;
    }
    let mut written = runs.finish()?;
    if let Some(first) = first {
        page::seal(PageId(0), first);
        disk.write_at(FileRole::Base, IDENTITY_SIZE as u64, &first[IDENTITY_SIZE..])?; // a page is longer than that
        written += 1;
    }
    Ok(written)
}

/// The parts of a page in front of its gap and behind it.
pub(crate) fn content(id: PageId, page: &[u8], ranges: ContentRanges) -> (&[u8], &[u8]) {
    let end = page.len() - CHECKSUM_SIZE;
    let (front, heap) = ranges(id, page);
    let heap = heap.min(end);
    (&page[..front.min(heap)], &page[heap..end]) // cut to the page
}
