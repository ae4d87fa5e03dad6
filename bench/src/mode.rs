//! What is measured: the modes, each a list of steps for each thread, made before any clock starts.

use crate::documents::{Documents, KeyKind};
use crate::engine::{Change, Reads};
use crate::random::Random;
use clap::ValueEnum;
use std::ops::Range;

/// How many times [`Mode::Refill`] deletes half of the documents and puts them back.
const REFILLS: usize = 10;

/// A kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Ascending ids into an empty table.
    InsertsOnly,
    /// Lookups of random ids among all that are loaded.
    ReadsOnly,
    /// By turns, a commit's worth each: random lookups in one transaction; updates, inserts and deletes in another.
    Mixed,
    /// All documents in order, or with --range N ranges of N from random starts.
    Scan,
    /// Takes random documents away until half are left.
    Deletes,
    /// Deletes a random document and inserts one that was not there, alternating.
    Churn,
    /// Random text keys of 20 bytes into an empty table.
    RandomInserts,
    /// Gives random documents another text of the same length.
    Updates,
    /// Ten times: deletes a random half, and puts it back; shows the file after each time.
    Refill,
}

/// The numbers that shape a mode's work.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Documents that are loaded, or inserted into an empty table.
    pub documents: usize,
    /// Changes per commit.
    pub commit_every: usize,
    /// Bytes of a text.
    pub value_bytes: usize,
    /// Threads that share the work.
    pub threads: usize,
    /// Chooses keys, texts and order.
    pub seed: u64,
    /// Lookups in one transaction or one each.
    pub reads: Reads,
    /// Documents in each range of a scan; 0 scans all.
    pub range: usize,
    /// Keys are texts, in each mode.
    pub text_keys: bool,
}

/// One thing that a thread does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Changes, with commits between.
    Write(Vec<Change>),
    /// Lookups.
    Read(Vec<u32>),
    /// Reads all.
    Scan,
    /// Ranges from each of these on.
    Ranges(Vec<u32>),
    /// Empties the logs and notes how large the files are.
    Size,
}

/// All that is to be done in a round.
pub struct Plan {
    /// What is stored.
    pub documents: Documents,
    /// Put into the table before the clock starts.
    pub load: Vec<Change>,
    /// What each thread does while the clock runs.
    pub threads: Vec<Vec<Step>>,
    /// Operations in all: changes, lookups, or rows that a scan visits.
    pub operations: usize,
}

impl Plan {
    /// True if the work changes the table, so that each round needs a fresh one.
    pub fn writes(&self) -> bool {
        self.threads.iter().flatten().any(|step| matches!(step, Step::Write(_)))
    }
}

impl Mode {
    /// The name as it is written on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The work of a round.
    pub fn plan(self, shape: &Shape) -> Plan {
        let count = shape.documents;
        let keys = if shape.text_keys || self == Mode::RandomInserts { KeyKind::Text } else { KeyKind::Id };
        // As many again for the documents that come in while the clock runs: no mode inserts more.
        let documents = Documents::new(keys, count * 2, shape.value_bytes, shape.seed);
        let empty = matches!(self, Mode::InsertsOnly | Mode::RandomInserts);
        let load = if empty { Vec::new() } else { (0..count as u32).map(Change::Insert).collect() };
        let threads: Vec<Vec<Step>> = (0..shape.threads)
            .map(|thread| {
                // Each thread has documents of its own, so that the outcome does not depend on who is first.
                let from = |index: usize| (count * index / shape.threads) as u32;
                let own = from(thread)..from(thread + 1);
                let mut random = Random::new(shape.seed.wrapping_add(1 + thread as u64));
                self.steps(shape, own, &mut random)
            })
            .collect();
        let operations = threads.iter().flatten().map(|step| step.operations(shape)).sum();
        Plan { documents, load, threads, operations }
    }

