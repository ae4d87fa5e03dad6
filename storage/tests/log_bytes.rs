//! How much one row costs the log, wherever in a leaf it goes. Debug builds also prove each list of edits against the
//! two images of the page, at every commit of these tests.
#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used)]

use sedge_storage::{Options, Store, Synchronous, TreeId, TreeKind, row_key};
use std::time::Duration;

/// Bytes that a one-row insert of a 100-byte value may log where it neither splits, shares nor compacts.
const INSERT_BYTES_MAX: u64 = 440;
const VALUE: [u8; 100] = [7; 100];
const ROWS: u64 = 60;

/// How the keys of a tree look: those of the rows that are there have even numbers.
#[derive(Clone, Copy, Debug)]
enum Keys {
    Dense,
    Wide,
    Texts,
}

impl Keys {
    fn kind(self) -> TreeKind {
        if matches!(self, Keys::Texts) { TreeKind::Index } else { TreeKind::Table }
    }

    fn key(self, number: u64) -> Vec<u8> {
        match self {
            Keys::Dense => row_key(number as i64).to_vec(),
            Keys::Wide => row_key((number << 40) as i64).to_vec(),
            Keys::Texts => format!("customer-{number:011}").into_bytes(),
        }
    }
}

fn commit(
    store: &Store,
    tree: Option<TreeId>,
    kind: TreeKind,
    records: impl Iterator<Item = Vec<u8>>,
) -> (TreeId, u64) {
    let before = store.metrics().counters;
    let mut transaction = store.begin_write(Duration::from_secs(1)).unwrap();
    let tree = tree.unwrap_or_else(|| transaction.create_tree(kind).unwrap());
    for key in records {
        assert!(transaction.insert(tree, &key, &VALUE).unwrap());
    }
    transaction.commit().unwrap();
    let since = store.metrics().counters.since(&before);
    assert_eq!(since.checkpoints + since.splits + since.compactions, 0, "the test needs one leaf");
    (tree, since.wal_bytes)
}

#[test]
fn a_row_logs_little_at_every_slot() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { synchronous: Synchronous::Off, cache_size: 256 << 20, ..Options::default() };
    let store = Store::open(&folder.path().join("log.sedge"), &options).unwrap();
    let mut most = 0;
    for keys in [Keys::Dense, Keys::Wide, Keys::Texts] {
        for slot in 0..=ROWS {
            let rows = (1..=ROWS).map(|row| keys.key(row * 2));
            let (tree, _) = commit(&store, None, keys.kind(), rows);
            let (_, logged) = commit(&store, Some(tree), keys.kind(), [keys.key(slot * 2 + 1)].into_iter());
            assert!(logged > 100, "the value is logged");
            assert!(logged <= INSERT_BYTES_MAX, "{keys:?}: {logged} bytes for a row in slot {slot}");
            most = most.max(logged);
        }
    }
    println!("{most} bytes at most");
}
