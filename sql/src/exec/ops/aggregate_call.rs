//! One aggregate call: which rows it takes, in which order, and its states by group.

use super::Builder;
use super::columns::Columns;
use super::row_keys::{KeyRule, NullKeys, RowKeys};
use super::sort_key::{KeyColumn, SortKeys};
use crate::error::Result;
use crate::exec::accumulate::{Accumulators, Groups};
use crate::exec::expr::CompiledExpr;
use crate::exec::{BATCH_ROWS, Batch, Context, Vector};
use crate::functions::AggregateFunction;
use crate::ir::{AggregateCall, ColumnId};
use crate::types::Collation;
use crate::value::Value;
use std::sync::Arc;

/// A call being computed.
pub(super) struct Call {
    args: Vec<CompiledExpr>,
    filter: Option<CompiledExpr>,
    /// The arguments each group has seen, of a DISTINCT call.
    seen: Option<RowKeys>,
    ordered: Option<Ordered>,
    function: AggregateFunction,
    collation: Collation,
    accumulators: Accumulators,
    selected: Vec<u32>,
    groups: Vec<u32>,
}

/// Rows of a call with an order of its own, kept until all have come.
struct Ordered {
    keys: Vec<CompiledExpr>,
    key_columns: Vec<KeyColumn>,
    /// The group, the arguments, the keys.
    kept: Columns,
}

impl Call {
    pub(super) fn new(
        builder: Builder<'_>,
        call: &AggregateCall,
        has_groups: bool,
        layout: &[ColumnId],
    ) -> Result<Call> {
        let compile = |expr| builder.compile(expr, layout);
        let ordered = if call.order_by.is_empty() {
            None
        } else {
            let keys = builder.compile_all(call.order_by.iter().map(|key| &key.expr), layout)?;
            let kept = Columns::new(1 + call.args.len() + keys.len());
            Some(Ordered { keys, key_columns: call.order_by.iter().map(KeyColumn::of).collect(), kept })
        };
        // The arguments, then the group, if there are groups.
        let rules = || {
            let args = call.args.iter().map(|_| KeyRule::by(call.collation));
            args.chain(has_groups.then(KeyRule::default)).collect()
        };
        Ok(Call {
            args: builder.compile_all(&call.args, layout)?,
            filter: call.filter.as_ref().map(compile).transpose()?,
            seen: (call.distinct && !call.args.is_empty()).then(|| RowKeys::new(rules(), NullKeys::Equal)),
            ordered,
            function: call.function.clone(),
            collation: call.collation,
            accumulators: Accumulators::new(&call.function, call.collation),
            selected: Vec::new(),
            groups: Vec::new(),
        })
    }

    /// Back to no rows.
    pub(super) fn clear(&mut self) {
        self.accumulators = Accumulators::new(&self.function, self.collation);
        if let Some(seen) = &mut self.seen {
            seen.clear();
        }
        if let Some(ordered) = &mut self.ordered {
            ordered.kept.clear();
        }
    }

    /// Takes the rows of a batch. For min and max `replaced` is told the rows that became the best of their groups.
    pub(super) fn update(
        &mut self,
        batch: &Batch,
        groups: Groups<'_>,
        group_count: usize,
        replaced: Option<&mut Vec<(u32, u32)>>,
        cx: &mut Context,
    ) -> Result<()> {
        let narrowed_batch;
        let mut batch = batch;
        if let Some(filter) = &mut self.filter {
            self.selected.clear();
            filter.select(batch, cx, &mut self.selected)?;
            let mut narrowed = batch.clone();
            narrowed.select(&self.selected);
            narrowed_batch = narrowed;
            batch = &narrowed_batch;
        }
        let mut args = Vec::with_capacity(self.args.len());
        for arg in &mut self.args {
            args.push(arg.eval(batch, cx)?);
        }
        let mut is_narrowed = self.filter.is_some();
        if let Some(seen) = &mut self.seen {
            let mut keys = args.clone();
            if let Groups::Each(ids) = groups {
                keys.push(group_column(ids));
            }
            let fresh = &mut self.selected;
            fresh.clear();
            seen.insert(&keys, batch.selected(), |row, _, is_new| {
                if is_new {
                    fresh.push(row as u32);
                }
            });
            // NULLs are numbered after the rest.
            fresh.sort_unstable();
            is_narrowed = true;
        }
        let selection = if is_narrowed { Some(self.selected.as_slice()) } else { batch.selection() };
        if let Some(ordered) = &mut self.ordered {
            let groups = match groups {
                Groups::Each(ids) => group_column(ids),
                Groups::One(_) => group_column(&vec![0; batch.rows]),
            };
            let mut keys = Vec::with_capacity(ordered.keys.len());
            for key in &mut ordered.keys {
                keys.push(key.eval(batch, cx)?);
            }
            let columns = std::iter::once(&groups).chain(&args).chain(&keys);
            ordered.kept.append(columns, batch.rows, selection);
            return Ok(());
        }
        self.accumulators.grow(group_count);
        self.accumulators.update(groups, &args, batch.rows, selection, replaced)
    }

    /// All rows have come.
    pub(super) fn end(&mut self, group_count: usize, cx: &mut Context) -> Result<()> {
        self.accumulators.grow(group_count);
        let Some(ordered) = &mut self.ordered else { return Ok(()) };
        let first_key = 1 + self.args.len();
        let keys = ordered.kept.vectors().get(first_key..).unwrap_or_default();
        let mut order = Vec::new();
        SortKeys::default().sort(keys, &ordered.key_columns, ordered.kept.len(), &mut order);
        for rows in order.chunks(BATCH_ROWS) {
            cx.check_interrupt()?;
            let batch = ordered.kept.gather(rows);
            self.groups.clear();
            if let Some((groups, _)) = batch.columns.first().and_then(|groups| groups.as_int()) {
                self.groups.extend(groups.iter().map(|group| *group as u32));
            }
            let args = batch.columns.get(1..first_key).unwrap_or_default();
            self.accumulators.update(Groups::Each(&self.groups), args, batch.rows, None, None)?;
        }
        Ok(())
    }

    /// The result for a group.
    pub(super) fn finish(&mut self, group: usize) -> Result<Value> {
        self.accumulators.finish(group)
    }
}

/// Group numbers as a column.
fn group_column(ids: &[u32]) -> Arc<Vector> {
    Arc::new(Vector::from_ints(ids.iter().map(|id| i64::from(*id)).collect()))
}
