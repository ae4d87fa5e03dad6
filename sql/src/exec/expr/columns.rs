//! Vector mode: an expression over a batch. Operands become vectors; kernels take those they know, the scalar
//! bodies the rest; what has neither (rows compared with rows, subqueries) runs row by row.
//!
//! Only the rows that count are computed where computing may raise, and branches of AND, OR, CASE and COALESCE only
//! for the rows that reach them.

use super::kernels::{self, Truths};
use super::node::{Branch, Node, RangeEnd};
use super::{BatchRow, row, scalar, select};
use crate::error::Result;
use crate::exec::batch::Batch;
use crate::exec::context::Context;
use crate::exec::vector::{Numbers, Vector, VectorBuilder};
use crate::functions::number::truth;
use crate::functions::{Datum, ScalarFunction};
use crate::ir::{CompareOp, Comparison, MatchKind};
use crate::types::{Affinity, Collation, TypeSet};
use crate::value::{Value, ValueRef};
use smallvec::SmallVec;
use std::sync::Arc;

/// The rows of a batch to compute; `None` is all.
pub(crate) type Among<'a> = Option<&'a [u32]>;

/// Calls `each` for every row that counts, ascending.
pub(crate) fn for_each(rows: usize, among: Among<'_>, mut each: impl FnMut(usize)) {
    match among {
        None => (0..rows).for_each(each),
        Some(among) => among.iter().for_each(|row| each(*row as usize)),
    }
}

