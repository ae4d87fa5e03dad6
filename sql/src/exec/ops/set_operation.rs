//! Compounds: UNION [ALL], INTERSECT, EXCEPT.

use super::distinct::select_fresh;
use super::row_keys::{KeyRule, NullKeys, RowKeys};
use super::{Builder, Operator};
use crate::error::Result;
use crate::exec::{Batch, Context};
use crate::ir::SetOp;
use crate::plan::Node;
use crate::types::Collation;

/// Which side gives rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
    Done,
}

/// Rows of both sides, matched column by column.
///
/// A UNION streams the left rows, then the right ones, and keeps the keys it has given. INTERSECT and EXCEPT first
/// read the right side's keys, then stream the left rows.
pub(super) struct SetOperation {
    op: SetOp,
    left: Box<dyn Operator>,
    right: Box<dyn Operator>,
    rules: Vec<KeyRule>,
    side: Side,
    /// What was given before.
    seen: RowKeys,
    /// The right rows of INTERSECT and EXCEPT.
    others: RowKeys,
    others_are_read: bool,
    chosen: Vec<u32>,
}

impl SetOperation {
    pub(super) fn new(
        builder: Builder<'_>,
        op: SetOp,
        left: &Node,
        right: &Node,
        collations: &[Collation],
    ) -> Result<SetOperation> {
        let rules: Vec<KeyRule> = collations.iter().map(|collation| KeyRule::by(*collation)).collect();
        Ok(SetOperation {
            op,
            left: builder.build(left)?,
            right: builder.build(right)?,
            side: Side::Done,
            seen: RowKeys::new(rules.clone(), NullKeys::Equal),
            others: RowKeys::new(rules.clone(), NullKeys::Equal),
            rules,
            others_are_read: false,
            chosen: Vec::new(),
        })
    }

    fn read_others(&mut self, cx: &mut Context) -> Result<()> {
        self.right.reset(cx)?;
        while let Some(batch) = self.right.next(cx)? {
            cx.check_interrupt()?;
            self.others.insert(&batch.columns, batch.selected(), |_, _, _| {});
        }
        self.others_are_read = true;
        Ok(())
    }

    /// Narrows `batch` to the rows that are, or are not, among the right rows.
    fn keep_by_others(&mut self, batch: &mut Batch) {
        let wanted = self.op == SetOp::Intersect;
        let chosen = &mut self.chosen;
        chosen.clear();
        self.others.find(&batch.columns, &self.rules, batch.selected(), |row, id| {
            if (id != super::key_table::NONE) == wanted {
                chosen.push(row as u32);
            }
        });
        batch.select(chosen);
    }
}

impl Operator for SetOperation {
    fn reset(&mut self, cx: &mut Context) -> Result<()> {
        self.side = Side::Left;
        self.seen.clear();
        self.others.clear();
        self.others_are_read = false;
        self.left.reset(cx)
    }

    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        let is_union = matches!(self.op, SetOp::Union | SetOp::UnionAll);
        if !is_union && !self.others_are_read && self.side == Side::Left {
            self.read_others(cx)?;
        }
        loop {
            cx.check_interrupt()?;
            let input = match self.side {
                Side::Left => &mut self.left,
                Side::Right => &mut self.right,
                Side::Done => return Ok(None),
            };
            let Some(mut batch) = input.next(cx)? else {
                if self.side == Side::Left && is_union {
                    self.right.reset(cx)?;
                    self.side = Side::Right;
                } else {
                    self.side = Side::Done;
                }
                continue;
            };
            if self.op == SetOp::UnionAll {
                return Ok(Some(batch));
            }
            if !is_union {
                self.keep_by_others(&mut batch);
            }
            select_fresh(&mut self.seen, &mut batch, &mut self.chosen);
            if !self.chosen.is_empty() {
                return Ok(Some(batch));
            }
        }
    }

    fn stop(&mut self) {
        self.left.stop();
        self.right.stop();
        self.seen.clear();
        self.others.clear();
        self.side = Side::Done;
    }
}
