//! Page 0: the file's identity, written once, and behind it the fields that commits and checkpoints change.
//!
//! ```text
//! 0                                   512                                              size-4
//! +-----------------------------------+--------+-----------------------------------+-----+
//! | magic, version, page size, id, CRC| common | page count, freelist, schema, ... | CRC |
//! +-----------------------------------+--------+-----------------------------------+-----+
//! ```

use super::{HEADER_SIZE, KIND_OFFSET, PageId, PageKind, SEQUENCE_MAX, Sequence};
use crate::error::{Error, Result};
use std::path::Path;

/// Bytes of the identity in front of page 0: one sector, so no torn write of the rest can touch it.
pub(crate) const IDENTITY_SIZE: usize = 512;
/// The format that this version writes and reads.
pub(crate) const FORMAT_VERSION: u32 = 1;
/// The smallest page of a database.
pub(crate) const PAGE_SIZE_MIN: usize = 4096;
/// The largest page of a database.
pub(crate) const PAGE_SIZE_MAX: usize = 65536;
/// The page that roots the schema tree from creation on.
pub(crate) const SCHEMA_ROOT: PageId = PageId(1);

const MAGIC: [u8; 16] = *b"Sedge database\n\0";
const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";
/// Version of the letter folding table that text indexes of a new file rely on.
const FOLDING_VERSION: u8 = 1;

const VERSION_OFFSET: usize = 16;
const PAGE_SIZE_OFFSET: usize = 20;
const FILE_ID_OFFSET: usize = 24;
const FOLDING_OFFSET: usize = 40;
const IDENTITY_CRC_OFFSET: usize = IDENTITY_SIZE - 4;

const PAGE_COUNT_OFFSET: usize = IDENTITY_SIZE + HEADER_SIZE;
const FREELIST_HEAD_OFFSET: usize = PAGE_COUNT_OFFSET + 4;
const FREE_COUNT_OFFSET: usize = FREELIST_HEAD_OFFSET + 4;
const SCHEMA_ROOT_OFFSET: usize = FREE_COUNT_OFFSET + 4;
const CHECKPOINT_OFFSET: usize = SCHEMA_ROOT_OFFSET + 4;
const FIELDS_END: usize = CHECKPOINT_OFFSET + 8;

const _: () = assert!(FIELDS_END < PAGE_SIZE_MIN - super::CHECKSUM_SIZE);

/// What never changes in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Bytes of a page.
    pub(crate) page_size: usize,
    /// Drawn at random when the file was made; its logs repeat it.
    pub(crate) file_id: [u8; 16],
}

/// The fields of page 0 that transactions change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileState {
    /// Pages of the file, page 0 included.
    pub(crate) page_count: u32,
    /// The first page of the freelist, or none.
    pub(crate) freelist_head: PageId,
    /// Pages on the freelist, its own pages included.
    pub(crate) free_count: u32,
}

impl Identity {
    /// The identity in the first bytes of a file.
    ///
    /// # Errors
    /// [`Error::NotADatabase`] says what the file seems to be; [`Error::Corrupt`] if it is a damaged database.
    pub(crate) fn read(path: &Path, sector: &[u8]) -> Result<Identity> {
        let refuse = |detail: String| Err(Error::NotADatabase { path: path.to_path_buf(), detail });
        if sector.starts_with(SQLITE_MAGIC) {
            let name = path.display();
            return refuse(format!(
                "this is an SQLite database, not a Sedge one; `sqlite3 {name} .dump | sedge new.sedge` brings its data over"
            ));
        }
        if sector.len() < IDENTITY_SIZE || !sector.starts_with(&MAGIC) {
            return refuse("this is not a Sedge database".into());
        }
        let crc = u32_at(sector, IDENTITY_CRC_OFFSET);
        if crc != crc32fast::hash(&sector[..IDENTITY_CRC_OFFSET]) {
            // the length was checked above
            return Err(Error::corrupt(PageId(0), "the file's identity does not match its checksum"));
        }
        let version = u32_at(sector, VERSION_OFFSET);
        if version != FORMAT_VERSION {
            return refuse(format!(
                "its format version is {version}; this version of Sedge reads {FORMAT_VERSION}"
            ));
        }
        if sector[FOLDING_OFFSET] != FOLDING_VERSION {
            // as above
            return refuse(format!("its letter folding table is version {}", sector[FOLDING_OFFSET]));
        }
        let page_size = u32_at(sector, PAGE_SIZE_OFFSET) as usize;
        if !is_page_size(page_size) {
            return Err(Error::corrupt(PageId(0), format!("the file states a page size of {page_size}")));
        }
        let mut file_id = [0; 16];
        file_id.copy_from_slice(&sector[FILE_ID_OFFSET..FILE_ID_OFFSET + 16]);
        Ok(Identity { page_size, file_id })
    }

