//! Pivoted query synthesis, in a small form: a condition is made true of one chosen row, and the row must be found (Rigger
//! and Su, 2020). Whether it is true is asked of an expression without tables, in which the row's values stand as
//! constants with the affinity of their columns.

use super::{Bench, over_seeds};
use crate::engines::Cell;

/// Tables whose text columns have no collation of their own, which a constant could not stand for.
const TABLES: [&str; 2] = ["t0", "t2"];

#[test]
fn a_chosen_row_is_found() {
    over_seeds(pivot);
}

fn constant(column: &str, cell: &Cell) -> String {
    let literal = match cell {
        Cell::Null | Cell::Other(_) => "NULL".to_owned(),
        Cell::Integer(i) => i.to_string(),
        Cell::Real(bits) => format!("{:?}", f64::from_bits(*bits)),
        Cell::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Cell::Blob(bytes) => format!("x'{}'", bytes.iter().map(|b| format!("{b:02x}")).collect::<String>()),
    };
    match column {
        "a" | "b" => format!("CAST({literal} AS INTEGER)"),
        "c" => format!("CAST({literal} AS TEXT)"),
        _ => format!("CAST({literal} AS REAL)"),
    }
}

fn pivot(bench: &mut Bench) {
    let (first, second) = (bench.generator.0.pick(&TABLES), bench.generator.0.pick(&TABLES));
    let is_join = bench.generator.0.one_in(2);
    let aliases: &[&str] = if is_join { &["p", "q"] } else { &["p"] };
    // No constant has the affinity of an ANY column.
    let mut condition = bench.generator.predicate(aliases).replace(".e", ".b");
    let mut constants = condition.clone();
    let mut key = Vec::new();
    for (alias, table) in aliases.iter().zip([first, second]) {
        let Some(rows) = bench.rows(&format!("SELECT rowid, a, b, c, d FROM {table}")) else { return };
        if rows.rows.is_empty() {
            return;
        }
        let row = &rows.rows[bench.generator.0.below(rows.rows.len() as u64) as usize];
        key.push(row[0].clone());
        for (column, cell) in ["a", "b", "c", "d"].iter().zip(&row[1..]) {
            constants = constants.replace(&format!("{alias}.{column}"), &constant(column, cell));
        }
    }
    let Some(truth) = bench.rows(&format!("SELECT ({constants}) IS TRUE, ({constants}) IS NULL")) else {
        return;
    };
    condition = match truth.rows[0].as_slice() {
        [Cell::Integer(1), _] => condition,
        [_, Cell::Integer(1)] => format!("({condition}) IS NULL"),
        _ => format!("NOT ({condition})"),
    };
    let sql = if is_join {
        format!("SELECT p.rowid, q.rowid FROM {first} p, {second} q WHERE {condition}")
    } else {
        format!("SELECT p.rowid FROM {first} p WHERE {condition}")
    };
    let Some(answer) = bench.rows(&sql) else { return };
    bench.compared += 1;
    if !answer.rows.contains(&key) {
        bench.differs(&format!("SELECT {constants};\n{sql};\n-- lacks {key:?}"));
    }
}
