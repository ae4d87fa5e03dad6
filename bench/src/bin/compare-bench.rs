//! `compare-bench`: one kind of work on Sedge and on other engines by turns, in one run.
//!
//! ```text
//! cargo run --release -p sedge-bench --bin compare-bench -- --mode inserts-only --docs 10000 --commit-every 10000
//! ```
#![forbid(unsafe_code)]

use clap::{Parser, ValueEnum};
use sedge_bench::Outcome;
use sedge_bench::engine::{EngineKind, Reads, Settings, Sync};
use sedge_bench::mode::{Mode, Shape};
use sedge_bench::report::Run;
use sedge_bench::run::compare;
use std::path::PathBuf;

/// Sedge beside other engines: one kind of work, by turns, in one run.
#[derive(Parser)]
#[command(name = "compare-bench")]
struct Arguments {
    /// What is measured
    #[arg(long)]
    mode: Mode,
    /// Documents that are loaded, or inserted into an empty table
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2..=500_000_000))]
    docs: u32,
    /// Changes per commit
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    commit_every: u32,
    /// Bytes of a document's text
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(..=1 << 24))]
    value_bytes: u32,
    /// Threads that share the work
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    threads: u32,
    /// Chooses keys, texts and their order
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// How often each engine does it
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// When commits reach the disk
    #[arg(long, default_value = "full")]
    sync: Sync,
    /// An engine; may be given several times [default: all]
    #[arg(long)]
    engine: Vec<EngineKind>,
    /// Documents in each range of a scan; 0 scans all
    #[arg(long, default_value_t = 0)]
    range: u32,
    /// Reads take a transaction each, instead of one for all
    #[arg(long)]
    per_read_transaction: bool,
    /// Keys are random texts of 20 bytes in this mode too
    #[arg(long)]
    text_keys: bool,
    /// Pages of 4 KiB in SQLite's log after which it checkpoints
    #[arg(long, default_value_t = 1_000)]
    sqlite_log_pages: u32,
    /// Also writes the results to a file
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    let shape = Shape {
        documents: arguments.docs as usize,
        commit_every: arguments.commit_every as usize,
        value_bytes: arguments.value_bytes as usize,
        threads: arguments.threads.min(arguments.docs / 2) as usize,
        seed: arguments.seed,
        reads: if arguments.per_read_transaction { Reads::Apart } else { Reads::Together },
        range: arguments.range as usize,
        text_keys: arguments.text_keys,
    };
    let kinds = match &arguments.engine[..] {
        [] => EngineKind::value_variants(),
        named => named,
    };
    let settings = Settings { sync: arguments.sync, sqlite_log_pages: arguments.sqlite_log_pages };
    let plan = arguments.mode.plan(&shape);
    let rounds = compare(kinds, &plan, &shape, settings, arguments.rounds as usize)?;
    let run = Run { mode: arguments.mode, shape: &shape, plan: &plan, settings, kinds, rounds: &rounds };
    print!("{}", run.text());
    if let Some(path) = &arguments.json {
        std::fs::write(path, format!("{:#}\n", run.json()))?;
    }
    Ok(())
}
