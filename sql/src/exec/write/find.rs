//! Finding rows: the queries of a writing statement, run on a snapshot of its transaction.

use super::scalar::Scalar;
use crate::catalog::Table;
use crate::constraint::Refusal;
use crate::constraint::types::{Fitted, fit};
use crate::databases::WriteTransaction;
use crate::encode::{EntryLayout, encode_value, row_key};
use crate::error::{Error, Result};
use crate::exec::batch::Batch;
use crate::exec::context::{Context, SubqueryRunner};
use crate::exec::expr::Scope;
use crate::exec::ops::{Builder, Operator, build_subqueries};
use crate::ir::{ColumnId, Output};
use crate::plan::{Expressions, Operator as Planned, Plan, RowIdRange, ScanColumn, Subplan};
use crate::types::ColumnType;
use crate::value::{Value, ValueRef};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The rows that a statement changes, found before the first is changed.
#[derive(Debug, Default)]
pub(super) struct FoundRows {
    /// Their keys, one behind the other, and where each ends.
    keys: Vec<u8>,
    ends: Vec<usize>,
    /// What was found with each row, `width` values a row.
    extras: Vec<Value>,
    width: usize,
}

impl FoundRows {
    fn clear(&mut self, width: usize) {
        self.keys.clear();
        self.ends.clear();
        self.extras.clear();
        self.width = width;
    }

    /// Ends the key that was appended last.
    fn end_key(&mut self) {
        self.ends.push(self.keys.len());
    }

    fn key(&self, row: usize) -> &[u8] {
        let start = row.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.ends.get(row).and_then(|end| self.keys.get(start..*end)).unwrap_or_default()
    }

    /// Keeps of each row the last finding, in the order of the table.
    pub(super) fn keep_last(&mut self) {
        let mut last = BTreeMap::new();
        for row in 0..self.ends.len() {
            last.insert(self.key(row), row);
        }
        let rows: Vec<usize> = last.into_values().collect();
        let mut kept = FoundRows { width: self.width, ..FoundRows::default() };
        for row in rows {
            kept.keys.extend_from_slice(self.key(row));
            kept.end_key();
            let values = self.extras.get_mut(row * self.width..(row + 1) * self.width);
            kept.extras.extend(values.into_iter().flatten().map(std::mem::take));
        }
        *self = kept;
    }

    /// The keys of the rows in order, each with what was found with it.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&[u8], &[Value])> {
        (0..self.ends.len()).map(|row| {
            (self.key(row), self.extras.get(row * self.width..(row + 1) * self.width).unwrap_or_default())
        })
    }
}

/// How rows are found.
pub(super) enum Find {
    /// The row with this id, if there is one: neither a snapshot nor a batch is needed.
    Point(Scalar),
    /// Those of a query whose first columns are the row id, or the columns of the table's key.
    Query { run: Box<QueryRun>, key: FoundKey, width: usize },
}

/// What the first columns of a query that finds rows are.
pub(super) enum FoundKey {
    /// The row id.
    RowId,
    /// The columns of a clustered table's key.
    Columns(EntryLayout),
}

impl FoundKey {
    fn of(table: &Table) -> FoundKey {
        table
            .primary
            .as_ref()
            .map_or(FoundKey::RowId, |primary| FoundKey::Columns(EntryLayout::of(table, primary)))
    }

    /// How many columns it takes.
    fn width(&self) -> usize {
        match self {
            FoundKey::RowId => 1,
            FoundKey::Columns(layout) => layout.columns().len(),
        }
    }

    /// Appends the key of a row.
    fn push(&self, batch: &Batch, row: usize, keys: &mut Vec<u8>) -> Result<()> {
        match self {
            FoundKey::RowId => {
                let ValueRef::Integer(row_id) = batch.get(0, row) else {
                    return Err(Error::Misuse("a row to change was found without its id".to_owned()));
                };
                keys.extend_from_slice(&row_key(row_id));
            }
            FoundKey::Columns(layout) => {
                for (place, column) in layout.columns().iter().enumerate() {
                    encode_value(keys, batch.get(place, row), column.collation, column.descending);
                }
            }
        }
        Ok(())
    }
}

impl Find {
    /// Prepares a query that finds rows of `table`.
    pub(super) fn new(plan: &Plan, table: &Table) -> Result<Find> {
        if let Some(point) = point(plan)? {
            return Ok(Find::Point(point));
        }
        let key = FoundKey::of(table);
        let width = plan.outputs.len().saturating_sub(key.width());
        Ok(Find::Query { run: Box::new(QueryRun::new(plan)?), key, width })
    }

