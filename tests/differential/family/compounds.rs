//! UNION, UNION ALL, INTERSECT, EXCEPT and VALUES, chained and nested, with ORDER BY and LIMIT over them.

use super::Statement;
use crate::generator::{COLUMNS, Generator, TABLES};

pub fn make(generator: &mut Generator) -> Statement {
    if generator.0.one_in(4) {
        let nested = generator.nested_compound();
        let aggregate = generator.0.pick(&["count(*), max(a), min(b)", "a, b", "DISTINCT a", "sum(a & 7)"]);
        return Statement::query(format!("SELECT {aggregate} FROM ({nested})"));
    }
    let width = 1 + generator.0.below(3) as usize;
    let mut members: Vec<String> = (0..2 + generator.0.below(3)).map(|_| member(generator, width)).collect();
    // Behind VALUES SQLite allows no ORDER BY.
    members.sort_by_key(|member| !member.starts_with("VALUES"));
    if generator.0.one_in(2) && !members[1].starts_with("VALUES") {
        members.swap(0, 1);
    }
    while members.last().is_some_and(|member| member.starts_with("VALUES")) {
        members.pop();
        members.push(format!("SELECT {}", vec!["1"; width].join(", ")));
    }
    let mut sql = members[0].clone();
    for member in &members[1..] {
        sql += &format!(" {} {member}", generator.set_operator());
    }
    if generator.0.one_in(3) {
        // Every column is a term, so rows that change places are equal.
        let terms: Vec<String> =
            (1..=width).map(|n| format!("{n}{}", generator.0.pick(&["", " DESC", " NULLS LAST"]))).collect();
        sql += &format!(" ORDER BY {}", terms.join(", "));
        return Statement::ordered(sql);
    }
    Statement::query(sql)
}

fn member(generator: &mut Generator, width: usize) -> String {
    if generator.0.one_in(5) {
        let rows: Vec<String> = (0..1 + generator.0.below(3))
            .map(|_| {
                let row: Vec<String> = (0..width).map(|_| generator.literal()).collect();
                format!("({})", row.join(", "))
            })
            .collect();
        return format!("VALUES {}", rows.join(", "));
    }
    // Under ORDER BY, SQLite compares in all members by the first collation that any of them has.
    let items: Vec<String> = (0..width)
        .map(|_| match generator.0.below(3) {
            0 => generator.column_or_literal(&["p"]).replace("p.c", "quote(p.c)"),
            // Texts of one collation alone: which of equal texts stays is free.
            1 => format!("quote(p.{})", generator.0.pick(&COLUMNS)),
            _ => generator
                .0
                .pick(&["p.a", "p.b", "p.d", "p.e", "p.a + p.b", "p.d * 2", "p.c || ''"])
                .to_owned(),
        })
        .collect();
    let filter =
        if generator.0.one_in(3) { format!(" WHERE {}", generator.term(&["p"])) } else { String::new() };
    format!("SELECT {} FROM {} p{filter}", items.join(", "), generator.0.pick(&TABLES))
}
