//! Columns of type ANY: what they keep, compare, sort, join and group by.

use super::Statement;
use crate::generator::{Generator, TABLES};

pub fn make(generator: &mut Generator) -> Statement {
    let (table, other) = (generator.0.pick(&TABLES), generator.0.pick(&TABLES));
    let (x, y) = (generator.literal(), generator.expr(&["p"], 1));
    let op = generator.0.pick(&["=", "<", ">", "<=", ">=", "<>", "IS", "IS NOT"]);
    Statement::query(match generator.0.below(9) {
        0 => format!("SELECT e, typeof(e), e {op} {x}, e {op} p.b, e {op} p.c FROM {table} p"),
        1 => format!("SELECT p.e, q.e FROM {table} p JOIN {other} q ON p.e = q.e"),
        2 => format!(
            "SELECT p.e, q.a FROM {table} p LEFT JOIN {other} q ON p.e = q.{}",
            generator.0.pick(&["a", "b", "c", "d"])
        ),
        3 => format!(
            "SELECT typeof(e), count(*), count(DISTINCT e), total(e), min(typeof(e)) FROM {table} p GROUP BY typeof(e)"
        ),
        4 => format!(
            "SELECT e + 1, e || 'x', -e, e * 2.5, CAST(e AS TEXT), CAST(e AS INTEGER), e {op} {y} FROM {table} p"
        ),
        5 => format!(
            "SELECT e FROM {table} p WHERE e IN ({x}, {}, {}) OR e {op} {x}",
            generator.literal(),
            generator.literal()
        ),
        6 => {
            return Statement::ordered(format!(
                "SELECT e, typeof(e) FROM {table} p ORDER BY e, typeof(e), p.rowid"
            ));
        }
        7 => format!(
            "SELECT p.a, p.e IN (SELECT e FROM {other}), p.b IN (SELECT e FROM {other}) FROM {table} p"
        ),
        _ => {
            let change = if generator.0.one_in(2) && matches!(table, "t1" | "t2" | "t3") {
                format!("UPDATE {table} SET e = {x} WHERE e {op} {} OR rowid % 5 = 1", generator.literal())
            } else {
                format!(
                    "INSERT OR IGNORE INTO {table}(a, b, c, d, e) VALUES ({}, {}, 'any{}', NULL, {x})",
                    generator.0.below(60),
                    100 + generator.0.below(60),
                    generator.0.below(60)
                )
            };
            return Statement::change(table, change);
        }
    })
}
