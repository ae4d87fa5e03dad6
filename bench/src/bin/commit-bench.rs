//! `commit-bench`: what a synced commit of one row costs, alone and among threads.
//!
//! ```text
//! cargo run --release -p sedge-bench --bin commit-bench [-- --millis 500 --rounds 7 --threads 8]
//! ```
//! By turns, round by round: a bare write of 200 bytes into written space with a sync behind it; Sedge with one thread
//! and with many, each with a connection of its own; SQLite (WAL, synchronous = FULL) likewise. Each commit raises the
//! number in one row by one; in the end the numbers must add up to the commits that returned.
#![forbid(unsafe_code)]

use rusqlite::Connection as Sqlite;
use rustix::fs::fdatasync;
use sedge::{Database, Options, Synchronous};
use sedge_bench::Outcome;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Rows to choose from: the commits of threads touch the same few pages.
const ROWS: u64 = 1000;
/// Bytes of a bare record.
const RECORD: usize = 200;
/// Bytes of the file that bare records go to.
const BARE_FILE: u64 = 8 << 20;
/// Longer than anybody waits.
const WAIT: Duration = Duration::from_secs(60);
const SCHEMA: &str = "CREATE TABLE account(id INTEGER PRIMARY KEY, n INTEGER, pad TEXT)";
const INSERT: &str = "INSERT INTO account VALUES (?, 0, ?)";
const UPDATE: &str = "UPDATE account SET n = n + 1 WHERE id = ?";
const SUM: &str = "SELECT sum(n) FROM account";

struct Arguments {
    millis: u64,
    rounds: usize,
    threads: usize,
}

fn arguments() -> Outcome<Arguments> {
    let mut arguments = Arguments { millis: 500, rounds: 7, threads: 8 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number =
            || words.next().and_then(|word| word.parse().ok()).ok_or(format!("{word} takes a number"));
        match word.as_str() {
            "--millis" => arguments.millis = number()?,
            "--rounds" => arguments.rounds = usize::try_from(number()?)?,
            "--threads" => arguments.threads = usize::try_from(number()?)?.max(2),
            _ => return Err(format!("{word} is no option").into()),
        }
    }
    Ok(arguments)
}

/// What one round of one contestant took: a time for each commit, of all threads.
struct Times {
    wall: Duration,
    commits: Vec<Duration>,
}

impl Times {
    fn new(wall: Duration, mut commits: Vec<Duration>) -> Outcome<Times> {
        if commits.is_empty() {
            return Err("no commit came to its end: give it more --millis".into());
        }
        commits.sort_unstable();
        Ok(Times { wall, commits })
    }

    fn rate(&self) -> f64 {
        self.commits.len() as f64 / self.wall.as_secs_f64()
    }

    /// In microseconds, the time that so many of a thousand commits are quicker than.
    fn micros(&self, thousandths: usize) -> f64 {
        let at = (self.commits.len() * thousandths / 1000).min(self.commits.len() - 1);
        self.commits.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e6)
    }
}

/// Commits without end until the time is over, and takes the time of each.
fn repeat(span: Duration, mut commit: impl FnMut(u64) -> Outcome<()>) -> Outcome<Vec<Duration>> {
    let (mut times, mut count) = (Vec::with_capacity(1 << 16), 0);
    let until = Instant::now() + span;
    let mut before = Instant::now();
    while before < until {
        commit(count)?;
        let after = Instant::now();
        times.push(after - before);
        (before, count) = (after, count + 1);
    }
    Ok(times)
}

/// Lets threads commit beside each other; `work` is given its thread's number and where all wait for the start.
fn beside<'a>(
    threads: usize,
    work: impl Fn(usize, &Barrier) -> Outcome<Vec<Duration>> + Sync + 'a,
) -> Outcome<Times> {
    let (barrier, work) = (&Barrier::new(threads), &work);
    let started = Instant::now();
    let done: Vec<Outcome<Vec<Duration>>> = thread::scope(|scope| {
        let run =
            |thread: usize| scope.spawn(move || work(thread, barrier).map_err(|error| error.to_string()));
        let running: Vec<_> = (0..threads).map(run).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Result<Vec<Duration>, String>>| match thread.join() {
            Ok(done) => done.map_err(Into::into),
            Err(_) => Err("a thread failed".into()),
        };
        running.into_iter().map(join).collect()
    });
    let wall = started.elapsed();
    let times: Outcome<Vec<Vec<Duration>>> = done.into_iter().collect();
    Times::new(wall, times?.concat())
}

/// The row that a thread's commit changes.
fn row(thread: usize, count: u64) -> i64 {
    (1 + (count * 7 + thread as u64 * 125) % ROWS) as i64
}

