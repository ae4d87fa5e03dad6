//! Spans around the rare, long steps: commit, checkpoint, recovery, split, merge, compaction. They exist with the
//! `tracing` feature alone; without it nothing of them is compiled.

/// Opens a span that lasts to the end of the block: `span!("commit", sequence = sequence)`.
#[cfg(feature = "tracing")]
macro_rules! span {
    ($name:literal $(, $field:ident = $value:expr)*) => {
        let _span = tracing::debug_span!(target: "sedge", $name $(, $field = $value)*).entered();
    };
}

/// Stands for a span where there are none.
#[cfg(not(feature = "tracing"))]
macro_rules! span {
    ($name:literal $(, $field:ident = $value:expr)*) => {};
}

pub(crate) use span;
