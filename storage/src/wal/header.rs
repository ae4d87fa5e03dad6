//! The header of a log file: whose log it is, which generation, and what was durable when it was written.
//!
//! It stands in two sectors that are written in turn, each with its own CRC, so that a torn write leaves the
//! other one.

use super::record::HEADER_SIZE as RECORD_HEADER_SIZE;
use crate::disk::{Disk, FileRole};
use crate::error::{Error, Result};
use crate::page::file_header::{FORMAT_VERSION, Identity, is_page_size};
use crate::page::{PageId, SEQUENCE_MAX, Sequence};

/// Where the second header sector stands: on every device a sector of its own.
const SECTOR_DISTANCE: u64 = 4096;
/// Where the first record stands.
pub(crate) const RECORDS_START: u64 = 2 * SECTOR_DISTANCE;

const MAGIC: [u8; 8] = *b"SedgeLog";
const SIZE: usize = 96;
const CRC_OFFSET: usize = SIZE - 4;

/// What a log file says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogHeader {
    pub(crate) identity: Identity,
    /// Counts up with each switch of log files.
    pub(crate) generation: u64,
    /// Counts the writes of this generation's header; its parity chooses the sector.
    pub(crate) update: u64,
    /// Drawn at random for the generation: records of another one never verify.
    pub(crate) salt: u64,
    /// The last commit before this generation.
    pub(crate) first_sequence: Sequence,
    /// The base file holds everything up to here, durably; older generations are not needed if this is at least
    /// `first_sequence`.
    pub(crate) checkpoint: Sequence,
    /// The highest commit known to be durable.
    pub(crate) synced: Sequence,
}

/// What the header sectors of a log file hold.
pub(crate) enum Found {
    /// No log, or one that was made and never used.
    Nothing,
    /// The newest valid header.
    Header(LogHeader),
}

impl LogHeader {
    fn encode(&self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        let mut at = 0;
        let mut put = |field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field); // the fields fill less than the header
            at += field.len();
        };
        put(&MAGIC);
        put(&FORMAT_VERSION.to_le_bytes());
        put(&(self.identity.page_size as u32).to_le_bytes());
        put(&self.identity.file_id);
        for field in
            [self.generation, self.update, self.salt, self.first_sequence, self.checkpoint, self.synced]
        {
            put(&field.to_le_bytes());
        }
        let crc = crc32fast::hash(&bytes[..CRC_OFFSET]);
        bytes[CRC_OFFSET..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; SIZE]) -> Option<LogHeader> {
        let crc = crc32fast::hash(&bytes[..CRC_OFFSET]);
        if bytes[..8] != MAGIC
            || bytes[CRC_OFFSET..] != crc.to_le_bytes()
            || bytes[8..12] != FORMAT_VERSION.to_le_bytes()
        {
            return None;
        }
        let u64_at = |at: usize| {
            let mut field = [0; 8];
            field.copy_from_slice(&bytes[at..at + 8]); // inside the header
            u64::from_le_bytes(field)
        };
        let mut file_id = [0; 16];
        file_id.copy_from_slice(&bytes[16..32]);
        let page_size = u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]) as usize;
        // All count up from 0, the salt aside: none comes that far.
        if [32, 40, 56, 64, 72].into_iter().any(|at| u64_at(at) > SEQUENCE_MAX) {
            return None;
        }
        Some(LogHeader {
            identity: Identity { page_size, file_id },
            generation: u64_at(32),
            update: u64_at(40),
            salt: u64_at(48),
            first_sequence: u64_at(56),
            checkpoint: u64_at(64),
            synced: u64_at(72),
        })
    }

    /// Writes the header to the sector whose turn it is.
    pub(crate) fn write(&self, disk: &dyn Disk, file: FileRole) -> Result<()> {
        disk.write_at(file, (self.update % 2) * SECTOR_DISTANCE, &self.encode())
    }

    /// The newest valid header in the first bytes of a log file, whosesoever.
    fn newest(start: &[u8]) -> Option<LogHeader> {
        let sector = |at: u64| start.get(at as usize..)?.first_chunk::<SIZE>().and_then(LogHeader::decode);
        let sectors = [sector(0), sector(SECTOR_DISTANCE)].into_iter().flatten();
        sectors.max_by_key(|header| (header.generation, header.update))
    }

    /// The identity of the file whose log this is, as its newest valid header has it.
    pub(crate) fn identity_in(disk: &dyn Disk, file: FileRole) -> Result<Option<Identity>> {
        let mut start = vec![0; RECORDS_START as usize];
        let length = disk.read_at(file, 0, &mut start)?;
        let header = start.get(..length).and_then(LogHeader::newest);
        Ok(header.map(|header| header.identity).filter(|identity| is_page_size(identity.page_size)))
    }

    /// The newest valid header of a log file.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if there is none in a log that was used, [`Error::NotADatabase`] if the log belongs to
    /// another file.
    pub(crate) fn read(disk: &dyn Disk, file: FileRole, identity: &Identity) -> Result<Found> {
        // No record is written before a header is durable: the start of one without a header is damage, too.
        let mut start = vec![0; RECORDS_START as usize + RECORD_HEADER_SIZE];
        let length = disk.read_at(file, 0, &mut start)?;
        let start = &start[..length]; // as much as was read
        let Some(header) = LogHeader::newest(start) else {
            if start.iter().all(|byte| *byte == 0) {
                return Ok(Found::Nothing);
            }
            let name = disk.name(file);
            let detail = format!("the log {name} is damaged at byte 0: neither of its headers is valid");
            return Err(Error::corrupt(PageId(0), detail));
        };
        if header.identity != *identity {
            return Err(foreign(disk, file));
        }
        Ok(Found::Header(header))
    }
}

