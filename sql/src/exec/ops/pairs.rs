//! Pairs of rows of a join, on their way to a batch: shared by all joins.
//!
//! A join pushes, for each left row in order, the right rows that may match it, and then ends the row. When enough
//! pairs have come, [`Pairs::finish`] applies the condition to all of them at once and answers by the kind of join.
//! Where a left row must be heard of even if nothing matches, a pair without a right row stands at the end of its
//! candidates, and by then it is known whether one of them passed. So the order of left rows is kept.

use super::{Builder, places};
use crate::error::Result;
use crate::exec::expr::CompiledExpr;
use crate::exec::{Batch, Context, NO_ROW, Vector};
use crate::ir::{ColumnId, Expr, JoinKind};
use std::sync::Arc;

/// Candidate pairs of one chunk.
pub(super) struct Pairs {
    kind: JoinKind,
    /// Over the columns of the left side, then those of the right side.
    condition: Option<CompiledExpr>,
    /// Places of the join's columns among the columns of both sides.
    outputs: Vec<usize>,
    left_width: usize,
    width: usize,
    left: Vec<u32>,
    right: Vec<u32>,
    /// Whether the row being pushed has a pair that counts so far.
    row_has_pair: bool,
    /// As `row_has_pair`, where a condition decides: of the row whose pairs are being judged.
    judged_row_matches: bool,
    /// The pairs that passed.
    passed: Vec<u32>,
    chosen: Vec<u32>,
}

impl Pairs {
    pub(super) fn new(
        builder: Builder<'_>,
        kind: JoinKind,
        columns: &[ColumnId],
        left: &[ColumnId],
        right: &[ColumnId],
        conditions: &[&Expr],
    ) -> Result<Pairs> {
        let layout: Vec<ColumnId> = left.iter().chain(right).copied().collect();
        let condition = match conditions {
            [] => None,
            [one] => Some(builder.compile(one, &layout)?),
            many => {
                let all = Expr::And(many.iter().map(|expr| (*expr).clone()).collect());
                Some(builder.compile(&all, &layout)?)
            }
        };
        Ok(Pairs {
            kind,
            condition,
            outputs: places(columns, &layout)?,
            left_width: left.len(),
            width: layout.len(),
            left: Vec::new(),
            right: Vec::new(),
            row_has_pair: false,
            judged_row_matches: false,
            passed: Vec::new(),
            chosen: Vec::new(),
        })
    }

    /// Back to no pairs.
    pub(super) fn clear(&mut self) {
        self.left.clear();
        self.right.clear();
        self.row_has_pair = false;
        self.judged_row_matches = false;
    }

    /// How many pairs wait.
    pub(super) fn len(&self) -> usize {
        self.left.len()
    }

    /// True if the row being pushed needs no further candidate: one is enough for EXISTS.
    pub(super) fn row_is_decided(&self) -> bool {
        self.row_has_pair && self.condition.is_none() && self.is_about_existence()
    }

    /// True if a row is given or not by the mere existence of a pair.
    pub(super) fn is_by_existence(&self) -> bool {
        self.condition.is_none() && self.is_about_existence()
    }

    /// A batch of the left side as the join hands it up, for kinds that give left rows as they are.
    pub(super) fn left_only(&self, batch: Batch) -> Batch {
        // All places are of the left side: there are no other columns to hand up.
        let columns = self.outputs.iter().map(|place| Arc::clone(&batch.columns[*place])).collect();
        Batch { columns, rows: batch.rows, selection: batch.selection }
    }

    /// Right rows beside NULLs.
    pub(super) fn right_only(&self, right: &[Arc<Vector>], rows: &[u32]) -> Batch {
        let column = |place: &usize| match place.checked_sub(self.left_width) {
            None => Arc::new(Vector::nulls(rows.len())),
            Some(place) => Arc::new(right[place].gather(rows)), // Places are of one side or the other.
        };
        Batch::new(self.outputs.iter().map(column).collect(), rows.len())
    }

    fn is_about_existence(&self) -> bool {
        matches!(self.kind, JoinKind::Semi | JoinKind::Anti)
    }

    /// A candidate for `left`.
    #[inline]
    pub(super) fn push(&mut self, left: u32, right: u32) {
        self.row_has_pair = true;
        if self.condition.is_none() && self.is_about_existence() {
            return;
        }
        self.left.push(left);
        self.right.push(right);
    }

