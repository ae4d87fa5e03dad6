//! Functions in FROM. SQLite is built without generate_series, so a recursive common table stands for it there.

use super::Pair;
use sedge::{Database, Value};

#[test]
fn pragmas_in_from() {
    let mut pair = Pair::new(&[
        "CREATE TABLE a(id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT 'x', size REAL) STRICT",
        "CREATE TABLE b(x INTEGER NOT NULL, y TEXT COLLATE NOCASE, PRIMARY KEY (x, y)) STRICT",
        "CREATE INDEX a_name ON a(name DESC, size)",
        "CREATE UNIQUE INDEX b_y ON b(y) WHERE x > 1",
        "CREATE VIEW v AS SELECT id, name FROM a",
    ]);
    for sql in [
        "SELECT cid, name, type FROM pragma_table_info('a')",
        "SELECT cid, name FROM pragma_table_info('A') WHERE name <> 'id' ORDER BY cid DESC",
        "SELECT name FROM pragma_table_info('nothing')",
        "SELECT name FROM pragma_table_info(NULL)",
        "SELECT m.name, p.cid, p.name FROM sqlite_schema m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' ORDER BY 1, 2",
        "SELECT m.name, p.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS p WHERE m.type = 'table' ORDER BY m.name, p.cid",
        "SELECT m.name, i.name, c.name FROM sqlite_schema m, pragma_index_list(m.name) i, pragma_index_info(i.name) c WHERE i.origin = 'c' ORDER BY 1, 2, c.seqno",
        "SELECT m.name, count(p.cid) FROM sqlite_schema m LEFT JOIN pragma_table_info(m.name) p ON p.cid > 0 WHERE m.type = 'table' GROUP BY m.name ORDER BY 1",
        "SELECT name, (SELECT count(*) FROM pragma_table_info(m.name)) FROM sqlite_schema m WHERE type = 'table' ORDER BY name",
        "SELECT name FROM sqlite_schema m WHERE EXISTS (SELECT 1 FROM pragma_table_info(m.name) WHERE name = 'size') ORDER BY name",
        "SELECT p.name FROM pragma_table_info(m.name) p, sqlite_schema m WHERE m.name = 'a' ORDER BY p.cid",
        "SELECT name FROM pragma_table_list WHERE name IN ('a', 'b', 'v') ORDER BY name",
        "SELECT name FROM pragma_table_list('a')",
        "SELECT * FROM pragma_encoding",
        "SELECT desc, coll FROM pragma_index_xinfo('a_name') WHERE key",
        "SELECT t.name FROM (SELECT 'a' AS n UNION SELECT 'b') s, pragma_table_info(s.n) t ORDER BY t.name",
        "SELECT t.name FROM (SELECT lower('A') AS n) s, pragma_table_info(s.n) t ORDER BY t.name",
    ] {
        pair.same(sql);
    }
    pair.refused("SELECT * FROM nope(1)", "no such table: nope");
    pair.refused("SELECT * FROM a(1)", "'a' is not a function");
    pair.finish();
}

fn integers(connection: &sedge::Connection, sql: &str) -> Vec<i64> {
    let mut statement = connection.prepare(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    let mut rows = statement.query(()).unwrap_or_else(|e| panic!("{sql}: {e}"));
    rows.map_rows(|row| {
        Ok(match row.get::<Value>(0)? {
            Value::Integer(integer) => integer,
            other => panic!("{sql}: {other:?}"),
        })
    })
    .unwrap_or_else(|e| panic!("{sql}: {e}"))
}

#[test]
fn series_are_what_loops_give() {
    let connection = Database::open_in_memory().unwrap().connect().unwrap();
    for start in -4_i64..5 {
        for stop in -6_i64..7 {
            for step in -4_i64..5 {
                let by = if step == 0 { 1 } else { step };
                let mut expected = Vec::new();
                let mut next = start;
                while if by > 0 { next <= stop } else { next >= stop } {
                    expected.push(next);
                    next += by;
                }
                let sql = format!("SELECT value FROM generate_series({start}, {stop}, {step})");
                assert_eq!(integers(&connection, &sql), expected, "{sql}");
            }
        }
    }
    for (sql, expected) in [
        (
            "SELECT value FROM generate_series(9223372036854775805, 9223372036854775807, 2)",
            vec![9223372036854775805, i64::MAX],
        ),
        ("SELECT value FROM generate_series(1) LIMIT 3", vec![1, 2, 3]),
        ("SELECT value FROM generate_series(NULL, 3)", vec![]),
        ("SELECT count(*) FROM generate_series(1, 100000)", vec![100_000]),
        (
            "SELECT a.value * 10 + b.value FROM generate_series(1, 3) a, generate_series(1, a.value) b ORDER BY 1",
            vec![11, 21, 22, 31, 32, 33],
        ),
        (
            "SELECT b.value FROM generate_series(1, 3) a LEFT JOIN generate_series(2, a.value) b ON b.value > 1 WHERE b.value IS NOT NULL ORDER BY 1",
            vec![2, 2, 3],
        ),
        (
            "SELECT count(*) FROM generate_series(1, 3) a LEFT JOIN generate_series(2, a.value) b ON b.value > 1",
            vec![4],
        ),
        ("SELECT sum(value) FROM generate_series(1, 10) WHERE value % 2", vec![25]),
        (
            "SELECT (SELECT max(value) FROM generate_series(1, s.value)) FROM generate_series(2, 4) s",
            vec![2, 3, 4],
        ),
    ] {
        assert_eq!(integers(&connection, sql), expected, "{sql}");
    }
}
