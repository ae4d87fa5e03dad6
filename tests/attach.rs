//! Databases attached by name, as files: what another handle on them sees, what one transaction may change, and what a
//! crash leaves.

#![allow(missing_docs, clippy::unwrap_used)]

use sedge::{Connection, Database, ErrorCode, Options};
use std::path::Path;
use tempfile::TempDir;

fn attach(connection: &Connection, file: &Path, name: &str) {
    connection.execute(&format!("ATTACH ?1 AS {name}"), [file.to_str().unwrap()]).unwrap();
}

fn count(connection: &Connection, table: &str) -> i64 {
    connection.query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0)).unwrap()
}

/// Two files, one attached to a connection on the other, each with a table `t`.
fn two_files(folder: &TempDir) -> Connection {
    let connection = Database::open(folder.path().join("main.sedge")).unwrap().connect().unwrap();
    attach(&connection, &folder.path().join("other.sedge"), "other");
    connection.execute_batch("CREATE TABLE main.t(a INTEGER); CREATE TABLE other.t(a INTEGER)").unwrap();
    connection
}

#[test]
fn what_is_written_to_an_attached_file_stays_there() {
    let folder = tempfile::tempdir().unwrap();
    let connection = two_files(&folder);
    connection
        .execute_batch("INSERT INTO main.t VALUES (1); INSERT INTO other.t SELECT a + 1 FROM main.t")
        .unwrap();
    connection.execute("CREATE INDEX other.t_a ON t(a)", ()).unwrap();
    assert_eq!((connection.changes(), connection.total_changes()), (1, 2));
    connection.execute("DETACH other", ()).unwrap();
    assert_eq!(connection.prepare("SELECT * FROM other.t").unwrap_err().code(), ErrorCode::Name);
    let other = Database::open(folder.path().join("other.sedge")).unwrap();
    let value: i64 =
        other.connect().unwrap().query_row("SELECT a FROM t INDEXED BY t_a", (), |row| row.get(0)).unwrap();
    assert_eq!(value, 2);
    assert_eq!(other.check().unwrap(), Vec::<String>::new());
    // A file that was attached, and its logs, are one file at rest.
    other.close().unwrap();
    assert!(!folder.path().join("other.sedge-wal0").exists());
}

#[test]
fn one_transaction_changes_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let connection = two_files(&folder);
    connection.execute("BEGIN", ()).unwrap();
    connection.execute("INSERT INTO main.t VALUES (1)", ()).unwrap();
    let error = connection.execute("INSERT INTO other.t VALUES (1)", ()).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("main") && message.contains("other") && message.contains("COMMIT"), "{message}");
    // Reading the other is allowed, and so is writing to what is no file.
    assert_eq!(count(&connection, "other.t"), 0);
    connection.execute_batch("CREATE TEMP TABLE kept AS SELECT a FROM main.t; ATTACH ':memory:' AS memory; CREATE TABLE memory.m(a); INSERT INTO memory.m VALUES (1)").unwrap();
    connection.execute("COMMIT", ()).unwrap();
    assert_eq!((count(&connection, "main.t"), count(&connection, "other.t")), (1, 0));
    assert_eq!((count(&connection, "kept"), count(&connection, "m")), (1, 1));
    // The remedy: one after the other.
    connection.execute("INSERT INTO other.t SELECT a FROM kept", ()).unwrap();
    assert_eq!(count(&connection, "other.t"), 1);
    // One statement that would change both by a trigger changes neither.
    connection
        .execute_batch(
            "CREATE TEMP TRIGGER both AFTER INSERT ON main.t BEGIN INSERT INTO other.t VALUES (new.a); END",
        )
        .unwrap();
    assert!(connection.execute("INSERT INTO main.t VALUES (2)", ()).is_err());
    assert_eq!((count(&connection, "main.t"), count(&connection, "other.t")), (1, 1));
    // BEGIN IMMEDIATE waits for main, but has not changed it.
    connection
        .execute_batch("DROP TRIGGER both; BEGIN IMMEDIATE; INSERT INTO other.t VALUES (2); COMMIT")
        .unwrap();
    assert_eq!(count(&connection, "other.t"), 2);
}

