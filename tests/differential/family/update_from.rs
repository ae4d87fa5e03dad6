//! UPDATE .. FROM: tables, joins and subqueries that find one row at most for each row that changes.

use super::Statement;
use crate::generator::{Generator, TABLES};

pub fn make(generator: &mut Generator) -> Statement {
    let table = generator.0.pick(&["t0", "t1", "t2", "t3"]);
    let other = generator.0.pick(&TABLES);
    let column = loop {
        let column = generator.free_column(table);
        if generator.is_free(table, column) && column != "a" {
            break column;
        }
    };
    let value = match column {
        "b" => "s.n",
        "c" => "'f' || s.k",
        "d" => "s.n * 0.5",
        _ => "s.x",
    };
    let key = generator.0.pick(&["a", "b"]);
    // One row of the source for each key.
    let source =
        format!("(SELECT {key} AS k, count(*) AS n, max(quote(e)) AS x FROM {other} GROUP BY {key}) AS s");
    let filter = match generator.0.below(3) {
        0 => format!(" AND {}", generator.term(&[table])),
        1 => " AND s.n > 0".to_owned(),
        _ => String::new(),
    };
    let joined = if generator.0.one_in(4) { " JOIN (SELECT 1 AS one) o ON o.one <= s.n" } else { "" };
    let on = generator.0.pick(&["a", "b"]);
    let returning = generator.0.pick(&["", "", " RETURNING a, b", " RETURNING *"]);
    Statement::change(
        table,
        format!(
            "UPDATE {table} SET {column} = {value} FROM {source}{joined} WHERE {table}.{on} = s.k{filter}{returning}"
        ),
    )
}
