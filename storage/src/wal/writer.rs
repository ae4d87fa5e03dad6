//! The end of the log that grows: packing commits into records, syncing, switching files.

use super::checkpoint::Checkpoint;
use super::entry;
use super::header::{LogHeader, RECORDS_START};
use super::record::{HEADER_SIZE, PART_MAX, RecordHeader, RecordKind, chain_start};
use super::recovery::RecoveredState;
use crate::disk::{Disk, FileRole};
use crate::error::{Error, Result};
use crate::metrics::Counters;
use crate::page::file_header::Identity;
use crate::page::{EditList, PageId, Sequence};
use rustc_hash::FxHashSet;
use std::ops::Range;
use std::sync::Arc;

/// The smallest step by which a log file grows, in written zeros: a sync into written space is a third cheaper
/// than one at the end of a growing file.
const GROWTH_MIN: u64 = 64 << 10;
/// The largest such step.
const GROWTH_MAX: u64 = 1 << 20;

/// How a log file grows under small records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Growth {
    /// By steps of zeros: the sync that follows each record is cheaper in written space.
    Ahead,
    /// By the records themselves: nothing is synced soon, and zeros would be written for nothing.
    AsWritten,
}

/// The log of an open database.
pub(crate) struct Wal {
    pub(super) disk: Arc<dyn Disk>,
    identity: Identity,
    /// The file that commits go to; none before the first commit since both logs were removed.
    pub(super) active: Option<LogFile>,
    /// The file that a checkpoint closed and could not finish with yet.
    pub(super) closed: Option<LogFile>,
    /// Bytes of the file that a checkpoint is at work on.
    pub(super) closing_size: u64,
    next_generation: u64,
    /// The file of the newest generation.
    newest: FileRole,
    /// The last commit appended.
    last: Sequence,
    /// The last commit known to be durable.
    pub(super) synced: Sequence,
    /// The last commit up to which the base file holds everything.
    checkpoint: Sequence,
    /// True once a sync failed: what the file holds is unknown.
    failed: bool,
    /// What a recovery has read, until it is known to be on the medium.
    unsure: Vec<Unsure>,
    record: Vec<u8>,
    /// What was appended and synced since the counters were last taken.
    pub(crate) counters: Counters,
}

/// One generation in its file.
pub(crate) struct LogFile {
    pub(super) file: FileRole,
    header: LogHeader,
    place: Place,
    /// Bytes of the file that were written at least once.
    written: u64,
    /// Pages whose whole content stands in this generation.
    pub(super) whole: FxHashSet<PageId>,
}

/// Where the next record goes, and the CRC it is seeded with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    position: u64,
    chain: u32,
}

/// Where the log ended when it was recovered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogEnd {
    pub(crate) file: FileRole,
    pub(crate) header: LogHeader,
    pub(crate) position: u64,
    pub(crate) chain: u32,
    /// The highest generation that a header names: higher than this one's after a switch that failed.
    pub(crate) generation_max: u64,
}

/// Bytes of a log that were read from the system's cache: whether the medium has them is not known.
#[derive(Clone, Debug)]
pub(crate) struct Unsure {
    pub(crate) file: FileRole,
    pub(crate) places: Range<u64>,
}

/// A commit or a set of images on its way into one log file.
pub(super) struct Batch {
    kind: RecordKind,
    sequence: Sequence,
    part: u32,
    /// A newer generation than the log's has a durable header.
    followed: bool,
    start: Place,
}

impl Wal {
    /// The log of a database whose base file holds everything up to `sequence`, without a log file yet.
    pub(crate) fn new(disk: Arc<dyn Disk>, identity: Identity, sequence: Sequence) -> Wal {
        Wal {
            disk,
            identity,
            active: None,
            closed: None,
            closing_size: 0,
            next_generation: 1,
            newest: FileRole::Log0,
            last: sequence,
            synced: sequence,
            checkpoint: sequence,
            failed: false,
            unsure: Vec::new(),
            record: Vec::new(),
            counters: Counters::default(),
        }
    }

