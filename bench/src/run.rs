//! Running a plan: once, or on engines by turns whose answers are held against each other.

use crate::Outcome;
use crate::documents::Checksum;
use crate::engine::{Engine, EngineKind, Session, Settings, Sync};
use crate::measure::{Cost, Stopwatch, folder_bytes, written_bytes};
use crate::mode::{Plan, Shape, Step};
use sedge::Counters;
use std::path::Path;
use std::sync::Barrier;
use tempfile::TempDir;

/// Documents per commit while a table is loaded.
const LOAD_COMMIT: usize = 100_000;

/// One engine's round.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// Time of the work.
    pub cost: Cost,
    /// What the work read, and what the table holds after it.
    pub answer: [Checksum; 2],
    /// Sedge's counts of the work.
    pub counters: Option<Counters>,
    /// What the caller's meter gained by the work.
    pub metered: u64,
    /// Bytes handed to write calls from the start of the work to the closing of the database.
    pub written_bytes: Option<u64>,
    /// Bytes of the closed database.
    pub file_bytes: u64,
    /// Bytes of the files at each [`Step::Size`].
    pub sizes: Vec<u64>,
}

/// A count that rises while the work is done, such as that of allocations.
pub type Meter = fn() -> u64;

/// An engine with the folder that holds its files, and nothing else.
struct Opened {
    engine: Box<dyn Engine>,
    folder: TempDir,
}

impl Opened {
    /// A fresh database, loaded, with empty logs.
    fn load(kind: EngineKind, plan: &Plan, settings: Settings) -> Outcome<Opened> {
        let folder = tempfile::tempdir()?;
        let engine = kind.open(folder.path(), plan.documents.key_kind(), settings)?;
        if !plan.load.is_empty() {
            engine.session()?.write(&plan.documents, &plan.load, LOAD_COMMIT)?;
            engine.settle()?;
        }
        Ok(Opened { engine, folder })
    }

    fn round(&self, plan: &Plan, shape: &Shape, meter: Meter) -> Outcome<Round> {
        let counters = self.engine.counters();
        let work = Work { engine: &*self.engine, plan, shape, folder: self.folder.path() };
        let metered = meter();
        let (cost, read, sizes) = work.run()?;
        let metered = meter() - metered;
        let counters = self.engine.counters().zip(counters).map(|(after, before)| after.since(&before));
        let answer = [read, self.engine.session()?.scan(&plan.documents)?];
        Ok(Round { cost, answer, counters, metered, sizes, ..Round::default() })
    }

    fn close(self, round: &mut Round) -> Outcome<()> {
        self.engine.close()?;
        round.file_bytes = folder_bytes(self.folder.path())?;
        Ok(())
    }
}

/// Runs the plan once on fresh files.
///
/// # Errors
/// Those of the engine.
pub fn once(
    kind: EngineKind,
    plan: &Plan,
    shape: &Shape,
    settings: Settings,
    meter: Meter,
) -> Outcome<Round> {
    let opened = Opened::load(kind, plan, settings)?;
    let before = written_bytes();
    let mut round = opened.round(plan, shape, meter)?;
    opened.close(&mut round)?;
    round.written_bytes = written_bytes().zip(before).map(|(after, before)| after - before);
    Ok(round)
}

/// Runs the plan `rounds` times on each engine, by turns; gives each engine's rounds. Where the plan writes, each round
/// has fresh files; where it only reads, all rounds share what was loaded once and read once.
///
/// # Errors
/// Those of the engines, and that two engines' answers differ.
pub fn compare(
    kinds: &[EngineKind],
    plan: &Plan,
    shape: &Shape,
    settings: Settings,
    rounds: usize,
) -> Outcome<Vec<Vec<Round>>> {
    let mut measured = vec![Vec::with_capacity(rounds); kinds.len()];
    let mut loaded = Vec::new();
    if !plan.writes() {
        for kind in kinds {
            let opened = Opened::load(*kind, plan, Settings { sync: Sync::Normal, ..settings })?;
            opened.round(plan, shape, || 0)?;
            loaded.push(opened);
        }
    }
    for _ in 0..rounds {
        for (at, kind) in kinds.iter().enumerate() {
            let round = match loaded.get(at) {
                Some(opened) => opened.round(plan, shape, || 0)?,
                None => once(*kind, plan, shape, settings, || 0)?,
            };
            measured[at].push(round); // one list for each kind
        }
        compare_answers(kinds, &measured)?;
    }
    for (opened, rounds) in loaded.into_iter().zip(&mut measured) {
        let mut closed = Round::default();
        opened.close(&mut closed)?;
        rounds.iter_mut().for_each(|round| round.file_bytes = closed.file_bytes);
    }
    Ok(measured)
}

