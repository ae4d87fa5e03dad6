//! `sql-bench`: Sedge beside SQLite through their Rust libraries, in one run.
//!
//! Each workload runs on both engines by turns, a few rounds; what is printed is the ratio of the medians, since the
//! times themselves depend on the machine and its neighbours. Both are asked the same and must give the same answer.
//!
//! ```text
//! cargo run --release -p sedge-bench --bin sql-bench [-- --rows 1000000 --rounds 5 [NAME...]]
//! ```
#![forbid(unsafe_code)]

mod engine;
mod workload;

use engine::{Engine, Sedge, Sqlite};
use std::error::Error;
use std::time::Duration;
use workload::Workload;

struct Arguments {
    rows: i64,
    rounds: usize,
    names: Vec<String>,
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut arguments = Arguments { rows: 1_000_000, rounds: 5, names: Vec::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--rows" => arguments.rows = words.next().ok_or("--rows takes a number")?.parse()?,
            "--rounds" => arguments.rounds = words.next().ok_or("--rounds takes a number")?.parse()?,
            _ => arguments.names.push(word),
        }
    }
    Ok(arguments)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()?;
    let folder = tempfile::tempdir()?;
    println!("{:<16} {:>12} {:>12} {:>14}", "workload", "sedge ms", "sqlite ms", "sqlite/sedge");
    let mut sedge = Sedge::open(&folder.path().join("bench.sedge"))?;
    let mut sqlite = Sqlite::open(&folder.path().join("bench.sqlite"))?;
    for workload in workload::all(arguments.rows) {
        let named = arguments.names.is_empty() || arguments.names.iter().any(|name| name == workload.name);
        // The load fills the tables that the others read.
        if named || workload.always {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..if workload.always { 1 } else { arguments.rounds } {
                let (time, answer) = run(&mut sedge, &workload)?;
                let (peer_time, peer_answer) = run(&mut sqlite, &workload)?;
                if answer != peer_answer {
                    return Err(
                        format!("{}: sedge says {answer}, sqlite {peer_answer}", workload.name).into()
                    );
                }
                ours.push(time);
                theirs.push(peer_time);
            }
            let (ours, theirs) = (median(&mut ours).as_secs_f64(), median(&mut theirs).as_secs_f64());
            println!(
                "{:<16} {:>12.3} {:>12.3} {:>14.2}",
                workload.name,
                ours * 1e3,
                theirs * 1e3,
                theirs / ours
            );
        }
    }
    Ok(())
}

fn run(engine: &mut dyn Engine, workload: &Workload) -> Result<(Duration, String), Box<dyn Error>> {
    (workload.run)(engine, workload.rows)
}
