//! Aggregate: groups, and what is computed over each.
//!
//! Each batch's rows get the numbers of their groups; then every call takes the whole batch at once, adding each row
//! to the state of its group. Groups are given in the order in which they first came, so sorted input stays sorted.

use super::aggregate_call::Call;
use super::columns::Columns;
use super::row_keys::{KeyRule, NullKeys, RowKeys};
use super::{Builder, Operator, places};
use crate::error::{Error, Result};
use crate::exec::accumulate::Groups;
use crate::exec::expr::CompiledExpr;
use crate::exec::vector::VectorBuilder;
use crate::exec::{BATCH_ROWS, Batch, Context, Vector};
use crate::plan::{Node, Operator as Planned};
use crate::types::TypeSet;
use crate::value::{Value, ValueRef};
use std::sync::Arc;

/// A grouping.
pub(super) struct Aggregate {
    input: Box<dyn Operator>,
    groups: Vec<CompiledExpr>,
    calls: Vec<Call>,
    /// Places of the bare columns in the input.
    bare: Vec<usize>,
    keys: RowKeys,
    /// The grouping values by group.
    group_values: Columns,
    /// The bare columns by group, from its first row.
    bare_values: Columns,
    chosen_row: Option<ChosenRow>,
    /// Group of each row of the batch.
    ids: Vec<u32>,
    fresh: Vec<u32>,
    group_count: usize,
    given: usize,
    is_read: bool,
}

/// Bare columns that come from the row of a min or max.
#[derive(Default)]
struct ChosenRow {
    call: usize,
    /// The bare columns of the best row, by group; none where every value was NULL.
    best: Vec<Option<Box<[Value]>>>,
    /// Groups and rows of a batch that became the best, in order.
    replaced: Vec<(u32, u32)>,
}

impl Aggregate {
    pub(super) fn new(builder: Builder<'_>, node: &Node) -> Result<Aggregate> {
        let Planned::Aggregate { input, groups, calls, bare, bare_from, sorted: _ } = &node.operator else {
            return Err(Error::Misuse("an aggregate was built from another node".to_owned()));
        };
        let rules = groups.iter().map(|(_, collation)| KeyRule::by(*collation)).collect();
        let chosen_row =
            bare_from.filter(|_| !bare.is_empty()).map(|call| ChosenRow { call, ..ChosenRow::default() });
        Ok(Aggregate {
            groups: builder.compile_all(groups.iter().map(|(expr, _)| expr), &input.columns)?,
            calls: calls
                .iter()
                .map(|call| Call::new(builder, call, !groups.is_empty(), &input.columns))
                .collect::<Result<_>>()?,
            bare: places(bare, &input.columns)?,
            keys: RowKeys::new(rules, NullKeys::Equal),
            group_values: Columns::new(groups.len()),
            bare_values: Columns::new(bare.len()),
            chosen_row,
            ids: Vec::new(),
            fresh: Vec::new(),
            group_count: 0,
            given: 0,
            is_read: true,
            input: builder.build(input)?,
        })
    }

    /// Numbers the groups of the batch's rows and keeps the values of those that are new.
    fn number_groups(&mut self, batch: &Batch, cx: &mut Context) -> Result<()> {
        self.fresh.clear();
        if self.groups.is_empty() {
            if self.bare_values.len() == 0 {
                self.fresh.extend(batch.selected().next().map(|row| row as u32));
            }
        } else {
            let mut values = Vec::with_capacity(self.groups.len());
            for group in &mut self.groups {
                values.push(group.eval(batch, cx)?);
            }
            let (ids, fresh) = (&mut self.ids, &mut self.fresh);
            ids.clear();
            ids.resize(batch.rows, 0);
            self.keys.insert(&values, batch.selected(), |row, id, is_new| {
                ids[row] = id; // As long as the batch.
                if is_new {
                    fresh.push(row as u32);
                }
            });
            self.group_count = self.keys.len();
            // New groups are numbered in the order in which they are told.
            if !self.fresh.is_empty() {
                self.group_values.append(values.iter(), batch.rows, Some(&self.fresh));
            }
        }
        if !self.bare.is_empty() && !self.fresh.is_empty() {
            // Places are of the input's columns.
            let bare = self.bare.iter().map(|place| &batch.columns[*place]);
            self.bare_values.append(bare, batch.rows, Some(&self.fresh));
        }
        Ok(())
    }