    /// The log of a database after recovery; nothing is appended but the images of the checkpoint that ends the
    /// recovery. The pages of `state.whole` stand whole in one of the two logs, which both stay until then.
    pub(crate) fn resume(disk: Arc<dyn Disk>, state: RecoveredState) -> Result<Wal> {
        let RecoveredState { report, whole, end, synced, unsure, .. } = state;
        let mut wal = Wal::new(disk, end.header.identity, report.last_sequence);
        wal.checkpoint = end.header.checkpoint;
        wal.synced = synced;
        wal.unsure = unsure;
        wal.next_generation = end.generation_max + 1;
        wal.newest = end.file;
        let place = Place { position: end.position, chain: end.chain };
        let written = wal.disk.length(end.file)?;
        wal.closed = Some(LogFile { file: end.file, header: end.header, place, written, whole });
        Ok(wal)
    }

    /// Bytes of both logs that hold records.
    pub(crate) fn size(&self) -> u64 {
        self.idle_size() + self.closing_size
    }

    /// Of these, the bytes that no checkpoint is at work on.
    pub(crate) fn idle_size(&self) -> u64 {
        [&self.active, &self.closed].into_iter().flatten().map(LogFile::size).sum()
    }

    /// The last commit up to which the base file holds everything.
    pub(crate) fn checkpoint(&self) -> Sequence {
        self.checkpoint
    }

    /// True once a sync failed.
    pub(crate) fn failed(&self) -> bool {
        self.failed
    }

