//! Logs of a killed process, and the file beside them, changed under checksums that are right again: recovery ends, in
//! bounded time and memory and without a panic, and so does all that is done with what it gives.
#![no_main]
#![forbid(unsafe_code)]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sedge_fuzz::forge::{LogChange, PageChange, change_log, change_pages};
use sedge_fuzz::sample::{self, Files};
use sedge_fuzz::{Use, use_forged};
use std::sync::OnceLock;

#[derive(Arbitrary, Debug)]
struct Input {
    mmap: bool,
    how: Use,
    after_a_checkpoint: bool,
    logs: [Vec<LogChange>; 2],
    pages: Vec<PageChange>,
}

static SAMPLES: OnceLock<[Files; 3]> = OnceLock::new();

fuzz_target!(|input: Input| {
    let samples = SAMPLES.get_or_init(sample::all);
    let mut files = samples[if input.after_a_checkpoint { 2 } else { 1 }].clone();
    for (log, changes) in files.logs.iter_mut().zip(&input.logs) {
        change_log(log, changes);
    }
    change_pages(&mut files.base, &input.pages);
    use_forged(&files, input.mmap, input.how);
});
