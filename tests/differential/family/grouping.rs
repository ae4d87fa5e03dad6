//! Groups by columns, expressions, ordinals and aliases; HAVING with and without GROUP BY; aggregates with DISTINCT,
//! FILTER and ORDER BY; bare columns beside min and max; DISTINCT.

use super::Statement;
use crate::generator::{COLUMNS, Generator, SOURCES, TABLES};

pub fn make(generator: &mut Generator) -> Statement {
    let table = generator.0.pick(&SOURCES);
    let (x, y) = (generator.rare_aggregate(&["p"]), generator.aggregate(&["p"]));
    let key = generator.0.pick(&COLUMNS);
    let filter =
        if generator.0.one_in(3) { format!(" WHERE {}", generator.term(&["p"])) } else { String::new() };
    let having = match generator.0.below(4) {
        0 => " HAVING count(*) > 1".to_owned(),
        1 => format!(" HAVING {} IS NOT NULL", generator.aggregate(&["p"])),
        _ => String::new(),
    };
    Statement::query(match generator.0.below(9) {
        0 => format!("SELECT {key}, {x}, {y} FROM {table} p{filter} GROUP BY p.{key}{having}"),
        1 => format!("SELECT typeof({key}) AS k, {x} FROM {table} p{filter} GROUP BY k{having}"),
        2 => format!("SELECT length({key}), {x}, {y} FROM {table} p{filter} GROUP BY 1{having}"),
        3 => format!("SELECT {x}, {y} FROM {table} p{filter}{having}"),
        4 => {
            let table = generator.0.pick(&TABLES);
            let end = generator.0.pick(&["min", "max"]);
            // One row has the key: its other columns are the ones to show.
            format!("SELECT {end}(p.rowid), a, b, quote(c), d FROM {table} p{filter} GROUP BY quote({key})")
        }
        5 => format!("SELECT DISTINCT quote({key}), p.a IS NULL FROM {table} p{filter}"),
        6 => {
            let other = generator.0.pick(&COLUMNS);
            format!("SELECT quote({key}), quote({other}), {x} FROM {table} p{filter} GROUP BY 1, 2{having}")
        }
        7 => {
            let from = generator.source("p", 1);
            format!("SELECT {x}, {y}, count(*) FROM {from}{filter} GROUP BY coalesce(p.{key}, 'none')")
        }
        _ => format!(
            "SELECT quote({key}) AS k, count(*) AS n, {y} FROM {table} p{filter} GROUP BY k COLLATE BINARY{having} ORDER BY n DESC, k"
        ),
    })
}