    /// Starts the record of commit `sequence`; the file grows by it as `growth` says.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`] once a sync failed, and I/O errors of starting a log file.
    pub(crate) fn begin_commit(&mut self, sequence: Sequence, growth: Growth) -> Result<Commit<'_>> {
        if self.failed {
            return Err(Error::OutcomeUnknown);
        }
        let log = match self.active.take() {
            Some(log) => log,
            None => self.start_generation(FileRole::Log0)?,
        };
        let batch = Batch { kind: RecordKind::Commit, sequence, part: 0, followed: false, start: log.place };
        self.record.clear();
        self.record.resize(HEADER_SIZE, 0);
        let log = self.active.insert(log);
        let Wal { disk, failed, record, counters, .. } = self;
        let wal = WalParts { disk: &**disk, synced: self.synced, growth, failed, record, counters };
        Ok(Commit { batch, log, wal, last: &mut self.last, whole: Vec::new() })
    }

    /// Starts a sync that will make everything up to commit `target` durable, which was appended: the file to be synced
    /// without this log's lock, or none if that is done.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`] once a sync failed.
    pub(crate) fn begin_sync(&mut self, target: Sequence) -> Result<Option<FileRole>> {
        if self.failed {
            return Err(Error::OutcomeUnknown);
        }
        let file = self.active.as_ref().map(|log| log.file).filter(|_| self.synced < target);
        self.counters.fsyncs += u64::from(file.is_some());
        Ok(file)
    }

    /// Ends what [`Wal::begin_sync`] has started.
    ///
    /// # Errors
    /// Any failure is final: the log takes nothing more.
    pub(crate) fn end_sync(&mut self, target: Sequence, synced: Result<()>) -> Result<()> {
        if synced.is_err() || self.failed {
            self.failed = true;
            return Err(Error::OutcomeUnknown);
        }
        self.synced = self.synced.max(target);
        Ok(())
    }

    /// Makes everything appended durable.
    ///
    /// # Errors
    /// Any failure is final: the log takes nothing more.
    pub(crate) fn sync(&mut self) -> Result<()> {
        if self.failed {
            return Err(Error::OutcomeUnknown);
        }
        self.write_again()?;
        if self.synced == self.last {
            return Ok(());
        }
        if let Some(log) = &self.active {
            self.sync_file(log.file)?;
        }
        self.synced = self.last;
        Ok(())
    }

    /// Makes durable what a recovery has read. It is written once more, since a sync alone is not enough: after one that
    /// failed the system shows what it could not write, and holds it to be written.
    fn write_again(&mut self) -> Result<()> {
        for Unsure { file, places } in self.unsure.clone() {
            let mut position = places.start;
            while position < places.end {
                let mut bytes = vec![0; (places.end - position).min(GROWTH_MAX) as usize];
                let length = self.disk.read_at(file, position, &mut bytes)?;
                bytes.truncate(length);
                if bytes.is_empty() {
                    break; // a log without a record is shorter than its headers' room
                }
                self.disk.write_at(file, position, &bytes)?;
                position += length as u64;
            }
        }
        for file in FileRole::LOGS {
            if self.unsure.iter().any(|unsure| unsure.file == file) {
                self.sync_file(file)?;
            }
        }
        if !self.unsure.is_empty() {
            self.unsure.clear();
            self.synced = self.last;
        }
        Ok(())
    }

    fn sync_file(&mut self, file: FileRole) -> Result<()> {
        self.counters.fsyncs += 1;
        let synced = self.disk.sync_data(file);
        self.fail_if(synced.is_err());
        synced.map_err(|_| Error::OutcomeUnknown)
    }

    /// Notes that a sync failed.
    pub(super) fn fail_if(&mut self, failed: bool) {
        self.failed |= failed;
    }

    /// Starts a sync of the header, which no commit asked for; [`Wal::end_sync`] ends it.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`] once a sync failed.
    pub(crate) fn begin_header_sync(&mut self) -> Result<Option<FileRole>> {
        if self.failed {
            return Err(Error::OutcomeUnknown);
        }
        let file = self.active.as_ref().map(|log| log.file);
        self.counters.fsyncs += u64::from(file.is_some());
        Ok(file)
    }

    /// Starts a generation in `file`, whose old content is not needed any more.
    ///
    /// Its header is durable, in both sectors one after the other, before any record is written: else a record
    /// could land on an older generation that still seems to be the newest.
    fn start_generation(&mut self, file: FileRole) -> Result<LogFile> {
        self.disk.create_log(file)?;
        let salt = getrandom::u64().map_err(|error| Error::Io {
            context: "drawing a random number".into(),
            source: std::io::Error::other(error.to_string()),
        })?;
        // An attempt that fails half way leaves a header behind: the next one must be newer than that.
        let generation = self.next_generation;
        self.next_generation += 1;
        let mut header = LogHeader {
            identity: self.identity,
            generation,
            update: 0,
            salt,
            first_sequence: self.last,
            checkpoint: self.checkpoint,
            synced: self.synced,
        };
        header.write(&*self.disk, file)?;
        self.sync_file(file)?;
        header.update = 1;
        header.write(&*self.disk, file)?;
        let place = Place { position: RECORDS_START, chain: chain_start(salt) };
        let written = self.disk.length(file)?;
        // From here on commits go there: a file with no more than a header is not the log that is removed last.
        self.newest = file;
        Ok(LogFile { file, header, place, written, whole: FxHashSet::default() })
    }

    /// Switches commits to the other log file. Everything in the closed one is durable by then.
    pub(super) fn switch(&mut self) -> Result<Option<LogFile>> {
        self.sync()?;
        let Some(closing) = &self.active else { return Ok(None) };
        let other = if closing.file == FileRole::Log0 { FileRole::Log1 } else { FileRole::Log0 };
        let started = self.start_generation(other)?;
        Ok(self.active.replace(started))
    }

    /// States in the active log's header how far the base file goes; the next sync makes that durable.
    pub(super) fn note_checkpoint(&mut self, sequence: Sequence) -> Result<()> {
        self.checkpoint = sequence;
        let Some(log) = &mut self.active else { return Ok(()) };
        log.header.checkpoint = sequence;
        log.header.synced = self.synced;
        log.header.update += 1;
        log.header.write(&*self.disk, log.file)
    }

    /// Removes both log files, the older one first: the newer one alone is a sound log, the older is not.
    pub(crate) fn remove(&mut self) -> Result<()> {
        (self.active, self.closed) = (None, None);
        // The base file holds everything, durably: what the logs held is of no account any more.
        self.unsure.clear();
        self.synced = self.last;
        let newest = self.newest;
        for file in FileRole::LOGS.into_iter().filter(|file| *file != newest).chain([newest]) {
            self.disk.remove_log(file)?;
        }
        Ok(())
    }
}

