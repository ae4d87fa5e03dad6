//! Rows of a table whose columns have changed: looked at under the constraints that it has now, or written anew.

use super::ROWS_PER_CHECK;
use super::fill_index::Entries;
use super::index_writer::{IndexWriter, Side};
use super::row_buffer::RowBuffer;
use super::row_writer::{load_record, row_layout};
use super::scalar::Scalar;
use crate::catalog::Table;
use crate::constraint::types::{Fitted, fit};
use crate::constraint::{check, not_null, types};
use crate::databases::WriteTransaction;
use crate::encode::{RecordWriter, encode_row};
use crate::error::{Error, Result};
use crate::exec::context::Context;
use crate::exec::expr::{CompiledExpr, Scope};
use crate::ir::Target;
use crate::types::ColumnType;
use crate::value::ValueRef;

/// What every row of a table has to satisfy.
struct Rules {
    not_null: Vec<usize>,
    checks: Vec<CompiledExpr>,
}

impl Rules {
    fn new(target: &Target, scope: Scope<'_>) -> Result<Rules> {
        let not_null = not_null::columns(&target.table, None).into_iter().map(|(place, _)| place).collect();
        let checks = target.checks.iter().map(|expr| CompiledExpr::compile(expr, scope));
        Ok(Rules { not_null, checks: checks.collect::<Result<_>>()? })
    }

    fn verify(&mut self, table: &Table, row: &RowBuffer, cx: &mut Context) -> Result<()> {
        if let Some(place) = self.not_null.iter().find(|place| row.is_null(**place)) {
            return Err(Error::Constraint(not_null::breach(table, *place)));
        }
        for (place, condition) in self.checks.iter_mut().enumerate() {
            if condition.truth_row(row, cx)? == Some(false) {
                return Err(Error::Constraint(check::breach(table, place)));
            }
        }
        Ok(())
    }
}

/// Looks at every row of a table: NOT NULL and CHECK.
///
/// # Errors
/// [`Error::Constraint`] for the first row that breaks one; those of evaluating; storage errors.
pub(crate) fn verify_rows(txn: &mut WriteTransaction, target: &Target, cx: &mut Context) -> Result<()> {
    let layout = row_layout(target);
    let mut rules = Rules::new(target, Scope { layout: &layout, ..Scope::default() })?;
    let mut row = RowBuffer::default();
    let mut cursor = txn.snapshot().cursor(target.table.root);
    let (mut found, mut rows) = (cursor.seek_first()?, 0_usize);
    while found {
        if rows.is_multiple_of(ROWS_PER_CHECK) {
            cx.check_interrupt()?;
        }
        rows += 1;
        let key = cursor.key()?.to_vec();
        load_record(&target.table, &key, cursor.value()?, &mut row)?;
        rules.verify(&target.table, &row, cx)?;
        found = cursor.next()?;
    }
    Ok(())
}

/// Writes the rows of `before` anew as rows of `target`, which has its tree: `places` says where each column stood. One
/// that was not there has its default; generated ones are computed. The indexes are left alone.
///
/// # Errors
/// [`Error::Constraint`] for a row that does not fit; those of evaluating; storage errors.
pub(crate) fn rebuild_rows(
    txn: &mut WriteTransaction,
    before: &Table,
    target: &Target,
    places: &[Option<usize>],
    cx: &mut Context,
) -> Result<()> {
    let table = &target.table;
    let layout = row_layout(target);
    let scope = Scope { layout: &layout, ..Scope::default() };
    let mut rules = Rules::new(target, scope)?;
    let compile = |expr| Scalar::compile(expr, scope);
    let mut defaults = target.defaults.iter().map(compile).collect::<Result<Vec<_>>>()?;
    let generated = target.generated.iter().map(|(place, expr)| Ok((*place, compile(expr)?)));
    let mut generated = generated.collect::<Result<Vec<_>>>()?;

    let (mut old, mut row, mut writer) = (RowBuffer::default(), RowBuffer::default(), RecordWriter::new());
    // The rows are read from a snapshot, in which the tree is as it was.
    let mut cursor = txn.snapshot().cursor(before.root);
    let (mut found, mut rows) = (cursor.seek_first()?, 0_usize);
    txn.clear_tree(table.root)?;
    // Rows of a clustered table may come in another order, or have the same key.
    let rows_of = target.indexes.iter().find(|index| table.is_clustered_by(&index.index));
    let mut clustered = match rows_of {
        Some(index) => Some((IndexWriter::new(table, index, scope, None)?, Entries::default())),
        None => None,
    };
    let mut refused = Ok(());
    let mut next = |key: &mut Vec<u8>, record: &mut Vec<u8>| -> Result<bool> {
        if rows.is_multiple_of(ROWS_PER_CHECK) {
            cx.check_interrupt()?;
        }
        rows += 1;
        if !found {
            return Ok(false);
        }
        key.clear();
        key.extend_from_slice(cursor.key()?);
        load_record(before, key, cursor.value()?, &mut old)?;
        row.reset(table.columns.len() + 1);
        row.set(table.columns.len(), old.get(before.columns.len()));
        for (place, (source, default)) in places.iter().zip(&mut defaults).enumerate() {
            match source {
                Some(source) => set(table, &mut row, place, old.get(*source))?,
                None => {
                    let nothing: &[ValueRef<'_>] = &[];
                    default.with(&nothing, cx, |value| set(table, &mut row, place, value))?;
                }
            }
        }
        for (place, value) in &mut generated {
            let value = value.with(&row, cx, |value| Ok::<_, Error>(value.to_owned()))?;
            set(table, &mut row, *place, value.as_ref())?;
        }
        rules.verify(table, &row, cx)?;
        match &mut clustered {
            Some((index, entries)) => {
                index.encode(Side::After, &row, cx)?;
                entries.add(index)?;
            }
            None => {
                let row = &row;
                record.clear();
                record.extend_from_slice(encode_row(table, &mut writer, |place| row.get(place))?);
            }
        }
        found = cursor.next()?;
        Ok(true)
    };
    if let Some(index) = rows_of {
        let (mut key, mut record) = (Vec::new(), Vec::new());
        while next(&mut key, &mut record)? {}
        return match clustered {
            Some((_, entries)) => entries.load(txn, table, &index.index),
            None => Ok(()),
        };
    }
    txn.bulk_load(table.root, |key, record| match next(key, record) {
        Ok(more) => Ok(more),
        Err(error) => {
            refused = Err(error);
            Ok(false)
        }
    })?;
    refused
}

/// Sets a column to a value that is converted to its type.
fn set(table: &Table, row: &mut RowBuffer, place: usize, value: ValueRef<'_>) -> Result<()> {
    let column_type = table.columns.get(place).map_or(ColumnType::Any, |column| column.column_type);
    match fit(value, column_type) {
        Fitted::Value(fitted) => row.set(place, fitted),
        Fitted::Text(text) => row.set(place, ValueRef::Text(text.as_bytes())),
        Fitted::Refused => return Err(Error::Constraint(types::breach(table, place, column_type, value))),
    }
    Ok(())
}
