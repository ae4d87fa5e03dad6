//! INSERT with ON CONFLICT clauses: every target, several clauses, conditions, `excluded`, row values.

use super::Statement;
use crate::generator::{COLUMNS, Generator};

/// Tables with the targets that they have, and columns that no key holds.
const TARGETS: [(&str, &[&str], &[&str]); 4] = [
    ("t0", &["(a)", "(d, e)", "(e, d)", ""], &["b", "c"]),
    ("t1", &["(b)", ""], &["a", "c", "e"]),
    ("t2", &["(a, c)", "(c, a)", ""], &["b", "d", "e"]),
    ("t4", &["(a)", "(b)", "(c)", "(d, e)", "(d) WHERE b > 5", ""], &["a"]),
];

pub fn make(generator: &mut Generator) -> Statement {
    let (table, targets, free) = TARGETS[generator.0.below(4) as usize];
    let rows: Vec<String> = (0..1 + generator.0.below(3))
        .map(|_| format!("({})", COLUMNS.map(|column| generator.value_for(column, false)).join(", ")))
        .collect();
    let source = if generator.0.one_in(6) {
        format!("SELECT a, b, c, d, e FROM {table} p WHERE p.rowid < 6 ORDER BY p.rowid")
    } else {
        format!("VALUES {}", rows.join(", "))
    };
    let mut clauses = String::new();
    for _ in 0..=generator.0.below(2) {
        let target = generator.0.pick(targets);
        let action = action(generator, table, free);
        clauses += &format!(" ON CONFLICT {target} {action}");
        if target.is_empty() {
            break;
        }
    }
    let or = generator.0.pick(&["", "", "", " OR REPLACE", " OR IGNORE"]);
    let returning = generator.0.pick(&["", "", " RETURNING a, b, c", " RETURNING *"]);
    Statement::change(table, format!("INSERT{or} INTO {table} {source}{clauses}{returning}"))
}

fn action(generator: &mut Generator, table: &str, free: &[&str]) -> String {
    if generator.0.one_in(4) {
        return "DO NOTHING".to_owned();
    }
    let column = generator.0.pick(free);
    let value = match column {
        "a" => generator.0.pick(&["a + 100", "excluded.a + 50", "a"]).to_owned(),
        "b" => generator.0.pick(&["b + 1", "excluded.b", "coalesce(excluded.b, 0) + 1", "NULL"]).to_owned(),
        "c" => generator.0.pick(&["c || 'u'", "excluded.c", "coalesce(c, excluded.c)", "'set'"]).to_owned(),
        "d" => generator.0.pick(&["d / 2", "excluded.d", "0.25", "NULL"]).to_owned(),
        _ => generator.0.pick(&["e || 'x'", "excluded.e", "excluded.b", "x'01'", "c"]).to_owned(),
    };
    let set = if generator.0.one_in(4) && free.len() > 1 && column != "a" {
        format!("({column}) = ({value})")
    } else {
        format!("{column} = {value}")
    };
    let filter = match generator.0.below(4) {
        0 => format!(" WHERE {}", generator.term(&[table, "excluded"])),
        1 => " WHERE excluded.a IS NOT NULL".to_owned(),
        _ => String::new(),
    };
    format!("DO UPDATE SET {set}{filter}")
}