    /// Page 0 of a new file.
    pub(crate) fn first_page(&self, state: &FileState) -> Vec<u8> {
        let mut page = vec![0; self.page_size];
        page[..MAGIC.len()].copy_from_slice(&MAGIC);
        put_u32(&mut page, VERSION_OFFSET, FORMAT_VERSION);
        put_u32(&mut page, PAGE_SIZE_OFFSET, self.page_size as u32);
        page[FILE_ID_OFFSET..FILE_ID_OFFSET + 16].copy_from_slice(&self.file_id);
        page[FOLDING_OFFSET] = FOLDING_VERSION;
        let crc = crc32fast::hash(&page[..IDENTITY_CRC_OFFSET]);
        put_u32(&mut page, IDENTITY_CRC_OFFSET, crc);
        page[IDENTITY_SIZE + KIND_OFFSET] = PageKind::FileHeader as u8;
        state.write(&mut page);
        put_u32(&mut page, SCHEMA_ROOT_OFFSET, SCHEMA_ROOT.0);
        page
    }
}

impl FileState {
    /// The fields in page 0.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where they contradict themselves.
    pub(crate) fn read(page: &[u8]) -> Result<FileState> {
        let state = FileState {
            page_count: u32_at(page, PAGE_COUNT_OFFSET),
            freelist_head: PageId(u32_at(page, FREELIST_HEAD_OFFSET)),
            free_count: u32_at(page, FREE_COUNT_OFFSET),
        };
        let sound = super::kind_of(PageId(0), page) == Some(PageKind::FileHeader)
            && u32_at(page, SCHEMA_ROOT_OFFSET) == SCHEMA_ROOT.0
            && state.page_count > SCHEMA_ROOT.0
            && state.freelist_head.0 < state.page_count
            && state.free_count < state.page_count
            && checkpoint_sequence(page) <= SEQUENCE_MAX;
        if sound { Ok(state) } else { Err(Error::corrupt(PageId(0), "its fields contradict themselves")) }
    }

    /// Writes the fields into page 0 and gives back the range they stand in.
    pub(crate) fn write(&self, page: &mut [u8]) -> std::ops::Range<usize> {
        put_u32(page, PAGE_COUNT_OFFSET, self.page_count);
        put_u32(page, FREELIST_HEAD_OFFSET, self.freelist_head.0);
        put_u32(page, FREE_COUNT_OFFSET, self.free_count);
        PAGE_COUNT_OFFSET..SCHEMA_ROOT_OFFSET
    }
}

/// True if a file's first sector is sound, whatever version it names.
pub(crate) fn names_a_version(sector: &[u8; IDENTITY_SIZE]) -> bool {
    let crc = crc32fast::hash(&sector[..IDENTITY_CRC_OFFSET]); // inside the sector
    sector.starts_with(&MAGIC) && crc == u32_at(sector, IDENTITY_CRC_OFFSET)
}

/// The sequence up to which the base file holds everything, as page 0 states it.
pub(crate) fn checkpoint_sequence(page: &[u8]) -> Sequence {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&page[CHECKPOINT_OFFSET..CHECKPOINT_OFFSET + 8]); // a page is never shorter than 4 KiB
    u64::from_le_bytes(bytes)
}

/// States in page 0 that the base file holds everything up to `sequence`.
pub(crate) fn set_checkpoint_sequence(page: &mut [u8], sequence: Sequence) {
    page[CHECKPOINT_OFFSET..CHECKPOINT_OFFSET + 8].copy_from_slice(&sequence.to_le_bytes()); // as above
}

/// True if the start of a file is that of one whose making was interrupted: no identity, and no commit.
pub(crate) fn is_blank(start: &[u8; PAGE_SIZE_MIN]) -> bool {
    let sequence = super::sequence_of(PageId(0), start);
    start[..IDENTITY_SIZE].iter().all(|byte| *byte == 0) && sequence == 0 && checkpoint_sequence(start) == 0
}

/// True if a database may have pages of `size` bytes.
pub(crate) fn is_page_size(size: usize) -> bool {
    size.is_power_of_two() && (PAGE_SIZE_MIN..=PAGE_SIZE_MAX).contains(&size)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]); // fields stand in the first 4 KiB of a page
    u32::from_le_bytes(field)
}

fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes()); // as above
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn identity_and_state_come_back() {
        let identity = Identity { page_size: 8192, file_id: [9; 16] };
        let state = FileState { page_count: 12, freelist_head: PageId(4), free_count: 3 };
        let page = identity.first_page(&state);
        assert_eq!(Identity::read(Path::new("x"), &page).unwrap(), identity);
        assert_eq!(FileState::read(&page).unwrap(), state);
        assert_eq!(checkpoint_sequence(&page), 0);
    }

    #[test]
    fn foreign_files_are_named() {
        let mut sqlite = [0; IDENTITY_SIZE];
        sqlite[..16].copy_from_slice(SQLITE_MAGIC);
        let error = Identity::read(Path::new("old.db"), &sqlite).unwrap_err();
        assert!(error.to_string().contains("sqlite3 old.db .dump | sedge new.sedge"), "{error}");
        let error = Identity::read(Path::new("x"), b"hello").unwrap_err();
        assert!(matches!(error, Error::NotADatabase { .. }));
    }

    #[test]
    fn a_flipped_bit_of_the_identity_is_found() {
        let identity = Identity { page_size: 4096, file_id: [1; 16] };
        let state = FileState { page_count: 2, freelist_head: PageId(0), free_count: 0 };
        let page = identity.first_page(&state);
        for byte in 0..IDENTITY_SIZE {
            let mut damaged = page.clone();
            damaged[byte] ^= 4;
            assert!(Identity::read(Path::new("x"), &damaged).is_err(), "byte {byte}");
        }
    }
}
