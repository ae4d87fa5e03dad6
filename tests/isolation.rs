//! Snapshot isolation by the anomalies of the textbooks: each is tried, and none comes about.
//!
//! A transaction reads one state of the database, that of its first read, and its own changes. There is one writer at a
//! time, and who has read an older state than the newest cannot become it: so what commits could have run one by one.

#![allow(missing_docs, clippy::unwrap_used)]

use sedge::{Connection, Database, ErrorCode, Options};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_millis(50);

/// Two accounts of 50, and two connections.
fn accounts() -> (tempfile::TempDir, Database, Connection, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let database = Options::new().busy_timeout(TIMEOUT).open(folder.path().join("accounts.sedge")).unwrap();
    let [one, two] = [(); 2].map(|()| database.connect().unwrap());
    one.execute_batch(
        "CREATE TABLE a(id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO a VALUES (1, 50), (2, 50)",
    )
    .unwrap();
    (folder, database, one, two)
}

fn get(connection: &Connection, id: i64) -> i64 {
    connection.query_row("SELECT n FROM a WHERE id = ?", [id], |row| row.get(0)).unwrap()
}

fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, (), |row| row.get(0)).unwrap()
}

fn run(connection: &Connection, sql: &str) {
    connection.execute_batch(sql).unwrap();
}

/// Busy, since another has committed what the transaction did not see.
fn assert_conflict(connection: &Connection, sql: &str) {
    let error = connection.execute(sql, ()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Busy);
    assert!(error.is_retryable());
    assert!(error.to_string().contains("has changed since this transaction began"), "{error}");
}

#[test]
fn no_dirty_read() {
    let (_folder, _database, one, two) = accounts();
    run(&one, "BEGIN; UPDATE a SET n = 0 WHERE id = 1");
    assert_eq!((get(&one, 1), get(&two, 1)), (0, 50));
    run(&one, "SAVEPOINT s; UPDATE a SET n = 1; ROLLBACK TO s; ROLLBACK");
    assert_eq!((get(&one, 1), get(&two, 1)), (50, 50));
}

#[test]
fn no_dirty_write() {
    let (_folder, _database, one, two) = accounts();
    run(&one, "BEGIN; UPDATE a SET n = 0 WHERE id = 1");
    let asked = Instant::now();
    let error = two.execute("UPDATE a SET n = 9 WHERE id = 1", ()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Busy);
    assert!(asked.elapsed() >= TIMEOUT, "it waits for its turn before it gives up");
    run(&one, "COMMIT");
    run(&two, "UPDATE a SET n = 9 WHERE id = 2");
    assert_eq!((get(&one, 1), get(&one, 2)), (0, 9));
}

#[test]
fn reads_repeat() {
    let (_folder, _database, one, two) = accounts();
    run(&one, "BEGIN");
    assert_eq!(get(&one, 1), 50);
    run(&two, "UPDATE a SET n = n + 1; DELETE FROM a WHERE id = 2");
    assert_eq!((get(&one, 1), get(&one, 2)), (50, 50));
    run(&one, "COMMIT");
    assert_eq!(get(&one, 1), 51);
}

#[test]
fn no_phantom() {
    let (_folder, _database, one, two) = accounts();
    let rich = "SELECT count(*) FROM a WHERE n >= 50";
    run(&one, "BEGIN");
    assert_eq!(number(&one, rich), 2);
    run(&two, "INSERT INTO a VALUES (3, 70); CREATE INDEX an ON a(n); INSERT INTO a VALUES (4, 80)");
    assert_eq!(number(&one, rich), 2, "neither rows nor an index that came later");
    run(&one, "COMMIT");
    assert_eq!(number(&one, rich), 4);
}

#[test]
fn no_read_skew() {
    let (_folder, _database, one, two) = accounts();
    run(&one, "BEGIN");
    assert_eq!(get(&one, 1), 50);
    run(&two, "BEGIN; UPDATE a SET n = 20 WHERE id = 1; UPDATE a SET n = 80 WHERE id = 2; COMMIT");
    assert_eq!(get(&one, 2), 50, "50 + 80 was never the sum");
    run(&one, "ROLLBACK");
    assert_eq!(number(&one, "SELECT sum(n) FROM a"), 100);
}

