//! The log: what makes a commit durable, and what puts the file right after a crash.
//!
//! The life of one commit: the transaction hands its edits to the `writer`, which packs them as entries (`entry`)
//! into records (`record`) of at most 1 MiB and appends them to the active log file; the last record carries the
//! commit mark. A sync of that file makes the commit durable. Much later `checkpoint` switches commits to the
//! other log file, writes whole images of the changed pages behind the closed file's last record, then writes the
//! pages in place; so each page is intact in one of two places at any time. After a crash `recovery` reads the
//! older generation, then the newer, and rebuilds from them what the base file does not hold.
//!
//! ```text
//! log file:  | header sector | header sector (4096) | record | record | ... (8192)
//! record:    | header: kind, part, length, sequence, synced, CRCs | entries | padding to 8 bytes |
//! ```

mod checkpoint;
mod entry;
mod header;
mod rebuild;
mod record;
mod recovery;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod writer;

pub(crate) use checkpoint::{Afterwards, Checkpoint, content};
pub(crate) use header::{LogHeader, refuse_leftovers};
pub use recovery::RecoveryReport;
pub(crate) use recovery::{recover, salvage};
pub(crate) use writer::{Commit, Growth, Wal};

use crate::page::PageId;

/// The bounds of a page's content: all between `front_end` and `heap_start` is zero and not logged.
pub(crate) type ContentRanges = fn(PageId, &[u8]) -> (usize, usize);
