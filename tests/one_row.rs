//! Queries that look one row up by its key: they are run whole when they start, in every kind of transaction.

#![allow(missing_docs, clippy::unwrap_used)]

use sedge::{Connection, Database, ErrorCode, Params, Statement};

fn open() -> (Database, Connection) {
    let database = Database::open_in_memory().unwrap();
    let connection = database.connect().unwrap();
    connection
        .execute_batch(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT UNIQUE, n INTEGER);
             INSERT INTO t VALUES (1, 'one', 10), (2, 'two', NULL), (-3, 'minus three', -30)",
        )
        .unwrap();
    (database, connection)
}

fn name_of(statement: &mut Statement, key: impl Params) -> Option<String> {
    let mut rows = statement.query(key).unwrap();
    let name = rows.next().unwrap().map(|row| row.get(0).unwrap());
    assert!(rows.next().unwrap().is_none() && rows.next().unwrap().is_none());
    name
}

#[test]
fn keys_of_every_kind_find_their_row_or_none() {
    let (_database, connection) = open();
    let mut by_id = connection.prepare("SELECT name FROM t WHERE id = ?").unwrap();
    assert_eq!(name_of(&mut by_id, [1]).as_deref(), Some("one"));
    assert_eq!(name_of(&mut by_id, [-3]).as_deref(), Some("minus three"));
    assert_eq!(name_of(&mut by_id, ["2"]).as_deref(), Some("two"));
    assert_eq!(name_of(&mut by_id, [2.0]).as_deref(), Some("two"));
    assert_eq!(name_of(&mut by_id, [2.5]), None);
    assert_eq!(name_of(&mut by_id, [None::<i64>]), None);
    assert_eq!(name_of(&mut by_id, [i64::MAX]), None);
    let mut by_name = connection.prepare("SELECT name || '!' FROM t WHERE name = ?").unwrap();
    assert_eq!(name_of(&mut by_name, ["two"]).as_deref(), Some("two!"));
    let mut by_name = connection.prepare("SELECT name, n FROM t WHERE name = ?").unwrap();
    assert_eq!(name_of(&mut by_name, ["two"]).as_deref(), Some("two"));
    for missing in ["", "on", "one ", "z"] {
        assert_eq!(name_of(&mut by_name, [missing]), None, "{missing:?}");
    }
    assert_eq!(name_of(&mut by_name, [None::<&str>]), None);
}

#[test]
fn a_transaction_reads_its_own_state_and_a_row_stays_as_it_was_read() {
    let (database, connection) = open();
    let other = database.connect().unwrap();
    let mut select = connection.prepare("SELECT name FROM t WHERE id = ?").unwrap();
    let mut by_name = connection.prepare("SELECT id FROM t WHERE name = ?").unwrap();
    // A transaction that reads stays with what it saw first.
    connection.execute("BEGIN", ()).unwrap();
    assert_eq!(name_of(&mut select, [1]).as_deref(), Some("one"));
    other.execute("UPDATE t SET name = 'first' WHERE id = 1", ()).unwrap();
    assert_eq!(name_of(&mut select, [1]).as_deref(), Some("one"));
    connection.execute("COMMIT", ()).unwrap();
    assert_eq!(name_of(&mut select, [1]).as_deref(), Some("first"));
    // One that writes sees each change of its own at once.
    connection.execute("BEGIN", ()).unwrap();
    for id in 10..400 {
        connection.execute("INSERT INTO t VALUES (?1, 'row ' || ?1, 0)", [id]).unwrap();
        assert_eq!(name_of(&mut select, [id]), Some(format!("row {id}")));
        let mut rows = by_name.query([format!("row {id}")]).unwrap();
        assert_eq!(rows.next().unwrap().unwrap().get::<i64>(0).unwrap(), id);
    }
    let mut rows = select.query([10]).unwrap();
    connection.execute("UPDATE t SET name = 'changed' WHERE id = 10", ()).unwrap();
    assert_eq!(rows.next().unwrap().unwrap().get::<String>(0).unwrap(), "row 10");
    drop(rows);
    let mut rows = select.query([11]).unwrap();
    connection.execute("ROLLBACK", ()).unwrap();
    assert_eq!(rows.next().unwrap_err().code(), ErrorCode::Interrupted);
    drop(rows);
    assert_eq!(name_of(&mut select, [11]), None);
    // Another schema is another plan.
    other
        .execute_batch("DROP TABLE t; CREATE TABLE t(name TEXT, id TEXT); INSERT INTO t VALUES ('x', '11')")
        .unwrap();
    assert_eq!(name_of(&mut select, [11]).as_deref(), Some("x"));
}
