//! A table with generated columns, AUTOINCREMENT, a default and an index on an expression.

use super::Statement;
use crate::generator::Generator;

pub fn make(generator: &mut Generator) -> Statement {
    let (n, m) = (generator.0.below(40), generator.0.below(9));
    let word = generator.0.pick(&["'a'", "'B'", "'long word'", "''", "NULL"]);
    let table = "t5";
    let sql = match generator.0.below(10) {
        0..=2 => format!("INSERT INTO t5(b, c) VALUES ({m}, {word}), ({n}, 'x{n}')"),
        3 => format!("INSERT OR REPLACE INTO t5(a, c) VALUES ({n}, {word})"),
        4 => format!("UPDATE t5 SET b = b + {m} WHERE a % 4 = {}", m % 4),
        5 => format!("UPDATE t5 SET c = {word} WHERE d > {m} OR a = {n}"),
        6 => format!("DELETE FROM t5 WHERE a % 13 = {m} OR e = 'x{n}'"),
        7 => {
            return Statement::query(format!(
                "SELECT a, b, c, d, e FROM t5 WHERE lower(c) >= 'a' OR d = {m} OR b < {n}"
            ));
        }
        8 => {
            return Statement::ordered(format!(
                "SELECT e, d, typeof(d) FROM t5 ORDER BY lower(c), a LIMIT {n}"
            ));
        }
        _ => {
            return Statement::query(format!(
                "SELECT d, count(*), max(e), min(a) FROM t5 WHERE b <> {m} GROUP BY d"
            ));
        }
    };
    Statement::change(table, sql)
}
