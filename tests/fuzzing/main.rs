//! Statements that are nearly right must not panic, hang or take all memory, and leave a sound database.
//!
//! `SEDGE_FUZZ` sets for how many seconds (without it 2000 texts run), `SEDGE_MODEL_SEED` the seed; `SEDGE_MODEL_TRACE`
//! prints each text before it runs. The target `sql` of `fuzz/` drives the same code by coverage.

#![allow(missing_docs, clippy::unwrap_used)]

mod grammar;
mod watch;

use grammar::{Choices, Corpus};
use std::path::Path;
use std::time::{Duration, Instant};
use watch::Watched;

/// Texts on one database.
const TEXTS: u64 = 60;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn nearly_right_statements_do_no_harm() {
    let corpus = Corpus::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt"));
    let seconds = setting("SEDGE_FUZZ");
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut state = setting("SEDGE_MODEL_SEED").unwrap_or(1);
    let mut next = || {
        // Splitmix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).to_le_bytes()
    };
    let (mut texts, mut fine) = (0_u64, 0_u64);
    while end.map_or(texts < 2000, |end| Instant::now() < end) {
        let watched = Watched::new();
        let start = next();
        let (file, beginning) = corpus.beginning(&mut Choices::new(&start));
        let changed = (0..TEXTS).map(|_| {
            let bytes: Vec<u8> = (0..6).flat_map(|_| next()).collect();
            corpus.changed(file, &mut Choices::new(&bytes))
        });
        for sql in beginning.into_iter().chain(changed) {
            if std::env::var_os("SEDGE_MODEL_TRACE").is_some() {
                eprintln!("{sql};");
            }
            fine += u64::from(watched.run(&sql));
            texts += 1;
        }
        watched.finish();
    }
    eprintln!("{texts} texts, {fine} of them without an error");
    assert!(fine * 20 > texts, "next to nothing was right");
}