#[test]
fn another_handle_on_an_attached_file_sees_its_commits() {
    let folder = tempfile::tempdir().unwrap();
    let connection = two_files(&folder);
    let direct = Database::open(folder.path().join("other.sedge")).unwrap().connect().unwrap();
    assert_eq!(count(&direct, "t"), 0);
    let mut statement = direct.prepare("SELECT * FROM t").unwrap();
    connection
        .execute_batch("INSERT INTO other.t VALUES (7); ALTER TABLE other.t ADD COLUMN b TEXT DEFAULT 'x'")
        .unwrap();
    let row: (i64, String) =
        statement.query(()).unwrap().map_rows(|row| Ok((row.get(0)?, row.get(1)?))).unwrap()[0].clone();
    assert_eq!(row, (7, "x".to_owned()));
    direct.execute("CREATE TABLE made(a INTEGER)", ()).unwrap();
    assert_eq!(count(&connection, "other.made"), 0);
    // Within a transaction both databases stand still.
    connection.execute("BEGIN", ()).unwrap();
    assert_eq!(count(&connection, "other.t"), 1);
    direct.execute("INSERT INTO t(a) VALUES (8)", ()).unwrap();
    assert_eq!(count(&connection, "other.t"), 1);
    let error = connection.execute("INSERT INTO other.t(a) VALUES (9)", ()).unwrap_err();
    assert!(error.is_retryable(), "{error}");
    connection.execute("ROLLBACK", ()).unwrap();
    assert_eq!(count(&connection, "other.t"), 2);
    // A writer of the attached file stands in the way of others there, and of nobody in main.
    connection.execute_batch("PRAGMA busy_timeout = 0; BEGIN; INSERT INTO main.t VALUES (1)").unwrap();
    direct.execute("INSERT INTO t(a) VALUES (10)", ()).unwrap();
    connection.execute("COMMIT", ()).unwrap();
    direct.execute_batch("BEGIN; INSERT INTO t(a) VALUES (11)").unwrap();
    assert_eq!(connection.execute("DELETE FROM other.t", ()).unwrap_err().code(), ErrorCode::Busy);
    connection.execute("DELETE FROM main.t", ()).unwrap();
}

#[test]
fn temporary_objects_are_of_one_connection() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path().join("main.sedge")).unwrap();
    let (one, two) = (database.connect().unwrap(), database.connect().unwrap());
    one.execute_batch(
        "CREATE TABLE t(a INTEGER); CREATE TEMP TABLE mine(a INTEGER); INSERT INTO mine VALUES (1)",
    )
    .unwrap();
    assert_eq!(two.prepare("SELECT * FROM mine").unwrap_err().code(), ErrorCode::Name);
    two.execute_batch("CREATE TEMP TABLE mine(b TEXT, c TEXT); CREATE TEMP TRIGGER own AFTER INSERT ON t BEGIN INSERT INTO mine VALUES (new.a, 'two'); END").unwrap();
    one.execute("INSERT INTO t VALUES (1)", ()).unwrap();
    assert_eq!(count(&two, "mine"), 0);
    two.execute("INSERT INTO t VALUES (2)", ()).unwrap();
    assert_eq!((count(&one, "mine"), count(&two, "mine")), (1, 1));
    // Writing to a temporary table takes no turn of the file's writers.
    one.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (3)").unwrap();
    two.execute_batch("PRAGMA busy_timeout = 0; INSERT INTO mine VALUES ('x', 'y')").unwrap();
    assert_eq!(two.execute("INSERT INTO t VALUES (4)", ()).unwrap_err().code(), ErrorCode::Busy);
    one.execute("COMMIT", ()).unwrap();
    // They are gone with it, and the file has never held them.
    drop((one, two));
    let three = database.connect().unwrap();
    assert!(three.prepare("SELECT * FROM mine").is_err());
    assert_eq!(count(&three, "t"), 3);
    drop(three);
    database.close().unwrap();
    let read_only =
        Options::new().read_only(true).open(folder.path().join("main.sedge")).unwrap().connect().unwrap();
    read_only
        .execute_batch("CREATE TEMP TABLE mine AS SELECT a FROM t; INSERT INTO mine VALUES (9)")
        .unwrap();
    assert_eq!(count(&read_only, "mine"), 4);
    assert_eq!(read_only.execute("INSERT INTO t VALUES (5)", ()).unwrap_err().code(), ErrorCode::ReadOnly);
}

