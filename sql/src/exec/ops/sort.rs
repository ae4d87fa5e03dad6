//! Sort: rows in order, or only the first of them.
//!
//! Rows are kept as columns, and what is sorted is their numbers. A single key of integers or reals becomes one
//! number a row; any other keys become bytes whose order is that of the keys. Where only the first rows are wanted,
//! those that can no longer be among them are dropped now and then, and later ones are not even kept.

use super::columns::Columns;
use super::limit::row_count;
use super::sort_key::{KeyColumn, SortKeys};
use super::{Builder, Operator};
use crate::error::Result;
use crate::exec::expr::CompiledExpr;
use crate::exec::{BATCH_ROWS, Batch, Context, Vector};
use crate::ir::{Expr, SortKey};
use crate::plan::Node;
use std::sync::Arc;

/// Beyond the rows wanted, so many more are kept before they are cut back.
const SURPLUS_ROWS: usize = 8 * BATCH_ROWS;

/// A stable sort.
pub(super) struct Sort {
    input: Box<dyn Operator>,
    width: usize,
    keys: Vec<CompiledExpr>,
    key_columns: Vec<KeyColumn>,
    top: Option<CompiledExpr>,
    /// How many rows are wanted.
    wanted: usize,
    /// The rows of the input, then their keys.
    kept: Columns,
    sort_keys: SortKeys,
    /// The rows in order, once all have come.
    order: Vec<u32>,
    given: usize,
    is_sorted: bool,
    passed: Vec<u32>,
}

impl Sort {
    pub(super) fn new(
        builder: Builder<'_>,
        node: &Node,
        input: &Node,
        keys: &[SortKey],
        top: Option<&Expr>,
    ) -> Result<Sort> {
        debug_assert_eq!(node.columns, input.columns);
        Ok(Sort {
            width: input.columns.len(),
            keys: builder.compile_all(keys.iter().map(|key| &key.expr), &input.columns)?,
            key_columns: keys.iter().map(KeyColumn::of).collect(),
            top: top.map(|expr| builder.compile(expr, &[])).transpose()?,
            input: builder.build(input)?,
            wanted: usize::MAX,
            kept: Columns::new(input.columns.len() + keys.len()),
            sort_keys: SortKeys::default(),
            order: Vec::new(),
            given: 0,
            is_sorted: false,
            passed: Vec::new(),
        })
    }

    fn read_all(&mut self, cx: &mut Context) -> Result<()> {
        // What a row must precede to be kept: the last of the rows wanted so far.
        let mut has_bound = false;
        while let Some(mut batch) = self.input.next(cx)? {
            cx.check_interrupt()?;
            let mut keys = Vec::with_capacity(self.keys.len());
            for key in &mut self.keys {
                keys.push(key.eval(&batch, cx)?);
            }
            if has_bound {
                self.passed.clear();
                self.sort_keys.below_bound(&keys, &self.key_columns, batch.selected(), &mut self.passed);
                if self.passed.is_empty() {
                    continue;
                }
                batch.select(&self.passed);
            }
            self.kept.append(batch.columns.iter().chain(&keys), batch.rows, batch.selection());
            if self.wanted < usize::MAX - SURPLUS_ROWS && self.kept.len() >= self.wanted + SURPLUS_ROWS {
                self.sort_kept();
                self.order.truncate(self.wanted);
                self.kept.reorder(&self.order);
                let keys = self.kept.vectors().get(self.width..).unwrap_or_default();
                has_bound = self.sort_keys.set_bound(keys, &self.key_columns, self.wanted);
            }
        }
        self.sort_kept();
        self.order.truncate(self.wanted);
        Ok(())
    }

    fn sort_kept(&mut self) {
        let keys: &[Vector] = self.kept.vectors().get(self.width..).unwrap_or_default();
        self.sort_keys.sort(keys, &self.key_columns, self.kept.len(), &mut self.order);
    }
}

impl Operator for Sort {
    fn reset(&mut self, cx: &mut Context) -> Result<()> {
        self.wanted = match &mut self.top {
            Some(top) => match row_count(top, cx)? {
                Some(count) => usize::try_from(count).unwrap_or(usize::MAX),
                None => usize::MAX,
            },
            None => usize::MAX,
        };
        self.kept.clear();
        self.order.clear();
        self.given = 0;
        self.is_sorted = self.wanted == 0;
        if self.wanted > 0 { self.input.reset(cx) } else { Ok(()) }
    }

    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        if !self.is_sorted {
            self.read_all(cx)?;
            self.is_sorted = true;
        }
        cx.check_interrupt()?;
        let end = self.order.len().min(self.given + BATCH_ROWS);
        let rows = self.order.get(self.given..end).unwrap_or_default();
        if rows.is_empty() {
            return Ok(None);
        }
        let vectors = self.kept.vectors().get(..self.width).unwrap_or_default();
        let columns = vectors.iter().map(|vector| Arc::new(vector.gather(rows))).collect();
        self.given = end;
        Ok(Some(Batch::new(columns, rows.len())))
    }

    fn stop(&mut self) {
        self.input.stop();
        self.kept.clear();
        self.order = Vec::new();
        self.is_sorted = true;
    }
}
