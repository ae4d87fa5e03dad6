//! WITH before queries: column lists, hints, tables that read earlier ones, several readers of one.

use super::Statement;
use crate::generator::{COLUMNS, Generator, SOURCES};

pub fn make(generator: &mut Generator) -> Statement {
    let hint = generator.0.pick(&["", "", "MATERIALIZED ", "NOT MATERIALIZED "]);
    let first = match generator.0.below(4) {
        0 => generator.nested_compound(),
        1 => format!("SELECT DISTINCT a, b, c, d, e FROM {}", generator.0.pick(&SOURCES)),
        2 => {
            let x = generator.expr(&["p"], 2);
            format!("SELECT p.a, {x}, c, d, e FROM {} p", generator.0.pick(&SOURCES))
        }
        _ => {
            let filter = generator.term(&["p"]);
            format!("SELECT a, b, c, d, e FROM {} p WHERE {filter} OR p.a < 9", generator.0.pick(&SOURCES))
        }
    };
    let second = match generator.0.below(3) {
        0 => "SELECT b, a, c, d, e FROM w WHERE a IS NOT NULL".to_owned(),
        1 => format!(
            "SELECT p.a, q.b, p.c, p.d, q.e FROM w p JOIN {} q ON p.a = q.a",
            generator.0.pick(&SOURCES)
        ),
        _ => "SELECT max(a), min(b), 'm', count(*), count(e) FROM w".to_owned(),
    };
    let x = generator.0.pick(&COLUMNS);
    let read = match generator.0.below(6) {
        0 => "SELECT count(*), max(w.a), min(v.b) FROM w, v".to_owned(),
        1 => format!("SELECT p.a, q.b FROM w p LEFT JOIN v q ON p.{x} = q.{x}"),
        2 => format!("SELECT a, (SELECT count(*) FROM v WHERE v.{x} = w.{x}) FROM w"),
        3 => format!("SELECT {x} FROM w WHERE {x} IN (SELECT {x} FROM v) OR {x} IS NULL OR a > 1"),
        4 => "SELECT a, b FROM w UNION ALL SELECT a, b FROM v".to_owned(),
        _ => {
            let filter = generator.expr(&["p"], 2);
            format!("SELECT count(*), total({filter}) FROM w p")
        }
    };
    Statement::query(format!(
        "WITH w(a, b, c, d, e) AS {hint}({first}), v(a, b, c, d, e) AS ({second}) {read}"
    ))
}
