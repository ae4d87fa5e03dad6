//! Joins of all kinds over up to four sources, chained and parenthesised, by ON, USING and NATURAL.

use super::Statement;
use crate::generator::{COLUMNS, Generator, SOURCES, TABLES};

const KINDS: [&str; 5] = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"];

pub fn make(generator: &mut Generator) -> Statement {
    let from = match generator.0.below(5) {
        0 => chain(generator),
        1 => nested(generator),
        2 => return Statement::query(generator.merged_columns()),
        3 => commas(generator),
        _ => pair(generator),
    };
    let x = generator.column(&["p", "q"]);
    let y = generator.expr(&["p", "q"], 1);
    let filter = match generator.0.below(3) {
        0 => format!(" WHERE {}", generator.term(&["p", "q"])),
        1 => format!(" WHERE {x} IS NOT NULL"),
        _ => String::new(),
    };
    let items = match generator.0.below(3) {
        // SQLite renames the columns of parentheses behind a star.
        0 if !from.contains('(') => "*".to_owned(),
        1 => format!("p.a, q.b, {x}, {y}"),
        _ => format!("count(*), count({x}), sum(p.b IS NULL), max(q.a), min(p.c COLLATE BINARY)"),
    };
    Statement::query(format!("SELECT {items} FROM {from}{filter}"))
}

fn on(generator: &mut Generator, left: &[&str], right: &str) -> String {
    let (x, y) = (generator.column(left), generator.0.pick(&COLUMNS));
    let equal = generator.0.pick(&["=", "=", "=", "IS", "<"]);
    let more = match generator.0.below(4) {
        0 => format!(" AND {}", generator.term(&[right])),
        1 => format!(" AND {}", generator.expr(&[left[0], right], 1)),
        _ => String::new(),
    };
    format!("{x} {equal} {right}.{y}{more}")
}

fn pair(generator: &mut Generator) -> String {
    let kind = generator.0.pick(&KINDS);
    let (p, q) = (generator.source("p", 1), generator.source("q", 1));
    let on = on(generator, &["p"], "q");
    format!("{p} {kind} {q} ON {on}")
}

fn chain(generator: &mut Generator) -> String {
    let mut sql = format!("{} p", generator.0.pick(&TABLES));
    let mut aliases = vec!["p"];
    for alias in ["q", "r", "s"].into_iter().take(2 + generator.0.below(2) as usize) {
        let kind = generator.0.pick(&KINDS[..4]);
        let on = on(generator, &aliases, alias);
        sql += &format!(" {kind} {} {alias} ON {on}", generator.0.pick(&TABLES));
        aliases.push(alias);
    }
    sql
}

fn nested(generator: &mut Generator) -> String {
    let (outer, inner) = (generator.0.pick(&KINDS[..4]), generator.0.pick(&KINDS[..4]));
    let within = on(generator, &["q"], "r");
    let around = on(generator, &["p"], "q");
    let (p, q, r) = (generator.0.pick(&TABLES), generator.0.pick(&TABLES), generator.0.pick(&SOURCES));
    if generator.0.one_in(2) {
        format!("{p} p {outer} ({q} q {inner} {r} r ON {within}) ON {around}")
    } else {
        format!("({q} q {inner} {r} r ON {within}) {outer} {p} p ON {around}")
    }
}

fn commas(generator: &mut Generator) -> String {
    let (x, y) = (generator.0.pick(&COLUMNS), generator.0.pick(&COLUMNS));
    format!(
        "{} p, {} q JOIN {} r ON r.{x} = q.{y} AND p.a = r.a",
        generator.0.pick(&TABLES),
        generator.0.pick(&TABLES),
        generator.0.pick(&TABLES)
    )
}
