//! Lists as parameters: `x IN ?` and `array_each`.

#![allow(missing_docs, clippy::unwrap_used)]

use sedge::{Array, Connection, Database, ErrorCode, Params, ToValue, Value, params};

fn open() -> Connection {
    let connection = Database::open_in_memory().unwrap().connect().unwrap();
    connection
        .execute_batch(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, a ANY, d DECIMAL(5,2));
             CREATE INDEX by_name ON t(name);
             INSERT INTO t SELECT value, 'n' || value, value % 7, value % 1000 / 2 FROM generate_series(1, 5000)",
        )
        .unwrap();
    connection
}

fn ids(connection: &Connection, sql: &str, params: impl Params) -> Vec<i64> {
    connection.query(sql, params, |row| row.get(0)).unwrap()
}

fn plan(connection: &Connection, sql: &str, params: impl Params) -> String {
    connection.query(&format!("EXPLAIN {sql}"), params, |row| row.get::<String>(0)).unwrap().join("\n")
}

/// `IN ?` with a list of any length and kind.
#[test]
fn in_takes_a_list() {
    let connection = open();
    let by_id = "SELECT id FROM t WHERE id IN ?1 ORDER BY id";
    assert_eq!(ids(&connection, by_id, [Array(&[7, 3, 7, 9999])]), [3, 7]);
    assert_eq!(ids(&connection, by_id, [Array::<i64>(&[])]), [0_i64; 0]);
    let many: Vec<i64> = (0..100_000).collect();
    assert_eq!(ids(&connection, by_id, [Array(&many)]).len(), 5000);
    // Values convert as the rows of IN (SELECT ..) do: equal ones give a row once.
    let mixed = [Value::text("3"), Value::Integer(3), Value::real(3.0), Value::Null, Value::Blob([3].into())];
    assert_eq!(ids(&connection, by_id, [Array(&mixed)]), [3]);
    // Names and other kinds of parameters, and beside them.
    let by_name = "SELECT id FROM t WHERE name IN :names AND id > ?2 ORDER BY id";
    assert_eq!(ids(&connection, by_name, params![Array(&["N5", "n5", "n6", "x"]), 5]), [6]);
    assert_eq!(ids(&connection, "SELECT count(*) FROM t WHERE id NOT IN ?", [Array(&[1, 2])]), [4998]);
    assert_eq!(ids(&connection, "SELECT count(*) FROM t WHERE id NOT IN ?", [Array(&[None, Some(2)])]), [0]);
    assert_eq!(ids(&connection, "SELECT sum(a IN ?) FROM t WHERE id < 8", [Array(&[1, 2])]), [2]);
    assert_eq!(
        ids(&connection, "SELECT count(*) FROM t WHERE id IN ?1 OR id IN ?2", (Array(&[1]), Array(&[2]))),
        [2]
    );
    assert_eq!(ids(&connection, "SELECT 2 IN ?1", [Array(&[1, 2])]), [1]);
    let deci: sedge::Decimal = "1.50".parse().unwrap();
    assert_eq!(ids(&connection, "SELECT id FROM t WHERE d + 0.5 IN ?1", [Array(&[deci])]).len(), 10);
    // In changes of rows.
    assert_eq!(connection.execute("DELETE FROM t WHERE id IN ?", [Array(&[1, 2, 3])]).unwrap(), 3);
    assert_eq!(connection.execute("UPDATE t SET a = 0 WHERE name IN ?", [Array(&["N4", "n5"])]).unwrap(), 2);
}

#[test]
fn a_list_is_looked_up_by_row_id() {
    let connection = open();
    let few = Array(&[1, 2]);
    let by_id = plan(&connection, "SELECT name FROM t WHERE id IN ?1", [few]);
    assert!(by_id.contains("Scan t [rowid = "), "{by_id}");
}

#[test]
fn json_is_a_list_and_nothing_else_is() {
    let connection = open();
    let by_id = "SELECT id FROM t WHERE id IN ?1 ORDER BY id";
    assert_eq!(ids(&connection, by_id, [" [3, 1, \"2\", null]"]), [1, 2, 3]);
    let binary: Value = connection.query_row("SELECT jsonb('[5, 6]')", (), |row| row.get(0)).unwrap();
    assert_eq!(ids(&connection, by_id, [binary]), [5, 6]);
    assert_eq!(ids(&connection, by_id, [None::<i64>]), [0_i64; 0]);
    let values =
        connection.query("SELECT value FROM array_each(?)", [Array(&["b", "a"])], |row| row.get::<String>(0));
    assert_eq!(values.unwrap(), ["b", "a"]);
    let wrong: [&dyn ToValue; 5] = [&1, &1.5, &"{\"a\":1}", &"abc", &vec![1_u8, 2]];
    for value in wrong {
        let error = connection.query(by_id, params![value], |row| row.get::<i64>(0)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Type, "{error}");
        assert!(error.to_string().starts_with("a list is needed"), "{error}");
    }
    // A damaged list is an error, whatever its bytes.
    let Value::Blob(list) = Array(&["abc", "def"]).to_value().unwrap() else { unreachable!() };
    for length in 2..list.len() {
        let cut = list[..length].to_vec();
        let read = connection.query("SELECT value FROM array_each(?)", [cut], |row| row.get::<String>(0));
        assert!(read.is_err() || length == 13, "{length}");
    }
}
