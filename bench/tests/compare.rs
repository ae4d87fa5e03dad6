//! Every mode on every engine, small: the engines must agree on what was read and on what is left.
#![allow(missing_docs, clippy::unwrap_used)]

use clap::ValueEnum;
use sedge_bench::engine::{EngineKind, Reads, Settings, Sync};
use sedge_bench::mode::{Mode, Shape};
use sedge_bench::report::Run;
use sedge_bench::run::compare;

const SHAPE: Shape = Shape {
    documents: 300,
    commit_every: 50,
    value_bytes: 100,
    threads: 1,
    seed: 1,
    reads: Reads::Together,
    range: 0,
    text_keys: false,
};

/// Runs a mode on all engines; gives its results as programs see them.
fn run(mode: Mode, shape: &Shape, sync: Sync) -> Vec<serde_json::Value> {
    let (plan, kinds, settings) = (mode.plan(shape), EngineKind::value_variants(), Settings::new(sync));
    let rounds = compare(kinds, &plan, shape, settings, 1).unwrap();
    let run = Run { mode, shape, plan: &plan, settings, kinds, rounds: &rounds };
    assert_eq!(run.text().lines().filter(|line| line.contains('%')).count(), kinds.len());
    run.json()["results"].as_array().unwrap().clone()
}

#[test]
fn engines_agree_in_every_mode() {
    for mode in Mode::value_variants() {
        let results = run(*mode, &SHAPE, Sync::Normal);
        assert_eq!(results.len(), EngineKind::value_variants().len());
        for result in &results {
            assert!(result["wall_us_per_op_median"].as_f64().unwrap() > 0.0, "{result}");
            assert!(result["file_bytes"].as_u64().unwrap() > 4096, "{result}");
            let is_sedge = result["engine"].as_str().unwrap().starts_with("sedge");
            assert_eq!(result["counters"].is_object(), is_sedge, "{result}");
        }
    }
}

#[test]
fn engines_agree_in_every_shape() {
    let text = Shape { text_keys: true, reads: Reads::Apart, range: 7, ..SHAPE };
    for mode in [Mode::ReadsOnly, Mode::Scan, Mode::Mixed, Mode::Churn] {
        run(mode, &text, Sync::Off);
        run(mode, &Shape { text_keys: false, ..text }, Sync::Off);
    }
    // Values that lie in runs of pages of their own, and rows that commit alone, each synced.
    run(Mode::Scan, &Shape { value_bytes: 9_000, range: 3, ..SHAPE }, Sync::Off);
    run(Mode::InsertsOnly, &Shape { documents: 20, commit_every: 1, ..SHAPE }, Sync::Full);
}

#[test]
fn engines_agree_whatever_the_order_of_threads() {
    let threads = Shape { threads: 3, commit_every: 7, ..SHAPE };
    for mode in [Mode::InsertsOnly, Mode::ReadsOnly, Mode::Mixed, Mode::Deletes] {
        run(mode, &threads, Sync::Normal);
    }
}
