//! The storage engine of Sedge: one file of checksummed pages, a log in front of it, snapshots over both,
//! and B-trees of byte keys and byte values.
//!
//! Nothing here knows SQL, a column or a value type. From the bottom up: `disk` reads and writes files,
//! `page` says what a page is, `overlay` keeps committed pages that the base file does not hold yet, `wal`
//! makes commits durable and replays them, `space` finds free pages and gives them back, `btree` orders records in pages, `txn`
//! ties them into read snapshots and write transactions, `store` opens and closes the whole, and `salvage` reads what is
//! sound of a damaged file. Beside them, `metrics` counts (`count`), times (`profile`) and marks (`trace`) what happens.
#![deny(unsafe_code)]

pub(crate) mod btree;
mod count;
pub(crate) mod disk;
mod error;
mod metrics;
pub(crate) mod overlay;
pub(crate) mod page;
mod profile;
mod salvage;
pub(crate) mod space;
mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod trace;
pub(crate) mod txn;
pub(crate) mod wal;

pub use btree::{
    Cursor, FILL_STEPS, LeafValue, LeafView, LevelStat, TreeId, TreeKind, TreeStat, row_id_of, row_key,
};
pub use error::{Error, Result};
pub use metrics::{Counters, Metrics};
pub use overlay::PageRef;
pub use page::{PageId, PageLook, ReadPages};
pub use profile::Times;
pub use salvage::{Salvage, SalvagedTree, SkippedPage};
pub use space::{BackupProgress, Vacuum, VacuumStep};
pub use store::{Options, Store};
pub use txn::{Savepoint, Snapshot, Synchronous, WriteTransaction};
pub use wal::RecoveryReport;
