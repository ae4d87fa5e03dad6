//! `guardrails`: fixed workloads on Sedge, whose counters must stay within the budgets of `bench/budgets.toml`.
//!
//! ```text
//! cargo run --release -p sedge-bench --bin guardrails [-- WORKLOAD...] [--write]
//! ```
//!
//! Counters are the same in each run on each machine, so that a change is the code's doing. Exit code 1 says that a
//! budget is broken; what moved is printed.
#![forbid(unsafe_code)]

use clap::Parser;
use sedge_bench::Outcome;
use sedge_bench::budget::{Budgets, Counts};
use sedge_bench::engine::{EngineKind, Reads, Settings, Sync};
use sedge_bench::mode::{Mode, Shape};
use sedge_bench::run::{Round, once};
use std::path::PathBuf;
use std::process::ExitCode;

/// Counts the allocations of what runs.
#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// The counters that have budgets: those that are a cost.
const GUARDED: [&str; 20] = [
    "allocator_builds",
    "slot_extent_builds",
    "compactions",
    "bytes_moved",
    "failures_no_slot",
    "failures_no_bytes",
    "free_regions",
    "splits",
    "merges",
    "borrows",
    "key_decodes",
    "key_compares",
    "memcopy_bytes",
    "pages_read",
    "pages_copied",
    "pages_written",
    "wal_bytes",
    "wal_records",
    "fsyncs",
    "checkpoints",
];

struct Workload {
    name: &'static str,
    engine: EngineKind,
    mode: Mode,
    shape: Shape,
}

/// All workloads: what the leaf is made for, and the same through SQL where it can differ.
fn workloads() -> Vec<Workload> {
    use EngineKind::{SedgeKv, SedgeSql};
    let shape = Shape {
        documents: 10_000,
        commit_every: 1_000,
        value_bytes: 100,
        threads: 1,
        seed: 42,
        reads: Reads::Together,
        range: 0,
        text_keys: false,
    };
    let one_commit = Shape { commit_every: 10_000, ..shape };
    let one_row = Shape { documents: 1_000, commit_every: 1, ..shape };
    let apart = Shape { reads: Reads::Apart, ..shape };
    let ranges = Shape { range: 100, ..shape };
    let text = Shape { text_keys: true, ..shape };
    let workload = |name, engine, mode, shape| Workload { name, engine, mode, shape };
    vec![
        workload("kv-ascending", SedgeKv, Mode::InsertsOnly, one_commit),
        workload("kv-ascending-one-row-commits", SedgeKv, Mode::InsertsOnly, one_row),
        workload("kv-random", SedgeKv, Mode::RandomInserts, shape),
        workload("kv-random-one-row-commits", SedgeKv, Mode::RandomInserts, one_row),
        workload("kv-updates", SedgeKv, Mode::Updates, shape),
        workload("kv-deletes", SedgeKv, Mode::Deletes, shape),
        workload("kv-churn", SedgeKv, Mode::Churn, shape),
        workload("kv-churn-text-keys", SedgeKv, Mode::Churn, text),
        workload("kv-refill", SedgeKv, Mode::Refill, shape),
        workload("kv-reads", SedgeKv, Mode::ReadsOnly, shape),
        workload("kv-reads-apart", SedgeKv, Mode::ReadsOnly, apart),
        workload("kv-scan", SedgeKv, Mode::Scan, shape),
        workload("kv-ranges", SedgeKv, Mode::Scan, ranges),
        workload("sql-ascending", SedgeSql, Mode::InsertsOnly, one_commit),
        workload("sql-ascending-one-row-commits", SedgeSql, Mode::InsertsOnly, one_row),
        workload("sql-random", SedgeSql, Mode::RandomInserts, shape),
        workload("sql-mixed", SedgeSql, Mode::Mixed, shape),
        workload("sql-reads", SedgeSql, Mode::ReadsOnly, apart),
        workload("sql-scan", SedgeSql, Mode::Scan, shape),
    ]
}

impl Workload {
    fn counts(&self) -> Outcome<Counts> {
        let plan = self.mode.plan(&self.shape);
        let round = once(self.engine, &plan, &self.shape, Settings::new(Sync::Normal), allocations)?;
        self.named(&round, plan.operations as u64)
    }

    /// The guarded counters, and what follows from others.
    fn named(&self, round: &Round, operations: u64) -> Outcome<Counts> {
        let counters = round.counters.ok_or("the engine does not count")?;
        let all: Counts = counters.iter().map(|(name, count)| (name.to_owned(), count)).collect();
        let mut counts = Counts::new();
        for name in GUARDED {
            let count = all.get(name).ok_or_else(|| format!("Sedge does not count {name}"))?;
            counts.insert(name.to_owned(), *count);
        }
        let count = |name: &str| all.get(name).copied().unwrap_or_default();
        counts.insert("failures".to_owned(), count("failures_no_slot") + count("failures_no_bytes"));
        counts.insert("wal_bytes_per_row".to_owned(), count("wal_bytes").div_ceil(operations));
        counts.insert("heap_allocations".to_owned(), round.metered);
        counts.insert("file_bytes".to_owned(), round.file_bytes);
        Ok(counts)
    }
}

fn allocations() -> u64 {
    dhat::HeapStats::get().total_blocks
}

/// Fixed workloads whose counters must stay within budgets.
#[derive(Parser)]
#[command(name = "guardrails")]
struct Arguments {
    /// Workloads by name [default: all]
    workloads: Vec<String>,
    /// Sets the budgets by what is counted now, with a headroom of a fiftieth for those that are upper bounds
    #[arg(long)]
    write: bool,
    /// The file of budgets
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/budgets.toml"))]
    budgets: PathBuf,
}

fn main() -> Outcome<ExitCode> {
    let arguments = Arguments::parse();
    let workloads = workloads();
    let known = |name: &&String| !workloads.iter().any(|workload| workload.name == **name);
    if let Some(unknown) = arguments.workloads.iter().find(known) {
        return Err(format!("there is no workload {unknown}").into());
    }
    let mut budgets = Budgets::parse(&std::fs::read_to_string(&arguments.budgets)?)?;
    let (mut run, mut broken) = (0, 0);
    // Counts blocks; writes no file.
    let _profiler = dhat::Profiler::builder().testing().build();
    for workload in &workloads {
        if !arguments.workloads.is_empty() && arguments.workloads.iter().all(|name| name != workload.name) {
            continue;
        }
        let counts = workload.counts()?;
        if arguments.write {
            budgets.write(workload.name, &counts)?;
        }
        for finding in budgets.check(workload.name, &counts)? {
            println!("{} {finding}", if finding.broken { "BROKEN" } else { "note:" });
            broken += u32::from(finding.broken);
        }
        run += 1;
    }
    if arguments.write {
        std::fs::write(&arguments.budgets, budgets.text())?;
    }
    println!("workloads run: {run}, budgets broken: {broken}");
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
