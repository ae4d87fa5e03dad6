//! Model tests of transactions, log and recovery on raw pages, without trees.

mod bulk;
mod crash;
mod files;
mod group;
mod model;
mod publish;
mod queue;
mod trial_disk;
mod vacuum;

use super::Layout;
use crate::page::{CHECKSUM_SIZE, PageId};
use crate::store::Options;
use std::time::Duration;

/// Raw pages: any content is sound, and there is no gap.
const RAW: Layout = Layout {
    check: |_, _| Ok(()),
    ranges: |_: PageId, page: &[u8]| (page.len() - CHECKSUM_SIZE, page.len() - CHECKSUM_SIZE),
    plant: |_, _| Ok(()),
};

const PAGE_SIZE: usize = 4096;
/// A cache that keeps as few copies of a transaction in memory as any.
const SMALLEST_CACHE: usize = 16 * PAGE_SIZE;

fn options() -> Options {
    // A checkpoint that a reader is in the way of says so soon.
    let busy_timeout = Duration::from_millis(10);
    Options { page_size: PAGE_SIZE, busy_timeout, ..Options::default() }
}

/// Runs of each test, from `SEDGE_TEST_RUNS`; few unless told otherwise.
fn runs(usual: u64) -> u64 {
    std::env::var("SEDGE_TEST_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(usual)
}

/// A small generator of pseudo-random numbers (xorshift64*), so that a seed names a run.
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }
}
