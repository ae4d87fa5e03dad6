//! Views that are written to: INSTEAD OF triggers see a view's rows as those of a table, which is described here.

use super::scope::{Source, SourceColumn};
use super::{BindContext, Binder};
use crate::catalog::{Column, Lookup, Table, TableKind, View};
use crate::databases::TreeId;
use crate::error::{Error, Result};
use crate::ir::{Expr, Target};
use crate::parser::OnConflict;
use crate::types::{Affinity, Collation, ColumnType};
use crate::value::Value;
use std::sync::Arc;

/// The table that stands for a view: its columns are those of the view's query, and it has no tree.
///
/// # Errors
/// As [`super::bind_query`].
pub fn view_table(catalog: Lookup<'_>, view: &View) -> Result<Arc<Table>> {
    let cx = BindContext { catalog, literals: &[] };
    let mut from = Binder::of_schema(&cx).view(view, view.name.clone(), &[], None)?;
    let Some(source) = from.sources.pop() else {
        return Err(Error::invalid(format!("view {} has no columns", view.name), None));
    };
    let column = |column: &SourceColumn| Column {
        name: column.info.name.to_string(),
        column_type: column.info.column_type.unwrap_or(ColumnType::Any),
        declared: declared_type(column),
        not_null: None,
        default: None,
        collation: column.collation.unwrap_or(Collation::Binary),
        generated: None,
    };
    Ok(Arc::new(Table {
        name: view.name.clone(),
        kind: TableKind::View,
        root: TreeId { database: view.database, number: 0 },
        columns: source.columns.iter().map(column).collect(),
        row_id_column: None,
        primary_key: Vec::new(),
        autoincrement: false,
        row_id_conflict: OnConflict::Abort,
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        primary: None,
        indexes: Vec::new(),
        sql: String::new(),
    }))
}

/// The type that pragmas show: that of the column it comes from, or a word for what an expression converts to.
fn declared_type(column: &SourceColumn) -> Option<String> {
    let word = match (column.info.column_type, column.affinity) {
        (Some(declared), _) => return Some(declared.to_string()),
        (None, Affinity::None) => return None,
        (None, Affinity::Blob) => "BLOB",
        (None, Affinity::Text) => "TEXT",
        (None, Affinity::Numeric) => "NUM",
        (None, Affinity::Integer) => "INT",
        (None, Affinity::Real) => "REAL",
        (None, Affinity::Decimal) => "DECIMAL",
    };
    Some(word.to_owned())
}

impl Binder<'_> {
    /// A view that is written to, and the row being written as a source. It has neither defaults nor constraints.
    pub(super) fn view_target(&mut self, table: &Arc<Table>, shown: String) -> (Target, Source) {
        let (source, row_id) = self.source(table, shown);
        let target = Target {
            table: Arc::clone(table),
            columns: source.columns.iter().map(|column| column.id).collect(),
            row_id,
            defaults: vec![Expr::Constant(Value::Null); table.columns.len()],
            checks: Vec::new(),
            indexes: Vec::new(),
            generated: Vec::new(),
            sequence: None,
        };
        (target, source)
    }
}
