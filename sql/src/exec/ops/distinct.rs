//! Distinct: each row once.

use super::row_keys::{KeyRule, NullKeys, RowKeys};
use super::{Builder, Operator};
use crate::error::Result;
use crate::exec::{Batch, Context};
use crate::plan::Node;
use crate::types::Collation;

/// Lets the first of equal rows pass.
pub(super) struct Distinct {
    input: Box<dyn Operator>,
    seen: RowKeys,
    fresh: Vec<u32>,
}

impl Distinct {
    pub(super) fn new(builder: Builder<'_>, input: &Node, collations: &[Collation]) -> Result<Distinct> {
        let rules = collations.iter().map(|collation| KeyRule::by(*collation)).collect();
        Ok(Distinct {
            input: builder.build(input)?,
            seen: RowKeys::new(rules, NullKeys::Equal),
            fresh: Vec::new(),
        })
    }
}

/// Narrows `batch` to the rows whose keys `seen` has not seen before. `fresh` is scratch.
pub(super) fn select_fresh(seen: &mut RowKeys, batch: &mut Batch, fresh: &mut Vec<u32>) {
    fresh.clear();
    seen.insert(&batch.columns, batch.selected(), |row, _, is_new| {
        if is_new {
            fresh.push(row as u32);
        }
    });
    // NULLs are numbered after the rest.
    fresh.sort_unstable();
    batch.select(fresh);
}

impl Operator for Distinct {
    fn reset(&mut self, cx: &mut Context) -> Result<()> {
        self.seen.clear();
        self.input.reset(cx)
    }

    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        while let Some(mut batch) = self.input.next(cx)? {
            cx.check_interrupt()?;
            select_fresh(&mut self.seen, &mut batch, &mut self.fresh);
            if !self.fresh.is_empty() {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    fn stop(&mut self) {
        self.seen.clear();
        self.input.stop();
    }
}
