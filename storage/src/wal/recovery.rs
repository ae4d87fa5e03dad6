//! Reading the logs after a crash: the older generation, then the newer, as one sequence of commits.
//!
//! Nothing is written here but what the memory has no room for. What the base file lacks is rebuilt beside it
//! (`rebuild`); a writing open ends with a checkpoint.

use super::header::{Found, LogHeader, RECORDS_START};
use super::rebuild::{Finished, Rebuilt, read_base};
use super::record::{HEADER_SIZE, RecordHeader, RecordKind, chain_start, record_size};
use super::writer::{LogEnd, Unsure};
use crate::disk::{Disk, FileRole};
use crate::error::{Error, Result};
use crate::overlay::{Base, Overlay};
use crate::page::file_header::{self, FileState, Identity};
use crate::page::{PageId, Sequence};
use rustc_hash::FxHashSet;
use std::collections::VecDeque;
use std::fmt;

/// A record that verified is read once more and does not.
const CHANGED: &str = "its record there has changed while it was read";
const MALFORMED: &str = "its record there holds no entries";

/// What opening a database found in its logs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// Commits that the logs hold; the base file may have held some of them already.
    pub commits: u64,
    /// The last commit recovered.
    pub last_sequence: u64,
    /// Pages rebuilt from the logs.
    pub pages: u64,
    /// Bytes of log read.
    pub log_bytes: u64,
    /// Why reading ended, if what stood at the end was not simply unused space.
    pub ended_by: Option<String>,
}

impl fmt::Display for RecoveryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RecoveryReport { commits, last_sequence, pages, log_bytes, ended_by } = self;
        write!(
            f,
            "recovered {commits} commits up to {last_sequence} from {log_bytes} bytes of log: {pages} pages"
        )?;
        match ended_by {
            Some(why) => write!(f, "; {why}"),
            None => Ok(()),
        }
    }
}

/// The state that the logs lead to.
pub(crate) struct RecoveredState {
    pub(crate) report: RecoveryReport,
    /// The newest version of each page that the logs name and the base file does not hold.
    pub(crate) overlay: Overlay,
    /// Of these, the ones whose whole content stands in a log: they need no image there.
    pub(crate) whole: FxHashSet<PageId>,
    /// Where the newest log ends.
    pub(crate) end: LogEnd,
    /// The highest commit known to be durable.
    pub(crate) synced: Sequence,
    /// What was read and may not be on the medium.
    pub(crate) unsure: Vec<Unsure>,
}

/// Reads both logs; `None` if there is nothing in them. About `in_memory_max` page versions stay in memory.
///
/// # Errors
/// [`Error::Corrupt`] if a commit that was durable cannot be read, [`Error::NotADatabase`] if a log belongs to
/// another file.
pub(crate) fn recover(
    base: &Base,
    identity: &Identity,
    in_memory_max: u64,
) -> Result<Option<RecoveredState>> {
    let disk = &*base.disk;
    let mut logs = Vec::new();
    for file in FileRole::LOGS {
        if let Found::Header(header) = LogHeader::read(disk, file, identity)? {
            logs.push((file, header));
        }
    }
    let logs = needed(logs);
    if logs.is_empty() {
        return Ok(None);
    }
    crate::trace::span!("recovery", generation = logs.last().map_or(0, |(_, newest)| newest.generation));
    let mut replay = Replay::new(base, in_memory_max);
    replay.all(&logs)?;
    replay.finish(base)
}

