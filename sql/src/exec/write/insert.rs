//! INSERT: rows of expressions, of a query, or of defaults.

use super::find::{QueryRun, Subqueries};
use super::row_writer::RowWriter;
use super::scalar::Scalar;
use super::{ROWS_PER_CHECK, Written};
use crate::constraint::Refusal;
use crate::error::{Error, Result};
use crate::exec::context::Context;
use crate::exec::expr::Scope;
use crate::ir::{InsertColumn, Target};
use crate::parser::OnConflict;
use crate::plan::WriteSource;
use sedge_storage::WriteTransaction;

/// An INSERT ready to run.
pub(super) struct Insert {
    writer: RowWriter,
    columns: Vec<InsertColumn>,
    /// Columns that take their default.
    defaults: Vec<usize>,
    source: Source,
}

enum Source {
    /// VALUES.
    Rows { rows: Vec<Vec<Scalar>>, subqueries: Subqueries },
    /// SELECT. It reads a snapshot from before the first row is written, so nothing need be spooled.
    Query(Box<QueryRun>),
    /// DEFAULT VALUES.
    Defaults,
}

impl Insert {
    pub(super) fn new(
        target: &Target,
        columns: &[InsertColumn],
        source: &WriteSource,
        on_conflict: Option<OnConflict>,
    ) -> Result<Insert> {
        let mut scope = Scope::default();
        let source = match source {
            WriteSource::Rows(rows, expressions) => {
                scope = Scope { layout: &[], outer: &expressions.outer, subplans: &expressions.subplans };
                let mut compiled = Vec::with_capacity(rows.len());
                for row in rows {
                    if row.len() != columns.len() {
                        return Err(Error::Misuse("a row of VALUES as wide as no column list".to_owned()));
                    }
                    let scalars = row.iter().map(|expr| Scalar::compile(expr, scope));
                    compiled.push(scalars.collect::<Result<Vec<Scalar>>>()?);
                }
                Source::Rows { rows: compiled, subqueries: Subqueries::of(expressions)? }
            }
            WriteSource::Query { plan, .. } => Source::Query(Box::new(QueryRun::new(plan)?)),
            WriteSource::Defaults => Source::Defaults,
        };
        let writer = RowWriter::new(target, scope, on_conflict)?;
        // DEFAULT VALUES gives no column a value of its own.
        let columns = if matches!(source, Source::Defaults) { &[] } else { columns };
        let defaults = writer.defaults_beside(columns, target);
        Ok(Insert { writer, columns: columns.to_vec(), defaults, source })
    }

    /// True if at most one row is inserted.
    pub(super) fn is_single_row(&self) -> bool {
        match &self.source {
            Source::Rows { rows, .. } => rows.len() <= 1,
            Source::Query(_) => false,
            Source::Defaults => true,
        }
    }

    pub(super) fn run(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        written: &mut Written,
    ) -> Result<(), Refusal> {
        let Insert { writer, columns, defaults, source } = self;
        let mut insert = |writer: &mut RowWriter, txn: &mut WriteTransaction, cx: &mut Context| {
            if let Some(row_id) = writer.insert(txn, cx)? {
                written.changes += 1;
                written.last_row_id = Some(row_id);
            }
            Ok::<(), Refusal>(())
        };
        match source {
            Source::Rows { rows, subqueries } => subqueries.with(txn, cx, |txn, cx| {
                for (i, row) in rows.iter_mut().enumerate() {
                    if i % ROWS_PER_CHECK == ROWS_PER_CHECK - 1 {
                        cx.check_interrupt()?;
                    }
                    begin(writer, defaults, cx)?;
                    for (column, value) in columns.iter().zip(row) {
                        writer.set_to(*column, value, cx)?;
                    }
                    insert(writer, txn, cx)?;
                }
                Ok(())
            }),
            Source::Query(query) => query.each_batch(txn, cx, |txn, cx, batch| {
                for row in batch.selected() {
                    begin(writer, defaults, cx)?;
                    for (i, column) in columns.iter().enumerate() {
                        writer.set(*column, batch.get(i, row));
                    }
                    insert(writer, txn, cx)?;
                }
                Ok(())
            }),
            Source::Defaults => {
                begin(writer, defaults, cx)?;
                insert(writer, txn, cx)
            }
        }
    }
}

/// Begins a row with the defaults of the columns that are not given.
fn begin(writer: &mut RowWriter, defaults: &[usize], cx: &mut Context) -> Result<()> {
    writer.begin();
    for place in defaults {
        writer.set_default(*place, cx)?;
    }
    Ok(())
}
