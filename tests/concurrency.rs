//! The library with several threads and connections: writers take turns, readers are never in their way.

#![allow(missing_docs, clippy::unwrap_used)]

use sedge::{Connection, Database, ErrorCode, Options};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

const THREADS: i64 = 4;
const ROUNDS: i64 = 100;

fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, (), |row| row.get(0)).unwrap()
}

/// A counter in a file: commits go through the log as in earnest.
fn counter() -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path().join("counter.sedge")).unwrap();
    database.connect().unwrap().execute_batch("CREATE TABLE c(n INTEGER); INSERT INTO c VALUES (0)").unwrap();
    (folder, database)
}

fn on_threads(work: impl Fn() + Sync) {
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(&work);
        }
    });
}

#[test]
fn no_update_is_lost_among_writers() {
    let (_folder, database) = counter();
    on_threads(|| {
        for _ in 0..ROUNDS {
            database
                .write(|tx| {
                    let n = number(tx, "SELECT n FROM c");
                    tx.execute("UPDATE c SET n = ?", [n + 1])
                })
                .unwrap();
        }
    });
    assert_eq!(number(&database.connect().unwrap(), "SELECT n FROM c"), THREADS * ROUNDS);
}

#[test]
fn a_transaction_that_read_what_has_changed_cannot_write() {
    let (_folder, database) = counter();
    on_threads(|| {
        let mut connection = database.connect().unwrap();
        for _ in 0..ROUNDS {
            loop {
                let tx = connection.transaction().unwrap();
                let n = number(&tx, "SELECT n FROM c");
                match tx.execute("UPDATE c SET n = ?", [n + 1]) {
                    Ok(_) => break tx.commit().unwrap(),
                    Err(error) => assert!(error.is_retryable(), "{error}"),
                }
            }
        }
    });
    assert_eq!(number(&database.connect().unwrap(), "SELECT n FROM c"), THREADS * ROUNDS);
}

#[test]
fn statements_without_a_transaction_take_turns() {
    let (_folder, database) = counter();
    on_threads(|| {
        let connection = database.connect().unwrap();
        let mut add = connection.prepare("UPDATE c SET n = n + 1").unwrap();
        for _ in 0..ROUNDS {
            assert_eq!(add.execute(()).unwrap(), 1);
        }
    });
    assert_eq!(number(&database.connect().unwrap(), "SELECT n FROM c"), THREADS * ROUNDS);
}

#[test]
fn readers_see_whole_commits_while_others_write() {
    let database = Database::open_in_memory().unwrap();
    let setup = database.connect().unwrap();
    setup.execute_batch("CREATE TABLE account(id INTEGER PRIMARY KEY, balance INTEGER)").unwrap();
    for id in 0..50 {
        setup.execute("INSERT INTO account VALUES (?, 100)", [id]).unwrap();
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let connection = database.connect().unwrap();
                let mut total = connection.prepare("SELECT sum(balance), count(*) FROM account").unwrap();
                while !done.load(Ordering::Relaxed) {
                    let read =
                        total.query_row((), |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?))).unwrap();
                    assert_eq!(read, (5000, 50));
                }
            });
        }
        for round in 0..500 {
            database
                .write(|tx| {
                    tx.execute("UPDATE account SET balance = balance - 7 WHERE id = ?", [round % 50])?;
                    tx.execute(
                        "UPDATE account SET balance = balance + 7 WHERE id = ?",
                        [(round * 7 + 1) % 50],
                    )
                })
                .unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(database.check().unwrap().is_empty());
}

#[test]
fn an_open_writer_keeps_no_reader_waiting() {
    let (_folder, database) = counter();
    let (writer, reader) = (database.connect().unwrap(), database.connect().unwrap());
    writer.execute_batch("BEGIN IMMEDIATE; UPDATE c SET n = 7; CREATE TABLE d(a)").unwrap();
    let started = Instant::now();
    assert_eq!(number(&reader, "SELECT n FROM c"), 0);
    assert_eq!(reader.prepare("SELECT * FROM d").unwrap_err().code(), ErrorCode::Name);
    assert!(started.elapsed() < Duration::from_secs(1));
    writer.execute("COMMIT", ()).unwrap();
    assert_eq!(number(&reader, "SELECT n + (SELECT count(*) FROM d) FROM c"), 7);
}

