//! Database files changed under checksums that are right again: what they give may be wrong, but it comes in bounded
//! time and memory and without a panic, from a check, from every query, from edits, and from a salvage.
#![no_main]
#![forbid(unsafe_code)]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sedge_fuzz::forge::{PageChange, change_pages};
use sedge_fuzz::sample::{self, Files};
use sedge_fuzz::{Use, use_forged};
use std::sync::OnceLock;

#[derive(Arbitrary, Debug)]
struct Input {
    mmap: bool,
    how: Use,
    changes: Vec<PageChange>,
}

static SAMPLE: OnceLock<Files> = OnceLock::new();

fuzz_target!(|input: Input| {
    let mut files = SAMPLE.get_or_init(|| sample::all()[0].clone()).clone();
    change_pages(&mut files.base, &input.changes);
    use_forged(&files, input.mmap, input.how);
});