/// Builds a vector as long as the batch: `push` adds the value of each row that counts, NULL stands elsewhere.
fn build(
    rows: usize,
    among: Among<'_>,
    mut push: impl FnMut(usize, &mut VectorBuilder) -> Result<()>,
) -> Result<Arc<Vector>> {
    let mut builder = VectorBuilder::new(TypeSet::EMPTY);
    match among {
        None => {
            for row in 0..rows {
                push(row, &mut builder)?;
            }
        }
        Some(among) => {
            for row in among {
                while builder.len() < *row as usize {
                    builder.push_null();
                }
                push(*row as usize, &mut builder)?;
            }
            while builder.len() < rows {
                builder.push_null();
            }
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn constant(value: Value, rows: usize) -> Arc<Vector> {
    Arc::new(Vector::Constant(value, rows))
}

/// Evaluates `node` for the rows `among` those of the batch.
pub(crate) fn eval(
    node: &mut Node,
    batch: &Batch,
    among: Among<'_>,
    cx: &mut Context,
) -> Result<Arc<Vector>> {
    let rows = batch.rows;
    if among.map_or(rows, <[u32]>::len) == 0 {
        return Ok(Arc::new(Vector::nulls(rows)));
    }
    if let Some(value) = node.leaf(cx) {
        return Ok(constant(value.to_owned(), rows));
    }
    match node {
        Node::Column(column) => match batch.columns.get(*column) {
            Some(column) => Ok(Arc::clone(column)),
            None => Ok(Arc::new(Vector::nulls(rows))),
        },
        Node::Negate(inner) => {
            let value = eval(inner, batch, among, cx)?;
            if let Vector::Real(numbers) = &*value {
                let values = numbers.values.iter().map(|real| 0.0 - real).collect();
                return Ok(Arc::new(Vector::Real(Numbers { values, nulls: numbers.nulls.clone() })));
            }
            map(&value, rows, among, |value| Datum::Borrowed(scalar::negate(value)))
        }
        Node::BitNot(inner) => {
            let value = eval(inner, batch, among, cx)?;
            map(&value, rows, among, |value| Datum::Borrowed(scalar::bit_not(value)))
        }
        Node::Not(inner) => {
            let value = eval(inner, batch, among, cx)?;
            map(&value, rows, among, |value| {
                Datum::Borrowed(scalar::boolean(truth(value).map(|truth| !truth)))
            })
        }
        Node::IsNull(inner, negated) => {
            let value = eval(inner, batch, among, cx)?;
            let values = (0..rows).map(|row| i64::from(value.is_null(row) != *negated)).collect();
            Ok(Arc::new(Vector::from_ints(values)))
        }
        Node::IsTruth { node, truth: wanted, negated } => {
            let value = eval(node, batch, among, cx)?;
            map(&value, rows, among, |value| {
                let is = truth(value) == Some(*wanted);
                Datum::Borrowed(scalar::boolean(Some(is != *negated)))
            })
        }
        Node::Arithmetic(op, left, right) => {
            let (left, right) = (eval(left, batch, among, cx)?, eval(right, batch, among, cx)?);
            if let Some(vector) = kernels::arithmetic(*op, &left, &right, rows) {
                return Ok(Arc::new(vector));
            }
            if let (Some(left), Some(right)) = (left.as_constant(), right.as_constant()) {
                return Ok(constant(
                    scalar::arithmetic(*op, left.as_ref(), right.as_ref())?.to_owned(),
                    rows,
                ));
            }
            build(rows, among, |row, builder| {
                builder.push(scalar::arithmetic(*op, left.get(row), right.get(row))?);
                Ok(())
            })
        }
        Node::Compare(op, left, right, rule) => {
            let (left, right) = (eval(left, batch, among, cx)?, eval(right, batch, among, cx)?);
            compare(*op, &left, &right, *rule, rows, among)
        }
        Node::Between { node, low, high } if node.len() == 1 => {
            match eval_all(node, batch, among, cx)?.as_slice() {
                [value] => between(value, [low, high], batch, among, cx),
                _ => Ok(Arc::new(Vector::nulls(rows))),
            }
        }
        Node::And(nodes) => chain(nodes, false, batch, among, cx),
        Node::Or(nodes) => chain(nodes, true, batch, among, cx),
        Node::Concat(nodes) => concat(nodes, batch, among, cx),
        Node::Case { operand, branches, otherwise } => {
            case(operand.as_deref_mut(), branches, otherwise.as_deref_mut(), batch, among, cx)
        }
        Node::Coalesce(nodes) => coalesce(nodes, batch, among, cx),
        Node::Cast(inner, to) => {
            let value = eval(inner, batch, among, cx)?;
            cast(&value, *to, rows, among)
        }
        Node::Match { kind, node, pattern, escape: None, cache } if *kind != MatchKind::Regexp => {
            let (value, pattern) = (eval(node, batch, among, cx)?, eval(pattern, batch, among, cx)?);
            build(rows, among, |row, builder| {
                builder.push(row::matches(*kind, value.get(row), pattern.get(row), None, cache)?);
                Ok(())
            })
        }
        Node::Function { function, args, collation } => call(function, args, *collation, batch, among, cx),
        Node::ScalarSubquery { query, column, bindings } if bindings.is_empty() => {
            Ok(constant(cx.scalar_subquery(*query, *column)?, rows))
        }
        Node::Exists { query, negated, bindings } if bindings.is_empty() => {
            let exists = cx.exists_subquery(*query)?;
            Ok(constant(Value::Integer(i64::from(exists != *negated)), rows))
        }
        other => build(rows, among, |row, builder| {
            let source = BatchRow { batch, row };
            builder.push(row::eval(other, &source, cx)?.view());
            Ok(())
        }),
    }
}

fn compare(
    op: CompareOp,
    left: &Vector,
    right: &Vector,
    rule: Comparison,
    rows: usize,
    among: Among<'_>,
) -> Result<Arc<Vector>> {
    match kernels::compare(op, left, right, rule, Truths { rows }) {
        Ok(vector) => Ok(Arc::new(vector)),
        Err(_) => build(rows, among, |row, builder| {
            builder.push(scalar::boolean(scalar::compare(op, left.get(row), right.get(row), rule)));
            Ok(())
        }),
    }
}

/// One value in, one value out; once where the operand is constant.
fn map(
    vector: &Vector,
    rows: usize,
    among: Among<'_>,
    f: impl Fn(ValueRef<'_>) -> Datum<'_>,
) -> Result<Arc<Vector>> {
    if let Some(value) = vector.as_constant() {
        return Ok(constant(f(value.as_ref()).into_value(), rows));
    }
    build(rows, among, |row, builder| {
        builder.push(f(vector.get(row)).view());
        Ok(())
    })
}

fn cast(value: &Arc<Vector>, to: Affinity, rows: usize, among: Among<'_>) -> Result<Arc<Vector>> {
    match (&**value, to) {
        (Vector::Int(_), Affinity::Integer | Affinity::Numeric)
        | (Vector::Real(_), Affinity::Real | Affinity::Numeric)
        | (Vector::Text(_), Affinity::Text)
        | (Vector::Blob(_), Affinity::Blob) => Ok(Arc::clone(value)),
        (Vector::Int(numbers), Affinity::Real) => Ok(Arc::new(Vector::Real(Numbers {
            values: numbers.values.iter().map(|i| *i as f64).collect(),
            nulls: numbers.nulls.clone(),
        }))),
        (Vector::Real(numbers), Affinity::Integer) => Ok(Arc::new(Vector::Int(Numbers {
            values: numbers.values.iter().map(|r| *r as i64).collect(),
            nulls: numbers.nulls.clone(),
        }))),
        _ => map(value, rows, among, |value| scalar::cast(value, to)),
    }
}

/// AND (stopping at false) and OR (stopping at true): each operand is computed for the rows still undecided.
fn chain(
    nodes: &mut [Node],
    stop: bool,
    batch: &Batch,
    among: Among<'_>,
    cx: &mut Context,
) -> Result<Arc<Vector>> {
    let evals =
        nodes.iter_mut().map(|node| move |active: Among<'_>, cx: &mut Context| eval(node, batch, active, cx));
    decide(evals, stop, batch.rows, among, cx)
}

/// `value BETWEEN low AND high`, as the AND that it is.
fn between(
    value: &Vector,
    bounds: [&mut RangeEnd; 2],
    batch: &Batch,
    among: Among<'_>,
    cx: &mut Context,
) -> Result<Arc<Vector>> {
    let ops = [CompareOp::GreaterOrEqual, CompareOp::LessOrEqual];
    let evals = bounds.into_iter().zip(ops).map(|(bound, op)| {
        move |active: Among<'_>, cx: &mut Context| {
            let end = eval_all(&mut bound.values, batch, active, cx)?;
            match (end.as_slice(), bound.rules.as_slice()) {
                ([end], [rule]) => compare(op, value, end, *rule, batch.rows, active),
                _ => Ok(Arc::new(Vector::nulls(batch.rows))),
            }
        }
    });
    decide(evals, false, batch.rows, among, cx)
}

/// Runs the operands of an AND or OR, each for the rows that are still undecided after those before it.
fn decide(
    operands: impl Iterator<Item = impl FnMut(Among<'_>, &mut Context) -> Result<Arc<Vector>>>,
    stop: bool,
    rows: usize,
    among: Among<'_>,
    cx: &mut Context,
) -> Result<Arc<Vector>> {
    let mut values = vec![i64::from(!stop); rows];
    let mut nulls = vec![false; rows];
    let mut undecided: Option<Vec<u32>> = None;
    for mut operand in operands {
        let active = undecided.as_deref().or(among);
        let value = operand(active, cx)?;
        let mut next = Vec::with_capacity(active.map_or(rows, <[u32]>::len));
        for_each(rows, active, |row| match truth(value.get(row)) {
            Some(truth) if truth == stop => {
                if let (Some(value), Some(null)) = (values.get_mut(row), nulls.get_mut(row)) {
                    (*value, *null) = (i64::from(stop), false);
                }
            }
            Some(_) => next.push(row as u32),
            None => {
                if let Some(null) = nulls.get_mut(row) {
                    *null = true;
                }
                next.push(row as u32);
            }
        });
        undecided = Some(next);
    }
    let nulls = nulls.contains(&true).then_some(nulls);
    Ok(Arc::new(Vector::Int(Numbers { values, nulls })))
}

/// Evaluates each of several nodes.
pub(crate) fn eval_all(
    nodes: &mut [Node],
    batch: &Batch,
    among: Among<'_>,
    cx: &mut Context,
) -> Result<SmallVec<[Arc<Vector>; 4]>> {
    nodes.iter_mut().map(|node| eval(node, batch, among, cx)).collect()
}

fn concat(nodes: &mut [Node], batch: &Batch, among: Among<'_>, cx: &mut Context) -> Result<Arc<Vector>> {
    let parts = eval_all(nodes, batch, among, cx)?;
    let mut text = Vec::new();
    build(batch.rows, among, |row, builder| {
        text.clear();
        for part in &parts {
            if !scalar::concat_onto(&mut text, part.get(row))? {
                builder.push_null();
                return Ok(());
            }
        }
        if std::str::from_utf8(&text).is_ok() {
            builder.push_text(&text);
        } else {
            builder.push(row::text_value(text.clone()).as_ref());
        }
        Ok(())
    })
}

fn call(
    function: &ScalarFunction,
    args: &mut [Node],
    collation: Collation,
    batch: &Batch,
    among: Among<'_>,
    cx: &mut Context,
) -> Result<Arc<Vector>> {
    let args = eval_all(args, batch, among, cx)?;
    let scope = cx.function_scope(collation);
    let mut values: SmallVec<[ValueRef<'_>; 4]> = SmallVec::new();
    if function.0.deterministic && args.iter().all(|arg| arg.as_constant().is_some()) {
        values.extend(args.iter().map(|arg| arg.get(0)));
        return Ok(constant(function.call(&scope, &values)?.into_value(), batch.rows));
    }
    build(batch.rows, among, |row, builder| {
        values.clear();
        values.extend(args.iter().map(|arg| arg.get(row)));
        builder.push(function.call(&scope, &values)?.view());
        Ok(())
    })
}

/// Rows on their way through the branches of a CASE or COALESCE: which branch gave each row its value.
struct Branches {
    results: Vec<Arc<Vector>>,
    source: Vec<u32>,
}

const NO_BRANCH: u32 = u32::MAX;

impl Branches {
    fn new(rows: usize) -> Branches {
        Branches { results: Vec::new(), source: vec![NO_BRANCH; rows] }
    }

    fn add(&mut self, result: Arc<Vector>, rows: &[u32]) {
        let branch = self.results.len() as u32;
        self.results.push(result);
        for row in rows {
            if let Some(source) = self.source.get_mut(*row as usize) {
                *source = branch;
            }
        }
    }

    fn finish(self) -> Arc<Vector> {
        let mut builder = VectorBuilder::new(TypeSet::EMPTY);
        for (row, source) in self.source.iter().enumerate() {
            match self.results.get(*source as usize) {
                Some(result) => builder.push(result.get(row)),
                None => builder.push_null(),
            }
        }
        Arc::new(builder.finish())
    }
}

fn all_rows(rows: usize, among: Among<'_>) -> Vec<u32> {
    among.map_or_else(|| (0..rows as u32).collect(), <[u32]>::to_vec)
}

/// Splits `rows` into those that are in `taken` (ascending both) and the rest, which stays.
pub(crate) fn remove(rows: &mut Vec<u32>, taken: &[u32]) {
    let mut taken = taken.iter().peekable();
    rows.retain(|row| taken.next_if_eq(&row).is_none());
}

fn case(
    operand: Option<&mut Node>,
    branches: &mut [Branch],
    otherwise: Option<&mut Node>,
    batch: &Batch,
    among: Among<'_>,
    cx: &mut Context,
) -> Result<Arc<Vector>> {
    let subject = operand.map(|node| eval(node, batch, among, cx)).transpose()?;
    let mut pending = all_rows(batch.rows, among);
    let mut outcome = Branches::new(batch.rows);
    let mut hits = Vec::new();
    for branch in branches {
        if pending.is_empty() {
            break;
        }
        hits.clear();
        match &subject {
            None => select::select(&mut branch.when, batch, Some(&pending), cx, &mut hits)?,
            Some(subject) => {
                let when = eval(&mut branch.when, batch, Some(&pending), cx)?;
                let equal = |row: &&u32| {
                    let (subject, when) = (subject.get(**row as usize), when.get(**row as usize));
                    scalar::compare(CompareOp::Equal, subject, when, branch.rule) == Some(true)
                };
                hits.extend(pending.iter().filter(equal));
            }
        }
        if !hits.is_empty() {
            outcome.add(eval(&mut branch.then, batch, Some(&hits), cx)?, &hits);
            remove(&mut pending, &hits);
        }
    }
    if let Some(otherwise) = otherwise
        && !pending.is_empty()
    {
        outcome.add(eval(otherwise, batch, Some(&pending), cx)?, &pending);
    }
    Ok(outcome.finish())
}

fn coalesce(nodes: &mut [Node], batch: &Batch, among: Among<'_>, cx: &mut Context) -> Result<Arc<Vector>> {
    let mut pending = all_rows(batch.rows, among);
    let mut outcome = Branches::new(batch.rows);
    for node in nodes {
        if pending.is_empty() {
            break;
        }
        let value = eval(node, batch, Some(&pending), cx)?;
        let hits: Vec<u32> = pending.iter().copied().filter(|row| !value.is_null(*row as usize)).collect();
        remove(&mut pending, &hits);
        outcome.add(value, &hits);
    }
    Ok(outcome.finish())
}
