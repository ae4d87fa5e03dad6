//! Subqueries of expressions: run when they are asked, and remembered by the outer values they depend on.
//!
//! An uncorrelated subquery thus runs once. What is remembered is what was asked for: the first row, whether there is
//! a row, or the set of rows as a hash table for IN.

use super::columns::Columns;
use super::key_table::{ByteKeys, NONE};
use super::row_keys::{KeyRule, NullKeys, RowKeys};
use super::{Builder, Operator, places};
use crate::error::Result;
use crate::exec::Context;
use crate::exec::context::SubqueryRunner;
use crate::exec::expr::scalar::compare_values;
use crate::ir::{ColumnId, Comparison};
use crate::plan::Subplan;
use crate::types::Affinity;
use crate::value::{Value, ValueRef};
use std::cmp::Ordering;

/// Results are forgotten when there are so many: sets can be large, and their outer values rarely come again.
const REMEMBERED_MAX: usize = 4096;

/// Builds the runners of a statement's subqueries.
///
/// # Errors
/// [`crate::Error::Misuse`] for a plan that cannot run.
pub(crate) fn build_subqueries(
    subplans: &[Option<Subplan>],
    outer: &[ColumnId],
) -> Result<Vec<Option<Box<dyn SubqueryRunner>>>> {
    let builder = Builder { outer, subplans };
    let runner = |subplan: &Option<Subplan>| match subplan {
        Some(subplan) => Runner::new(builder, subplan).map(|r| Some(Box::new(r) as Box<dyn SubqueryRunner>)),
        None => Ok(None),
    };
    subplans.iter().map(runner).collect()
}

/// One subquery.
struct Runner {
    root: Box<dyn Operator>,
    /// Places of the subquery's columns in its root.
    columns: Vec<usize>,
    /// Slots of the outer columns it depends on.
    outer: Vec<usize>,
    /// Outer values seen, numbered, and what came of them.
    seen: ByteKeys,
    answers: Vec<Answer>,
    key: Vec<u8>,
}

/// What is remembered.
enum Answer {
    FirstRow(Option<Box<[Value]>>),
    Exists(bool),
    Set(Box<Set>),
}

impl Runner {
    fn new(builder: Builder<'_>, subplan: &Subplan) -> Result<Runner> {
        Ok(Runner {
            columns: places(&subplan.columns, &subplan.root.columns)?,
            outer: places(&subplan.outer, builder.outer)?,
            root: builder.build(&subplan.root)?,
            seen: ByteKeys::default(),
            answers: Vec::new(),
            key: Vec::new(),
        })
    }

    /// The place of the answer for the present outer values, if there is one of the kind that `fits`.
    fn remembered(&mut self, cx: &Context, fits: fn(&Answer) -> bool) -> Option<usize> {
        self.key.clear();
        for slot in &self.outer {
            push_exact(cx.outer.get(*slot).map_or(ValueRef::Null, Value::as_ref), &mut self.key);
        }
        let place = self.seen.find(&self.key);
        let answer = self.answers.get(place as usize)?;
        fits(answer).then_some(place as usize)
    }

    /// Remembers an answer for the outer values looked up last, which `key` held then.
    fn remember(&mut self, key: &[u8], answer: Answer) -> usize {
        if self.answers.len() >= REMEMBERED_MAX {
            self.seen.clear();
            self.answers.clear();
        }
        let (place, is_new) = self.seen.insert(key);
        if is_new {
            self.answers.push(answer);
        } else if let Some(old) = self.answers.get_mut(place as usize) {
            *old = answer;
        }
        place as usize
    }

    /// The first row, copied, if there is one.
    fn first_row(&mut self, cx: &mut Context) -> Result<Option<Box<[Value]>>> {
        self.root.reset(cx)?;
        while let Some(batch) = self.root.next(cx)? {
            cx.check_interrupt()?;
            if let Some(row) = batch.selected().next() {
                return Ok(Some(
                    self.columns.iter().map(|place| batch.get(*place, row).to_owned()).collect(),
                ));
            }
        }
        Ok(None)
    }

    fn read_set(&mut self, rules: &[Comparison], cx: &mut Context) -> Result<Set> {
        let rule = |rule: &Comparison| KeyRule { affinity: rule.right, collation: rule.collation };
        let mut set = Set {
            keys: RowKeys::new(rules.iter().map(rule).collect(), NullKeys::Unknown),
            with_nulls: Columns::new(self.columns.len()),
            rows: if rules.len() > 1 { Some(Columns::new(self.columns.len())) } else { None },
            is_empty: true,
        };
        let mut null_rows = Vec::new();
        self.root.reset(cx)?;
        while let Some(batch) = self.root.next(cx)? {
            cx.check_interrupt()?;
            // Places are of the root's columns.
            let columns: Vec<_> = self.columns.iter().map(|place| batch.columns[*place].clone()).collect();
            set.is_empty &= batch.selected_rows() == 0;
            null_rows.clear();
            set.keys.insert(&columns, batch.selected(), |row, id, _| {
                if id == NONE {
                    null_rows.push(row as u32);
                }
            });
            if !null_rows.is_empty() {
                set.with_nulls.append(columns.iter(), batch.rows, Some(&null_rows));
            }
            if let Some(rows) = &mut set.rows {
                rows.append(columns.iter(), batch.rows, batch.selection());
            }
        }
        Ok(set)
    }
}

