//! CHECK: a condition that no row may make false. NULL is not false.

use crate::catalog::Table;
use crate::error::{Constraint, ConstraintKind};

/// What is broken by a row for which check `place` of the table is false.
#[cold]
pub(crate) fn breach(table: &Table, place: usize) -> Box<Constraint> {
    let check = table.checks.get(place);
    let name = check.map(|check| check.name.clone().unwrap_or_else(|| check.condition.text.clone()));
    Box::new(Constraint {
        kind: ConstraintKind::Check,
        table: table.name.clone(),
        columns: Vec::new(),
        name,
        detail: None,
    })
}
