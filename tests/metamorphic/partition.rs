//! Ternary logic partitioning: for any condition, the rows where it is true, those where it is false and those where it
//! is NULL are all rows, each once (Rigger and Su, 2020).

use super::{Bench, over_seeds};
use crate::engines::Cell;

#[test]
fn parts_of_three_truths_make_the_whole() {
    over_seeds(rows);
}

#[test]
fn aggregates_of_parts_make_those_of_the_whole() {
    over_seeds(aggregates);
}

/// A FROM and a condition over it.
fn query(bench: &mut Bench) -> (String, String) {
    let generator = &mut bench.generator;
    let aliases: &[&str] = if generator.0.one_in(2) { &["p"] } else { &["p", "q"] };
    let from = if aliases.len() == 1 {
        generator.source("p", 1)
    } else {
        let kind = generator.0.pick(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
        let (p, q) = (generator.source("p", 1), generator.source("q", 1));
        let on = format!("{} = {}", generator.column(&["p"]), generator.column(&["q"]));
        format!("{p} {kind} {q} ON {on}")
    };
    (from, generator.predicate(aliases))
}

fn parts(condition: &str) -> [String; 3] {
    [format!("({condition})"), format!("NOT ({condition})"), format!("({condition}) IS NULL")]
}

fn rows(bench: &mut Bench) {
    let (from, condition) = query(bench);
    let all = format!("SELECT * FROM {from}");
    let Some(whole) = bench.rows(&all) else { return };
    let mut found = Vec::new();
    for part in parts(&condition) {
        let Some(answer) = bench.rows(&format!("{all} WHERE {part}")) else { return };
        found.extend(answer.rows);
    }
    let mut whole = whole.rows;
    whole.sort_unstable();
    found.sort_unstable();
    bench.compared += 1;
    if whole != found {
        let (all_rows, part_rows) = (whole.len(), found.len());
        bench.differs(&format!("{all};\n{all} WHERE {condition};\n-- {all_rows} rows, in parts {part_rows}"));
    }
}

fn aggregates(bench: &mut Bench) {
    let (from, condition) = query(bench);
    let all = format!(
        "SELECT count(*), count(p.b), min(p.a COLLATE BINARY), max(p.b COLLATE BINARY), sum(p.a & 1023) FROM {from}"
    );
    let Some(whole) = bench.rows(&all) else { return };
    let unions: Vec<String> = parts(&condition)
        .iter()
        .map(|part| {
            format!(
                "SELECT count(*) AS n, count(p.b) AS m, min(p.a COLLATE BINARY) AS low, max(p.b COLLATE BINARY) AS high, sum(p.a & 1023) AS s FROM {from} WHERE {part}"
            )
        })
        .collect();
    let sum = format!(
        "SELECT sum(n), sum(m), min(low COLLATE BINARY), max(high COLLATE BINARY), sum(s) FROM ({})",
        unions.join(" UNION ALL ")
    );
    let Some(parts) = bench.rows(&sum) else { return };
    bench.compared += 1;
    // A whole real and an integer that equals it may stand for each other in min and max.
    let number = |cell: &Cell| match cell {
        Cell::Integer(i) => Cell::Real((*i as f64).to_bits()),
        other => other.clone(),
    };
    let plain = |rows: &[Vec<Cell>]| -> Vec<Cell> { rows.iter().flatten().map(number).collect() };
    if plain(&whole.rows) != plain(&parts.rows) {
        bench.differs(&format!("{all};\n{sum};\n-- {:?}\n-- {:?}", whole.rows, parts.rows));
    }
}
