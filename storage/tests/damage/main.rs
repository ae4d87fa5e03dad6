//! Damaged files: an error that names the page, or the log and the place in it, or exactly the rows that were written.
//!
//! Every byte of a small database and of its logs flipped in turn, every page zeroed, swapped with another and
//! duplicated, the files cut at every page and inside pages. The ordinary run takes a seeded sample of it; all of it:
//!
//! ```text
//! SEDGE_DAMAGE=all cargo test --release -p sedge-storage --test damage
//! ```
//! `SEDGE_TEST_RUNS` sets the number of forged files.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod forged;
mod logs;
mod pages;
mod sample;
