//! Transactions: stable views for readers, private copies for the writer, and the commit that joins both.
//!
//! This is where the log and the trees meet; neither names the other.

mod checkpoints;
mod content;
mod core;
mod direct;
mod engine;
mod eviction;
mod free_pages;
mod group_commit;
mod private_pages;
mod read;
mod roots;
mod savepoint;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod vacuum;
mod write;
mod writer_queue;

/// The locks of the parts that a model checker tries, too: there it puts its own in their place.
use std::sync;

pub use read::Snapshot;
pub use savepoint::Savepoint;
pub use write::WriteTransaction;

pub(crate) use core::overlay_max;

use content::{check_page, content_ranges};
pub(crate) use direct::Direct;
pub use engine::Synchronous;
pub(crate) use engine::{Engine, EngineOptions, Layout};
pub(crate) use eviction::Memory;
pub(crate) use private_pages::PrivatePages;