fn foreign(disk: &dyn Disk, file: FileRole) -> Error {
    let name = disk.name(file);
    let detail =
        format!("the log {name} beside it belongs to another database; move it away if it is a leftover");
    Error::NotADatabase { path: disk.path().to_path_buf(), detail }
}

/// Refuses to make a database where logs of one lie that is gone: they may be all that is left of it, and a crash
/// would mix them up with the logs of the new one.
///
/// # Errors
/// [`Error::NotADatabase`] names the log.
pub(crate) fn refuse_leftovers(disk: &dyn Disk) -> Result<()> {
    for file in FileRole::LOGS {
        let mut start = vec![0; RECORDS_START as usize];
        disk.read_at(file, 0, &mut start)?;
        if LogHeader::newest(&start).is_some() {
            return Err(foreign(disk, file));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use crate::disk::MemoryDisk;

    fn header(update: u64) -> LogHeader {
        let identity = Identity { page_size: 4096, file_id: [3; 16] };
        LogHeader { identity, generation: 4, update, salt: 5, first_sequence: 6, checkpoint: 2, synced: 6 }
    }

    #[test]
    fn the_newest_valid_sector_counts() {
        let disk = MemoryDisk::default();
        let read = || match LogHeader::read(&disk, FileRole::Log0, &header(0).identity).unwrap() {
            Found::Header(header) => Some(header),
            Found::Nothing => None,
        };
        assert!(read().is_none());
        header(0).write(&disk, FileRole::Log0).unwrap();
        header(1).write(&disk, FileRole::Log0).unwrap();
        assert_eq!(read(), Some(header(1)));
        disk.write_at(FileRole::Log0, SECTOR_DISTANCE + 50, &[0xff]).unwrap();
        assert_eq!(read(), Some(header(0)));
        disk.write_at(FileRole::Log0, 50, &[0xff]).unwrap();
        assert!(LogHeader::read(&disk, FileRole::Log0, &header(0).identity).is_err());
    }

    #[test]
    fn numbers_that_no_log_comes_to_are_damage() {
        // Found by fuzzing: a header that starts with commit 2^64-1, under the right checksum, made the search for the
        // commit after it overflow.
        let disk = MemoryDisk::default();
        let sound = header(0);
        let forged = [
            LogHeader { first_sequence: u64::MAX, ..sound },
            LogHeader { generation: SEQUENCE_MAX + 1, ..sound },
            LogHeader { update: u64::MAX - 1, ..sound },
            LogHeader { checkpoint: u64::MAX, ..sound },
            LogHeader { synced: u64::MAX, ..sound },
        ];
        for forged in forged {
            disk.write_at(FileRole::Log0, 0, &forged.encode()).unwrap();
            assert!(LogHeader::read(&disk, FileRole::Log0, &sound.identity).is_err(), "{forged:?}");
        }
    }

    #[test]
    fn a_log_of_another_file_is_refused() {
        let disk = MemoryDisk::default();
        header(0).write(&disk, FileRole::Log1).unwrap();
        let other = Identity { page_size: 4096, file_id: [4; 16] };
        assert!(matches!(LogHeader::read(&disk, FileRole::Log1, &other), Err(Error::NotADatabase { .. })));
    }
}
