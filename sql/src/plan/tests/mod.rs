//! Tests of planning: SQL text over catalogs made by hand, and the plans as text.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod joins;
mod rewrites;
mod shapes;
mod tpch;

use super::{
    PlanContext, Statistics, default_rows_per_prefix, explain, explain_query_plan, explain_write, plan_query,
    plan_write,
};
use crate::bind::{BindContext, bind_query, bind_write};
use crate::catalog::{
    Catalog, Column, Index, IndexColumn, IndexKey, IndexOrigin, Relation, SqlExpr, Table, TableKind,
};
use crate::databases::TreeId;
use crate::error::Result;
use crate::ir::{ArithmeticOp, Expr};
use crate::parser::{OnConflict, Statement, parse_expr_text, parse_one};
use crate::types::{Collation, ColumnType};
use crate::value::Value;
use std::sync::Arc;

/// A catalog under construction, and how many rows its tables have.
#[derive(Default)]
struct Schema {
    tables: Vec<Table>,
    rows: Vec<(String, f64)>,
    /// Rows for each value of the first column of an index.
    shared: Vec<(String, f64)>,
}

impl Schema {
    /// Adds a table: `columns` as `name type [key] [not null] [nocase]`, separated by commas.
    fn table(&mut self, name: &str, rows: f64, columns: &str) -> &mut Schema {
        let mut row_id_column = None;
        let columns: Vec<Column> = columns
            .split(',')
            .enumerate()
            .map(|(at, text)| {
                let words: Vec<&str> = text.split_whitespace().collect();
                if words.contains(&"key") {
                    row_id_column = Some(at);
                }
                Column {
                    name: words[0].to_owned(),
                    column_type: match words[1] {
                        "int" => ColumnType::Integer,
                        "real" => ColumnType::Real,
                        "any" => ColumnType::Any,
                        "numeric" => ColumnType::Numeric,
                        _ => ColumnType::Text { max_chars: None },
                    },
                    declared: None,
                    not_null: (words.contains(&"not") || words.contains(&"key")).then_some(OnConflict::Abort),
                    default: None,
                    collation: if words.contains(&"nocase") { Collation::NoCase } else { Collation::Binary },
                    generated: None,
                }
            })
            .collect();
        self.rows.push((name.to_owned(), rows));
        self.tables.push(Table {
            name: name.to_owned(),
            kind: TableKind::RowId,
            primary: None,
            root: TreeId::main(self.tables.len() as u32 + 10),
            columns,
            row_id_column,
            primary_key: row_id_column.into_iter().collect(),
            row_id_conflict: OnConflict::Abort,
            autoincrement: false,
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            indexes: Vec::new(),
            sql: String::new(),
        });
        self
    }

    /// Adds an index to the table made last: `keys` are columns (with DESC) or expressions.
    fn index(&mut self, name: &str, unique: bool, keys: &[&str], filter: Option<&str>) -> &mut Schema {
        let expr = |text: &str| SqlExpr { expr: parse_expr_text(text).unwrap(), text: text.to_owned() };
        let table = self.tables.last_mut().unwrap();
        let columns = keys
            .iter()
            .map(|key| {
                let (key, descending) = key.strip_suffix(" DESC").map_or((*key, false), |key| (key, true));
                match table.column(key) {
                    Some(at) => IndexColumn {
                        key: IndexKey::Column(at),
                        collation: table.columns[at].collation,
                        descending,
                    },
                    None => IndexColumn {
                        key: IndexKey::Expression(Box::new(expr(key))),
                        collation: Collation::Binary,
                        descending,
                    },
                }
            })
            .collect();
        let index = Index {
            name: name.to_owned(),
            table: table.name.clone(),
            root: TreeId::main(0),
            columns,
            tail: Vec::new(),
            unique,
            on_conflict: OnConflict::Abort,
            filter: filter.map(expr),
            origin: IndexOrigin::Create,
            constraint: None,
            sql: None,
        };
        table.indexes.push(Arc::new(index));
        self
    }

    fn build(&mut self) -> Database {
        let mut catalog = Catalog::default();
        for table in std::mem::take(&mut self.tables) {
            for index in &table.indexes {
                catalog.indexes.insert(index.name.clone(), index.clone());
            }
            catalog.relations.insert(table.name.clone(), Relation::Table(Arc::new(table)));
        }
        Database { catalog, rows: std::mem::take(&mut self.rows), shared: std::mem::take(&mut self.shared) }
    }