#[test]
fn what_cannot_be_attached_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let connection = two_files(&folder);
    std::fs::write(folder.path().join("text.txt"), "no database".repeat(2000)).unwrap();
    let refused = |sql: String, part: &str| {
        let error = connection.execute(&sql, ()).unwrap_err().to_string();
        assert!(error.contains(part), "{sql}: {error}");
    };
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    refused(format!("ATTACH '{}' AS x", path("text.txt")), "text.txt");
    refused(format!("ATTACH '{}' AS x", path("no/such/folder.sedge")), "no/such/folder.sedge");
    refused(format!("ATTACH '{}' AS x", path("other.sedge")), "already attached, as other");
    refused(format!("ATTACH '{}' AS x", path("main.sedge")), "already attached, as main");
    refused("ATTACH 5 AS x".to_owned(), "as texts");
    connection.execute("BEGIN", ()).unwrap();
    count(&connection, "other.t");
    refused("DETACH other".to_owned(), "locked");
    refused("VACUUM other".to_owned(), "within a transaction");
    connection.execute("ROLLBACK", ()).unwrap();
    let files: Vec<(i64, String, String)> = connection
        .prepare("PRAGMA database_list")
        .unwrap()
        .query(())
        .unwrap()
        .map_rows(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap();
    let real = |name: &str| folder.path().join(name).canonicalize().unwrap().to_str().unwrap().to_owned();
    let wanted = [(0, "main".to_owned(), real("main.sedge")), (2, "other".to_owned(), real("other.sedge"))];
    assert_eq!(files, wanted);
}

/// What stands in the files of a database at this moment, as a crash leaves it.
fn crashed(folder: &TempDir, name: &str) -> Database {
    for suffix in ["", "-wal0", "-wal1"] {
        let file = folder.path().join(format!("{name}.sedge{suffix}"));
        if file.exists() {
            std::fs::copy(file, folder.path().join(format!("crashed-{name}.sedge{suffix}"))).unwrap();
        }
    }
    Database::open(folder.path().join(format!("crashed-{name}.sedge"))).unwrap()
}

#[test]
fn a_crash_keeps_what_was_committed_to_an_attached_file() {
    let folder = tempfile::tempdir().unwrap();
    let connection = two_files(&folder);
    connection.execute_batch("CREATE TEMP TABLE scratch(a INTEGER)").unwrap();
    for round in 0..20 {
        connection
            .execute_batch(&format!(
                "BEGIN; INSERT INTO other.t VALUES ({round}); INSERT INTO scratch VALUES ({round}); \
                 CREATE TABLE other.t{round}(a INTEGER UNIQUE); INSERT INTO other.t{round} VALUES ({round}); COMMIT"
            ))
            .unwrap();
    }
    connection.execute_batch("BEGIN; DELETE FROM other.t; DROP TABLE other.t3; DELETE FROM scratch").unwrap();
    let after = crashed(&folder, "other");
    let read = after.connect().unwrap();
    assert_eq!(count(&read, "t"), 20);
    assert_eq!((count(&read, "t3"), count(&read, "t19")), (1, 1));
    assert_eq!(after.check().unwrap(), Vec::<String>::new());
    let main = crashed(&folder, "main");
    assert_eq!(count(&main.connect().unwrap(), "t"), 0);
    assert_eq!(main.check().unwrap(), Vec::<String>::new());
    connection.execute("ROLLBACK", ()).unwrap();
    assert_eq!((count(&connection, "other.t"), count(&connection, "scratch")), (20, 20));
}

#[test]
fn vacuum_takes_the_name_of_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let connection = two_files(&folder);
    connection
        .execute_batch(
            "INSERT INTO other.t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
             SELECT i FROM n; CREATE TABLE other.behind AS SELECT a FROM other.t; DELETE FROM other.t WHERE a > 10; CREATE TEMP TABLE aside(a INTEGER); INSERT INTO aside VALUES (1)",
        )
        .unwrap();
    let pages = |name: &str| -> i64 {
        connection.query_row(&format!("PRAGMA {name}.page_count"), (), |row| row.get(0)).unwrap()
    };
    let before = pages("other");
    connection.execute_batch("VACUUM other; VACUUM temp; VACUUM").unwrap();
    assert!(pages("other") < before, "{} of {before}", pages("other"));
    assert_eq!(count(&connection, "other.t"), 10);
    let copy = folder.path().join("copy.sedge");
    connection.execute("VACUUM other INTO ?1", [copy.to_str().unwrap()]).unwrap();
    assert_eq!(count(&Database::open(copy).unwrap().connect().unwrap(), "t"), 10);
    assert_eq!(count(&connection, "aside"), 1);
}
