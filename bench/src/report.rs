//! What is printed about a comparison, for people and for programs.

use crate::engine::{EngineKind, Reads, Settings};
use crate::mode::{Mode, Plan, Shape};
use crate::run::Round;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What was compared.
pub struct Run<'a> {
    /// The kind of work.
    pub mode: Mode,
    /// Its numbers.
    pub shape: &'a Shape,
    /// The work.
    pub plan: &'a Plan,
    /// How they were opened.
    pub settings: Settings,
    /// The engines, in the order of `rounds`.
    pub kinds: &'a [EngineKind],
    /// Each engine's rounds.
    pub rounds: &'a [Vec<Round>],
}

/// One engine's rounds in numbers: microseconds per operation, bytes.
struct Summary<'a> {
    kind: EngineKind,
    wall: Spread,
    cpu: Spread,
    file_bytes: u64,
    written_bytes: Option<u64>,
    last: &'a Round,
}

/// The least, the middle and the greatest of some numbers.
#[derive(Clone, Copy)]
struct Spread {
    least: f64,
    median: f64,
    greatest: f64,
}

impl Spread {
    fn of(numbers: impl Iterator<Item = f64>) -> Option<Spread> {
        let mut numbers: Vec<f64> = numbers.collect();
        numbers.sort_by(f64::total_cmp);
        let median = *numbers.get(numbers.len() / 2)?;
        Some(Spread { least: *numbers.first()?, median, greatest: *numbers.last()? })
    }

    /// How far the rounds lie apart, in percent of the median.
    fn percent(self) -> f64 {
        (self.greatest - self.least) / self.median * 100.0
    }
}

impl Run<'_> {
    fn summaries(&self) -> Vec<Summary<'_>> {
        let operations = self.plan.operations.max(1) as f64;
        let summary = |(kind, rounds): (&EngineKind, &'_ Vec<Round>)| {
            let times =
                |time: fn(&Round) -> f64| rounds.iter().map(move |round| time(round) * 1e6 / operations);
            let middle = |bytes: fn(&Round) -> Option<u64>| {
                let mut all: Vec<u64> = rounds.iter().filter_map(bytes).collect();
                all.sort_unstable();
                all.get(all.len() / 2).copied()
            };
            Some((
                *kind,
                Spread::of(times(|round| round.cost.wall.as_secs_f64()))?,
                Spread::of(times(|round| round.cost.cpu.as_secs_f64()))?,
                middle(|round| Some(round.file_bytes))?,
                middle(|round| round.written_bytes),
            ))
        };
        self.kinds
            .iter()
            .zip(self.rounds)
            .filter_map(|both| {
                let (kind, wall, cpu, file_bytes, written_bytes) = summary(both)?;
                Some(Summary { kind, wall, cpu, file_bytes, written_bytes, last: both.1.last()? })
            })
            .collect()
    }

    /// A table, and below it the files of a refill and Sedge's counters.
    pub fn text(&self) -> String {
        let (shape, summaries) = (self.shape, self.summaries());
        let mut out = format!(
            "{}: {} docs of {} bytes, {} operations, commit every {}, sync {:?}, threads {}, reads {:?}, range {}, {} rounds\n",
            self.mode.name(),
            shape.documents,
            shape.value_bytes,
            self.plan.operations,
            shape.commit_every,
            self.settings.sync,
            shape.threads,
            shape.reads,
            shape.range,
            self.rounds.first().map_or(0, Vec::len),
        );
        let cpu_of =
            |kind| summaries.iter().find(|summary| summary.kind == kind).map(|summary| summary.cpu.least);
        let (sqlite, lmdb) = (cpu_of(EngineKind::Sqlite), cpu_of(EngineKind::Lmdb));
        let _ = writeln!(
            out,
            "{:<10} {:>9} {:>9} {:>9} {:>9} {:>7} {:>10} {:>8} {:>6} {:>9} {:>11}",
            "us per op",
            "wall med",
            "wall min",
            "cpu med",
            "cpu min",
            "spread",
            "ops/s",
            "x sqlite",
            "x lmdb",
            "file KiB",
            "written KiB"
        );
        for summary in &summaries {
            let ratio = |of: Option<f64>| match of {
                Some(cpu) => format!("{:.2}", summary.cpu.least / cpu),
                None => "-".to_owned(),
            };
            let _ = writeln!(
                out,
                "{:<10} {:>9.3} {:>9.3} {:>9.3} {:>9.3} {:>6.0}% {:>10.0} {:>8} {:>6} {:>9} {:>11}",
                summary.kind.name(),
                summary.wall.median,
                summary.wall.least,
                summary.cpu.median,
                summary.cpu.least,
                summary.cpu.percent(),
                1e6 / summary.wall.median,
                ratio(sqlite),
                ratio(lmdb),
                summary.file_bytes >> 10,
                summary.written_bytes.map_or_else(|| "-".to_owned(), |bytes| (bytes >> 10).to_string()),
            );
        }
        for summary in &summaries {
            let name = summary.kind.name();
            if !summary.last.sizes.is_empty() {
                let sizes: Vec<String> =
                    summary.last.sizes.iter().map(|size| (size >> 10).to_string()).collect();
                let _ = writeln!(out, "{name} file KiB after each time: {}", sizes.join(" "));
            }
            if let Some(counters) = &summary.last.counters {
                let counts = counters.iter().filter(|(_, count)| *count > 0);
                let counts: Vec<String> = counts.map(|(name, count)| format!("{name} {count}")).collect();
                let _ = writeln!(out, "{name} counters: {}", counts.join(", "));
            }
        }
        out
    }

    /// The same for programs: `{"results": [...]}`, an entry for each engine.
    pub fn json(&self) -> Value {
        let results: Vec<Value> = self.summaries().iter().map(|summary| self.entry(summary)).collect();
        json!({ "results": results })
    }

    fn entry(&self, summary: &Summary<'_>) -> Value {
        let counters = summary.last.counters.map(|counters| {
            counters
                .iter()
                .map(|(name, count)| (name.to_owned(), json!(count)))
                .collect::<serde_json::Map<_, _>>()
        });
        json!({
            "engine": summary.kind.name(),
            "mode": self.mode.name(),
            "docs": self.shape.documents,
            "threads": self.shape.threads,
            "commit_every": self.shape.commit_every,
            "value_bytes": self.shape.value_bytes,
            "range": self.shape.range,
            "per_read_transaction": self.shape.reads == Reads::Apart,
            "sync": format!("{:?}", self.settings.sync).to_lowercase(),
            "sqlite_log_pages": self.settings.sqlite_log_pages,
            "seed": self.shape.seed,
            "operations": self.plan.operations,
            "wall_us_per_op_median": summary.wall.median,
            "wall_us_per_op_min": summary.wall.least,
            "cpu_us_per_op_median": summary.cpu.median,
            "cpu_us_per_op_min": summary.cpu.least,
            "cpu_spread_percent": summary.cpu.percent(),
            "ops_per_s": 1e6 / summary.wall.median,
            "file_bytes": summary.file_bytes,
            "file_bytes_by_refill": summary.last.sizes,
            "written_bytes": summary.written_bytes,
            "counters": counters,
        })
    }
}
