//! RETURNING behind each changing statement, over expressions.

use super::Statement;
use crate::generator::{COLUMNS, Generator, TABLES};

pub fn make(generator: &mut Generator) -> Statement {
    let table = generator.0.pick(&TABLES);
    let items = match generator.0.below(4) {
        0 => "*".to_owned(),
        1 => "rowid, a AS first, c || '!'".to_owned(),
        // Inside an expression SQLite may show an integer that a REAL column has taken as one still.
        2 => {
            // SQLite runs a subquery that uses no column of the row for the first row alone.
            let expr = generator.expr(&[table], 1).replace(".d", ".b");
            let expr = if expr.contains("SELECT") { "a || c".to_owned() } else { expr };
            format!("{expr}, typeof(e), b + 1")
        }
        _ => format!("a, {}.*, quote(e)", table).replace(&format!("{table}.*"), "b, d"),
    };
    let sql = match generator.0.below(4) {
        0 | 1 => {
            let or = generator.0.pick(&["", " OR IGNORE", " OR REPLACE"]);
            let rows: Vec<String> = (0..1 + generator.0.below(3))
                .map(|_| format!("({})", COLUMNS.map(|column| generator.value_for(column, false)).join(", ")))
                .collect();
            format!("INSERT{or} INTO {table} VALUES {}", rows.join(", "))
        }
        2 => {
            let column = generator.free_column(table);
            let value = generator.new_value(column);
            let filter = narrow(generator, table, column);
            format!("UPDATE {table} SET {column} = {value} WHERE {filter}")
        }
        _ => format!(
            "DELETE FROM {table} WHERE rowid = {} OR rowid % 11 = {}",
            generator.0.below(30),
            generator.0.below(11)
        ),
    };
    Statement::change(table, format!("{sql} RETURNING {items}"))
}

/// A condition that most rows meet where their order has no say, and one row else.
fn narrow(generator: &mut Generator, table: &str, column: &str) -> String {
    if generator.is_free(table, column) {
        format!("rowid % 3 = {} OR {}", generator.0.below(3), generator.term(&[table]))
    } else {
        format!("rowid IN (SELECT max(rowid) FROM {table} WHERE a > {})", generator.0.below(10))
    }
}