fn compare_answers(kinds: &[EngineKind], measured: &[Vec<Round>]) -> Outcome<()> {
    let mut answers = kinds.iter().zip(measured.iter().filter_map(|rounds| rounds.last()));
    let Some((first, expected)) = answers.next() else { return Ok(()) };
    for (kind, round) in answers {
        if round.answer != expected.answer {
            return Err(format!(
                "answers differ: {} says {:?}, {} says {:?}",
                first.name(),
                expected.answer,
                kind.name(),
                round.answer
            )
            .into());
        }
    }
    Ok(())
}

/// The work of a round on one engine.
struct Work<'a> {
    engine: &'a dyn Engine,
    plan: &'a Plan,
    shape: &'a Shape,
    folder: &'a Path,
}

/// What a thread read, and the sizes it saw.
type Seen = (Checksum, Vec<u64>);

impl Work<'_> {
    fn run(&self) -> Outcome<(Cost, Checksum, Vec<u64>)> {
        if let [steps] = &self.plan.threads[..] {
            let mut session = self.engine.session()?;
            let watch = Stopwatch::start();
            let (sum, sizes) = self.steps(&mut *session, steps)?;
            return Ok((watch.stop(), sum, sizes));
        }
        let start = Barrier::new(self.plan.threads.len() + 1);
        std::thread::scope(|scope| {
            let workers: Vec<_> = self
                .plan
                .threads
                .iter()
                .map(|steps| {
                    scope.spawn(|| -> Outcome<Seen> {
                        let session = self.engine.session();
                        start.wait();
                        self.steps(&mut *session?, steps)
                    })
                })
                .collect();
            // The threads stand ready and wait for this one: until here they cost nothing.
            let watch = Stopwatch::start();
            start.wait();
            let seen: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
            let cost = watch.stop();
            let (mut sum, mut sizes) = Seen::default();
            for result in seen {
                let (read, noted) = result.map_err(|_| "a thread panicked")??;
                sum.join(read);
                sizes.extend(noted);
            }
            Ok((cost, sum, sizes))
        })
    }

    fn steps(&self, session: &mut dyn Session, steps: &[Step]) -> Outcome<Seen> {
        let documents = &self.plan.documents;
        let (mut sum, mut sizes) = Seen::default();
        for step in steps {
            match step {
                Step::Write(changes) => session.write(documents, changes, self.shape.commit_every)?,
                Step::Read(wanted) => sum.join(session.read(documents, wanted, self.shape.reads)?),
                Step::Scan => sum.join(session.scan(documents)?),
                Step::Ranges(starts) => sum.join(session.ranges(documents, starts, self.shape.range)?),
                Step::Size => {
                    self.engine.settle()?;
                    sizes.push(folder_bytes(self.folder)?);
                }
            }
        }
        Ok((sum, sizes))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_run_whose_answers_differ_fails() {
        let kinds = [EngineKind::SedgeKv, EngineKind::Lmdb];
        let mut other = Round::default();
        assert!(compare_answers(&kinds, &[vec![Round::default()], vec![other.clone()]]).is_ok());
        other.answer[1].missing();
        let error = compare_answers(&kinds, &[vec![Round::default()], vec![other]]).unwrap_err();
        assert!(error.to_string().starts_with("answers differ: sedge-kv says"), "{error}");
    }
}
