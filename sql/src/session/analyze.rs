//! EXPLAIN ANALYZE: runs a statement and shows what each node of its plan did.

use super::Session;
use super::prepare::{Compiled, Kind, Machine, WriteMachine};
use super::prepared::Prepared;
use crate::error::{Error, Result};
use crate::exec::Execution;
use crate::parser::{BeginMode, Parsed, Statement};
use crate::plan::{self, Plan, Work, WritePlan};
use crate::value_list::ValueList;
use sedge_storage::Counters;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a query is planned again because the schema changed before it had its snapshot.
const SCHEMA_RETRIES: usize = 8;

/// A query ready to be run and measured.
struct Measured {
    plan: Arc<Plan>,
    prepared: Prepared,
    planning: Duration,
}

impl Session {
    /// Runs `statement` to its end and gives the lines that tell how. What it changes stays changed.
    pub(super) fn run_analyze(
        &mut self,
        statement: &Statement,
        parsed: &Parsed,
        parameters: &mut ValueList,
    ) -> Result<Vec<String>> {
        let parsed = Parsed { statement: statement.clone(), ..parsed.clone() };
        match statement {
            Statement::Query(_) => self.analyze_query(&parsed, parameters),
            Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) => {
                self.analyze_write(&parsed, parameters)
            }
            _ => Err(Error::invalid("EXPLAIN explains SELECT, INSERT, UPDATE and DELETE", None)),
        }
    }

    fn analyze_query(&mut self, parsed: &Parsed, parameters: &mut ValueList) -> Result<Vec<String>> {
        for _ in 0..SCHEMA_RETRIES {
            let Measured { plan, mut prepared, planning } = self.measured_query(parsed)?;
            let started = Instant::now();
            if !self.start_query(&mut prepared, parameters)? {
                continue;
            }
            let mut rows = 0;
            while prepared.step()? {
                rows += 1;
            }
            let running = started.elapsed();
            note_point(&plan, &prepared, rows, running);
            let mut lines = plan::explain(&plan);
            lines.push(times(planning, running, &plural(rows, "")));
            return Ok(lines);
        }
        Err(Error::Storage(sedge_storage::Error::Conflict))
    }

    fn measured_query(&mut self, parsed: &Parsed) -> Result<Measured> {
        let (mut compiled, planning) = self.compile_timed(parsed)?;
        let Kind::Query(plan) = &mut compiled.kind else { return Err(changed_kind()) };
        if let Some(plan) = Arc::get_mut(plan) {
            plan.measure();
        }
        let plan = Arc::clone(plan);
        let mut execution = Box::new(Execution::new(Arc::clone(&plan))?);
        execution.context_mut().count_pages();
        Ok(Measured { plan, prepared: ready(compiled, Machine::Query(execution)), planning })
    }

    /// In autocommit the write has a transaction of its own, begun here so that its counts are of it alone.
    fn analyze_write(&mut self, parsed: &Parsed, parameters: &mut ValueList) -> Result<Vec<String>> {
        let own = self.is_autocommit();
        if own {
            self.begin(BeginMode::Immediate)?;
        }
        let run = self.run_measured(parsed, parameters);
        let (mut lines, mut spent) = match run {
            Ok(done) => done,
            Err(error) => {
                // What OR FAIL has kept stays; any other failure has left nothing.
                match own && !self.is_autocommit() {
                    true if self.changes > 0 => self.commit()?,
                    true => self.rollback()?,
                    false => {}
                }
                return Err(error);
            }
        };
        if own {
            let before = self.engine.store().metrics().counters;
            let started = Instant::now();
            self.commit()?;
            lines.push(format!("Commit: {}", millis(started.elapsed())));
            // The transaction's counts are the store's now, those of its log records among them.
            spent = self.engine.store().metrics().counters.since(&before);
        }
        lines.extend(counted(&spent));
        Ok(lines)
    }

    /// Runs a write in the open transaction; the lines of its plan and times, and what it counted.
    fn run_measured(
        &mut self,
        parsed: &Parsed,
        parameters: &mut ValueList,
    ) -> Result<(Vec<String>, Counters)> {
        let (mut compiled, planning) = self.compile_timed(parsed)?;
        let Kind::Write(plan) = &mut compiled.kind else { return Err(changed_kind()) };
        if let Some(plan) = Arc::get_mut(plan) {
            plan.measure();
        }
        let plan = Arc::clone(plan);
        let mut machine = Box::new(WriteMachine::new(&plan, &compiled.programs, self.context())?);
        machine.context.count_pages();
        let mut prepared = ready(compiled, Machine::Write(machine));
        let before = self.transaction_counters();
        let started = Instant::now();
        if !self.run_write(&mut prepared, parameters)? {
            return Err(Error::Storage(sedge_storage::Error::Conflict));
        }
        let running = started.elapsed();
        let spent = self.transaction_counters().since(&before);
        note_by_key(&plan);
        let mut lines = plan::explain_write(&plan);
        if let Some(first) = lines.first_mut() {
            *first += &format!("  (actual rows={} time={})", prepared.changes, millis(running));
        }
        lines.push(times(planning, running, &plural(prepared.changes.unsigned_abs(), " changed")));
        Ok((lines, spent))
    }

    fn compile_timed(&mut self, parsed: &Parsed) -> Result<(Compiled, Duration)> {
        let started = Instant::now();
        let schemas = self.schemas()?;
        let compiled = self.compile_in(parsed.clone(), &[], &schemas)?;
        Ok((compiled, started.elapsed()))
    }
}

/// A statement whose next run uses `machine`.
fn ready(compiled: Compiled, machine: Machine) -> Prepared {
    let mut prepared = Prepared::new("", Arc::new(compiled), Vec::new());
    prepared.machine = Some(machine);
    prepared
}

/// The compiler gives a query for a query and a write for a write.
fn changed_kind() -> Error {
    Error::Misuse("the statement was compiled as one of another kind".to_owned())
}

/// A query for one row by its key runs without operators: its nodes did together what the run did.
fn note_point(plan: &Plan, prepared: &Prepared, rows: u64, running: Duration) {
    let pages = match &prepared.machine {
        Some(Machine::Query(execution)) => execution.context().pages_visited(),
        _ => 0,
    };
    let nanos = running.as_nanos() as u64;
    plan.note_point(Work { loops: 1, batches: 0, rows, pages, nanos });
}

/// A write that names its row by its key asks no operator for it.
fn note_by_key(plan: &WritePlan) {
    if let Some(figures) = plan.find().and_then(|find| find.root.figures.as_ref()) {
        figures.note_by_key();
    }
}

fn millis(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1e3)
}

fn plural(rows: u64, done: &str) -> String {
    if rows == 1 { format!("1 row{done}") } else { format!("{rows} rows{done}") }
}

fn times(planning: Duration, running: Duration, rows: &str) -> String {
    format!("Planning: {}, execution: {}, {rows}", millis(planning), millis(running))
}

/// A line for each group of counters in which something was counted.
fn counted(counters: &Counters) -> Vec<String> {
    let line = |(title, counts): (&str, Vec<(&str, u64)>)| {
        let counts = counts.into_iter().filter(|(_, count)| *count > 0);
        let counts: Vec<String> = counts.map(|(name, count)| format!("{name}={count}")).collect();
        (!counts.is_empty()).then(|| format!("Counters of {title}: {}", counts.join(" ")))
    };
    counters.groups().filter_map(line).collect()
}