/// The newest versions of pages that damaged logs still lead to: those of all commits in front of the damage. What is
/// wrong is added to `problems`.
pub(crate) fn salvage(
    base: &Base,
    identity: &Identity,
    in_memory_max: u64,
    problems: &mut Vec<Error>,
) -> Overlay {
    let disk = &*base.disk;
    let mut logs = Vec::new();
    for file in FileRole::LOGS {
        match LogHeader::read(disk, file, identity) {
            Ok(Found::Header(header)) => logs.push((file, header)),
            Ok(Found::Nothing) => {}
            Err(error) => problems.push(error),
        }
    }
    let logs = needed(logs);
    let mut replay = Replay::new(base, in_memory_max);
    // What follows damage changes pages as of commits that are lost.
    problems.extend(replay.all(&logs).err());
    let Finished { overlay, lost, .. } = replay.pages.finish(u32::MAX, None);
    problems.extend(lost.into_iter().map(|(_, error)| error));
    overlay
}

/// The logs in their order, without an older one all of which the base file holds.
fn needed(mut logs: Vec<(FileRole, LogHeader)>) -> Vec<(FileRole, LogHeader)> {
    logs.sort_by_key(|(_, header)| header.generation);
    if let Some((_, newest)) = logs.last()
        && newest.checkpoint >= newest.first_sequence
    {
        logs.drain(..logs.len() - 1);
    }
    logs
}

/// What the logs say, read so far.
struct Replay<'a> {
    disk: &'a dyn Disk,
    /// The last commit seen whole.
    last: Option<Sequence>,
    /// The highest commit that anything read states to be durable.
    synced: Sequence,
    first_sequence: Sequence,
    commits: u64,
    log_bytes: u64,
    ended_by: Option<String>,
    /// The log read last states that a newer generation has begun.
    followed: bool,
    pages: Rebuilt<'a>,
    end: Option<LogEnd>,
    read: Vec<ReadLog>,
}

/// One log as far as it was read.
struct ReadLog {
    file: FileRole,
    end: u64,
    /// Where the first images stand, of which nothing says that they are durable.
    images: Option<u64>,
    /// Commits of which nothing said so when they were read, and where they start.
    commits: VecDeque<(Sequence, u64)>,
}

/// A part of a commit whose mark was not seen yet: where it stands, and the CRC it is seeded with.
struct Part {
    position: u64,
    chain: u32,
}