#[test]
fn a_writer_waits_as_long_as_it_was_told() {
    let database = Options::new().busy_timeout(Duration::from_millis(100)).open_in_memory().unwrap();
    let (first, second) = (database.connect().unwrap(), database.connect().unwrap());
    first.execute_batch("CREATE TABLE t(a INTEGER); BEGIN IMMEDIATE").unwrap();
    let started = Instant::now();
    assert_eq!(second.execute("INSERT INTO t VALUES (1)", ()).unwrap_err().code(), ErrorCode::Busy);
    assert!(started.elapsed() >= Duration::from_millis(100), "{:?}", started.elapsed());
    assert_eq!(database.write(|tx| tx.execute("DELETE FROM t", ())).unwrap_err().code(), ErrorCode::Busy);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    // A writer that is done in time is waited for.
    second.execute("PRAGMA busy_timeout = 10000", ()).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| second.execute("INSERT INTO t VALUES (2)", ()).unwrap());
        std::thread::sleep(Duration::from_millis(150));
        first.execute("COMMIT", ()).unwrap();
        assert_eq!(waiting.join().unwrap(), 1);
    });
}

#[test]
fn a_statement_is_shared_by_threads() {
    let database = Database::open_in_memory().unwrap();
    let connection = database.connect().unwrap();
    connection.execute_batch("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)").unwrap();
    let insert = Arc::new(Mutex::new(connection.prepare("INSERT INTO t(b) VALUES (?)").unwrap()));
    // Each thread has a statement of its own as well, all of the one connection.
    let own: Vec<_> = (0..THREADS).map(|_| connection.prepare("SELECT count(*) FROM t").unwrap()).collect();
    let start = Barrier::new(own.len());
    std::thread::scope(|scope| {
        for mut count in own {
            let (insert, start) = (Arc::clone(&insert), &start);
            scope.spawn(move || {
                start.wait();
                let mut seen = 0;
                for _ in 0..ROUNDS {
                    insert.lock().unwrap().execute(["x"]).unwrap();
                    let now = count.query_row((), |row| row.get::<i64>(0)).unwrap();
                    assert!(now > seen);
                    seen = now;
                }
            });
        }
    });
    assert_eq!(number(&connection, "SELECT count(*) FROM t"), THREADS * ROUNDS);
}

#[test]
fn an_interrupt_is_for_what_runs() {
    let database = Database::open_in_memory().unwrap();
    let connection = database.connect().unwrap();
    let handle = connection.interrupt_handle();
    handle.interrupt();
    assert_eq!(number(&connection, "SELECT 1"), 1, "nothing ran when the interrupt came");
    connection.execute_batch("CREATE TABLE t(a INTEGER)").unwrap();
    let rows: Vec<String> = (0..3000).map(|n| format!("({n})")).collect();
    connection.execute(&format!("INSERT INTO t VALUES {}", rows.join(",")), ()).unwrap();
    let mut select = connection.prepare("SELECT a.a FROM t a, t b").unwrap();
    let mut rows = select.query(()).unwrap();
    assert!(rows.next().unwrap().is_some());
    handle.interrupt();
    let ended = loop {
        match rows.next() {
            Ok(Some(_)) => {}
            ended => break ended.map(|row| row.is_some()),
        }
    };
    assert_eq!(ended.unwrap_err().code(), ErrorCode::Interrupted);
    assert!(rows.next().unwrap().is_none(), "the rows have ended");
    drop(rows);
    assert_eq!(number(&connection, "SELECT count(*) FROM t"), 3000);
    // A write that is interrupted has changed nothing.
    let worker = std::thread::spawn(move || {
        let failed = connection.execute("INSERT INTO t SELECT a.a FROM t a, t b, t c", ()).unwrap_err();
        (failed.code(), connection)
    });
    while !worker.is_finished() {
        handle.interrupt();
        std::thread::sleep(Duration::from_millis(5));
    }
    let (code, connection) = worker.join().unwrap();
    assert_eq!((code, number(&connection, "SELECT count(*) FROM t")), (ErrorCode::Interrupted, 3000));
}