#[test]
fn no_lost_update() {
    let (_folder, _database, one, two) = accounts();
    run(&one, "BEGIN");
    run(&two, "BEGIN");
    assert_eq!((get(&one, 1), get(&two, 1)), (50, 50));
    run(&one, "UPDATE a SET n = 60 WHERE id = 1; COMMIT");
    assert_conflict(&two, "UPDATE a SET n = 70 WHERE id = 1");
    // The transaction still reads what it has read; it has to begin again to write.
    assert_eq!(get(&two, 1), 50);
    run(&two, "ROLLBACK; BEGIN IMMEDIATE; UPDATE a SET n = n + 20 WHERE id = 1; COMMIT");
    assert_eq!(get(&one, 1), 80);
}

#[test]
fn no_write_skew() {
    // Both see that the other is there, and go: together they would break what each has checked.
    let (_folder, _database, one, two) = accounts();
    run(&one, "BEGIN");
    run(&two, "BEGIN");
    assert_eq!((number(&one, "SELECT sum(n) FROM a"), number(&two, "SELECT sum(n) FROM a")), (100, 100));
    run(&one, "UPDATE a SET n = n - 100 WHERE id = 1; COMMIT");
    assert_conflict(&two, "UPDATE a SET n = n - 100 WHERE id = 2");
    run(&two, "ROLLBACK");
    assert_eq!(number(&two, "SELECT sum(n) FROM a"), 0);
}

#[test]
fn what_an_immediate_transaction_reads_nobody_changes() {
    let (_folder, _database, one, two) = accounts();
    run(&one, "BEGIN IMMEDIATE");
    assert_eq!(get(&one, 1), 50);
    assert_eq!(two.execute("BEGIN IMMEDIATE", ()).unwrap_err().code(), ErrorCode::Busy);
    run(&two, "BEGIN"); // to read only
    assert_eq!(get(&two, 1), 50);
    run(&one, "UPDATE a SET n = 51 WHERE id = 1; COMMIT");
    assert_eq!(get(&two, 1), 50);
    assert_conflict(&two, "DELETE FROM a");
}

#[test]
fn readers_wait_for_nothing() {
    // While a writer has its turn, holds changes and a checkpoint is asked for, reads take no time to speak of.
    let (_folder, database, one, two) = accounts();
    run(&one, "BEGIN IMMEDIATE; UPDATE a SET n = n + 1");
    std::thread::scope(|scope| {
        let checkpoint = scope.spawn(|| database.checkpoint());
        for _ in 0..1000 {
            assert_eq!(number(&two, "SELECT sum(n) FROM a"), 100);
        }
        assert_eq!(checkpoint.join().unwrap().unwrap_err().code(), ErrorCode::Busy);
    });
    run(&one, "COMMIT");
    database.checkpoint().unwrap();
    assert_eq!(number(&two, "SELECT sum(n) FROM a"), 102);
}

#[test]
fn write_runs_again_what_met_a_conflict() {
    // A closure that goes through a connection of its own may meet what the transaction's turn does not keep away.
    let (_folder, database, one, _two) = accounts();
    let mut runs = 0;
    let read = database
        .write(|tx| {
            runs += 1;
            tx.execute("UPDATE a SET n = n + 1 WHERE id = 1", ())?;
            if runs < 3 {
                one.execute("UPDATE a SET n = 0", ())?; // busy: the turn is taken
            }
            Ok(get(tx, 1))
        })
        .unwrap();
    assert_eq!((runs, read, get(&one, 1)), (3, 51, 51), "what failed was rolled back");
    let error = database.write(|_| one.execute("UPDATE a SET n = 0", ())).unwrap_err();
    assert_eq!((error.code(), get(&one, 1)), (ErrorCode::Busy, 51));
}