impl<'a> Replay<'a> {
    fn new(base: &'a Base, in_memory_max: u64) -> Replay<'a> {
        Replay {
            disk: &*base.disk,
            last: None,
            synced: 0,
            first_sequence: 0,
            commits: 0,
            log_bytes: 0,
            ended_by: None,
            followed: false,
            pages: Rebuilt::new(base, in_memory_max),
            end: None,
            read: Vec::new(),
        }
    }

    /// Reads the logs, from the older to the newer.
    fn all(&mut self, logs: &[(FileRole, LogHeader)]) -> Result<()> {
        for (at, (file, header)) in logs.iter().enumerate() {
            if self.last.is_some_and(|last| header.first_sequence < last) {
                // A switch to this log failed when its header stood, and commits went on in the other one.
                return self.given_up(*file, *header);
            }
            self.generation(*file, *header, logs.get(at + 1).map(|(_, next)| next.first_sequence))?;
        }
        Ok(())
    }

    /// Makes sure that there is nothing in a generation that a failed switch has left, and passes over it.
    fn given_up(&mut self, file: FileRole, header: LogHeader) -> Result<()> {
        let length = self.disk.length(file)?;
        let first = self.read_record(file, header.salt, chain_start(header.salt), RECORDS_START)?;
        if first.is_ok() || self.scan(file, header.salt, RECORDS_START, length)?.is_some() {
            let what =
                format!("it starts with commit {}, which the other log has", header.first_sequence + 1);
            return Err(self.damaged(file, RECORDS_START, &what));
        }
        if let Some(end) = &mut self.end {
            end.generation_max = header.generation;
        }
        Ok(())
    }

    /// Reads one generation to its last valid record. `next` is where the following generation starts.
    fn generation(&mut self, file: FileRole, header: LogHeader, next: Option<Sequence>) -> Result<()> {
        let mut last = match self.last {
            None => {
                self.first_sequence = header.first_sequence;
                header.first_sequence
            }
            Some(last) => last,
        };
        self.synced = self.synced.max(header.synced).max(header.checkpoint);
        self.followed = false;
        let length = self.disk.length(file)?;
        let (mut position, mut chain) = (RECORDS_START, chain_start(header.salt));
        let mut end = LogEnd { file, header, position, chain, generation_max: header.generation };
        let mut read = ReadLog { file, end: position, images: None, commits: VecDeque::new() };
        let mut start = position;
        // They are read again when the mark is there: a commit may have more of them than the memory has room for.
        let mut pending: Vec<Part> = Vec::new();
        let why = loop {
            let record = match self.read_record(file, header.salt, chain, position)? {
                Ok(record) => record,
                Err(why) => break why,
            };
            let RecordHeader { kind, sequence, part, .. } = record.header;
            let expected = match kind {
                RecordKind::Commit => sequence == last + 1 && part as usize == pending.len(),
                // A checkpoint that is tried again adds images of commits in the newer generation.
                RecordKind::Images => pending.is_empty(),
            };
            if !expected {
                let what = format!("it has record {sequence}.{part} after commit {last}");
                return Err(self.damaged(file, position, &what));
            }
            let this = Part { position, chain };
            if pending.is_empty() {
                start = position;
            }
            position += record_size(record.header.length as usize) as u64;
            chain = record.chain;
            self.synced = self.synced.max(record.header.synced);
            while read.commits.front().is_some_and(|(sequence, _)| *sequence <= self.synced) {
                read.commits.pop_front();
            }
            if kind == RecordKind::Commit {
                if !record.header.last {
                    pending.push(this);
                    continue;
                }
                last = sequence;
                self.commits += 1;
                read.commits.push_back((sequence, start));
                for part in pending.drain(..) {
                    let again = self.read_record(file, header.salt, part.chain, part.position)?;
                    let again = again.map_err(|_| self.damaged(file, part.position, CHANGED))?;
                    self.take(file, part.position, sequence, &again.entries)?;
                }
            } else {
                read.images.get_or_insert(start);
                self.followed = record.header.followed;
            }
            self.take(file, this.position, sequence, &record.entries)?;
            end = LogEnd { position, chain, ..end };
            read.end = position;
        };
        self.last = Some(last);
        self.log_bytes += position;
        self.synced = self.synced.max(self.scan(file, header.salt, position, length)?.unwrap_or(0));
        if !pending.is_empty() {
            self.ended_by = Some(format!("commit {} has no commit mark", last + 1));
        } else if why != End::Unused {
            self.ended_by = Some(format!("an incomplete record follows commit {last}"));
        }
        // The next generation started when this one was durable to its end.
        self.synced = self.synced.max(next.unwrap_or(0));
        let durable = next.unwrap_or(self.synced);
        if durable > last {
            let what = format!("it ends with commit {last}, but commit {durable} was durable");
            return Err(self.damaged(file, position, &what));
        }
        self.end = Some(end);
        self.read.push(read);
        Ok(())
    }

    /// What may be in the system's cache alone: an earlier process wrote it, and was killed or met an error before its
    /// sync was done. What was synced is not written again.
    fn unsure(&self) -> Vec<Unsure> {
        let mut unsure = Vec::new();
        for read in &self.read {
            unsure.push(Unsure { file: read.file, places: 0..RECORDS_START });
            let commit = read.commits.iter().find(|(sequence, _)| *sequence > self.synced);
            let from = read.images.into_iter().chain(commit.map(|(_, start)| *start)).min();
            unsure.extend(from.map(|from| Unsure { file: read.file, places: from..read.end }));
        }
        unsure
    }

    /// The record at `position`, or why there is none.
    fn read_record(
        &self,
        file: FileRole,
        salt: u64,
        chain: u32,
        position: u64,
    ) -> Result<Result<Record, End>> {
        let mut start = [0; HEADER_SIZE];
        let length = self.disk.read_at(file, position, &mut start)?;
        if length < HEADER_SIZE || start == [0; HEADER_SIZE] {
            return Ok(Err(End::Unused));
        }
        let Some(header) = RecordHeader::read(salt, &start) else { return Ok(Err(End::Invalid)) };
        let mut entries = vec![0; header.length as usize]; // a little over a mebibyte at most
        let read = self.disk.read_at(file, position + HEADER_SIZE as u64, &mut entries)?;
        if read < entries.len() {
            return Ok(Err(End::Invalid));
        }
        match RecordHeader::verify(&start, &entries, salt, chain) {
            Some(chain) => Ok(Ok(Record { header, entries, chain })),
            None => Ok(Err(End::Invalid)),
        }
    }

    /// Looks for valid record headers of this generation behind a bad one, and gives back the highest commit that
    /// one of them states to be durable; `None` if there is none.
    fn scan(&self, file: FileRole, salt: u64, from: u64, length: u64) -> Result<Option<Sequence>> {
        const STEP: usize = 1 << 20;
        let mut window = vec![0; STEP + HEADER_SIZE];
        let (mut position, mut synced) = (from, None);
        while position < length {
            let read = self.disk.read_at(file, position, &mut window)?;
            for at in (0..STEP).step_by(8) {
                let Some(start) = window[..read].get(at..).and_then(<[u8]>::first_chunk) else { break };
                if let Some(header) = RecordHeader::read(salt, start) {
                    synced = synced.max(Some(header.synced));
                }
            }
            position += STEP as u64;
        }
        Ok(synced)
    }

    fn damaged(&self, file: FileRole, position: u64, what: &str) -> Error {
        let detail = format!("the log {} is damaged at byte {position}: {what}", self.disk.name(file));
        Error::corrupt(PageId(0), detail)
    }

    /// Applies the entries of the record at `position`.
    fn take(&mut self, file: FileRole, position: u64, sequence: Sequence, entries: &[u8]) -> Result<()> {
        let taken = self.pages.apply(sequence, entries)?;
        taken.ok_or_else(|| self.damaged(file, position, MALFORMED))
    }

    fn finish(self, base: &Base) -> Result<Option<RecoveredState>> {
        let (Some(end), Some(last)) = (self.end, self.last) else { return Ok(None) };
        if self.followed {
            let other = if end.file == FileRole::Log0 { FileRole::Log1 } else { FileRole::Log0 };
            let what = format!("{} goes on after commit {last} in it", self.disk.name(end.file));
            return Err(self.damaged(other, 0, &what));
        }
        let unsure = self.unsure();
        let at_rest = read_base(base, PageId(0))?;
        if let Some(first) = &at_rest {
            let checkpoint = file_header::checkpoint_sequence(first);
            if checkpoint > last || checkpoint < self.first_sequence {
                let first = self.first_sequence + 1;
                let what = format!(
                    "it ends with commit {last} and starts with {first} or before, the base file holds those up to {checkpoint}"
                );
                return Err(self.damaged(end.file, end.position, &what));
            }
        }
        let first = self.pages.first()?;
        let page_count = first.map_or(Ok(u32::MAX), |first| FileState::read(&first).map(|s| s.page_count))?;
        let Finished { overlay, whole, pages, lost } = self.pages.finish(page_count, Some(last));
        if let Some((_, error)) = lost.into_iter().next() {
            return Err(error);
        }
        let report = RecoveryReport {
            commits: self.commits,
            last_sequence: last,
            pages,
            log_bytes: self.log_bytes,
            ended_by: self.ended_by,
        };
        Ok(Some(RecoveredState { report, overlay, whole, end, synced: self.synced, unsure }))
    }
}

/// Why there is no record at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nothing was written there.
    Unused,
    /// Something was, but it is not a record of this generation in its place.
    Invalid,
}

struct Record {
    header: RecordHeader,
    entries: Vec<u8>,
    chain: u32,
}
