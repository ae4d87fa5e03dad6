//! Changes of a database's bytes that come with the right checksums, so that what lies behind them is reached.
//!
//! Pages: a CRC-32 over the page number, then the content, at the end of each. Logs: header sectors with a CRC of their
//! own; records whose content CRC is seeded with that of the record before. See docs/file-format.md.

use crate::sample::PAGE_SIZE;
use arbitrary::Arbitrary;

const IDENTITY_SIZE: usize = 512;
const LOG_SECTOR: usize = 4096;
const LOG_HEADER_SIZE: usize = 96;
const RECORDS_START: usize = 2 * LOG_SECTOR;
const RECORD_HEADER_SIZE: usize = 40;

/// A change of a few bytes of a page, or of a record.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Change {
    Byte(u16, u8),
    Short(u16, u16),
    Word(u16, u32),
    /// A copy inside the block: from, to, length.
    Copy(u16, u16, u8),
    Fill(u16, u8, u8),
}

impl Change {
    /// Applies the change; places are mostly in the first bytes, where headers and slots stand.
    pub fn apply(self, block: &mut [u8]) {
        let length = block.len();
        let place = |at: u16| {
            let at = usize::from(at);
            if at >= 1 << 15 { at % length } else { at % length.min(128) }
        };
        let mut put = |at: u16, bytes: &[u8]| {
            let at = place(at);
            block[at..].iter_mut().zip(bytes).for_each(|(old, byte)| *old = *byte);
        };
        match self {
            Change::Byte(at, byte) => put(at, &[byte]),
            Change::Short(at, value) => put(at, &value.to_le_bytes()),
            Change::Word(at, value) => put(at, &value.to_le_bytes()),
            Change::Fill(at, count, byte) => put(at, &vec![byte; count.into()]),
            Change::Copy(from, to, count) => {
                let from = place(from);
                let copied = block[from..length.min(from + usize::from(count))].to_vec();
                let to = place(to);
                block[to..].iter_mut().zip(copied).for_each(|(old, byte)| *old = byte);
            }
        }
    }
}

/// One change of a database file.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum PageChange {
    Inside(u8, Change),
    /// One page's content over another's.
    Over(u8, u8),
    Zero(u8),
    /// The file ends after so many pages.
    Cut(u8),
    /// Bytes that no checksum is made right for.
    Raw(u16, u8),
}

fn page(bytes: &mut [u8], id: usize) -> &mut [u8] {
    &mut bytes[id * PAGE_SIZE..(id + 1) * PAGE_SIZE]
}

/// Makes the checksum of page `id` right, and that of the identity in page 0.
pub fn seal_page(bytes: &mut [u8], id: usize) {
    let page = page(bytes, id);
    if id == 0 {
        let crc = crc32fast::hash(&page[..IDENTITY_SIZE - 4]);
        page[IDENTITY_SIZE - 4..IDENTITY_SIZE].copy_from_slice(&crc.to_le_bytes());
    }
    let seed = crc32fast::hash(&(id as u32).to_le_bytes());
    let crc = crc_of(&page[..PAGE_SIZE - 4], seed);
    page[PAGE_SIZE - 4..].copy_from_slice(&crc.to_le_bytes());
}

/// Changes the pages of a file.
pub fn change_pages(bytes: &mut Vec<u8>, changes: &[PageChange]) {
    for change in changes {
        let count = bytes.len() / PAGE_SIZE;
        if count == 0 {
            return;
        }
        match *change {
            PageChange::Inside(id, change) => {
                let id = usize::from(id) % count;
                // Of page 0 the fields behind the identity, which hardly any change survives.
                let skipped = if id == 0 { IDENTITY_SIZE } else { 0 };
                change.apply(&mut page(bytes, id)[skipped..PAGE_SIZE - 4]);
                seal_page(bytes, id);
            }
            PageChange::Over(from, to) => {
                let (from, to) = (usize::from(from) % count, usize::from(to) % count);
                bytes.copy_within(from * PAGE_SIZE..(from + 1) * PAGE_SIZE, to * PAGE_SIZE);
                seal_page(bytes, to);
            }
            PageChange::Zero(id) => {
                let id = usize::from(id) % count;
                page(bytes, id).fill(0);
                seal_page(bytes, id);
            }
            PageChange::Cut(id) => bytes.truncate(usize::from(id) % count * PAGE_SIZE),
            PageChange::Raw(at, byte) => {
                let at = usize::from(at) * 16 % bytes.len();
                bytes[at] = byte;
            }
        }
    }
}