    /// Says how many rows share a value of an index's first column.
    fn shared(&mut self, index: &str, rows: f64) -> &mut Schema {
        self.shared.push((index.to_owned(), rows));
        self
    }
}

struct Database {
    catalog: Catalog,
    rows: Vec<(String, f64)>,
    shared: Vec<(String, f64)>,
}

impl Statistics for Database {
    fn rows(&self, table: &Table) -> f64 {
        self.rows.iter().find(|(name, _)| *name == table.name).map_or(1000.0, |(_, rows)| *rows)
    }

    fn distinct(&self, index: &Index, columns: usize) -> f64 {
        let known = self.shared.iter().find(|(name, _)| columns == 1 && *name == index.name);
        known.map_or_else(|| default_rows_per_prefix(index, columns), |(_, rows)| *rows)
    }
}

/// Enough of an evaluator to fold small integers and truths.
fn fold(expr: &Expr) -> Option<Value> {
    match expr {
        Expr::Constant(value) => Some(value.clone()),
        Expr::Negate(x) => match fold(x)? {
            Value::Integer(i) => i.checked_neg().map(Value::Integer),
            _ => None,
        },
        Expr::Arithmetic { op: ArithmeticOp::Add, left, right } => match (fold(left)?, fold(right)?) {
            (Value::Integer(a), Value::Integer(b)) => a.checked_add(b).map(Value::Integer),
            _ => None,
        },
        Expr::IsTruth { expr, truth: true, negated: false } => match fold(expr)? {
            Value::Integer(i) => Some(Value::Integer(i64::from(i != 0))),
            Value::Null => Some(Value::Integer(0)),
            _ => None,
        },
        _ => None,
    }
}

impl Database {
    fn context(&self) -> PlanContext<'_> {
        PlanContext { statistics: self, fold: &fold, choices: super::Choices::default() }
    }

    /// The plan of a statement as lines.
    fn try_plan(&self, sql: &str) -> Result<String> {
        let (parsed, _) = parse_one(sql, None).unwrap().unwrap();
        let cx = BindContext { catalog: (&self.catalog).into(), literals: &[] };
        let lines = match &parsed.statement {
            Statement::Query(query) => {
                let bound = bind_query(&parsed, query, &cx).unwrap();
                let plan = plan_query(bound, &self.context())?;
                assert!(!explain_query_plan(&plan).is_empty());
                explain(&plan)
            }
            statement => {
                let bound = bind_write(&parsed, statement, &cx).unwrap();
                explain_write(&plan_write(bound, &self.context())?)
            }
        };
        // Estimates are apart from the shape of a plan.
        let bare: Vec<&str> =
            lines.iter().map(|line| line.split("  (rows=").next().unwrap_or(line)).collect();
        Ok(bare.join("\n"))
    }

    fn plan(&self, sql: &str) -> String {
        self.try_plan(sql).unwrap()
    }

    /// The plan with estimates.
    fn costs(&self, sql: &str) -> String {
        let (parsed, _) = parse_one(sql, None).unwrap().unwrap();
        let cx = BindContext { catalog: (&self.catalog).into(), literals: &[] };
        let Statement::Query(query) = &parsed.statement else { panic!("{sql} is no query") };
        let plan = plan_query(bind_query(&parsed, query, &cx).unwrap(), &self.context()).unwrap();
        explain(&plan).join("\n")
    }
}

/// A table with indexes of many kinds, small tables, a large one without indexes, and one with unusual indexes.
fn sample() -> Database {
    Schema::default()
        .table("t", 100_000.0, "id int key, a int, b text, c real, n text nocase, x any")
        .index("t_ab", false, &["a", "b"], None)
        .index("t_n", false, &["n"], None)
        .index("t_x", false, &["x"], None)
        .table("s", 100.0, "id int key, k int")
        .table("r", 100.0, "id int key, k int")
        .table("big", 1_000_000.0, "k int, v text")
        .table("p", 10_000.0, "a int, v int, w int, s text")
        .index("p_v", false, &["v"], Some("w = 1"))
        .index("p_lower", false, &["lower(s)"], None)
        .build()
}
