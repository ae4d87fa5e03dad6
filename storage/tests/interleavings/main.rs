//! The small parts that threads share, under a model checker that tries every order of events: the writers' queue and
//! group commit. The files are those of the library; only the locks are others.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use loom::sync;

#[path = "../../src/txn/group_commit.rs"]
mod group_commit;
mod group_commit_model;
#[path = "../../src/txn/writer_queue.rs"]
mod writer_queue;
mod writer_queue_model;

/// What group commit knows of errors.
mod error {
    pub use sedge_storage::Error;
    pub type Result<T, E = Error> = std::result::Result<T, E>;
}

/// What group commit knows of roots.
mod overlay {
    #[derive(Debug)]
    pub struct Root {
        pub sequence: u64,
        /// A checkpoint has made it smaller.
        pub is_small: bool,
    }
}

/// What group commit knows of pages.
mod page {
    pub type Sequence = u64;
}

/// Tries all orders with few switches away from a thread that could have gone on: two, or `SEDGE_TEST_SWITCHES`. With
/// three it takes minutes.
fn check(body: impl Fn() + Send + Sync + 'static) {
    let switches = std::env::var("SEDGE_TEST_SWITCHES").ok().and_then(|text| text.parse().ok());
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(switches.unwrap_or(2));
    model.check(body);
}