/// What appending needs of the log beside the file.
pub(super) struct WalParts<'a> {
    disk: &'a dyn Disk,
    synced: Sequence,
    growth: Growth,
    failed: &'a mut bool,
    record: &'a mut Vec<u8>,
    counters: &'a mut Counters,
}

impl WalParts<'_> {
    /// Writes out a full part before an entry of about `size` bytes.
    fn make_room(&mut self, log: &mut LogFile, batch: &mut Batch, size: usize) -> Result<()> {
        if self.record.len() + size > PART_MAX && self.record.len() > HEADER_SIZE {
            self.append(log, batch, false)?;
        }
        Ok(())
    }

    /// Appends the record under construction to the file.
    fn append(&mut self, log: &mut LogFile, batch: &mut Batch, last: bool) -> Result<()> {
        let header = RecordHeader {
            kind: batch.kind,
            last,
            followed: batch.followed,
            part: batch.part,
            length: (self.record.len() - HEADER_SIZE) as u32,
            sequence: batch.sequence,
            synced: self.synced,
        };
        let chain = header.seal(log.header.salt, log.place.chain, self.record);
        let end = log.place.position + self.record.len() as u64;
        // A large commit pays for its own growth, and its last part is no small one.
        let is_small = batch.part == 0 && (self.record.len() as u64) < GROWTH_MIN;
        if end > log.written && is_small && self.growth == Growth::Ahead {
            let step = log.written.clamp(GROWTH_MIN, GROWTH_MAX);
            match self.disk.write_at(log.file, end, &vec![0; step as usize]) {
                Ok(()) => log.written = end + step,
                // That is no failure: the record itself may still fit, if what was reached is given back.
                Err(_) => self.disk.truncate(log.file, log.written)?,
            }
        }
        if let Err(error) = self.disk.write_at(log.file, log.place.position, self.record) {
            if batch.kind == RecordKind::Commit && last {
                self.disown(log)?;
            } else if end > log.written {
                // A checkpoint may need the room that the beginning of the record took.
                self.disk.truncate(log.file, log.written.max(log.place.position))?;
            }
            return Err(error);
        }
        log.written = log.written.max(end);
        self.counters.wal_bytes += self.record.len() as u64;
        self.counters.wal_records += 1;
        log.place = Place { position: end, chain };
        batch.part += 1;
        self.record.clear();
        self.record.resize(HEADER_SIZE, 0);
        Ok(())
    }
}

impl WalParts<'_> {
    /// Makes sure that the record which could not be written is not there: the device may have it, whole, in spite of
    /// its error, and a commit that failed must not come back after a crash.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`] if that, too, fails: the log takes nothing more.
    fn disown(&mut self, log: &mut LogFile) -> Result<()> {
        let cut = self.disk.truncate(log.file, log.place.position);
        self.counters.fsyncs += 1;
        if cut.and_then(|()| self.disk.sync_data(log.file)).is_err() {
            *self.failed = true;
            return Err(Error::OutcomeUnknown);
        }
        log.written = log.place.position;
        Ok(())
    }
}

/// A commit on its way into the log. Dropping it unfinished takes back what was appended.
pub(crate) struct Commit<'a> {
    batch: Batch,
    log: &'a mut LogFile,
    wal: WalParts<'a>,
    last: &'a mut Sequence,
    /// Pages that stand whole in this generation since this commit.
    whole: Vec<PageId>,
}

