//! Subqueries of every shape in every clause, correlated and not.

use super::Statement;
use crate::generator::{COLUMNS, Generator, SOURCES, TABLES};

pub fn make(generator: &mut Generator) -> Statement {
    let (from, other) = (generator.0.pick(&SOURCES), generator.0.pick(&TABLES));
    let x = generator.column(&["p"]);
    let sub = some(generator, &["p"], &x);
    let key = generator.0.pick(&COLUMNS);
    let sql = match generator.0.below(9) {
        0 | 1 => format!("SELECT {x}, {sub} FROM {from} p"),
        2 => format!("SELECT p.a, p.b FROM {from} p WHERE {sub} OR p.a > 3"),
        3 => format!("SELECT count(*), total({sub}) FROM {from} p"),
        4 => format!(
            "SELECT quote(p.{key}), max({x}) FROM {from} p GROUP BY 1 HAVING max(p.a) >= (SELECT min(a) FROM {other})"
        ),
        5 => format!("SELECT p.a, q.b FROM {from} p LEFT JOIN {other} q ON q.a = p.a AND {sub}"),
        6 => {
            let limit = generator.0.below(9);
            let table = generator.0.pick(&TABLES);
            let sub = some(generator, &["p"], "p.b");
            return Statement::ordered(format!(
                "SELECT p.a, p.b FROM {table} p ORDER BY quote({sub}), p.rowid LIMIT {limit} + (SELECT count(*) > 0 FROM {other})"
            ));
        }
        7 => format!(
            "SELECT s.k, s.n FROM (SELECT quote({x}) AS k, count(*) AS n FROM {from} p WHERE {sub} IS NOT {} GROUP BY 1) s",
            generator.literal()
        ),
        _ => format!(
            "SELECT CASE WHEN {sub} THEN {x} ELSE (SELECT max(s.b) FROM {other} s WHERE s.a <= p.a) END FROM {from} p"
        ),
    };
    Statement::query(sql)
}

fn some(generator: &mut Generator, aliases: &[&str], x: &str) -> String {
    if generator.0.one_in(3) {
        generator.rare_subquery(aliases, x)
    } else {
        generator.subquery(aliases, x, "2")
    }
}
