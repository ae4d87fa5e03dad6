//! One version of a page, as the overlay holds it: in memory, or in the temporary file.

use crate::disk::TemporaryPage;
use crate::error::Result;
use crate::page::PageBytes;

/// A page version. A clone is one reference count.
#[derive(Clone, Debug)]
pub(crate) enum PageVersion {
    /// In memory.
    Memory(PageBytes),
    /// Where the memory had no room for it.
    Temporary(TemporaryPage),
}

impl PageVersion {
    /// The bytes, read if they are not in memory.
    ///
    /// # Errors
    /// Those of the temporary file.
    pub(crate) fn read(&self) -> Result<PageBytes> {
        match self {
            PageVersion::Memory(bytes) => Ok(bytes.clone()),
            PageVersion::Temporary(page) => page.read(),
        }
    }

    /// True if both are the same version, not only equal.
    pub(super) fn is_same(&self, other: &PageVersion) -> bool {
        match (self, other) {
            (PageVersion::Memory(one), PageVersion::Memory(other)) => one.is_same(other),
            (PageVersion::Temporary(one), PageVersion::Temporary(other)) => one.is_same(other),
            _ => false,
        }
    }

    pub(super) fn is_in_memory(&self) -> bool {
        matches!(self, PageVersion::Memory(_))
    }
}

impl From<PageBytes> for PageVersion {
    fn from(bytes: PageBytes) -> PageVersion {
        PageVersion::Memory(bytes)
    }
}