/// One change of a log file.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum LogChange {
    /// In one of the two headers.
    Header(bool, Change),
    /// In a record's header, its length aside.
    Record(u8, Change),
    /// In a record's entries.
    Entries(u8, Change),
    /// The length that a record states.
    Length(u8, u32),
    Cut(u16),
    Raw(u16, u8),
}

/// Where the records of a log start, by the lengths in their headers.
fn records(bytes: &[u8]) -> Vec<usize> {
    let (mut starts, mut at) = (Vec::new(), RECORDS_START);
    while bytes.get(at..).is_some_and(|rest| rest.len() >= RECORD_HEADER_SIZE && rest.starts_with(b"rec\x01"))
    {
        starts.push(at);
        at = at.saturating_add(record_size(bytes, at));
    }
    starts
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn record_size(bytes: &[u8], at: usize) -> usize {
    RECORD_HEADER_SIZE + (u32_at(bytes, at + 16) as usize).next_multiple_of(8)
}

/// Changes a log file, and makes its chain of checksums right again.
pub fn change_log(bytes: &mut Vec<u8>, changes: &[LogChange]) {
    let starts = records(bytes);
    let mut raw = Vec::new();
    for change in changes {
        let record = |which: u8| starts.get(usize::from(which) % starts.len().max(1)).copied();
        match *change {
            LogChange::Header(second, change) => {
                let start = if second { LOG_SECTOR } else { 0 };
                if let Some(header) = bytes.get_mut(start + 8..start + LOG_HEADER_SIZE - 4) {
                    change.apply(header);
                }
            }
            LogChange::Record(which, change) => {
                if let Some(header) = record(which).and_then(|at| bytes.get_mut(at + 8..at + 36)) {
                    change.apply(header);
                }
            }
            LogChange::Entries(which, change) => {
                if let Some(at) = record(which) {
                    let is_there = at + RECORD_HEADER_SIZE <= bytes.len();
                    let end = if is_there { at.saturating_add(record_size(bytes, at)) } else { 0 };
                    let end = end.min(bytes.len());
                    if at + RECORD_HEADER_SIZE < end {
                        change.apply(&mut bytes[at + RECORD_HEADER_SIZE..end]);
                    }
                }
            }
            LogChange::Length(which, length) => {
                if let Some(field) = record(which).and_then(|at| bytes.get_mut(at + 16..at + 20)) {
                    field.copy_from_slice(&length.to_le_bytes());
                }
            }
            LogChange::Cut(at) => bytes.truncate(usize::from(at) * 8),
            LogChange::Raw(at, byte) => raw.push((at, byte)),
        }
    }
    seal_log(bytes, &starts);
    for (at, byte) in raw {
        if let Some(old) = bytes.get_mut(usize::from(at) * 8) {
            *old = byte;
        }
    }
}

/// Makes the checksums of both headers and of the records at `starts` right.
fn seal_log(bytes: &mut [u8], starts: &[usize]) {
    for start in [0, LOG_SECTOR] {
        if let Some(header) = bytes.get_mut(start..start + LOG_HEADER_SIZE)
            && header.starts_with(b"SedgeLog")
        {
            let crc = crc32fast::hash(&header[..LOG_HEADER_SIZE - 4]);
            header[LOG_HEADER_SIZE - 4..].copy_from_slice(&crc.to_le_bytes());
        }
    }
    let newer = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let sector = if newer(40) >= newer(LOG_SECTOR + 40) { 0 } else { LOG_SECTOR };
    let Some(salt) = bytes.get(sector + 48..sector + 56).map(<[u8]>::to_vec) else { return };
    let start = crc32fast::hash(&salt);
    let mut chain = start;
    for &at in starts {
        if at + RECORD_HEADER_SIZE > bytes.len() {
            return;
        }
        let length = u32_at(bytes, at + 16) as usize;
        let end = bytes.len().min(at + RECORD_HEADER_SIZE + length);
        chain = crc_of(&bytes[at + 8..at + 36], crc_of(&salt, chain));
        chain = crc_of(&bytes[at + RECORD_HEADER_SIZE..end], chain);
        bytes[at + 4..at + 8].copy_from_slice(&chain.to_le_bytes());
        let own = crc_of(&bytes[at..at + 36], start);
        bytes[at + 36..at + 40].copy_from_slice(&own.to_le_bytes());
    }
}

fn crc_of(bytes: &[u8], seed: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}
