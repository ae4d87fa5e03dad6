//! Sedge beside SQLite: seeded random statements of many families over the same tables must give the same names, rows,
//! types and counts of changes, fail with the same class of error, and leave the same contents behind.
//!
//! `SEDGE_DIFFERENTIAL` sets how many statements run (3000000 is the long form), `SEDGE_MODEL_SEED` the first seed and
//! `SEDGE_FAMILY` the one family to run beside those that fill the tables. A failure is made small and printed as a
//! script for both shells. The run ends with a report of the families' shares.
//!
//! `tests/metamorphic` is a module of this test, since it shares its generator.

#![allow(missing_docs, clippy::unwrap_used)]

mod engines;
mod family;
mod generator;
#[path = "../metamorphic/mod.rs"]
mod metamorphic;
mod schema;
mod shrink;
mod wide;

use engines::{Outcome, Pair};
use family::{Effect, FAMILIES, Statement};
use generator::{Generator, Random};
use shrink::Failing;
use std::fmt::Write;
use std::time::Instant;

/// Statements of one seed; the first of them fill the tables.
const STEPS: u64 = 1500;
const FILLING_STEPS: u64 = 80;
/// Failures after which a run ends.
const FAILURES_MAX: usize = 8;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What became of a family's statements.
#[derive(Clone, Copy, Default)]
struct Tally {
    asked: u64,
    accepted: u64,
    moved_rows: u64,
}

struct Run {
    tallies: Vec<Tally>,
    failures: Vec<String>,
    only: Option<usize>,
}

impl Run {
    fn note(&mut self, family: usize, outcome: Outcome) {
        let tally = &mut self.tallies[family];
        tally.asked += 1;
        tally.accepted += u64::from(outcome.accepted);
        tally.moved_rows += u64::from(outcome.moved_rows);
    }

    /// Runs the statements of a seed.
    fn seed(&mut self, seed: u64, steps: u64) {
        let pair = Pair::new();
        let mut generator = Generator(Random(seed));
        let changes = FAMILIES.iter().position(|family| family.name == "changes").unwrap();
        let mut history: Vec<String> = schema::SCHEMA.iter().map(|sql| (*sql).to_owned()).collect();
        for step in 0..steps {
            let (at, statement) = if step < FILLING_STEPS {
                (changes, FAMILIES[changes].statement(&mut generator))
            } else {
                match self.only {
                    Some(only) if !generator.0.one_in(8) => (only, FAMILIES[only].statement(&mut generator)),
                    _ => family::any(&mut generator),
                }
            };
            if std::env::var_os("SEDGE_MODEL_TRACE").is_some() {
                eprintln!("{};", statement.sql);
            }
            match pair.compare(&statement) {
                Ok(outcome) => self.note(at, outcome),
                Err(difference) => {
                    let ends = statement.effect != Effect::None;
                    let plan = pair.plan(&statement.sql);
                    self.failed(
                        &format!("seed {seed} step {step}, {}", FAMILIES[at].name),
                        Failing { history: history.clone(), statement, difference },
                    );
                    if let Some(failure) = self.failures.last_mut() {
                        plan.lines().for_each(|line| writeln!(failure, "-- plan: {line}").unwrap());
                    }
                    if ends || self.failures.len() >= FAILURES_MAX {
                        return;
                    }
                    continue;
                }
            }
            if statement.effect != Effect::None || !FAMILIES[at].moves_rows {
                history.push(statement.sql);
            }
        }
        if let Err(difference) = pair.finish() {
            let statement = Statement::query("SELECT 1".to_owned());
            self.failed(&format!("seed {seed}, at its end"), Failing { history, statement, difference });
        }
    }

    fn failed(&mut self, place: &str, failing: Failing) {
        let failing = shrink::shrink(failing);
        let failure = format!("-- {place}\n{}", shrink::script(&failing));
        eprintln!("{failure}");
        self.failures.push(failure);
    }

    /// The families' shares, a line each, and which of them are too small.
    fn report(&self) -> (String, Vec<String>) {
        let accepted: u64 = self.tallies.iter().map(|tally| tally.accepted).sum();
        let (mut text, mut faults) = (String::new(), Vec::new());
        for (family, tally) in FAMILIES.iter().zip(&self.tallies) {
            let share = 100.0 * tally.accepted as f64 / accepted.max(1) as f64;
            let moving = 100.0 * tally.moved_rows as f64 / tally.accepted.max(1) as f64;
            let asked = 100.0 * tally.accepted as f64 / tally.asked.max(1) as f64;
            writeln!(
                text,
                "{:14} {:9} accepted ({asked:5.1}% of those asked), {share:5.2}% of all, {moving:5.1}% gave or changed rows",
                family.name, tally.accepted
            )
            .unwrap();
            if share < 1.0 {
                faults.push(format!("{} is {share:.2}% of what was accepted", family.name));
            }
            if family.moves_rows && moving < 50.0 {
                faults.push(format!("only {moving:.1}% of {} gave or changed rows", family.name));
            }
        }
        (text, faults)
    }
}

#[test]
fn random_statements_agree_with_sqlite() {
    let wanted = setting("SEDGE_DIFFERENTIAL", 4500);
    let first = setting("SEDGE_MODEL_SEED", 1);
    let name = std::env::var("SEDGE_FAMILY").ok();
    let only = name.map(|name| {
        FAMILIES.iter().position(|family| family.name == name).unwrap_or_else(|| panic!("no family {name}"))
    });
    let mut run = Run { tallies: vec![Tally::default(); FAMILIES.len()], failures: Vec::new(), only };
    let start = Instant::now();
    let mut done = 0;
    for seed in first.. {
        let steps = STEPS.min(wanted - done);
        run.seed(seed, steps);
        done += steps;
        if done % 150_000 == 0 {
            eprintln!("{done} statements, {:.0} a second", done as f64 / start.elapsed().as_secs_f64());
        }
        if done >= wanted || run.failures.len() >= FAILURES_MAX {
            break;
        }
    }
    let (report, faults) = run.report();
    eprintln!("{report}{done} statements in {:.1} s", start.elapsed().as_secs_f64());
    assert!(run.failures.is_empty(), "{} differ; see above", run.failures.len());
    // Shares of a short run, or of one family, say nothing.
    if only.is_none() && done >= 4000 {
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
