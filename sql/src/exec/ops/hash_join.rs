//! Hash join: the right side is kept in a hash table by its keys, and the left side is looked up in it batch by batch.
//!
//! Build rows are numbered in order of arrival and kept as whole columns. Those of equal keys form a chain through
//! `next`, in that order. Keys are normalised so that equal ones are those for which `=` is true; a NULL among them
//! matches nothing, except in a null-aware Anti join (NOT IN), where unknown is as bad as equal.
//! A right side that nothing around the join changes is kept through restarts, until the join is stopped.

use super::columns::Columns;
use super::key_table::NONE;
use super::pairs::Pairs;
use super::row_keys::{KeyRule, NullKeys, RowKeys};
use super::{Builder, Operator};
use crate::error::{Error, Result};
use crate::exec::expr::CompiledExpr;
use crate::exec::{BATCH_ROWS, Batch, Context, Vector};
use crate::ir::{CompareOp, Comparison, Expr, JoinKind};
use crate::plan::{Node, Operator as Planned, is_closed};
use std::sync::Arc;

/// Where the join stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The right side is not yet read.
    Build,
    Probe,
    /// Right rows without a partner, from this one on.
    Unmatched(usize),
    Done,
}

/// A join over equal keys.
pub(super) struct HashJoin {
    kind: JoinKind,
    left: Box<dyn Operator>,
    right: Box<dyn Operator>,
    left_keys: Vec<CompiledExpr>,
    right_keys: Vec<CompiledExpr>,
    left_rules: Vec<KeyRule>,
    null_aware: bool,
    pairs: Pairs,
    phase: Phase,
    /// True if a restart finds the same right rows.
    right_is_closed: bool,
    build_is_read: bool,

    keys: RowKeys,
    kept: Columns,
    /// The kept columns as pairs take them.
    build: Vec<Arc<Vector>>,
    /// First and last row of each key.
    chains: Vec<(u32, u32)>,
    /// The next row of the same key, by row.
    next: Vec<u32>,
    /// Rows that have a NULL among their keys.
    null_rows: Vec<u32>,
    /// Right rows with a partner: Right and Full.
    matched: Vec<bool>,

    probe: Option<Probe>,
    chosen: Vec<u32>,
}

/// A left batch being looked up.
struct Probe {
    batch: Batch,
    /// Its rows that count and the numbers of their keys.
    rows: Vec<(u32, u32)>,
    /// Which of them is next.
    place: usize,
    /// The next candidate of that row, if some were given before.
    candidate: Option<Candidate>,
}

/// The number of a key that has a NULL in it.
const NULL_KEY: u32 = NONE - 1;

/// A build row that may match, and how to find the one after it.
#[derive(Clone, Copy, Debug)]
enum Candidate {
    /// This row, then its chain.
    Chain(u32),
    /// The row at this place of the rows with NULLs.
    Null(usize),
    /// This row, then the row after it.
    Every(u32),
}

impl HashJoin {
    pub(super) fn new(builder: Builder<'_>, node: &Node) -> Result<HashJoin> {
        let Planned::HashJoin { kind, left, right, keys, residual, null_aware } = &node.operator else {
            return Err(Error::Misuse("a hash join was built from another node".to_owned()));
        };
        let rule = |rule: &Comparison, affinity| KeyRule { affinity, collation: rule.collation };
        let right_rules = keys.iter().map(|(_, _, r)| rule(r, r.right)).collect();
        let null_aware = *null_aware && *kind == JoinKind::Anti;
        let mut conditions: Vec<Expr> = residual.iter().cloned().collect();
        if null_aware && (keys.len() > 1 || residual.is_some()) {
            // Candidates are then all pairs that a NULL may hide: each key must be judged, and only false acquits.
            conditions.extend(keys.iter().map(|(left, right, rule)| Expr::IsTruth {
                expr: Box::new(Expr::Compare {
                    op: CompareOp::Equal,
                    left: Box::new(left.clone()),
                    right: Box::new(right.clone()),
                    rule: *rule,
                }),
                truth: false,
                negated: true,
            }));
        }
        let conditions: Vec<&Expr> = conditions.iter().collect();
        Ok(HashJoin {
            kind: *kind,
            left_keys: builder.compile_all(keys.iter().map(|key| &key.0), &left.columns)?,
            right_keys: builder.compile_all(keys.iter().map(|key| &key.1), &right.columns)?,
            left_rules: keys.iter().map(|(_, _, r)| rule(r, r.left)).collect(),
            null_aware,
            pairs: Pairs::new(builder, *kind, &node.columns, &left.columns, &right.columns, &conditions)?,
            phase: Phase::Done,
            right_is_closed: is_closed(right, builder.subplans),
            build_is_read: false,
            keys: RowKeys::new(right_rules, NullKeys::Unknown),
            kept: Columns::new(right.columns.len()),
            build: Vec::new(),
            chains: Vec::new(),
            next: Vec::new(),
            null_rows: Vec::new(),
            matched: Vec::new(),
            probe: None,
            chosen: Vec::new(),
            left: builder.build(left)?,
            right: builder.build(right)?,
        })
    }
}