    /// All candidates of `left` were pushed.
    #[inline]
    pub(super) fn end_row(&mut self, left: u32) {
        let needs_end = match (self.kind, self.condition.is_some()) {
            (JoinKind::Inner | JoinKind::Right, _) => false,
            (_, true) => true,
            (JoinKind::Left | JoinKind::Full | JoinKind::Anti, false) => !self.row_has_pair,
            (JoinKind::Semi, false) => self.row_has_pair,
        };
        if needs_end {
            self.left.push(left);
            self.right.push(NO_ROW);
        }
        self.row_has_pair = false;
    }

    /// Makes a batch of the pairs pushed. `right` are the columns that right rows number; `matched` notes the right
    /// rows that have a partner.
    pub(super) fn finish(
        &mut self,
        left: &Batch,
        right: &[Arc<Vector>],
        cx: &mut Context,
        mut matched: Option<&mut [bool]>,
    ) -> Result<Batch> {
        let rows = self.left.len();
        if self.condition.is_none() {
            if let Some(matched) = matched {
                for row in &self.right {
                    if let Some(flag) = matched.get_mut(*row as usize) {
                        *flag = true;
                    }
                }
            }
            let gather = Gather::new(self, left, right);
            let columns = self.outputs.iter().map(|place| gather.column(*place)).collect();
            self.left.clear();
            self.right.clear();
            return Ok(Batch::new(columns, rows));
        }
        let gather = Gather::new(self, left, right);
        let mut both = Batch::new((0..self.width).map(|place| gather.column(place)).collect(), rows);
        // The ends of rows are no candidates.
        if self.right.contains(&NO_ROW) {
            let candidates: Vec<u32> =
                (0..rows as u32).filter(|pair| self.right[*pair as usize] != NO_ROW).collect(); // Pairs are `rows` many.
            both.select(&candidates);
        }
        self.passed.clear();
        if let Some(condition) = &mut self.condition {
            condition.select(&both, cx, &mut self.passed)?;
        }
        self.chosen.clear();
        let mut passed = self.passed.iter().copied().peekable();
        let existence = self.is_about_existence();
        for (pair, row) in self.right.iter().enumerate() {
            if *row != NO_ROW {
                if passed.next_if_eq(&(pair as u32)).is_some() {
                    self.judged_row_matches = true;
                    if !existence {
                        self.chosen.push(pair as u32);
                    }
                    if let Some(flag) = matched.as_mut().and_then(|matched| matched.get_mut(*row as usize)) {
                        *flag = true;
                    }
                }
            } else if std::mem::take(&mut self.judged_row_matches) == (self.kind == JoinKind::Semi) {
                self.chosen.push(pair as u32);
            }
        }
        let columns = self.outputs.iter().map(|place| Arc::clone(&both.columns[*place])).collect(); // Places are below `width`.
        let mut batch = Batch::new(columns, rows);
        batch.select(&self.chosen);
        self.left.clear();
        self.right.clear();
        Ok(batch)
    }
}

/// Takes columns of both sides by the pairs. A side of which every row stands in its place is shared as it is.
struct Gather<'a> {
    pairs: &'a Pairs,
    left: &'a Batch,
    right: &'a [Arc<Vector>],
    left_is_whole: bool,
    right_is_whole: bool,
}

fn is_whole(rows: &[u32], length: usize) -> bool {
    rows.len() == length && rows.iter().enumerate().all(|(place, row)| *row as usize == place)
}

impl<'a> Gather<'a> {
    fn new(pairs: &'a Pairs, left: &'a Batch, right: &'a [Arc<Vector>]) -> Gather<'a> {
        let right_rows = right.first().map_or(0, |vector| vector.len());
        Gather {
            pairs,
            left,
            right,
            left_is_whole: is_whole(&pairs.left, left.rows),
            right_is_whole: is_whole(&pairs.right, right_rows),
        }
    }

    fn column(&self, place: usize) -> Arc<Vector> {
        match place.checked_sub(self.pairs.left_width) {
            None if self.left_is_whole => Arc::clone(&self.left.columns[place]), // Left columns come first.
            None => Arc::new(self.left.columns[place].gather(&self.pairs.left)),
            Some(place) if self.right_is_whole => Arc::clone(&self.right[place]), // The rest are right ones.
            Some(place) => Arc::new(self.right[place].gather_or_null(&self.pairs.right)),
        }
    }
}
