//! The spans of the `tracing` feature: a subscriber sees each of the long steps.

#![allow(missing_docs, clippy::unwrap_used)]

use sedge_storage::{Options, Store, TreeKind, row_key};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Notes the names of spans.
struct Names(Arc<Mutex<BTreeSet<&'static str>>>);

impl Subscriber for Names {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sedge"
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.0.lock().unwrap().insert(span.metadata().name());
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn each_long_step_is_a_span() {
    let names = Arc::new(Mutex::new(BTreeSet::new()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sedge");
    let crashed = folder.path().join("b.sedge");
    tracing::subscriber::with_default(Names(Arc::clone(&names)), || {
        let store = Store::open(&path, &Options::default()).unwrap();
        let mut transaction = store.begin_write(Duration::ZERO).unwrap();
        let tree = transaction.create_tree(TreeKind::Table).unwrap();
        for row in 0..600 {
            transaction.insert(tree, &row_key(row), &[7; 100]).unwrap();
        }
        for row in 0..600 {
            // A longer value needs the holes that others leave, which only a compaction joins.
            transaction.put(tree, &row_key(row), &vec![8; 50 + row as usize % 90]).unwrap();
        }
        transaction.commit().unwrap();
        let mut transaction = store.begin_write(Duration::ZERO).unwrap();
        for row in 0..590 {
            transaction.delete(tree, &row_key(row)).unwrap();
        }
        transaction.commit().unwrap();
        // The files as a crash leaves them, where the log is all there is.
        for suffix in ["", "-wal0", "-wal1"] {
            let from = folder.path().join(format!("a.sedge{suffix}"));
            if from.exists() {
                std::fs::copy(from, folder.path().join(format!("b.sedge{suffix}"))).unwrap();
            }
        }
        store.checkpoint().unwrap();
        assert!(Store::open(&crashed, &Options::default()).unwrap().recovery_report().is_some());
    });
    let expected = ["checkpoint", "commit", "compaction", "merge", "recovery", "split"];
    assert_eq!(*names.lock().unwrap(), BTreeSet::from(expected));
}