impl HashJoin {
    fn read_right(&mut self, cx: &mut Context) -> Result<()> {
        self.right.reset(cx)?;
        while let Some(batch) = self.right.next(cx)? {
            cx.check_interrupt()?;
            let batch = batch.compact();
            let mut keys = Vec::with_capacity(self.right_keys.len());
            for key in &mut self.right_keys {
                keys.push(key.eval(&batch, cx)?);
            }
            let base = self.kept.len() as u32;
            if base as usize + batch.rows >= NULL_KEY as usize {
                return Err(Error::limit("a join's right side has too many rows"));
            }
            self.kept.append_batch(&batch);
            self.next.resize(self.kept.len(), NONE);
            let (chains, next, null_rows) = (&mut self.chains, &mut self.next, &mut self.null_rows);
            self.keys.insert(&keys, 0..batch.rows, |row, id, is_new| {
                let row = base + row as u32;
                if id == NONE {
                    null_rows.push(row);
                } else if is_new {
                    chains.push((row, row));
                } else if let Some((_, last)) = chains.get_mut(id as usize) {
                    next[*last as usize] = row; // As long as the rows kept.
                    *last = row;
                }
            });
        }
        if matches!(self.kind, JoinKind::Right | JoinKind::Full) {
            self.matched.resize(self.kept.len(), false);
        }
        self.build = self.kept.take().columns;
        self.build_is_read = true;
        Ok(())
    }

    fn rows_kept(&self) -> usize {
        self.next.len()
    }

    /// Looks up the keys of the next left batch.
    fn begin_probe(&mut self, batch: Batch, cx: &mut Context) -> Result<()> {
        let mut keys = Vec::with_capacity(self.left_keys.len());
        for key in &mut self.left_keys {
            keys.push(key.eval(&batch, cx)?);
        }
        let mut rows = Vec::with_capacity(batch.selected_rows());
        self.keys.find(&keys, &self.left_rules, batch.selected(), |row, id| rows.push((row as u32, id)));
        if self.null_aware {
            for (row, id) in &mut rows {
                if *id == NONE && keys.iter().any(|key| key.is_null(*row as usize)) {
                    *id = NULL_KEY;
                }
            }
        }
        self.probe = Some(Probe { batch, rows, place: 0, candidate: None });
        Ok(())
    }

    /// Semi and Anti joins that the keys alone decide: the left batch, narrowed.
    fn by_existence(&mut self, probe: Probe) -> Batch {
        let wants_match = self.kind == JoinKind::Semi;
        let nulls_are_unknown = self.null_aware && !self.next.is_empty();
        self.chosen.clear();
        for (row, id) in &probe.rows {
            let chosen = match *id {
                NULL_KEY => !nulls_are_unknown,
                NONE => !wants_match && (!nulls_are_unknown || self.null_rows.is_empty()),
                _ => wants_match,
            };
            if chosen {
                self.chosen.push(*row);
            }
        }
        let mut batch = probe.batch;
        batch.select(&self.chosen);
        self.pairs.left_only(batch)
    }

    fn first_candidate(&self, id: u32) -> Option<Candidate> {
        if let Some((first, _)) = self.chains.get(id as usize) {
            return Some(Candidate::Chain(*first));
        }
        if id == NULL_KEY {
            return (self.rows_kept() > 0).then_some(Candidate::Every(0));
        }
        self.first_null_row()
    }

    fn first_null_row(&self) -> Option<Candidate> {
        (self.null_aware && !self.null_rows.is_empty()).then_some(Candidate::Null(0))
    }