    /// The steps of a thread that owns the documents `own` of those loaded.
    fn steps(self, shape: &Shape, own: Range<u32>, random: &mut Random) -> Vec<Step> {
        let any = |random: &mut Random| own.start + random.below(own.len()) as u32;
        let shuffled = |random: &mut Random| {
            let mut all: Vec<u32> = own.clone().collect();
            random.shuffle(&mut all);
            all
        };
        match self {
            Mode::InsertsOnly | Mode::RandomInserts => {
                vec![Step::Write(own.map(Change::Insert).collect())]
            }
            Mode::ReadsOnly => vec![Step::Read(own.clone().map(|_| any(random)).collect())],
            Mode::Scan if shape.range == 0 => vec![Step::Scan],
            Mode::Scan => {
                let starts = own.len().saturating_sub(shape.range).max(1);
                let ranges = (own.len() / shape.range).max(1);
                vec![Step::Ranges((0..ranges).map(|_| own.start + random.below(starts) as u32).collect())]
            }
            Mode::Updates => {
                let updates = own.clone().zip(1..).map(|(_, version)| Change::Update(any(random), version));
                vec![Step::Write(updates.collect())]
            }
            Mode::Deletes => {
                let all = shuffled(random);
                vec![Step::Write(all[..all.len() / 2].iter().copied().map(Change::Delete).collect())]
            }
            Mode::Churn => {
                let (mut present, mut absent) = (shuffled(random), spare(shape, &own));
                let mut changes = Vec::with_capacity(own.len());
                for _ in 0..own.len() / 2 {
                    let (gone, come) = (random.below(present.len()), random.below(absent.len()));
                    changes.extend([Change::Delete(present[gone]), Change::Insert(absent[come])]);
                    std::mem::swap(&mut present[gone], &mut absent[come]);
                }
                vec![Step::Write(changes)]
            }
            Mode::Refill => (0..REFILLS)
                .flat_map(|_| {
                    let all = shuffled(random);
                    let half = &all[..all.len() / 2];
                    let delete = half.iter().copied().map(Change::Delete).collect();
                    let insert = half.iter().copied().map(Change::Insert).collect();
                    [Step::Write(delete), Step::Write(insert), Step::Size]
                })
                .collect(),
            Mode::Mixed => mixed(shape, shuffled(random), spare(shape, &own), random),
        }
    }
}

/// Documents of a thread that are not loaded: an eighth as many as it owns of the loaded ones, ascending.
fn spare(shape: &Shape, own: &Range<u32>) -> Vec<u32> {
    let first = shape.documents as u32 + own.start;
    (first..first + own.len().div_ceil(8) as u32).collect()
}

/// Of sixteen operations eight are lookups, four updates, two inserts of higher keys, two deletes.
fn mixed(shape: &Shape, mut present: Vec<u32>, absent: Vec<u32>, random: &mut Random) -> Vec<Step> {
    let mut absent = absent.into_iter();
    let operations = present.len();
    let mut steps = Vec::new();
    let (mut done, mut version) = (0, 0);
    while done < operations {
        let batch = shape.commit_every.min((operations - done).div_ceil(2));
        steps.push(Step::Read((0..batch).map(|_| present[random.below(present.len())]).collect()));
        let mut changes = Vec::with_capacity(batch);
        for _ in 0..batch {
            version += 1;
            let place = random.below(present.len());
            let inserted = if version % 4 == 1 { absent.next() } else { None };
            changes.push(match (inserted, version % 4) {
                (Some(document), _) => {
                    present.push(document);
                    Change::Insert(document)
                }
                (None, 3) if present.len() > 1 => Change::Delete(present.swap_remove(place)),
                _ => Change::Update(present[place], version),
            });
        }
        steps.push(Step::Write(changes));
        done += batch * 2;
    }
    steps
}

impl Step {
    fn operations(&self, shape: &Shape) -> usize {
        match self {
            Step::Write(changes) => changes.len(),
            Step::Read(wanted) => wanted.len(),
            Step::Scan => shape.documents,
            Step::Ranges(starts) => starts.len() * shape.range.min(shape.documents),
            Step::Size => 0,
        }
    }
}
