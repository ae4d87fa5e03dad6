//! INSERT, UPDATE, DELETE and the expressions of the schema.

use super::{catalog, render, write};
use crate::bind::{TableExprUse, bind_table_expr};
use crate::ir::{Bound, InsertSource, Target, Write};
use crate::parser::parse_expr_text;

fn target(target: &Target) -> String {
    let defaults: Vec<String> = target.defaults.iter().map(render::expr).collect();
    let checks: Vec<String> = target.checks.iter().map(render::expr).collect();
    let indexes: Vec<String> = target
        .indexes
        .iter()
        .map(|index| {
            let columns: Vec<String> = index.columns.iter().map(render::expr).collect();
            let filter = index
                .filter
                .as_ref()
                .map_or_else(String::new, |filter| format!(" if {}", render::expr(filter)));
            format!("{}({}){filter}", index.index.name, columns.join(", "))
        })
        .collect();
    format!(
        "{}[#{}.. row #{}] defaults {} checks {} indexes {}",
        target.table.name,
        target.columns[0].0,
        target.row_id.0,
        defaults.join(", "),
        checks.join(", "),
        indexes.join(", ")
    )
}

fn show(bound: &Bound<Write>) -> String {
    let mut text = match &bound.root {
        Write::Insert(insert) => {
            let source = match &insert.source {
                InsertSource::Defaults => "defaults".to_owned(),
                InsertSource::Query(query) => render::query(query),
                InsertSource::Rows(rows) => {
                    let row = |row: &Vec<_>| row.iter().map(render::expr).collect::<Vec<_>>().join(", ");
                    rows.iter().map(|r| format!("({})", row(r))).collect::<Vec<_>>().join(" ")
                }
            };
            format!("{}\n{:?} {:?}\n{source}", target(&insert.target), insert.columns, insert.on_conflict)
        }
        Write::Update(update) => {
            let assignments: Vec<String> = update
                .assignments
                .iter()
                .map(|(column, value)| format!("{column:?}={}", render::expr(value)))
                .collect();
            format!("{}\n{}\n{}", target(&update.target), render::query(&update.find), assignments.join(", "))
        }
        Write::Delete(delete) => format!("{}\n{}", target(&delete.target), render::query(&delete.find)),
    };
    render::subqueries(&mut text, &bound.subqueries);
    text
}

/// Each statement as its target, what it writes, and its rows.
macro_rules! bound {
    ($sql:expr, @$expected:literal) => {
        insta::assert_snapshot!(show(&write($sql).unwrap()), @$expected)
    };
}

#[test]
fn inserts() {
    bound!("INSERT INTO w VALUES ('x', 1), (?, (SELECT max(a) FROM u))", @r#"
    w[#0.. row #2] defaults Text("none"), (Integer(1) Add Integer(2)) checks (#1 Greater Integer(0)) indexes 
    [Column(0), Column(1)] None
    ($0, $1) (?0, q0.0)
    q0(): group(u[#3..], | #6=max(#3)) -> #6
    "#);
    bound!("INSERT OR REPLACE INTO t (rowid, a) SELECT a, a FROM u", @r#"
    t[#0.. row #6] defaults Null, Null, Null, Null, Null, Null checks  indexes t_a(#1) if (#2 is not null), t_e(lower(#2))
    [Column(0), Column(1)] Some(Replace)
    u[#7..] -> #7 , #7
    "#);
    bound!("INSERT INTO u (d, rowid) VALUES (1, 2)", @r#"
    u[#0.. row #2] defaults Null, Null checks  indexes 
    [Column(1), RowId] None
    ($0, $1)
    "#);
    bound!("INSERT INTO w DEFAULT VALUES", @r#"
    w[#0.. row #2] defaults Text("none"), (Integer(1) Add Integer(2)) checks (#1 Greater Integer(0)) indexes 
    [] None
    defaults
    "#);
    bound!("WITH c AS (SELECT 1, 2) INSERT INTO u SELECT * FROM c", @r#"
    u[#0.. row #2] defaults Null, Null checks  indexes 
    [Column(0), Column(1)] None
    project(row, #3=$0 #4=$1) -> #3 1, #4 2
    "#);
}

#[test]
fn updates() {
    bound!("UPDATE w SET b = b + 1 WHERE a = 'x' ORDER BY b LIMIT 2", @r#"
    w[#3.. row #5] defaults Text("none"), (Integer(1) Add Integer(2)) checks (#4 Greater Integer(0)) indexes 
    limit(sort(filter(w[#0..], (#0 Equal $1)), #1), $2, -) -> #2 rowid
    Column(1)=(#4 Add $0)
    "#);
    bound!("UPDATE u AS z SET (a, d) = (SELECT b, a FROM w WHERE w.b = z.a), a = 3", @r#"
    u[#3.. row #5] defaults Null, Null checks  indexes 
    z[#0..] -> #2 rowid
    Column(1)=q0.1, Column(0)=$0
    q0(#3): filter(w[#6..], (#7 Equal #3)) -> #7 , #6
    "#);
    bound!("UPDATE OR IGNORE t INDEXED BY t_a SET oid = 5", @r#"
    t[#7.. row #13] defaults Null, Null, Null, Null, Null, Null checks  indexes t_a(#8) if (#9 is not null), t_e(lower(#9))
    t[#0..] by t_a -> #6 rowid
    Column(0)=$0
    "#);
    bound!("UPDATE u SET rowid = 5, (a, d) = (1, rowid)", @r#"
    u[#3.. row #5] defaults Null, Null checks  indexes 
    u[#0..] -> #2 rowid
    RowId=$0, Column(0)=$1, Column(1)=#5
    "#);
}

#[test]
fn deletes() {
    bound!("DELETE FROM u", @r#"
    u[#3.. row #5] defaults Null, Null checks  indexes 
    u[#0..] -> #2 rowid
    "#);
    bound!("DELETE FROM u WHERE a IN (SELECT a FROM t) ORDER BY a DESC LIMIT 1 OFFSET 2", @r#"
    u[#10.. row #12] defaults Null, Null checks  indexes 
    limit(sort(filter(u[#0..], (#0 in q0)), #0 desc), $0, $1) -> #2 rowid
    q0(): t[#3..] -> #4
    "#);
}

#[test]
fn expressions_of_the_schema() {
    let catalog = catalog();
    let table = catalog.table("t").unwrap();
    let bind = |text: &str, usage| {
        let expr = parse_expr_text(text).unwrap();
        match bind_table_expr(table, &expr, usage, &std::sync::Arc::default()) {
            Ok(bound) => render::expr(&bound.expr),
            Err(error) => {
                format!("{error} @ {}", error.span().map_or("", |span| &text[span.start..span.end]))
            }
        }
    };
    use TableExprUse::*;
    assert_eq!(bind("a > 1 AND rowid < 5", Check), "and((#1 Greater Integer(1)), (#0 Less Integer(5)))");
    assert_eq!(bind("a > (SELECT 1)", Check), "subqueries prohibited in CHECK constraints @ SELECT 1");
    assert_eq!(bind("nosuch", Check), "no such column: nosuch @ nosuch");
    assert_eq!(bind("sum(a) > 1", Check), "misuse of aggregate function sum() @ sum");
    assert_eq!(bind("a > ?", Check), "parameters are not allowed in the schema @ ?");
    assert_eq!(
        bind("random()", IndexColumn),
        "non-deterministic functions prohibited in index expressions @ random"
    );
    assert_eq!(bind("random()", Default), "random()");
    assert_eq!(bind("word", Default), "Text(\"word\")");
    assert_eq!(bind("a + 1", Default), "no such column: a @ a");
}