fn bare(folder: &Path, span: Duration) -> Outcome<Times> {
    let file = File::create(folder.join("bare"))?;
    file.write_all_at(&vec![0; usize::try_from(BARE_FILE)?], 0)?;
    file.sync_all()?;
    let record = [7; RECORD];
    let started = Instant::now();
    let times = repeat(span, |count| {
        file.write_all_at(&record, count * RECORD as u64 % (BARE_FILE - RECORD as u64))?;
        Ok(fdatasync(&file)?)
    })?;
    Times::new(started.elapsed(), times)
}

fn sedge(folder: &Path, span: Duration, threads: usize) -> Outcome<Times> {
    let folder = tempfile::tempdir_in(folder)?;
    let options = Options::new().synchronous(Synchronous::Full).busy_timeout(WAIT);
    let database: Database = options.open(folder.path().join("commits.sedge"))?;
    let mut connection = database.connect()?;
    connection.execute(SCHEMA, ())?;
    let transaction = connection.transaction()?;
    for id in 1..=ROWS as i64 {
        transaction.execute(INSERT, (id, "x".repeat(80)))?;
    }
    transaction.commit()?;
    let times = beside(threads, |thread, start| {
        let mut update = database.connect()?.prepare(UPDATE)?;
        start.wait();
        repeat(span, |count| Ok(update.execute((row(thread, count),)).map(drop)?))
    })?;
    let sum: i64 = connection.query_row(SUM, (), |row| row.get(0))?;
    agree("sedge", sum, &times)?;
    Ok(times)
}

fn sqlite(folder: &Path, span: Duration, threads: usize) -> Outcome<Times> {
    let folder = tempfile::tempdir_in(folder)?;
    let connect = || -> Outcome<Sqlite> {
        let connection = Sqlite::open(folder.path().join("commits.sqlite"))?;
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
        connection.busy_timeout(WAIT)?;
        Ok(connection)
    };
    let mut connection = connect()?;
    connection.execute(SCHEMA, ())?;
    let transaction = connection.transaction()?;
    for id in 1..=ROWS as i64 {
        transaction.execute(INSERT, (id, "x".repeat(80)))?;
    }
    transaction.commit()?;
    let times = beside(threads, |thread, start| {
        let connection = connect()?;
        let mut update = connection.prepare(UPDATE)?;
        start.wait();
        repeat(span, |count| Ok(update.execute((row(thread, count),)).map(drop)?))
    })?;
    let sum = connection.query_row(SUM, (), |row| row.get(0))?;
    agree("sqlite", sum, &times)?;
    Ok(times)
}

fn agree(engine: &str, sum: i64, times: &Times) -> Outcome<()> {
    let commits = times.commits.len() as i64;
    if sum == commits {
        Ok(())
    } else {
        Err(format!("{engine}: {commits} commits returned, {sum} are there").into())
    }
}

/// The median of what the rounds gave.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn main() -> Outcome<()> {
    let Arguments { millis, rounds, threads } = arguments()?;
    let (span, folder) = (Duration::from_millis(millis), tempfile::tempdir()?);
    let names = ["bare write".to_owned(), "sedge, 1".to_owned(), format!("sedge, {threads}")]
        .into_iter()
        .chain(["sqlite, 1".to_owned(), format!("sqlite, {threads}")]);
    let mut all: Vec<(String, Vec<Times>)> = names.map(|name| (name, Vec::new())).collect();
    for _ in 0..rounds {
        let folder = folder.path();
        let round = [
            bare(folder, span)?,
            sedge(folder, span, 1)?,
            sedge(folder, span, threads)?,
            sqlite(folder, span, 1)?,
            sqlite(folder, span, threads)?,
        ];
        all.iter_mut().zip(round).for_each(|((_, rounds), times)| rounds.push(times));
    }
    println!(
        "{:<12} {:>10} {:>10} {:>8} {:>8} {:>9} {:>10} {:>14}",
        "", "commits/s", "best", "p10 us", "p50 us", "p999 us", "longest us", "longest / p50"
    );
    let of = |times: &[Times], value: &dyn Fn(&Times) -> f64| median(times.iter().map(value).collect());
    for (name, times) in &all {
        let best = times.iter().map(Times::rate).fold(0.0, f64::max);
        let longest = of(times, &|times| times.micros(1000));
        let middle = of(times, &|times| times.micros(500));
        println!(
            "{name:<12} {:>10.0} {best:>10.0} {:>8.1} {middle:>8.1} {:>9.0} {longest:>10.0} {:>14.1}",
            of(times, &Times::rate),
            of(times, &|times| times.micros(100)),
            of(times, &|times| times.micros(999)),
            longest / middle
        );
    }
    if let [(_, bare), (_, one), (_, many), (_, _), (_, peers)] = all.as_slice() {
        let p50 = |times: &Times| times.micros(500);
        println!("one thread beside the bare write, p50: {:.2}", of(one, &p50) / of(bare, &p50));
        println!("{threads} threads beside one: {:.2}", of(many, &Times::rate) / of(one, &Times::rate));
        println!(
            "{threads} threads beside SQLite's: {:.2}",
            of(many, &Times::rate) / of(peers, &Times::rate)
        );
    }
    Ok(())
}
