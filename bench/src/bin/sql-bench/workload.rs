//! What is measured.

use crate::engine::{Engine, Row};
use std::error::Error;
use std::time::{Duration, Instant};

type Outcome = Result<(Duration, String), Box<dyn Error>>;

/// One thing that is measured.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) rows: i64,
    /// True for the one that makes the tables.
    pub(crate) always: bool,
    pub(crate) run: fn(&mut dyn Engine, i64) -> Outcome,
}

/// All workloads in their order, over a table of `rows` rows.
pub(crate) fn all(rows: i64) -> Vec<Workload> {
    let workload = |name, always, run| Workload { name, rows, always, run };
    vec![
        workload("load", true, load),
        workload("point-select", false, point_select),
        workload("short-sum", false, |engine, _| {
            timed(engine, "SELECT sum(amount) FROM item WHERE grp < 500")
        }),
        workload("filtered-sum", false, |engine, _| {
            timed(
                engine,
                "SELECT sum(amount * discount) FROM item \
                 WHERE day >= '2024-03-01' AND day < '2024-09-01' AND discount BETWEEN 0.02 AND 0.08 AND quantity < 25",
            )
        }),
        workload("group-by", false, |engine, _| {
            timed(engine, "SELECT grp, count(*), sum(amount) FROM item GROUP BY grp ORDER BY grp")
        }),
        workload("join", false, |engine, _| {
            timed(
                engine,
                "SELECT count(*), sum(i.amount + k.discount) FROM item i JOIN kind k ON k.grp = i.grp * 10",
            )
        }),
        workload("commit-insert", false, commit_insert),
    ]
}

/// A fixed sequence of numbers that looks random (an LCG; Knuth, MMIX).
fn numbers() -> impl Iterator<Item = u64> {
    std::iter::successors(Some(42_u64), |n| {
        Some(n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    })
    .map(|n| n >> 33)
}

fn load(engine: &mut dyn Engine, rows: i64) -> Outcome {
    engine.batch(
        "CREATE TABLE item(id INTEGER PRIMARY KEY, grp INTEGER, quantity INTEGER, amount REAL, discount REAL, \
                           day TEXT, status TEXT, name TEXT); \
         CREATE TABLE kind(id INTEGER PRIMARY KEY, grp INTEGER, quantity INTEGER, amount REAL, discount REAL, \
                           day TEXT, status TEXT, name TEXT);",
    )?;
    let mut kinds = (0..10_000).zip(numbers()).map(|(id, n)| Row { group: id, ..row(id, n) });
    engine.load("INSERT INTO kind VALUES (?, ?, ?, ?, ?, ?, ?, ?)", &mut kinds)?;
    // Made before the clock starts: making texts costs as much as storing them.
    let items: Vec<Row> = (1..=rows).zip(numbers()).map(|(id, n)| row(id, n)).collect();
    let started = Instant::now();
    engine.load("INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?)", &mut items.into_iter())?;
    Ok((started.elapsed(), engine.query("SELECT count(*), sum(grp) FROM item")?))
}

fn row(id: i64, n: u64) -> Row {
    Row {
        id,
        group: (n % 1000) as i64,
        quantity: (n / 7 % 50) as i64,
        amount: (n % 100_000) as f64 * 0.01 + 0.005,
        discount: (n / 11 % 11) as f64 * 0.01,
        day: format!("2024-{:02}-{:02}", n / 13 % 12 + 1, n / 17 % 28 + 1),
        status: ["open", "paid", "sent", "back"][(n / 19 % 4) as usize],
        name: format!("item {n}"),
    }
}

fn point_select(engine: &mut dyn Engine, rows: i64) -> Outcome {
    let mut keys = numbers().map(|n| n as i64 % rows + 1).take(100_000);
    let started = Instant::now();
    let sum = engine.lookups("SELECT grp FROM item WHERE id = ?", &mut keys)?;
    Ok((started.elapsed(), sum.to_string()))
}

fn timed(engine: &mut dyn Engine, sql: &str) -> Outcome {
    let started = Instant::now();
    let answer = engine.query(sql)?;
    Ok((started.elapsed(), answer))
}

/// One row a commit, each synced.
fn commit_insert(engine: &mut dyn Engine, _: i64) -> Outcome {
    engine.batch("DROP TABLE IF EXISTS journal; CREATE TABLE journal(id INTEGER PRIMARY KEY, note TEXT)")?;
    let started = Instant::now();
    for n in 0..200 {
        engine.batch(&format!("INSERT INTO journal VALUES ({n}, 'note {n}')"))?;
    }
    Ok((started.elapsed(), engine.query("SELECT count(*) FROM journal")?))
}