/// The rows of a subquery as IN asks them.
struct Set {
    keys: RowKeys,
    /// Rows that have a NULL.
    with_nulls: Columns,
    /// All rows, where a row of several columns that has NULLs may be asked for.
    rows: Option<Columns>,
    is_empty: bool,
}

impl Set {
    fn contains(&self, row: &[ValueRef<'_>], rules: &[Comparison], scratch: &mut Vec<u8>) -> Option<bool> {
        if self.is_empty {
            return Some(false);
        }
        if row.iter().any(|value| value.is_null()) {
            return match &self.rows {
                Some(rows) if some_row_may_equal(rows, row, rules) => None,
                Some(_) => Some(false),
                None => None,
            };
        }
        // The left side's conversion is done.
        let values = row
            .iter()
            .zip(rules)
            .map(|(value, rule)| (*value, KeyRule { affinity: Affinity::None, collation: rule.collation }));
        if self.keys.find_values(values, scratch) != NONE {
            return Some(true);
        }
        if some_row_may_equal(&self.with_nulls, row, rules) { None } else { Some(false) }
    }
}

/// True if no column of some row is known to differ.
fn some_row_may_equal(rows: &Columns, row: &[ValueRef<'_>], rules: &[Comparison]) -> bool {
    (0..rows.len()).any(|place| {
        rows.vectors().iter().zip(row).zip(rules).all(|((vector, value), rule)| {
            let rule = Comparison { left: Affinity::None, ..*rule };
            compare_values(*value, vector.get(place), rule).is_none_or(Ordering::is_eq)
        })
    })
}

/// Bytes that are equal exactly for values equal in kind and content.
fn push_exact(value: ValueRef<'_>, key: &mut Vec<u8>) {
    match value {
        ValueRef::Null => key.push(0),
        ValueRef::Integer(integer) => {
            key.push(1);
            key.extend_from_slice(&integer.to_le_bytes());
        }
        ValueRef::Real(real) => {
            key.push(2);
            key.extend_from_slice(&real.to_bits().to_le_bytes());
        }
        ValueRef::Decimal(decimal) => {
            key.extend_from_slice(&[5, decimal.scale()]);
            key.extend_from_slice(&decimal.coefficient().to_le_bytes());
        }
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            key.push(if matches!(value, ValueRef::Text(_)) { 3 } else { 4 });
            key.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            key.extend_from_slice(bytes);
        }
    }
}

impl SubqueryRunner for Runner {
    fn forget(&mut self) {
        self.root.stop();
        self.seen.clear();
        self.answers.clear();
    }

    fn scalar(&mut self, column: usize, cx: &mut Context) -> Result<Value> {
        let place = match self.remembered(cx, |answer| matches!(answer, Answer::FirstRow(_))) {
            Some(place) => place,
            None => {
                let key = std::mem::take(&mut self.key);
                let row = self.first_row(cx)?;
                let place = self.remember(&key, Answer::FirstRow(row));
                self.key = key;
                place
            }
        };
        Ok(match self.answers.get(place) {
            Some(Answer::FirstRow(Some(row))) => row.get(column).cloned().unwrap_or_default(),
            _ => Value::Null,
        })
    }

    fn exists(&mut self, cx: &mut Context) -> Result<bool> {
        if let Some(place) = self.remembered(cx, |answer| matches!(answer, Answer::Exists(_))) {
            return Ok(matches!(self.answers.get(place), Some(Answer::Exists(true))));
        }
        let key = std::mem::take(&mut self.key);
        let mut exists = false;
        self.root.reset(cx)?;
        while let Some(batch) = self.root.next(cx)? {
            cx.check_interrupt()?;
            if batch.selected_rows() > 0 {
                exists = true;
                break;
            }
        }
        self.remember(&key, Answer::Exists(exists));
        self.key = key;
        Ok(exists)
    }

    fn contains(
        &mut self,
        row: &[ValueRef<'_>],
        rules: &[Comparison],
        cx: &mut Context,
    ) -> Result<Option<bool>> {
        let place = match self.remembered(cx, |answer| matches!(answer, Answer::Set(_))) {
            Some(place) => place,
            None => {
                let key = std::mem::take(&mut self.key);
                let set = self.read_set(rules, cx)?;
                let place = self.remember(&key, Answer::Set(Box::new(set)));
                self.key = key;
                place
            }
        };
        Ok(match self.answers.get(place) {
            Some(Answer::Set(set)) => set.contains(row, rules, &mut self.key),
            _ => None,
        })
    }
}
