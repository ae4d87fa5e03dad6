//! EXPLAIN ANALYZE from outside: what it measures, and that what it runs has really run.

#![allow(missing_docs, clippy::unwrap_used)]

use sedge::{Connection, Database, ErrorCode};

/// 300 rows, an index that covers nothing but its column, and a second table of 30.
fn open() -> Connection {
    let connection = Database::open_in_memory().unwrap().connect().unwrap();
    connection
        .execute_batch(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, k INTEGER, s TEXT); CREATE INDEX tk ON t(k);
             CREATE TABLE u(id INTEGER PRIMARY KEY, t INTEGER)",
        )
        .unwrap();
    let mut insert = connection.prepare("INSERT INTO t VALUES (?, ?, ?)").unwrap();
    for n in 1..=300 {
        insert.execute((n, n % 10, "x".repeat(50))).unwrap();
    }
    connection.execute("INSERT INTO u SELECT id, id * 7 FROM t WHERE id <= 30", ()).unwrap();
    connection
}

/// The lines of a statement's analysis.
fn analyze(connection: &Connection, sql: &str) -> Vec<String> {
    connection.query(&format!("EXPLAIN ANALYZE {sql}"), (), |row| row.get::<String>(0)).unwrap()
}

/// The number behind `name=` in the line that holds `part`.
fn number(lines: &[String], part: &str, name: &str) -> f64 {
    let line =
        lines.iter().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part} in {lines:#?}"));
    // The estimates of rows come before the actual ones.
    let actual = line.split_once("(actual ").map_or(line.as_str(), |(_, actual)| actual);
    let text = actual.split(&format!("{name}=")).nth(1).unwrap_or_else(|| panic!("no {name} in {line}"));
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text[..end].parse().unwrap()
}

fn count(connection: &Connection, what: &str) -> i64 {
    connection.query_row(&format!("SELECT {what}"), (), |row| row.get(0)).unwrap()
}

#[test]
fn each_node_tells_its_rows() {
    let connection = open();
    let lines = analyze(
        &connection,
        "SELECT k, count(*) FROM t WHERE length(s) = 50 AND id > 100 GROUP BY k ORDER BY 2 LIMIT 3",
    );
    for (part, rows) in [("Limit", 3.0), ("Sort", 3.0), ("Aggregate", 10.0), ("Scan t", 200.0)] {
        assert_eq!(number(&lines, part, "rows"), rows, "{lines:#?}");
        assert_eq!(number(&lines, part, "loops"), 1.0, "{lines:#?}");
    }
    // What lies below a node counts for it, too.
    let (outer, inner) = (number(&lines, "Limit", "time"), number(&lines, "Scan t", "time"));
    assert!(outer >= inner && number(&lines, "Limit", "pages") == number(&lines, "Scan t", "pages"));
    assert!(number(&lines, "Scan t", "pages") >= 2.0, "{lines:#?}");
    assert!(lines.last().unwrap().contains("3 rows"), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.starts_with("Counters")), "{lines:#?}");
}

#[test]
fn a_side_that_is_restarted_tells_how_often() {
    let connection = open();
    let lines = analyze(&connection, "SELECT count(*) FROM u JOIN t ON t.id = u.t WHERE u.id <= 20");
    assert_eq!(number(&lines, "Scan u", "rows"), 20.0, "{lines:#?}");
    assert_eq!(
        (number(&lines, "Scan t", "loops"), number(&lines, "Scan t", "rows")),
        (20.0, 20.0),
        "{lines:#?}"
    );
    let lines = analyze(&connection, "SELECT (SELECT max(k) FROM t WHERE t.id < u.t) FROM u");
    assert_eq!(number(&lines, "Aggregate", "loops"), 30.0, "{lines:#?}");
    let lines = analyze(
        &connection,
        "SELECT * FROM u WHERE 1 = 0 OR id > 1000 AND EXISTS (SELECT 1 FROM t WHERE t.k = u.t + 1)",
    );
    assert!(lines.iter().any(|line| line.contains("rows=0")), "{lines:#?}");
}

#[test]
fn a_row_found_by_its_key_is_measured_too() {
    let connection = open();
    for (id, rows) in [(7, 1.0), (7_000, 0.0)] {
        let lines = analyze(&connection, &format!("SELECT s || 'y' FROM t WHERE id = {id}"));
        for part in ["Project", "Scan t"] {
            assert_eq!(
                (number(&lines, part, "rows"), number(&lines, part, "loops")),
                (rows, 1.0),
                "{lines:#?}"
            );
        }
        assert!(number(&lines, "Scan t", "pages") >= 1.0, "{lines:#?}");
    }
}

