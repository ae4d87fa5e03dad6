//! Trees against `BTreeMap`, on a store of pages in memory that proves every edit list.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod damage;
mod fill;
mod model;
mod overflow;
mod stat;
mod store;
