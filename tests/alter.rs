//! ALTER TABLE beside open readers, on many rows, in transactions, and through a reopening of the file.

#![allow(missing_docs, clippy::unwrap_used)]

use sedge::{Connection, Database, ErrorCode};

const ROWS: i64 = 5_000;

fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, (), |row| row.get(0)).unwrap()
}

fn text(connection: &Connection, sql: &str) -> String {
    connection.query_row(sql, (), |row| row.get(0)).unwrap()
}

/// Rows over many leaves, some of them with texts that lie in several pages.
fn fill(connection: &Connection) {
    connection
        .execute_batch(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER, b TEXT, c TEXT);
             CREATE INDEX tb ON t(b);
             CREATE VIEW v AS SELECT id, b FROM t WHERE a > 0;",
        )
        .unwrap();
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
         INSERT INTO t SELECT i * 3, i, 'b' || i, CASE WHEN i % 500 = 0 THEN hex(zeroblob(6000)) ELSE 'c' || i END FROM n"
    );
    connection.execute(&sql, ()).unwrap();
}

#[test]
fn a_reader_goes_on_with_the_rows_it_began_with() {
    let database = Database::open_in_memory().unwrap();
    let (reader, writer) = (database.connect().unwrap(), database.connect().unwrap());
    fill(&writer);
    let mut statement = reader.prepare("SELECT id, a, c FROM t ORDER BY id").unwrap();
    let mut rows = statement.query(()).unwrap();
    let first = rows.next().unwrap().map(|row| row.get::<i64>(1).unwrap());
    assert_eq!(first, Some(1));
    writer.execute_batch("ALTER TABLE t DROP COLUMN c; ALTER TABLE t ALTER COLUMN b TYPE BLOB;").unwrap_err();
    writer.execute_batch("ALTER TABLE t RENAME TO s; ALTER TABLE s ALTER COLUMN a TYPE TEXT;").unwrap();
    let mut seen = 1;
    while let Some(row) = rows.next().unwrap() {
        seen += 1;
        assert_eq!(row.get::<i64>(1).unwrap(), seen);
        if seen % 500 == 0 {
            assert_eq!(row.get::<String>(2).unwrap().len(), 12_000);
        }
    }
    assert_eq!(seen, ROWS);
    drop(rows);
    assert!(statement.query(()).is_err(), "the table has another name now");
    assert_eq!(text(&reader, "SELECT typeof(a) FROM s LIMIT 1"), "text");
}

#[test]
fn what_was_altered_is_there_after_a_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("altered.sedge");
    let database = Database::open(&path).unwrap();
    let connection = database.connect().unwrap();
    fill(&connection);
    connection
        .execute_batch(
            "ALTER TABLE t DROP COLUMN c;
             ALTER TABLE t ADD COLUMN d INTEGER;
             ALTER TABLE t ADD COLUMN e TEXT NOT NULL DEFAULT 'e';
             ALTER TABLE t ADD CONSTRAINT b_once UNIQUE (b);
             ALTER TABLE t RENAME COLUMN a TO n;
             ALTER TABLE t RENAME TO kept;
             BEGIN;
             ALTER TABLE kept RENAME TO undone;
             ALTER TABLE undone DROP COLUMN d;
             ROLLBACK;",
        )
        .unwrap();
    drop(connection);
    drop(database);
    let database = Database::open(&path).unwrap();
    let connection = database.connect().unwrap();
    assert_eq!(text(&connection, "PRAGMA integrity_check"), "ok");
    assert_eq!(number(&connection, "SELECT count(*) FROM kept WHERE d IS NULL AND e = 'e'"), ROWS);
    assert_eq!(number(&connection, "SELECT sum(n) FROM kept"), ROWS * (ROWS + 1) / 2);
    assert_eq!(number(&connection, "SELECT id FROM v WHERE b = 'b7'"), 21);
    let twice = connection.execute("INSERT INTO kept(n, b) VALUES (1, 'b7')", ()).unwrap_err();
    assert_eq!(twice.code(), ErrorCode::Constraint);
}

#[test]
fn a_change_that_a_row_refuses_leaves_nothing_behind() {
    let database = Database::open_in_memory().unwrap();
    let connection = database.connect().unwrap();
    fill(&connection);
    connection.execute("UPDATE t SET b = 'last' WHERE id = (SELECT max(id) FROM t)", ()).unwrap();
    connection.execute("UPDATE t SET b = id WHERE b <> 'last'", ()).unwrap();
    let before = text(&connection, "SELECT group_concat(sql, ';') FROM sedge_schema");
    for refused in [
        "ALTER TABLE t ALTER COLUMN b TYPE INTEGER",
        "ALTER TABLE t ADD CHECK (b <> 'last')",
        "ALTER TABLE t ADD COLUMN f INTEGER AS (a - 5000) CHECK (f <> 0)",
    ] {
        let error = connection.execute(refused, ()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Constraint, "{refused}: {error}");
        assert_eq!(text(&connection, "SELECT group_concat(sql, ';') FROM sedge_schema"), before);
        assert_eq!(number(&connection, "SELECT count(*) FROM t WHERE typeof(b) = 'text'"), ROWS);
        assert_eq!(text(&connection, "PRAGMA integrity_check"), "ok");
    }
}

#[test]
fn an_error_names_what_is_in_the_way_and_points_at_the_place() {
    let connection = Database::open_in_memory().unwrap().connect().unwrap();
    connection
        .execute_batch(
            "CREATE TABLE t(a INTEGER, b INTEGER, c INTEGER, CONSTRAINT order_of CHECK (a < b));
             CREATE INDEX tc ON t(abs(c));
             CREATE VIEW w AS SELECT c FROM t;",
        )
        .unwrap();
    for (sql, message) in [
        ("ALTER TABLE t DROP COLUMN a", "cannot drop column \"a\": CHECK order_of uses it"),
        ("ALTER TABLE t DROP COLUMN c", "cannot drop column \"c\": index tc uses it"),
        ("ALTER TABLE t RENAME COLUMN d TO e", "no such column: d"),
        ("ALTER TABLE t RENAME COLUMN a TO B", "duplicate column name: B"),
        ("ALTER TABLE s RENAME TO x", "no such table: s"),
        ("ALTER TABLE t DROP CONSTRAINT order_or", "no such constraint: order_or; did you mean order_of?"),
        ("ALTER TABLE w RENAME TO x", "view w may not be altered"),
    ] {
        let error = connection.execute(sql, ()).unwrap_err();
        assert!(error.to_string().contains(message), "{sql}: {error}");
    }
    connection.execute("DROP INDEX tc", ()).unwrap();
    let error = connection.execute("ALTER TABLE t DROP COLUMN c", ()).unwrap_err();
    assert!(error.to_string().contains("error in view w after drop column: no such column: c"), "{error}");
}
