//! NOT NULL.

use crate::catalog::Table;
use crate::error::{Constraint, ConstraintKind};
use crate::parser::OnConflict;

/// The columns that must not be NULL, and what the statement or else the column does about it. The row id column
/// never is.
pub(crate) fn columns(table: &Table, statement: Option<OnConflict>) -> Vec<(usize, OnConflict)> {
    let constrained = table.columns.iter().enumerate().filter(|(i, _)| table.row_id_column != Some(*i));
    constrained.filter_map(|(i, column)| column.not_null.map(|own| (i, statement.unwrap_or(own)))).collect()
}

/// What is broken by a NULL in column `place`.
#[cold]
pub(crate) fn breach(table: &Table, place: usize) -> Box<Constraint> {
    Box::new(Constraint {
        kind: ConstraintKind::NotNull,
        table: table.name.clone(),
        columns: table.columns.get(place).map(|column| column.name.clone()).into_iter().collect(),
        name: None,
        detail: None,
    })
}
