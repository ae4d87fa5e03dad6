//! Collations in each place: comparisons, IN, BETWEEN, CASE, DISTINCT, groups, orders, min and max, indexes.

use super::Statement;
use crate::generator::{Generator, TABLES};

const TEXTS: [&str; 10] = ["'a'", "'A'", "'a '", "'A  '", "'b'", "'B '", "''", "' '", "'abc'", "'ABC'"];

pub fn make(generator: &mut Generator) -> Statement {
    let collation = generator.0.pick(&["NOCASE", "RTRIM", "BINARY"]);
    let (x, y, z) = (generator.0.pick(&TEXTS), generator.0.pick(&TEXTS), generator.0.pick(&TEXTS));
    let (table, other) = (generator.0.pick(&TABLES), generator.0.pick(&TABLES));
    let op = generator.0.pick(&["=", "<", ">", "<=", ">=", "<>", "IS"]);
    let sql = match generator.0.below(10) {
        0 => format!(
            "SELECT {x} {op} {y} COLLATE {collation}, {x} COLLATE {collation} IN ({y}, {z}), {x} BETWEEN {y} AND {z} COLLATE {collation}"
        ),
        1 => format!(
            "SELECT max({x} COLLATE {collation}, {y}) = {z}, nullif({x} COLLATE {collation}, {y}), CASE {x} COLLATE {collation} WHEN {y} THEN 1 ELSE 2 END"
        ),
        2 => format!("SELECT a, c, c {op} {x}, c {op} {x} COLLATE {collation}, c IN ({x}, {y}) FROM {table}"),
        3 => format!("SELECT count(DISTINCT c), count(DISTINCT c COLLATE {collation}) FROM {table}"),
        4 => format!(
            "SELECT count(*), upper(trim(max(c COLLATE {collation}))) FROM {table} GROUP BY c COLLATE {collation}"
        ),
        5 => format!("SELECT count(*) FROM (SELECT DISTINCT c COLLATE {collation} FROM {table})"),
        6 => format!("SELECT p.a, q.a FROM {table} p JOIN {other} q ON p.c = q.c COLLATE {collation}"),
        7 => format!("SELECT p.a, q.a FROM {table} p JOIN {other} q ON p.c = q.c"),
        8 => format!("SELECT a, c FROM {table} WHERE c COLLATE {collation} >= {x} OR c {op} {y}"),
        _ => {
            return Statement::ordered(format!(
                "SELECT c, a FROM {table} p ORDER BY c COLLATE {collation}, p.rowid"
            ));
        }
    };
    Statement::query(sql)
}
