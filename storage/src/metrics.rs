//! Telemetry: plain counters of one transaction, folded into the store's atomics when it ends.

use crate::count::{Count, value};
use crate::profile::Times;

macro_rules! counters {
    ($($group:literal: $($(#[$doc:meta])* $name:ident,)*)*) => {
        /// Event counts of one transaction, statement or store. Counting costs one add on a plain integer.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters { $($($(#[$doc])* pub $name: Count,)*)* }

        impl Counters {
            /// Adds each of `other`'s counts to this one's.
            pub fn add(&mut self, other: &Counters) { $($(self.$name += value(other.$name);)*)* }
            /// The counts since `earlier`, a former copy of this one.
            #[must_use]
            pub fn since(&self, earlier: &Counters) -> Counters { Counters { $($($name: self.$name - earlier.$name,)*)* } }
            /// Name and count, in the order of the fields.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$($((stringify!($name), value(self.$name)),)*)*].into_iter()
            }
            /// The counts in groups of what belongs together, each with its title.
            pub fn groups(&self) -> impl Iterator<Item = (&'static str, Vec<(&'static str, u64)>)> {
                [$(($group, vec![$((stringify!($name), value(self.$name)),)*]),)*].into_iter()
            }
        }

        /// The store-wide sums that transactions fold their [`Counters`] into.
        #[derive(Debug, Default)]
        pub(crate) struct AtomicCounters { $($($name: std::sync::atomic::AtomicU64,)*)* }

        impl AtomicCounters {
            pub(crate) fn fold(&self, counters: &Counters) {
                $($(if value(counters.$name) != 0 {
                    self.$name.fetch_add(value(counters.$name), std::sync::atomic::Ordering::Relaxed);
                })*)*
            }
            pub(crate) fn load(&self) -> Counters {
                let mut counters = Counters::default();
                $($(counters.$name += self.$name.load(std::sync::atomic::Ordering::Relaxed);)*)*
                counters
            }
        }
    };
}

counters! {
    "leaf allocator":
    /// Leaf allocators opened on a leaf without a snapshot to reuse.
    allocator_builds,
    /// Leaf allocators opened from the snapshot kept beside the page copy.
    snapshot_reuses,
    /// Lists of slot extents built by scanning a leaf.
    slot_extent_builds,
    /// Leaves whose heap was compacted to join their dead bytes.
    compactions,
    /// Record bytes moved by compactions.
    bytes_moved,
    /// In-place inserts refused because the gap has no room for one more slot.
    failures_no_slot,
    /// In-place inserts refused because the leaf has too few free bytes in all.
    failures_no_bytes,
    /// Free regions seen while looking for room.
    free_regions,
    /// Leaves and branches split.
    splits,
    /// Neighbouring nodes merged into one.
    merges,
    /// Times that records moved to a neighbour instead of a split or a merge.
    borrows,
    /// Keys put together from prefix and rest to part two nodes; readers join keys uncounted.
    key_decodes,
    /// Key comparisons beyond the heads kept in the slots.
    key_compares,
    /// Bytes copied from one place of a page to another or between pages.
    memcopy_bytes,
    "pages":
    /// Pages of the base file read for the first time since the store was opened, and verified.
    pages_read,
    /// Pages first copied for writing.
    pages_copied,
    /// Pages written to the base file, by checkpoints and by large transactions that made them.
    pages_written,
    "log":
    /// Bytes appended to the log.
    wal_bytes,
    /// Records appended to the log.
    wal_records,
    /// Syncs of any file.
    fsyncs,
    /// Checkpoints completed.
    checkpoints,
    "transactions":
    /// Write transactions committed.
    commits,
    /// Write transactions and savepoints rolled back.
    rollbacks,
}

/// What a store has done since it was opened, and how full it is.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// Event counts of all finished transactions.
    pub counters: Counters,
    /// Pages of the database, as of the newest commit.
    pub page_count: u32,
    /// Of these, pages on the freelist.
    pub free_pages: u32,
    /// Bytes of a page.
    pub page_size: u32,
    /// Committed pages that only the log and the overlay hold.
    pub overlay_pages: u64,
    /// Bytes in both log files.
    pub wal_size: u64,
    /// Duration of commits in microseconds: the median, the 90th and the 99th percentile.
    pub commit_micros: [u64; 3],
    /// Where the time went, if the process was started with `SEDGE_PROFILE=1`.
    pub times: Option<Times>,
}

/// Durations of commits, counted in buckets of an eighth of a power of two, so that a percentile is exact to a
/// twelfth.
#[derive(Debug)]
pub(crate) struct CommitTimes {
    buckets: [std::sync::atomic::AtomicU64; CommitTimes::BUCKETS],
}

impl Default for CommitTimes {
    fn default() -> CommitTimes {
        CommitTimes { buckets: [const { std::sync::atomic::AtomicU64::new(0) }; CommitTimes::BUCKETS] }
    }
}

impl CommitTimes {
    /// Steps within a power of two.
    const STEPS: u64 = 8;
    /// Enough for all durations of up to 2^39 microseconds.
    const BUCKETS: usize = 320;

    /// Counts one commit.
    pub(crate) fn record(&self, duration: std::time::Duration) {
        let micros = duration.as_micros() as u64;
        let bucket = CommitTimes::bucket(micros).min(CommitTimes::BUCKETS - 1);
        if let Some(count) = self.buckets.get(bucket) {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    fn bucket(micros: u64) -> usize {
        if micros < CommitTimes::STEPS {
            return micros as usize;
        }
        let power = u64::from(micros.ilog2());
        let step = (micros >> (power - 3)) - CommitTimes::STEPS;
        ((power - 2) * CommitTimes::STEPS + step) as usize
    }

    /// The shortest duration of a bucket.
    fn floor(bucket: usize) -> u64 {
        let (power, step) = (bucket as u64 / CommitTimes::STEPS, bucket as u64 % CommitTimes::STEPS);
        if power == 0 { step } else { (CommitTimes::STEPS + step) << (power - 1) }
    }

    /// The median, the 90th and the 99th percentile, in microseconds.
    pub(crate) fn percentiles(&self) -> [u64; 3] {
        let counts: Vec<u64> =
            self.buckets.iter().map(|count| count.load(std::sync::atomic::Ordering::Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        [50, 90, 99].map(|percent| {
            let mut left = (total * percent).div_ceil(100);
            for (bucket, count) in counts.iter().enumerate() {
                if *count >= left && left > 0 {
                    return CommitTimes::floor(bucket);
                }
                left = left.saturating_sub(*count);
            }
            0
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let times = CommitTimes::default();
        assert_eq!(times.percentiles(), [0; 3]);
        (0..CommitTimes::BUCKETS).for_each(|at| assert_eq!(CommitTimes::bucket(CommitTimes::floor(at)), at));
        (1..=1000).for_each(|micros| times.record(Duration::from_micros(micros)));
        let [median, ninetieth, last] = times.percentiles();
        assert!((450..=500).contains(&median) && (820..=900).contains(&ninetieth) && last >= 900);
    }
}