    /// Fills `found`; gives the number of rows.
    pub(super) fn run(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        found: &mut FoundRows,
    ) -> Result<usize, Refusal> {
        match self {
            Find::Point(point) => {
                found.clear(0);
                let nothing: &[ValueRef<'_>] = &[];
                if let Some(row_id) =
                    point.with(&nothing, cx, |value| Ok::<_, Error>(row_id_equal_to(value)))?
                {
                    found.keys.extend_from_slice(&row_key(row_id));
                    found.end_key();
                }
            }
            Find::Query { run, key, width } => {
                let beside = key.width();
                found.clear(*width);
                run.each_batch(txn, cx, |_, _, batch| {
                    for row in batch.selected() {
                        key.push(batch, row, &mut found.keys)?;
                        found.end_key();
                        let extras = beside..beside + *width;
                        found.extras.extend(extras.map(|column| batch.get(column, row).to_owned()));
                    }
                    Ok(())
                })?;
            }
        }
        Ok(found.ends.len())
    }
}

/// The row id that equals a value, as `=` compares it with an INTEGER column.
fn row_id_equal_to(value: ValueRef<'_>) -> Option<i64> {
    match fit(value, ColumnType::Integer) {
        Fitted::Value(ValueRef::Integer(row_id)) => Some(row_id),
        _ => None,
    }
}

/// The expression for the one row id that the plan asks for, if that is all it does.
fn point(plan: &Plan) -> Result<Option<Scalar>> {
    let [output] = plan.outputs.as_slice() else { return Ok(None) };
    let Planned::TableScan(scan) = &plan.root.operator else { return Ok(None) };
    let RowIdRange::OneOf(row_ids) = &scan.range else { return Ok(None) };
    let [row_id] = row_ids.as_slice() else { return Ok(None) };
    if scan.filter.is_some() || plan.subplans.iter().any(Option::is_some) {
        return Ok(None);
    }
    let place = plan.root.columns.iter().position(|column| *column == output.column);
    let gives_row_id = match place.and_then(|place| scan.columns.get(place)) {
        Some(ScanColumn::RowId) => true,
        Some(ScanColumn::Column(column)) => scan.table.row_id_column == Some(*column),
        None => false,
    };
    let scope = Scope { outer: &plan.outer, ..Scope::default() };
    if gives_row_id { Scalar::compile(row_id, scope).map(Some) } else { Ok(None) }
}

/// A query run on the transaction as it stands when it starts.
pub(super) struct QueryRun {
    root: Box<dyn Operator>,
    /// Where the outputs are among the root's columns.
    places: Vec<usize>,
    subqueries: Subqueries,
}

impl QueryRun {
    pub(super) fn new(plan: &Plan) -> Result<QueryRun> {
        let place = |output: &Output| {
            let place = plan.root.columns.iter().position(|column| *column == output.column);
            place.ok_or_else(|| Error::Misuse(format!("no column of the plan is its output {}", output.name)))
        };
        Ok(QueryRun {
            root: Builder { outer: &plan.outer, subplans: &plan.subplans }.build(&plan.root)?,
            places: plan.outputs.iter().map(place).collect::<Result<_>>()?,
            subqueries: Subqueries::new(&plan.subplans, &plan.outer)?,
        })
    }

    /// Hands every batch of rows to `take`, their columns in the order of the outputs. What `take` changes in the
    /// transaction is not seen by the query.
    pub(super) fn each_batch(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        mut take: impl FnMut(&mut WriteTransaction, &mut Context, &Batch) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let QueryRun { root, places, subqueries } = self;
        subqueries.swap(cx);
        cx.begin_run(txn.snapshot());
        let mut run = || {
            root.reset(cx)?;
            while let Some(batch) = root.next(cx)? {
                cx.check_interrupt()?;
                let columns = places.iter().filter_map(|place| batch.columns.get(*place).map(Arc::clone));
                take(txn, cx, &Batch { columns: columns.collect(), ..batch })?;
            }
            Ok(())
        };
        let result = run();
        // The snapshot goes: the writer copies every page that somebody holds.
        root.stop();
        cx.end_run();
        subqueries.swap(cx);
        result
    }
}

/// The subqueries of one part of a statement.
pub(super) struct Subqueries {
    runners: Vec<Option<Box<dyn SubqueryRunner>>>,
    live: Live,
}

/// Which subqueries have to see what their statement has changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Live {
    before: Vec<usize>,
    returned: Vec<usize>,
}

impl Live {
    /// Makes those that are asked before a change see the transaction as it stands.
    #[inline]
    pub(super) fn refresh(&self, txn: &mut WriteTransaction, cx: &mut Context) {
        if !self.before.is_empty() {
            cx.look_again(txn.snapshot(), &self.before);
        }
    }

    /// Makes those of RETURNING see it.
    #[inline]
    pub(super) fn refresh_returning(&self, txn: &mut WriteTransaction, cx: &mut Context) {
        if !self.returned.is_empty() {
            cx.look_again(txn.snapshot(), &self.returned);
        }
    }
}

impl Subqueries {
    fn new(subplans: &[Option<Subplan>], outer: &[ColumnId]) -> Result<Subqueries> {
        Ok(Subqueries { runners: build_subqueries(subplans, outer)?, live: Live::default() })
    }

    /// Those of expressions outside a query.
    /// `others_write` says that programs may change any table.
    pub(super) fn of(expressions: &Expressions, others_write: bool) -> Result<Subqueries> {
        let mut subqueries = Subqueries::new(&expressions.subplans, &expressions.outer)?;
        if expressions.is_live || others_write {
            let (before, returned) = (expressions.live.clone(), expressions.returned.clone());
            subqueries.live = Live { before, returned };
        }
        Ok(subqueries)
    }

    /// True if some of them see the rows written.
    pub(super) fn is_live(&self) -> bool {
        !self.live.before.is_empty()
    }

    /// True if there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.runners.iter().all(Option::is_none)
    }

    /// Exchanges the context's subqueries with these.
    fn swap(&mut self, cx: &mut Context) {
        std::mem::swap(&mut self.runners, &mut cx.subqueries);
    }

    /// Runs `run` with these subqueries in the context. They read the transaction as it stands now, until
    /// [`Live::refresh`].
    pub(super) fn with<R>(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        run: impl FnOnce(&mut WriteTransaction, &mut Context, &Live) -> R,
    ) -> R {
        if self.is_empty() {
            return run(txn, cx, &self.live);
        }
        self.swap(cx);
        cx.begin_run(txn.snapshot());
        let result = run(txn, cx, &self.live);
        cx.end_run();
        self.swap(cx);
        result
    }
}
