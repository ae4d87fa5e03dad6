//! What a counter is: a number. To measure what counting costs, a build can be made in which it is nothing at all:
//!
//! ```text
//! RUSTFLAGS="--cfg without_telemetry" cargo build --release -p sedge-storage --bench speed
//! ```

#[cfg(not(without_telemetry))]
mod kind {
    /// A number of events.
    pub type Count = u64;

    pub(crate) fn value(count: Count) -> u64 {
        count
    }
}

#[cfg(without_telemetry)]
mod kind {
    /// No number: adding to it does nothing.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Count;

    impl std::ops::AddAssign<u64> for Count {
        #[inline]
        fn add_assign(&mut self, _: u64) {}
    }

    impl std::ops::Sub for Count {
        type Output = Count;
        fn sub(self, _: Count) -> Count {
            Count
        }
    }

    pub(crate) fn value(Count: Count) -> u64 {
        0
    }
}

pub use kind::Count;
pub(crate) use kind::value;
