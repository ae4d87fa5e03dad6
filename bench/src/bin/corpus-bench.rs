//! `corpus-bench`: sqllogictest files on Sedge and on SQLite, by one runner in one run.
//!
//! ```text
//! cargo run --release -p sedge-bench --bin corpus-bench -- [--only sedge|sqlite] PATH...
//! ```
//!
//! What is compared is the CPU time of running the records, checking the answers included; reading a file is outside.
//! Each file runs on both engines one after the other, so that neighbours on the machine disturb both alike.
#![forbid(unsafe_code)]

use clap::{Parser, ValueEnum};
use rusqlite::types::ValueRef;
use sedge_bench::Outcome;
use sedge_bench::measure::Stopwatch;
use sedge_slt::{Engine, Refusal, Rows, Script, collect};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Parser)]
#[command(about = "Sqllogictest files on Sedge and on SQLite, by one runner in one run")]
struct Arguments {
    /// Files, and folders with .test and .slt files at any depth.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Runs one engine alone, for a profiler.
    #[arg(long)]
    only: Option<Kind>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Sedge,
    Sqlite,
}

/// What a group of files took.
#[derive(Default)]
struct Times {
    sedge: Duration,
    sqlite: Duration,
    /// Records that failed on either.
    failed: usize,
}

impl Times {
    fn add(&mut self, other: &Times) {
        self.sedge += other.sedge;
        self.sqlite += other.sqlite;
        self.failed += other.failed;
    }

    fn print(&self, name: &str) {
        let (sedge, sqlite) = (self.sedge.as_secs_f64(), self.sqlite.as_secs_f64());
        let ratio = if sqlite > 0.0 { format!("{:8.2}", sedge / sqlite) } else { format!("{:>8}", "-") };
        println!("{name:32} {sedge:9.3} {sqlite:9.3} {ratio} {:8}", self.failed);
    }
}

/// SQLite as the runner sees it.
struct Sqlite(rusqlite::Connection);

impl Sqlite {
    fn fill(&self, sql: &str, out: &mut Rows<'_>) -> rusqlite::Result<()> {
        let mut statement = self.0.prepare(sql)?;
        let columns = statement.column_count();
        out.start(columns);
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                out.push(
                    column,
                    match row.get_ref(column)? {
                        ValueRef::Null => sedge::ValueRef::Null,
                        ValueRef::Integer(integer) => sedge::ValueRef::Integer(integer),
                        ValueRef::Real(real) => sedge::ValueRef::Real(real),
                        ValueRef::Text(text) => sedge::ValueRef::Text(text),
                        ValueRef::Blob(blob) => sedge::ValueRef::Blob(blob),
                    },
                );
            }
        }
        Ok(())
    }
}

fn refusal(error: &rusqlite::Error) -> Refusal {
    Refusal { message: error.to_string(), shown: error.to_string() }
}

impl Engine for Sqlite {
    fn execute(&mut self, sql: &str) -> Result<(), Refusal> {
        self.0.execute_batch(sql).map_err(|error| refusal(&error))
    }

    fn changes(&self) -> i64 {
        i64::try_from(self.0.changes()).unwrap_or(i64::MAX)
    }

    fn query(&mut self, sql: &str, rows: &mut Rows<'_>) -> Result<(), Refusal> {
        self.fill(sql, rows).map_err(|error| refusal(&error))
    }
}

/// Runs a script on a fresh engine; its time, and how many records failed.
fn timed<E: Engine>(script: &Script, open: impl FnOnce() -> Outcome<E>) -> Outcome<(Duration, usize)> {
    let watch = Stopwatch::start();
    let mut engine = open()?;
    let outcome = script.run_on(&mut engine);
    drop(engine);
    Ok((watch.stop().cpu, outcome.failures.len()))
}

fn measure(script: &Script, only: Option<Kind>) -> Outcome<Times> {
    let mut times = Times::default();
    if only != Some(Kind::Sqlite) {
        let (cpu, failed) = timed(script, || Ok(sedge::Database::open_in_memory()?.connect()?))?;
        times.add(&Times { sedge: cpu, failed, ..Times::default() });
    }
    if only != Some(Kind::Sedge) {
        let (cpu, failed) = timed(script, || Ok(Sqlite(rusqlite::Connection::open_in_memory()?)))?;
        times.add(&Times { sqlite: cpu, failed, ..Times::default() });
    }
    Ok(times)
}

/// The group of a file: the folders below `root` whose names are words, or the file itself where there are none.
fn group(root: &Path, file: &Path) -> String {
    let inside = file.strip_prefix(root).unwrap_or(file);
    let is_word = |name: &&str| !name.bytes().all(|byte| byte.is_ascii_digit());
    let folders = inside.parent().into_iter().flat_map(Path::iter);
    let words: Vec<&str> = folders.filter_map(|name| name.to_str()).filter(is_word).collect();
    match words.is_empty() {
        true => inside.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned(),
        false => words.join("/"),
    }
}

fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    let mut groups: BTreeMap<String, Times> = BTreeMap::new();
    let mut total = Times::default();
    for root in &arguments.paths {
        let mut files = Vec::new();
        collect(root, &mut files)?;
        for file in &files {
            let script = Script::parse(&std::fs::read(file)?)
                .map_err(|broken| format!("{}:{}: {}", file.display(), broken.line, broken.detail))?;
            let times = measure(&script, arguments.only)?;
            total.add(&times);
            groups.entry(group(root, file)).or_default().add(&times);
        }
    }
    println!("{:32} {:>9} {:>9} {:>8} {:>8}", "CPU seconds", "Sedge", "SQLite", "ratio", "failed");
    groups.iter().for_each(|(name, times)| times.print(name));
    total.print("total");
    Ok(())
}
