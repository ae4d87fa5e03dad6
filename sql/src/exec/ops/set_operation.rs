//! Compounds: UNION [ALL], INTERSECT, EXCEPT, as many members as there are in one operator.

use super::distinct::select_fresh;
use super::row_keys::{KeyRule, NullKeys, RowKeys};
use super::{Builder, Operator};
use crate::error::Result;
use crate::exec::{Batch, Context};
use crate::ir::SetOp;
use crate::plan::PlannedMember;
use crate::types::Collation;

/// Rows of all members, matched column by column.
///
/// The members of UNION [ALL] are streamed one after the other; the rows of each are looked up in the members of
/// INTERSECT and EXCEPT behind it, which are read first. The last operator but UNION ALL makes rows distinct, and so
/// nobody before it has to.
pub(super) struct SetOperation {
    members: Vec<Member>,
    /// The member that gives rows; behind the last at the end.
    source: usize,
    /// How many members give each row once.
    distinct_members: usize,
    /// Rows given by those.
    seen: RowKeys,
    others_are_read: bool,
    chosen: Vec<u32>,
}

struct Member {
    input: Box<dyn Operator>,
    /// Its rows, where it keeps those of the members before it in or out.
    others: Option<Others>,
}

struct Others {
    /// True if rows must be among these, false if they must not.
    wanted: bool,
    rules: Vec<KeyRule>,
    rows: RowKeys,
}

impl Others {
    fn new(wanted: bool, collations: &[Collation]) -> Others {
        let rules = rules(collations);
        Others { wanted, rows: RowKeys::new(rules.clone(), NullKeys::Equal), rules }
    }

    /// Narrows `batch` to the rows that are, or are not, among these.
    fn narrow(&mut self, batch: &mut Batch, chosen: &mut Vec<u32>) {
        chosen.clear();
        self.rows.find(&batch.columns, &self.rules, batch.selected(), |row, id| {
            if (id != super::key_table::NONE) == self.wanted {
                chosen.push(row as u32);
            }
        });
        batch.select(chosen);
    }
}

fn rules(collations: &[Collation]) -> Vec<KeyRule> {
    collations.iter().map(|collation| KeyRule::by(*collation)).collect()
}

impl SetOperation {
    pub(super) fn new(builder: Builder<'_>, members: &[PlannedMember]) -> Result<SetOperation> {
        let last = members.iter().enumerate().skip(1).rfind(|(_, member)| member.op != SetOp::UnionAll);
        let by = last.map_or(&[][..], |(_, member)| &member.collations);
        let build = |member: &PlannedMember| {
            let others = match member.op {
                SetOp::UnionAll | SetOp::Union => None,
                SetOp::Intersect => Some(Others::new(true, &member.collations)),
                SetOp::Except => Some(Others::new(false, &member.collations)),
            };
            Ok(Member { input: builder.build(&member.input)?, others })
        };
        Ok(SetOperation {
            members: members.iter().map(build).collect::<Result<_>>()?,
            source: members.len(),
            distinct_members: last.map_or(0, |(at, _)| at + 1),
            seen: RowKeys::new(rules(by), NullKeys::Equal),
            others_are_read: false,
            chosen: Vec::new(),
        })
    }

    fn read_others(&mut self, cx: &mut Context) -> Result<()> {
        for member in &mut self.members {
            let Some(others) = &mut member.others else { continue };
            member.input.reset(cx)?;
            while let Some(batch) = member.input.next(cx)? {
                cx.check_interrupt()?;
                others.rows.insert(&batch.columns, batch.selected(), |_, _, _| {});
            }
        }
        self.others_are_read = true;
        Ok(())
    }

    /// Goes on to the next member that gives rows.
    fn next_source(&mut self, cx: &mut Context) -> Result<()> {
        self.source += 1;
        while self.members.get(self.source).is_some_and(|member| member.others.is_some()) {
            self.source += 1;
        }
        match self.members.get_mut(self.source) {
            Some(member) => member.input.reset(cx),
            None => Ok(()),
        }
    }

    fn forget(&mut self) {
        self.seen.clear();
        for others in self.members.iter_mut().filter_map(|member| member.others.as_mut()) {
            others.rows.clear();
        }
        self.others_are_read = false;
    }
}

impl Operator for SetOperation {
    fn reset(&mut self, cx: &mut Context) -> Result<()> {
        self.forget();
        self.source = 0;
        match self.members.first_mut() {
            Some(first) => first.input.reset(cx),
            None => Ok(()),
        }
    }

    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        if !self.others_are_read && self.source < self.members.len() {
            self.read_others(cx)?;
        }
        loop {
            cx.check_interrupt()?;
            let Some(member) = self.members.get_mut(self.source) else { return Ok(None) };
            let Some(mut batch) = member.input.next(cx)? else {
                self.next_source(cx)?;
                continue;
            };
            if self.source >= self.distinct_members {
                return Ok(Some(batch));
            }
            let behind = self.members.get_mut(self.source + 1..).unwrap_or_default();
            for others in behind.iter_mut().filter_map(|member| member.others.as_mut()) {
                others.narrow(&mut batch, &mut self.chosen);
            }
            select_fresh(&mut self.seen, &mut batch, &mut self.chosen);
            if !self.chosen.is_empty() {
                return Ok(Some(batch));
            }
        }
    }

    fn stop(&mut self) {
        self.members.iter_mut().for_each(|member| member.input.stop());
        self.forget();
        self.source = self.members.len();
    }
}