/// Rows enough that a scan of them takes helping threads.
const LONG: i64 = 1 << 16;

fn long_table() -> Connection {
    let connection = Database::open_in_memory().unwrap().connect().unwrap();
    connection
        .execute_batch(
            "CREATE TABLE t(a INTEGER PRIMARY KEY, b INTEGER, c TEXT); INSERT INTO t VALUES (1, 3, 'x1')",
        )
        .unwrap();
    while number(&connection, "SELECT max(a) FROM t") < LONG {
        let doubled = "INSERT INTO t SELECT a + (SELECT max(a) FROM t), b + 1, 'x' || a FROM t";
        connection.execute(doubled, ()).unwrap();
    }
    // A text that lies in pages of its own, far behind.
    connection
        .execute("UPDATE t SET c = ? WHERE a = ?", sedge::params!["long ".repeat(5000), LONG - 7])
        .unwrap();
    connection
}

#[test]
fn a_shared_scan_gives_its_rows_in_their_order() {
    let connection = long_table();
    let ids = |sql: &str| connection.query(sql, (), |row| row.get::<i64>(0)).unwrap();
    assert!(ids("SELECT a FROM t").into_iter().eq(1..=LONG));
    assert!(ids("SELECT a FROM t WHERE a % 7 = 3").into_iter().eq((1..=LONG).filter(|a| a % 7 == 3)));
    assert_eq!(ids("SELECT a FROM t WHERE length(c) > 20000"), [LONG - 7]);
    assert_eq!(number(&connection, "SELECT sum(a) FROM t"), LONG * (LONG + 1) / 2);
    let random = number(&connection, "SELECT count(*) FROM t WHERE random() % 2 = 0");
    assert!((LONG / 3..LONG * 2 / 3).contains(&random));
    let among = "SELECT count(*) FROM t WHERE b > (SELECT avg(b) FROM t u WHERE u.a < 100)";
    assert!(number(&connection, among) > 0);
}

#[test]
fn a_shared_scan_raises_its_errors_where_they_stand() {
    let connection = long_table();
    // Raises at row 60,000 only; the rows before it are given.
    let sql = "SELECT a FROM t WHERE abs(CASE a WHEN 60000 THEN -9223372036854775807 - 1 ELSE a END) > 0";
    let mut statement = connection.prepare(sql).unwrap();
    let mut rows = statement.query(()).unwrap();
    let mut last = 0;
    let error = loop {
        match rows.next() {
            Ok(Some(row)) => last = row.get::<i64>(0).unwrap(),
            Ok(None) => panic!("row 60,000 cannot be computed"),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("overflow"), "{error}");
    assert!((50_000..60_000).contains(&last), "{last}");
    drop(rows);
    // What is left half read is in nobody's way, and can be interrupted.
    let mut statement = connection.prepare("SELECT a FROM t WHERE a % 2 = 0").unwrap();
    let mut rows = statement.query(()).unwrap();
    for _ in 0..20_000 {
        rows.next().unwrap();
    }
    assert_eq!(connection.execute("DELETE FROM t WHERE a > 1000", ()).unwrap(), LONG as usize - 1000);
    assert_eq!(rows.next().unwrap().map(|row| row.get::<i64>(0).unwrap()), Some(40_002));
    connection.interrupt_handle().interrupt();
    let ended =
        std::iter::from_fn(|| rows.next().map(|row| row.map(|_| ())).transpose()).find_map(Result::err);
    assert_eq!(ended.map(|error| error.code()), Some(ErrorCode::Interrupted));
}