#[test]
fn writes_are_really_made() {
    let connection = open();
    let lines = analyze(&connection, "INSERT INTO u VALUES (100, 1), (101, 2)");
    assert_eq!(number(&lines, "Insert into u", "rows"), 2.0, "{lines:#?}");
    assert_eq!(number(&lines, "Counters of transactions", "commits"), 1.0, "{lines:#?}");
    assert_eq!(connection.changes(), 2);
    let lines = analyze(&connection, "UPDATE t SET s = 'short' WHERE k = 3");
    assert_eq!(
        (number(&lines, "Update t", "rows"), number(&lines, "Scan t", "rows")),
        (30.0, 30.0),
        "{lines:#?}"
    );
    // The table's record alone changes: 30 edits by allocators, new or known.
    let edits = ["allocator_builds", "snapshot_reuses"].map(|name| number(&lines, "leaf allocator", name));
    assert_eq!(edits.iter().sum::<f64>(), 30.0, "{lines:#?}");
    let lines = analyze(&connection, "DELETE FROM t WHERE id = 5");
    assert!(lines[1].contains("(named by its key)") && number(&lines, "Delete", "rows") == 1.0, "{lines:#?}");
    let lines = analyze(&connection, "INSERT INTO u SELECT id + 1000, k FROM t WHERE id > 280");
    assert_eq!(number(&lines, "Scan t", "rows"), 20.0, "{lines:#?}");
    let found = ["count(*) FROM u", "count(*) FROM t WHERE s = 'short'", "count(*) FROM t"];
    assert_eq!(found.map(|what| count(&connection, what)), [52, 30, 299]);
}

#[test]
fn in_a_transaction_the_counts_are_the_statements_own() {
    let mut connection = open();
    let transaction = connection.transaction().unwrap();
    transaction.execute("INSERT INTO u VALUES (200, 0)", ()).unwrap();
    let lines = transaction
        .query("EXPLAIN ANALYZE INSERT INTO u VALUES (201, 0)", (), |row| row.get::<String>(0))
        .unwrap();
    assert_eq!(number(&lines, "leaf allocator", "snapshot_reuses"), 1.0, "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("commits") || line.starts_with("Commit")), "{lines:#?}");
    transaction.rollback().unwrap();
    assert_eq!(count(&connection, "count(*) FROM u WHERE id >= 200"), 0);
}

#[test]
fn parameters_and_failures_are_those_of_the_statement() {
    let connection = open();
    let analyzed = "EXPLAIN ANALYZE SELECT * FROM t WHERE k = ?1 AND id < :most";
    let mut statement = connection.prepare(analyzed).unwrap();
    assert!(statement.is_read_only());
    for (k, most, rows) in [(3, 100, 10.0), (4, 50, 5.0)] {
        let mut run = statement.query((k, most)).unwrap();
        let mut lines = Vec::new();
        while let Some(row) = run.next().unwrap() {
            lines.push(row.get::<String>(0).unwrap());
        }
        assert_eq!(number(&lines, "Scan t", "rows"), rows, "{lines:#?}");
    }
    let insert = connection.prepare("EXPLAIN ANALYZE INSERT INTO u VALUES (1, 1)").unwrap();
    assert!(!insert.is_read_only());
    let refused = connection
        .query("EXPLAIN ANALYZE INSERT INTO u VALUES (500, 1), (1, 1)", (), |_| Ok(()))
        .unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Constraint);
    let kept = connection
        .query("EXPLAIN ANALYZE INSERT OR FAIL INTO u VALUES (501, 1), (1, 1)", (), |_| Ok(()))
        .unwrap_err();
    assert_eq!(kept.code(), ErrorCode::Constraint);
    assert_eq!(
        ["500", "501"].map(|id| count(&connection, &format!("count(*) FROM u WHERE id = {id}"))),
        [0, 1]
    );
    assert!(connection.is_autocommit());
    let missing = "EXPLAIN ANALYZE SELECT missing FROM t";
    let error = connection.query(missing, (), |_| Ok(())).unwrap_err();
    assert_eq!(error.span().map(|span| &missing[span.start..span.end]), Some("missing"));
    let other = connection.query("EXPLAIN ANALYZE DROP TABLE t", (), |_| Ok(())).unwrap_err();
    assert!(other.to_string().contains("EXPLAIN explains SELECT"), "{other}");
}

#[test]
fn a_plan_of_an_old_schema_is_not_run() {
    let connection = open();
    let mut statement = connection.prepare("EXPLAIN ANALYZE SELECT * FROM u").unwrap();
    connection
        .execute_batch(
            "DROP TABLE u; CREATE TABLE u(a TEXT, b TEXT, c TEXT); INSERT INTO u VALUES ('a', 'b', 'c')",
        )
        .unwrap();
    let first = statement.query_row((), |row| row.get::<String>(0)).unwrap();
    assert!(first.contains("actual rows=1 "), "{first}");
}
