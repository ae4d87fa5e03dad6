//! Statements that are nearly right, cut and mended as the input says from those of `tests/slt`, and the input itself as
//! text: no panic, no hang beyond the interrupt, no explosion of memory, and a sound database at the end.
#![no_main]
#![forbid(unsafe_code)]

use libfuzzer_sys::fuzz_target;
use sedge_fuzz::grammar::{Choices, Corpus};
use sedge_fuzz::watch::Watched;
use std::path::Path;
use std::sync::OnceLock;

/// Texts of one run.
const TEXTS_MAX: usize = 12;
/// Bytes of the input for each, about.
const BYTES_A_TEXT: usize = 8;

static CORPUS: OnceLock<Corpus> = OnceLock::new();

fuzz_target!(|input: &[u8]| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/slt");
    let corpus = CORPUS.get_or_init(|| Corpus::read(&folder));
    let watched = Watched::new();
    let mut choices = Choices::new(input);
    let (file, beginning) = corpus.beginning(&mut choices);
    for sql in beginning {
        watched.run(&sql);
    }
    if choices.below(8) == 0 {
        watched.run(&String::from_utf8_lossy(input.get(1..).unwrap_or_default()));
    }
    for _ in 0..TEXTS_MAX.min(input.len() / BYTES_A_TEXT) {
        watched.run(&corpus.changed(file, &mut choices));
    }
    watched.finish();
});
