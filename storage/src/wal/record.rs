//! A log record: a header with two CRCs in front of entries.
//!
//! The header's own CRC lets a scan find records behind a damaged one; the content CRC is seeded with the one of
//! the record before, so a record verifies only in its place in the chain. Both are seeded with the generation's
//! salt.

use crate::page::Sequence;

/// Bytes of a record header; records start at multiples of 8.
pub(crate) const HEADER_SIZE: usize = 40;
/// Most bytes of a record but for the last entry's excess: its buffer stays in the processor's cache while pages are
/// packed into it and the system copies it (a load in one commit: 0.036 us a row instead of 0.06 with 1 MiB).
pub(crate) const PART_MAX: usize = 128 << 10;
/// No record is longer: parts may have up to 1 MiB, and overrun by one entry.
pub(crate) const RECORD_MAX: usize = (1 << 20) + (1 << 17);

const MAGIC: [u8; 4] = *b"rec\x01";
const CONTENT_CRC_OFFSET: usize = 4;
const KIND_OFFSET: usize = 8;
const FLAGS_OFFSET: usize = 9;
const PART_OFFSET: usize = 12;
const LENGTH_OFFSET: usize = 16;
const SEQUENCE_OFFSET: usize = 20;
const SYNCED_OFFSET: usize = 28;
const HEADER_CRC_OFFSET: usize = 36;

const FLAG_LAST: u8 = 1;
const FLAG_FOLLOWED: u8 = 2;

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordKind {
    /// A part of a commit.
    Commit,
    /// Images of pages that a checkpoint is about to write in place.
    Images,
}

/// The header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) kind: RecordKind,
    /// The commit mark: the commit's last part.
    pub(crate) last: bool,
    /// A newer generation had begun when this was written, and its header was durable.
    pub(crate) followed: bool,
    /// Number of the part in its commit or checkpoint.
    pub(crate) part: u32,
    /// Bytes of the entries, without padding.
    pub(crate) length: u32,
    /// The commit, or the last commit that the images show.
    pub(crate) sequence: Sequence,
    /// The highest commit known to be durable when the record was written.
    pub(crate) synced: Sequence,
}

/// The CRC that the first record of a generation is seeded with.
pub(crate) fn chain_start(salt: u64) -> u32 {
    crc32fast::hash(&salt.to_le_bytes())
}

/// Bytes that a record with `length` bytes of entries takes in the log.
pub(crate) fn record_size(length: usize) -> usize {
    HEADER_SIZE + length.next_multiple_of(8)
}

impl RecordHeader {
    /// Fills the header space in front of the entries, pads, and gives back the CRC that the next record is
    /// seeded with.
    ///
    /// `record` is [`HEADER_SIZE`] bytes of space, then the entries.
    pub(crate) fn seal(&self, salt: u64, chain: u32, record: &mut Vec<u8>) -> u32 {
        let (header, entries) = record.split_at_mut(HEADER_SIZE); // the space is there
        header[..4].copy_from_slice(&MAGIC);
        header[KIND_OFFSET] = match self.kind {
            RecordKind::Commit => 1,
            RecordKind::Images => 2,
        };
        header[FLAGS_OFFSET] =
            if self.last { FLAG_LAST } else { 0 } | if self.followed { FLAG_FOLLOWED } else { 0 };
        header[FLAGS_OFFSET + 1..PART_OFFSET].fill(0);
        header[PART_OFFSET..LENGTH_OFFSET].copy_from_slice(&self.part.to_le_bytes());
        header[LENGTH_OFFSET..SEQUENCE_OFFSET].copy_from_slice(&self.length.to_le_bytes());
        header[SEQUENCE_OFFSET..SYNCED_OFFSET].copy_from_slice(&self.sequence.to_le_bytes());
        header[SYNCED_OFFSET..HEADER_CRC_OFFSET].copy_from_slice(&self.synced.to_le_bytes());
        let crc = content_crc(header, entries, salt, chain);
        header[CONTENT_CRC_OFFSET..KIND_OFFSET].copy_from_slice(&crc.to_le_bytes());
        let own = crc_of(&header[..HEADER_CRC_OFFSET], chain_start(salt));
        header[HEADER_CRC_OFFSET..].copy_from_slice(&own.to_le_bytes());
        record.resize(record_size(self.length as usize), 0);
        crc
    }

    /// The header in the first bytes of a record of this generation.
    pub(crate) fn read(salt: u64, bytes: &[u8; HEADER_SIZE]) -> Option<RecordHeader> {
        let own = u32_at(bytes, HEADER_CRC_OFFSET);
        if bytes[..4] != MAGIC || own != crc_of(&bytes[..HEADER_CRC_OFFSET], chain_start(salt)) {
            return None;
        }
        let kind = match bytes[KIND_OFFSET] {
            1 => RecordKind::Commit,
            2 => RecordKind::Images,
            _ => return None,
        };
        let length = u32_at(bytes, LENGTH_OFFSET);
        if length as usize > RECORD_MAX {
            return None;
        }
        Some(RecordHeader {
            kind,
            last: bytes[FLAGS_OFFSET] & FLAG_LAST != 0,
            followed: bytes[FLAGS_OFFSET] & FLAG_FOLLOWED != 0,
            part: u32_at(bytes, PART_OFFSET),
            length,
            sequence: u64_at(bytes, SEQUENCE_OFFSET),
            synced: u64_at(bytes, SYNCED_OFFSET),
        })
    }

    /// The CRC that the next record is seeded with, if the entries are those that the header was written for and
    /// the record follows the one that gave `chain`.
    pub(crate) fn verify(header: &[u8; HEADER_SIZE], entries: &[u8], salt: u64, chain: u32) -> Option<u32> {
        let crc = content_crc(header, entries, salt, chain);
        (crc == u32_at(header, CONTENT_CRC_OFFSET)).then_some(crc)
    }
}

/// The CRC over the header's fields and the entries.
fn content_crc(header: &[u8], entries: &[u8], salt: u64, chain: u32) -> u32 {
    let seeded = crc_of(&salt.to_le_bytes(), chain);
    let fields = crc_of(&header[KIND_OFFSET..HEADER_CRC_OFFSET], seeded); // a whole header
    crc_of(entries, fields)
}

fn crc_of(bytes: &[u8], seed: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}

fn u32_at(bytes: &[u8; HEADER_SIZE], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]); // inside the header
    u32::from_le_bytes(field)
}

fn u64_at(bytes: &[u8; HEADER_SIZE], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]); // inside the header
    u64::from_le_bytes(field)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_found() {
        let header = RecordHeader {
            kind: RecordKind::Commit,
            last: true,
            followed: false,
            part: 2,
            length: 21,
            sequence: 9,
            synced: 8,
        };
        let mut record = vec![0; HEADER_SIZE];
        record.extend_from_slice(b"twenty-one bytes here");
        let crc = header.seal(7, 11, &mut record);
        assert_eq!(record.len(), record_size(21));
        let check = |record: &[u8], salt, chain| {
            let start = record.first_chunk().unwrap();
            let header = RecordHeader::read(salt, start)?;
            let entries = record.get(HEADER_SIZE..HEADER_SIZE + header.length as usize)?;
            RecordHeader::verify(start, entries, salt, chain).map(|crc| (header, crc))
        };
        assert_eq!(check(&record, 7, 11), Some((header, crc)));
        assert_eq!(check(&record, 8, 11), None);
        assert_eq!(check(&record, 7, 12), None);
        for bit in 0..(HEADER_SIZE + 21) * 8 {
            record[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(check(&record, 7, 11), None, "bit {bit}");
            record[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