impl Commit<'_> {
    /// Adds the edits of a page that was at `base` before.
    pub(crate) fn put_delta(
        &mut self,
        id: PageId,
        base: Sequence,
        edits: &EditList,
        page: &[u8],
    ) -> Result<()> {
        self.wal.make_room(self.log, &mut self.batch, edits.encoded_size() + entry::ENTRY_OVERHEAD_MAX)?;
        entry::put_delta(self.wal.record, id, base, edits, page);
        Ok(())
    }

    /// Adds a whole page, without its gap.
    pub(crate) fn put_whole(&mut self, id: PageId, front: &[u8], heap: &[u8]) -> Result<()> {
        let size = front.len() + heap.len() + entry::ENTRY_OVERHEAD_MAX;
        self.wal.make_room(self.log, &mut self.batch, size)?;
        entry::put_whole(self.wal.record, id, front, heap);
        if self.log.whole.insert(id) {
            self.whole.push(id);
        }
        Ok(())
    }

    /// Names a page that was written to the base file, and synced there, for this commit.
    pub(crate) fn put_direct(&mut self, id: PageId, checksum: u32) -> Result<()> {
        self.wal.make_room(self.log, &mut self.batch, entry::ENTRY_OVERHEAD_MAX)?;
        entry::put_direct(self.wal.record, id, checksum);
        Ok(())
    }

    /// Appends the last part with the commit mark.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.wal.append(self.log, &mut self.batch, true)?;
        *self.last = self.batch.sequence;
        self.batch.start = self.log.place;
        self.whole.clear();
        Ok(())
    }
}

impl Drop for Commit<'_> {
    fn drop(&mut self) {
        for id in &self.whole {
            self.log.whole.remove(id);
        }
        let start = self.batch.start;
        if self.log.place.position == start.position {
            return; // finished, or nothing was appended
        }
        // The next commit overwrites what was appended, and the chain of CRCs makes the rest of it invalid. The
        // room is given back at once: a full disk may be why the commit failed.
        self.log.take_back(start, self.wal.disk);
    }
}

impl LogFile {
    /// Bytes up to its last record.
    pub(super) fn size(&self) -> u64 {
        self.place.position
    }

    /// Bytes that the file takes.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Where the next record goes.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// The next record goes to `place` again: what stands there is not needed any more.
    pub(super) fn rewind(&mut self, place: Place) {
        self.place = place;
    }

    /// Takes back what was appended from `start` on.
    fn take_back(&mut self, start: Place, disk: &dyn Disk) {
        self.place = start;
        if disk.truncate(self.file, start.position).is_ok() {
            self.written = start.position;
        }
    }
}

/// Images on their way into the closed log. Dropping them unfinished takes back what was appended: no page is
/// overwritten before all images stand, so nothing needs them yet.
pub(super) struct Images<'a> {
    batch: Batch,
    log: &'a mut LogFile,
    wal: WalParts<'a>,
}

impl Checkpoint {
    /// Starts images of pages as of `sequence` behind the last record of the closed log.
    pub(super) fn begin_images<'a>(&'a mut self, disk: &'a dyn Disk, sequence: Sequence) -> Images<'a> {
        self.record.clear();
        self.record.resize(HEADER_SIZE, 0);
        let Checkpoint { closed: log, followed, synced, log_failed: failed, record, counters, .. } = self;
        let (kind, followed) = (RecordKind::Images, *followed);
        let batch = Batch { kind, sequence, part: 0, followed, start: log.place };
        let wal = WalParts { disk, synced: *synced, growth: Growth::AsWritten, failed, record, counters };
        Images { batch, log, wal }
    }
}

impl Images<'_> {
    /// Adds the image of a page.
    pub(super) fn put(&mut self, id: PageId, sequence: Sequence, front: &[u8], heap: &[u8]) -> Result<()> {
        let size = front.len() + heap.len() + entry::ENTRY_OVERHEAD_MAX;
        self.wal.make_room(self.log, &mut self.batch, size)?;
        entry::put_image(self.wal.record, id, sequence, front, heap);
        Ok(())
    }

    /// Appends what is left.
    pub(super) fn finish(mut self) -> Result<()> {
        self.wal.append(self.log, &mut self.batch, true)?;
        self.batch.start = self.log.place;
        Ok(())
    }
}

impl Drop for Images<'_> {
    fn drop(&mut self) {
        let start = self.batch.start;
        if self.log.place.position != start.position {
            self.log.take_back(start, self.wal.disk);
        }
    }
}
