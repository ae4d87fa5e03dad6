//! A store on a simulated disk, for tests that crash it: see `storage/tests/sim`.

pub use crate::disk::sim::{Crash, Fault, FaultKind, Recording, Replay, SimDisk};

use crate::error::Result;
use crate::space;
use crate::store::{Options, Store};
use crate::txn::Layout;

/// Opens the database on a simulated disk, or makes it, as a process that has just started. Another process that had
/// it open is dead then.
///
/// # Errors
/// As [`Store::open`].
pub fn open(disk: &SimDisk, options: &Options) -> Result<Store> {
    Store::on_disk(disk.attach(options.mmap, options.cache_size)?, options, Layout::TREES)
}

/// Copies the newest commit to an empty simulated disk, as [`Store::backup`] does to a file.
///
/// # Errors
/// As [`Store::backup`].
pub fn backup(store: &Store, to: &SimDisk) -> Result<()> {
    let disk = to.attach(false, 0)?;
    space::copy(&store.snapshot(), &*disk, &mut |_| true).map(drop)
}