    /// The build row of a candidate, and the candidate after it.
    #[inline]
    fn advance(&self, candidate: Candidate) -> (u32, Option<Candidate>) {
        match candidate {
            Candidate::Chain(row) => match self.next[row as usize] {
                NONE => (row, self.first_null_row()),
                next => (row, Some(Candidate::Chain(next))),
            },
            Candidate::Null(place) => {
                let next = place + 1;
                let after = (next < self.null_rows.len()).then_some(Candidate::Null(next));
                (self.null_rows[place], after)
            }
            Candidate::Every(row) => {
                let next = row + 1;
                (row, ((next as usize) < self.rows_kept()).then_some(Candidate::Every(next)))
            }
        }
    }

    /// The next batch of pairs; `None` when the left side is at its end.
    fn probe(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        loop {
            cx.check_interrupt()?;
            let Some(mut probe) = self.probe.take() else {
                let Some(batch) = self.left.next(cx)? else { return Ok(None) };
                if batch.selected_rows() > 0 {
                    self.begin_probe(batch, cx)?;
                }
                continue;
            };
            if self.pairs.is_by_existence() {
                let batch = self.by_existence(probe);
                if batch.selected_rows() > 0 {
                    return Ok(Some(batch));
                }
                continue;
            }
            while let Some((row, id)) = probe.rows.get(probe.place).copied() {
                let mut candidate = probe.candidate.take().or_else(|| self.first_candidate(id));
                while let Some(current) = candidate {
                    if self.pairs.len() >= BATCH_ROWS {
                        break;
                    }
                    let (right, after) = self.advance(current);
                    self.pairs.push(row, right);
                    candidate = after;
                }
                if candidate.is_some() {
                    probe.candidate = candidate;
                    break;
                }
                self.pairs.end_row(row);
                probe.place += 1;
                if self.pairs.len() >= BATCH_ROWS {
                    break;
                }
            }
            let is_done = probe.place == probe.rows.len();
            let given = if self.pairs.len() > 0 {
                let matched = (!self.matched.is_empty()).then_some(self.matched.as_mut_slice());
                Some(self.pairs.finish(&probe.batch, &self.build, cx, matched)?)
            } else {
                None
            };
            if !is_done {
                self.probe = Some(probe);
            }
            if let Some(batch) = given.filter(|batch| batch.selected_rows() > 0) {
                return Ok(Some(batch));
            }
        }
    }

    /// The next right rows that no left row matched, from `start` on.
    fn unmatched(&mut self, start: usize) -> Option<(Batch, usize)> {
        self.chosen.clear();
        let mut place = start;
        while place < self.matched.len() && self.chosen.len() < BATCH_ROWS {
            if !self.matched[place] {
                self.chosen.push(place as u32);
            }
            place += 1;
        }
        (!self.chosen.is_empty()).then(|| (self.pairs.right_only(&self.build, &self.chosen), place))
    }

    fn forget(&mut self) {
        self.keys.clear();
        self.kept.clear();
        self.build.clear();
        self.chains.clear();
        self.next.clear();
        self.null_rows.clear();
        self.matched.clear();
        self.build_is_read = false;
    }
}

impl Operator for HashJoin {
    fn reset(&mut self, cx: &mut Context) -> Result<()> {
        self.pairs.clear();
        self.probe = None;
        if self.right_is_closed && self.build_is_read {
            self.matched.fill(false);
        } else {
            self.forget();
        }
        self.phase = Phase::Build;
        self.left.reset(cx)
    }

    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        loop {
            match self.phase {
                Phase::Build => {
                    if !self.build_is_read {
                        self.read_right(cx)?;
                    }
                    let needs_right = matches!(self.kind, JoinKind::Inner | JoinKind::Semi | JoinKind::Right);
                    let is_empty = needs_right && self.rows_kept() == 0;
                    self.phase = if is_empty { Phase::Done } else { Phase::Probe };
                }
                Phase::Probe => match self.probe(cx)? {
                    Some(batch) => return Ok(Some(batch)),
                    None if self.matched.is_empty() => self.phase = Phase::Done,
                    None => self.phase = Phase::Unmatched(0),
                },
                Phase::Unmatched(start) => match self.unmatched(start) {
                    Some((batch, next)) => {
                        self.phase = Phase::Unmatched(next);
                        return Ok(Some(batch));
                    }
                    None => self.phase = Phase::Done,
                },
                Phase::Done => return Ok(None),
            }
        }
    }

    fn stop(&mut self) {
        self.left.stop();
        self.right.stop();
        self.pairs.clear();
        self.probe = None;
        self.forget();
        self.phase = Phase::Done;
    }
}
