//! Sealing pages on their way to disk and verifying them on their way back.

use super::{CHECKSUM_SIZE, PageId};
use crate::error::{Error, Result};

/// The CRC-32 of a page's content and number.
fn checksum(id: PageId, content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(crc32fast::hash(&id.0.to_le_bytes()));
    hasher.update(content);
    hasher.finalize()
}

/// Writes the checksum to the end of the page and gives it back.
pub(crate) fn seal(id: PageId, page: &mut [u8]) -> u32 {
    let content = page.len() - CHECKSUM_SIZE;
    let sum = checksum(id, &page[..content]); // a page is longer than its checksum
    page[content..].copy_from_slice(&sum.to_le_bytes()); // as above
    sum
}

/// The checksum at the end of the page, if it is the right one.
///
/// # Errors
/// [`Error::Corrupt`] if the page does not match it.
pub(crate) fn verify(id: PageId, page: &[u8]) -> Result<u32> {
    let Some((content, sum)) = page.split_last_chunk::<CHECKSUM_SIZE>() else {
        return Err(Error::corrupt(id, "the page is cut short"));
    };
    let (found, expected) = (u32::from_le_bytes(*sum), checksum(id, content));
    if found == expected {
        return Ok(found);
    }
    Err(Error::corrupt(id, format!("its checksum is {found:08x}, its content has {expected:08x}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_page_verifies_under_its_own_number_only() {
        let mut page = vec![7; 4096];
        seal(PageId(3), &mut page);
        assert!(verify(PageId(3), &page).is_ok());
        assert!(verify(PageId(4), &page).is_err());
        page[100] ^= 1;
        assert!(verify(PageId(3), &page).is_err());
    }
}
