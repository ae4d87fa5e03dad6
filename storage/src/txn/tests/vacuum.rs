//! When the end of a vacuumed file is cut off.
//!
//! Crashes amid vacuums are tried by `storage/tests/sim`.

use super::options;
use super::trial_disk::TrialDisk;
use crate::btree::{TreeKind, row_key};
use crate::disk::{Disk, FileRole};
use crate::page::{PageId, ReadPages};
use crate::store::Store;
use crate::txn::Layout;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn the_file_is_cut_when_the_last_reader_of_its_end_is_gone() {
    // The end of the file went while a log that a recovery would read still named pages there.
    let disk = TrialDisk::new();
    let store = Store::on_disk(Arc::clone(&disk) as Arc<dyn Disk>, &options(), Layout::TREES).unwrap();
    let mut creation = store.begin_write(Duration::ZERO).unwrap();
    let tree = creation.create_tree(TreeKind::Table).unwrap();
    for row in 0..2000 {
        creation.insert(tree, &row_key(row), &[7; 200]).unwrap();
    }
    creation.commit().unwrap();
    store.checkpoint().unwrap();
    let before = store.snapshot();
    let length = disk.length(FileRole::Base).unwrap();
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    transaction.clear_tree(tree).unwrap();
    transaction.commit().unwrap();
    assert_eq!(store.snapshot().page_count(), 3);
    assert!(store.checkpoint().is_err());
    assert_eq!(disk.length(FileRole::Base).unwrap(), length, "a reader still sees the end");
    assert!(before.page(PageId(before.page_count() - 1)).is_ok());
    drop(before);
    let earlier = disk.calls().len();
    store.checkpoint().unwrap();
    assert_eq!(disk.length(FileRole::Base).unwrap(), 3 * 4096);
    let calls = disk.calls().split_off(earlier);
    let cut = calls.iter().position(|call| call.starts_with("cut Base")).unwrap();
    assert!(calls[cut - 1].starts_with("sync Log"), "the checkpoint is stated durably first: {calls:?}");
}