    fn read_all(&mut self, cx: &mut Context) -> Result<()> {
        while let Some(batch) = self.input.next(cx)? {
            cx.check_interrupt()?;
            if batch.selected_rows() == 0 {
                continue;
            }
            self.number_groups(&batch, cx)?;
            let groups = if self.groups.is_empty() { Groups::One(0) } else { Groups::Each(&self.ids) };
            for (place, call) in self.calls.iter_mut().enumerate() {
                match self.chosen_row.as_mut().filter(|chosen| chosen.call == place) {
                    Some(chosen) => {
                        let replaced = Some(&mut chosen.replaced);
                        call.update(&batch, groups, self.group_count, replaced, cx)?;
                        chosen.keep(&self.bare, &batch);
                    }
                    None => call.update(&batch, groups, self.group_count, None, cx)?,
                }
            }
        }
        for call in &mut self.calls {
            call.end(self.group_count, cx)?;
        }
        Ok(())
    }

    /// The groups from `start` to `end`.
    fn groups_between(&mut self, start: usize, end: usize) -> Result<Batch> {
        let rows: Vec<u32> = (start..end).map(|group| group as u32).collect();
        let mut columns = self.group_values.gather(&rows).columns;
        for call in &mut self.calls {
            let mut builder = VectorBuilder::new(TypeSet::EMPTY);
            for group in start..end {
                builder.push(call.finish(group)?.as_ref());
            }
            columns.push(Arc::new(builder.finish()));
        }
        match &self.chosen_row {
            Some(chosen) => {
                for (bare, first) in self.bare_values.vectors().iter().enumerate() {
                    let mut builder = VectorBuilder::new(TypeSet::EMPTY);
                    for group in start..end {
                        match chosen.best.get(group).and_then(Option::as_ref) {
                            Some(row) => builder.push(row.get(bare).map_or(ValueRef::Null, Value::as_ref)),
                            None => builder.push(first.get(group)),
                        }
                    }
                    columns.push(Arc::new(builder.finish()));
                }
            }
            // Beyond the end, as in the one group of no rows, a gathered value is NULL.
            None => columns.extend(self.bare_values.vectors().iter().map(|bare| {
                Arc::new(if bare.len() == 0 { Vector::nulls(rows.len()) } else { bare.gather(&rows) })
            })),
        }
        Ok(Batch::new(columns, rows.len()))
    }

    fn forget(&mut self) {
        self.keys.clear();
        self.group_values.clear();
        self.bare_values.clear();
        if let Some(chosen) = &mut self.chosen_row {
            chosen.best.clear();
        }
        for call in &mut self.calls {
            call.clear();
        }
    }
}

impl ChosenRow {
    /// Keeps the bare columns of the rows that became the best of their groups, the last of each.
    fn keep(&mut self, bare: &[usize], batch: &Batch) {
        self.replaced.sort_by_key(|(group, _)| *group);
        let mut replaced = self.replaced.drain(..).peekable();
        while let Some((group, row)) = replaced.next() {
            if replaced.peek().is_some_and(|(next, _)| *next == group) {
                continue;
            }
            let group = group as usize;
            if self.best.len() <= group {
                self.best.resize(group + 1, None);
            }
            let row = bare.iter().map(|place| batch.get(*place, row as usize).to_owned()).collect();
            self.best[group] = Some(row); // Just made long enough.
        }
    }
}

impl Operator for Aggregate {
    fn reset(&mut self, cx: &mut Context) -> Result<()> {
        self.forget();
        self.group_count = usize::from(self.groups.is_empty());
        self.given = 0;
        self.is_read = false;
        self.input.reset(cx)
    }

    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        if !self.is_read {
            self.read_all(cx)?;
            self.is_read = true;
        }
        cx.check_interrupt()?;
        let (start, end) = (self.given, self.group_count.min(self.given + BATCH_ROWS));
        if start >= end {
            return Ok(None);
        }
        self.given = end;
        self.groups_between(start, end).map(Some)
    }

    fn stop(&mut self) {
        self.input.stop();
        self.forget();
        self.group_count = 0;
        self.is_read = true;
    }
}
