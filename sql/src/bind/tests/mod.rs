//! Tests of binding: SQL text over a small catalog made by hand, and what comes out as text (`render`).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod errors;
mod expressions;
mod queries;
mod render;
mod writes;

use super::{BindContext, bind_query, bind_write};
use crate::catalog::Lookup;
use crate::catalog::{
    Catalog, Check, Column, Index, IndexColumn, IndexKey, IndexOrigin, Relation, SqlExpr, Table, TableKind,
    View,
};
use crate::databases::{DatabaseId, TreeId};
use crate::error::{Error, Result};
use crate::ir::{Bound, Query, Write};
use crate::parser::{LiftScratch, OnConflict, Parsed, Statement, lift, parse_expr_text, parse_one};
use crate::types::{Collation, ColumnType};
use crate::value::Value;
use std::sync::Arc;

const TEXT: ColumnType = ColumnType::Text { max_chars: None };

fn column(name: &str, column_type: ColumnType) -> Column {
    Column {
        name: name.to_owned(),
        column_type,
        declared: None,
        not_null: None,
        default: None,
        collation: Collation::Binary,
        generated: None,
    }
}

fn sql_expr(text: &str) -> SqlExpr {
    SqlExpr { expr: parse_expr_text(text).unwrap(), text: text.to_owned() }
}

fn table(name: &str, columns: Vec<Column>) -> Table {
    Table {
        name: name.to_owned(),
        kind: TableKind::RowId,
        primary: None,
        root: TreeId::main(0),
        columns,
        row_id_column: None,
        primary_key: Vec::new(),
        row_id_conflict: OnConflict::Abort,
        autoincrement: false,
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        indexes: Vec::new(),
        sql: String::new(),
    }
}

fn index(name: &str, table: &str, keys: Vec<IndexKey>, filter: Option<&str>) -> Arc<Index> {
    let key = |key| IndexColumn { key, collation: Collation::Binary, descending: false };
    Arc::new(Index {
        name: name.to_owned(),
        table: table.to_owned(),
        root: TreeId::main(0),
        columns: keys.into_iter().map(key).collect(),
        tail: Vec::new(),
        unique: false,
        on_conflict: OnConflict::Abort,
        filter: filter.map(sql_expr),
        origin: IndexOrigin::Create,
        constraint: None,
        sql: None,
    })
}

/// `t(id INTEGER PRIMARY KEY, a INTEGER NOT NULL, b TEXT, c REAL, n TEXT COLLATE NOCASE, x ANY)` with a partial and
/// an expression index, `u(a INTEGER, d TEXT)`, `w(a TEXT, b INTEGER)` with a default and a check, `part(a TEXT, b INTEGER)`
/// with an index on the rows with `b > 0`, and views.
fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    let mut t = table(
        "t",
        vec![
            column("id", ColumnType::Integer),
            Column { not_null: Some(OnConflict::Abort), ..column("a", ColumnType::Integer) },
            column("b", TEXT),
            column("c", ColumnType::Real),
            Column { collation: Collation::NoCase, ..column("n", TEXT) },
            column("x", ColumnType::Any),
        ],
    );
    t.row_id_column = Some(0);
    t.primary_key = vec![0];
    t.indexes.push(index("t_a", "t", vec![IndexKey::Column(1)], Some("b IS NOT NULL")));
    t.indexes.push(index("t_e", "t", vec![IndexKey::Expression(Box::new(sql_expr("lower(b)")))], None));
    let u = table("u", vec![column("a", ColumnType::Integer), column("d", TEXT)]);
    let mut w = table(
        "w",
        vec![
            Column { default: Some(sql_expr("'none'")), ..column("a", TEXT) },
            Column { default: Some(sql_expr("1 + 2")), ..column("b", ColumnType::Integer) },
        ],
    );
    w.checks.push(Check { name: None, condition: sql_expr("b > 0") });
    let mut part = table("part", vec![column("a", TEXT), column("b", ColumnType::Integer)]);
    part.indexes.push(index("part_a", "part", vec![IndexKey::Column(0)], Some("b > 0")));
    for table in [t, u, w, part] {
        catalog.relations.insert(table.name.clone(), Relation::Table(Arc::new(table)));
    }
    for (name, columns, sql) in [
        ("v", vec![], "SELECT a AS k, count(*) FROM u GROUP BY a"),
        ("v2", vec!["p".to_owned(), "q".to_owned()], "SELECT * FROM v WHERE k > 1"),
        ("loop", vec![], "SELECT * FROM loop"),
        ("broken", vec![], "SELECT nosuch FROM u"),
    ] {
        let parsed = parse_one(sql, None).unwrap().unwrap().0;
        let Statement::Query(query) = parsed.statement else { panic!("{sql} is no query") };
        let view = View {
            database: DatabaseId::MAIN,
            name: name.to_owned(),
            columns,
            query: *query,
            hints: parsed.hints,
            sql: sql.to_owned(),
        };
        catalog.relations.insert(name.to_owned(), Relation::View(Arc::new(view)));
    }
    catalog
}

fn parse(sql: &str) -> (Parsed, Vec<Value>) {
    let mut scratch = LiftScratch::default();
    let lifted = lift(sql, &mut scratch);
    let parsed = parse_one(sql, lifted.as_ref().map(|lifted| lifted.slots())).unwrap().unwrap().0;
    (parsed, lifted.map_or_else(Vec::new, |lifted| lifted.literals.clone()))
}

/// The query bound, with the literals lifted.
fn query(sql: &str) -> Result<Bound<Query>> {
    query_of(&parse(sql))
}

fn query_of((parsed, literals): &(Parsed, Vec<Value>)) -> Result<Bound<Query>> {
    let catalog = catalog();
    let cx = BindContext { catalog: Lookup::from(&catalog), literals };
    let Statement::Query(query) = &parsed.statement else { panic!("{} is no query", parsed.text) };
    bind_query(parsed, query, &cx)
}

fn write(sql: &str) -> Result<Bound<Write>> {
    let (parsed, literals) = parse(sql);
    let catalog = catalog();
    let cx = BindContext { catalog: Lookup::from(&catalog), literals: &literals };
    bind_write(&parsed, &parsed.statement, &cx)
}

/// The error of a statement, and the text it points at.
fn error(sql: &str) -> String {
    let error: Error = match parse(sql).0.statement {
        Statement::Query(_) => query(sql).expect_err(sql),
        _ => write(sql).expect_err(sql),
    };
    match error.span() {
        Some(span) => format!("{error} @ {}", &sql[span.start..span.end]),
        None => error.to_string(),
    }
}
