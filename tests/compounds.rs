//! Compounds of many members: in the stack of a spawned thread, and with SQLite's rows whatever operators stand between.

#![allow(missing_docs, clippy::unwrap_used)]

use sedge::{Database, ErrorCode};

/// As much stack as a spawned thread has by default.
const STACK_BYTES: usize = 2 << 20;
const MEMBERS_MAX: usize = 500;
const OPERATORS: [&str; 4] = [" UNION ALL ", " UNION ", " EXCEPT ", " INTERSECT "];

/// The values of the first column, sorted.
fn rows(sql: &str) -> sedge::Result<Vec<i64>> {
    let connection = Database::open_in_memory()?.connect()?;
    connection.execute_batch("CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (1), (2), (2), (3)")?;
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(())?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(row.get(0)?);
    }
    found.sort_unstable();
    Ok(found)
}

fn sqlite_rows(sql: &str) -> Vec<i64> {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch("CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (1), (2), (2), (3)").unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let found: Result<Vec<i64>, _> = statement.query_map((), |row| row.get(0)).unwrap().collect();
    let mut found = found.unwrap();
    found.sort_unstable();
    found
}

/// `count` members with the operators in turn.
fn compound(count: usize, operators: &[&str]) -> String {
    let mut sql = "SELECT a FROM t".to_owned();
    for at in 1..count {
        sql += operators[at % operators.len()];
        sql += &format!("SELECT {}", at % 7);
    }
    sql
}

fn long() {
    for operators in [&OPERATORS[..1], &OPERATORS[1..2], &OPERATORS[2..3], &OPERATORS[..3], &OPERATORS] {
        let sql = compound(MEMBERS_MAX, operators);
        let expected = sqlite_rows(&sql);
        for sql in [
            sql.clone(),
            format!("{sql} ORDER BY 1"),
            format!("SELECT * FROM ({sql}) WHERE a < 100"),
            format!("WITH c AS ({sql}) SELECT * FROM c"),
        ] {
            assert_eq!(rows(&sql).unwrap(), expected, "{}", &sql[..60]);
        }
        let connection = Database::open_in_memory().unwrap().connect().unwrap();
        connection.execute_batch(&format!("CREATE TABLE t(a INTEGER); EXPLAIN {sql}")).unwrap();
        assert_eq!(rows(&format!("SELECT 1 WHERE 5 IN ({sql})")).unwrap().is_empty(), !expected.contains(&5));
    }
    let error = rows(&compound(MEMBERS_MAX + 1, &OPERATORS)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Full);
    rows(&compound(MEMBERS_MAX, &OPERATORS).replace("SELECT 3", "SELECT nosuch")).unwrap_err();
}

#[test]
fn five_hundred_members_fit_the_stack_of_a_thread() {
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(long).unwrap().join().unwrap();
}

#[test]
fn every_order_of_operators_gives_sqlites_rows() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let mut with_rows = 0;
    for _ in 0..300 {
        let mut sql = "SELECT a FROM t".to_owned();
        for _ in 0..=next(6) {
            let member = match next(3) {
                0 => "SELECT a FROM t WHERE a <> 2".to_owned(),
                1 => format!("VALUES ({}), ({})", next(4), next(4)),
                _ => format!("SELECT a + {} FROM t", next(3)),
            };
            sql += OPERATORS[next(4) as usize];
            sql += &member;
        }
        let expected = sqlite_rows(&sql);
        with_rows += usize::from(!expected.is_empty());
        assert_eq!(rows(&sql).unwrap(), expected, "{sql}");
    }
    assert!(with_rows > 150, "{with_rows}");
}
