//! Where pages come from and go to: the freelist that the file keeps, the proof that no page is lost, giving the free ones
//! back to the file system, and copies of a whole database.

mod backup;
mod check;
pub(crate) mod freelist;
mod vacuum;

pub use backup::BackupProgress;
pub(crate) use backup::backup;
#[cfg(any(test, feature = "testing"))]
pub(crate) use backup::copy;
pub(crate) use check::check;
pub use vacuum::{Vacuum, VacuumStep};
