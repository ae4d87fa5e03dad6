//! Row mode: one row at a time, without a batch. Numbers cost no memory; texts of the row are borrowed.
//!
//! Operands that are constants, parameters or outer values are looked at in place; everything else is evaluated
//! first, since a subquery among them needs the context for itself.

use super::RowSource;
use super::node::{Node, RangeEnd};
use super::scalar;
use crate::error::{Error, Result};
use crate::exec::context::Context;
use crate::functions::Datum;
use crate::functions::number::{text_of, truth};
use crate::ir::{CompareOp, Comparison, MatchKind};
use crate::value::{Value, ValueRef};
use smallvec::SmallVec;

/// An operand: evaluated, or to be looked at in the context.
enum Operand<'a> {
    Leaf(&'a Node),
    Ready(Datum<'a>),
}

impl Operand<'_> {
    fn view<'b>(&'b self, cx: &'b Context) -> ValueRef<'b> {
        match self {
            Operand::Leaf(node) => node.leaf(cx).unwrap_or_default(),
            Operand::Ready(datum) => datum.view(),
        }
    }
}

fn operand<'a>(node: &'a mut Node, row: &'a dyn RowSource, cx: &mut Context) -> Result<Operand<'a>> {
    match node {
        // The operand that is met most costs no call.
        Node::Column(column) => Ok(Operand::Ready(Datum::Borrowed(row.value(*column)?))),
        node if node.is_leaf() => Ok(Operand::Leaf(node)),
        node => Ok(Operand::Ready(eval(node, row, cx)?)),
    }
}

fn number(value: ValueRef<'static>) -> Datum<'static> {
    Datum::Borrowed(value)
}

/// True, false or unknown.
pub(crate) fn truth_of(node: &mut Node, row: &dyn RowSource, cx: &mut Context) -> Result<Option<bool>> {
    let operand = operand(node, row, cx)?;
    Ok(truth(operand.view(cx)))
}

/// Evaluates `node` for one row. What hot expressions are made of stands apart from the rest, whose many kinds of
/// nodes need a large stack frame.
pub(crate) fn eval<'a>(node: &'a mut Node, row: &'a dyn RowSource, cx: &mut Context) -> Result<Datum<'a>> {
    Ok(match node {
        Node::Column(column) => Datum::Borrowed(row.value(*column)?),
        Node::Arithmetic(op, left, right) => {
            let (left, right) = (operand(left, row, cx)?, operand(right, row, cx)?);
            number(scalar::arithmetic(*op, left.view(cx), right.view(cx))?)
        }
        Node::Compare(op, left, right, rule) => {
            let (left, right) = (operand(left, row, cx)?, operand(right, row, cx)?);
            number(scalar::boolean(scalar::compare(*op, left.view(cx), right.view(cx), *rule)))
        }
        other => return eval_rare(other, row, cx),
    })
}

#[inline(never)]
fn eval_rare<'a>(node: &'a mut Node, row: &'a dyn RowSource, cx: &mut Context) -> Result<Datum<'a>> {
    Ok(match node {
        Node::Constant(value) => Datum::Borrowed(value.as_ref()),
        Node::Literal(_) | Node::Parameter(_) | Node::Outer(_) => {
            copy_leaf(node.leaf(cx).unwrap_or_default())
        }
        // Taken by the caller already.
        Node::Column(_) | Node::Arithmetic(..) | Node::Compare(..) => number(ValueRef::Null),
        Node::Negate(node) => {
            let value = operand(node, row, cx)?;
            number(scalar::negate(value.view(cx)))
        }
        Node::BitNot(node) => {
            let value = operand(node, row, cx)?;
            number(scalar::bit_not(value.view(cx)))
        }
        Node::Not(node) => number(scalar::boolean(truth_of(node, row, cx)?.map(|truth| !truth))),
        Node::IsNull(node, negated) => {
            let value = operand(node, row, cx)?;
            number(scalar::boolean(Some(value.view(cx).is_null() != *negated)))
        }
        Node::IsTruth { node, truth, negated } => {
            let is = truth_of(node, row, cx)? == Some(*truth);
            number(scalar::boolean(Some(is != *negated)))
        }
        Node::CompareRows { op, left, right, rules } => {
            let mut pairs = left.iter_mut().zip(right.iter_mut());
            let result = scalar::compare_rows(*op, rules, |_| match pairs.next() {
                Some((left, right)) => {
                    let left = eval(left, row, cx)?.into_value();
                    Ok((left, eval(right, row, cx)?.into_value()))
                }
                None => Ok((Value::Null, Value::Null)),
            })?;
            number(scalar::boolean(result))
        }
        Node::Between { node, low, high } => number(scalar::boolean(between(node, low, high, row, cx)?)),
        Node::And(nodes) => number(scalar::boolean(chain(nodes, false, row, cx)?)),
        Node::Or(nodes) => number(scalar::boolean(chain(nodes, true, row, cx)?)),
        Node::Concat(nodes) => concat(nodes, row, cx)?,
        Node::Case { operand: None, branches, otherwise } => {
            for branch in branches {
                if truth_of(&mut branch.when, row, cx)? == Some(true) {
                    return eval(&mut branch.then, row, cx);
                }
            }
            match otherwise {
                Some(node) => eval(node, row, cx)?,
                None => number(ValueRef::Null),
            }
        }
        Node::Case { operand: Some(subject), branches, otherwise } => {
            let subject = operand(subject, row, cx)?;
            for branch in branches {
                let when = operand(&mut branch.when, row, cx)?;
                if scalar::compare(CompareOp::Equal, subject.view(cx), when.view(cx), branch.rule)
                    == Some(true)
                {
                    return eval(&mut branch.then, row, cx);
                }
            }
            match otherwise {
                Some(node) => eval(node, row, cx)?,
                None => number(ValueRef::Null),
            }
        }
        Node::Coalesce(nodes) => {
            for node in nodes {
                let value = eval(node, row, cx)?;
                if !value.view().is_null() {
                    return Ok(value);
                }
            }
            number(ValueRef::Null)
        }
        Node::Cast(node, to) => match operand(node, row, cx)? {
            Operand::Ready(Datum::Borrowed(value)) => scalar::cast(value, *to),
            other => Datum::Owned(scalar::cast(other.view(cx), *to).into_value()),
        },
        Node::Match { kind, node, pattern, escape, cache } => {
            let value = operand(node, row, cx)?;
            let pattern = operand(pattern, row, cx)?;
            let escape = escape.as_mut().map(|escape| operand(escape, row, cx)).transpose()?;
            let escape = match &escape {
                Some(escape) if escape.view(cx).is_null() => return Ok(number(ValueRef::Null)),
                Some(escape) => Some(escape_char(escape.view(cx))?),
                None => None,
            };
            number(matches(*kind, value.view(cx), pattern.view(cx), escape, cache)?)
        }
        Node::InList { node, list, rules, negated } => {
            let found = in_list(node, list, rules, row, cx)?;
            number(scalar::boolean(found.map(|found| found != *negated)))
        }
        Node::Function { function, args, collation } => {
            let mut operands: SmallVec<[Operand<'_>; 4]> = SmallVec::new();
            for arg in args.iter_mut() {
                operands.push(operand(arg, row, cx)?);
            }
            let values: SmallVec<[ValueRef<'_>; 4]> =
                operands.iter().map(|operand| operand.view(cx)).collect();
            let scope = cx.function_scope(*collation);
            match function.call(&scope, &values)? {
                Datum::Borrowed(value) => copy_leaf(value),
                Datum::Owned(value) => Datum::Owned(value),
            }
        }
        Node::ScalarSubquery { query, column, bindings } => {
            cx.set_outer_from(bindings, row)?;
            Datum::Owned(cx.scalar_subquery(*query, *column)?)
        }
        Node::Exists { query, negated, bindings } => {
            cx.set_outer_from(bindings, row)?;
            let exists = cx.exists_subquery(*query)?;
            number(scalar::boolean(Some(exists != *negated)))
        }
        Node::InSubquery { node, query, rules, negated, bindings } => {
            let mut values: SmallVec<[Value; 2]> = SmallVec::new();
            for (node, rule) in node.iter_mut().zip(rules.iter()) {
                values.push(scalar::apply_affinity(eval(node, row, cx)?.into_value(), rule.left));
            }
            cx.set_outer_from(bindings, row)?;
            let views: SmallVec<[ValueRef<'_>; 2]> = values.iter().map(Value::as_ref).collect();
            let found = cx.subquery_contains(*query, &views, rules)?;
            number(scalar::boolean(found.map(|found| found != *negated)))
        }
    })
}

/// A value that lives in the context: numbers are copied, bytes too, since the context is needed again.
fn copy_leaf(value: ValueRef<'_>) -> Datum<'static> {
    match value {
        ValueRef::Null => Datum::Borrowed(ValueRef::Null),
        ValueRef::Integer(i) => Datum::Borrowed(ValueRef::Integer(i)),
        ValueRef::Real(r) => Datum::Borrowed(ValueRef::Real(r)),
        ValueRef::Decimal(d) => Datum::Borrowed(ValueRef::Decimal(d)),
        bytes => Datum::Owned(bytes.to_owned()),
    }
}

/// `x BETWEEN low AND high`: `high` is not evaluated where `low` decides.
fn between(
    node: &mut [Node],
    low: &mut RangeEnd,
    high: &mut RangeEnd,
    row: &dyn RowSource,
    cx: &mut Context,
) -> Result<Option<bool>> {
    let mut values: SmallVec<[Value; 1]> = SmallVec::new();
    for node in node {
        values.push(eval(node, row, cx)?.into_value());
    }
    let above = within(CompareOp::GreaterOrEqual, &values, low, row, cx)?;
    if above == Some(false) {
        return Ok(above);
    }
    Ok(match within(CompareOp::LessOrEqual, &values, high, row, cx)? {
        Some(true) => above,
        other => other,
    })
}

fn within(
    op: CompareOp,
    values: &[Value],
    bound: &mut RangeEnd,
    row: &dyn RowSource,
    cx: &mut Context,
) -> Result<Option<bool>> {
    if let ([value], [node], [rule]) = (values, bound.values.as_mut_slice(), bound.rules.as_slice()) {
        let end = operand(node, row, cx)?;
        return Ok(scalar::compare(op, value.as_ref(), end.view(cx), *rule));
    }
    let mut pairs = values.iter().zip(bound.values.iter_mut());
    scalar::compare_rows(op, &bound.rules, |_| match pairs.next() {
        Some((value, node)) => Ok((value.clone(), eval(node, row, cx)?.into_value())),
        None => Ok((Value::Null, Value::Null)),
    })
}

/// AND stops at the first false operand, OR at the first true one.
fn chain(nodes: &mut [Node], stop: bool, row: &dyn RowSource, cx: &mut Context) -> Result<Option<bool>> {
    let mut result = Some(!stop);
    for node in nodes {
        match truth_of(node, row, cx)? {
            Some(truth) if truth == stop => return Ok(Some(stop)),
            Some(_) => {}
            None => result = None,
        }
    }
    Ok(result)
}

fn concat<'a>(nodes: &'a mut [Node], row: &'a dyn RowSource, cx: &mut Context) -> Result<Datum<'a>> {
    let mut text = Vec::new();
    let mut null = false;
    for node in nodes {
        let value = operand(node, row, cx)?;
        if !null && !scalar::concat_onto(&mut text, value.view(cx))? {
            null = true;
        }
    }
    Ok(if null { Datum::Borrowed(ValueRef::Null) } else { Datum::Owned(text_value(text)) })
}

/// Text from bytes: what was a blob among the parts is mended where it is not UTF-8.
pub(crate) fn text_value(text: Vec<u8>) -> Value {
    match String::from_utf8(text) {
        Ok(text) => Value::text(text),
        Err(error) => ValueRef::Text(error.as_bytes()).to_owned(),
    }
}

/// The one character of ESCAPE.
pub(crate) fn escape_char(value: ValueRef<'_>) -> Result<char> {
    let mut scratch = Vec::new();
    let text = text_of(value, &mut scratch);
    let mut chars = crate::functions::fold::chars(text);
    match (chars.next(), chars.next()) {
        (Some(c), None) => Ok(c),
        _ => Err(Error::Evaluation("ESCAPE expression must be a single character".into())),
    }
}

/// Longest pattern, as in SQLite: matching may take time in the product of both lengths.
const PATTERN_BYTES_MAX: usize = 50_000;

/// LIKE, GLOB and REGEXP over values; numbers match as text.
pub(crate) fn matches(
    kind: MatchKind,
    value: ValueRef<'_>,
    pattern: ValueRef<'_>,
    escape: Option<char>,
    cache: &mut super::node::PatternCache,
) -> Result<ValueRef<'static>> {
    if kind == MatchKind::Regexp {
        return Ok(scalar::boolean(crate::functions::regexp::matches(pattern, value)?));
    }
    if pattern.is_null() || value.is_null() {
        return Ok(ValueRef::Null);
    }
    let (mut pattern_text, mut text) = (Vec::new(), Vec::new());
    let pattern = text_of(pattern, &mut pattern_text);
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(Error::limit("LIKE or GLOB pattern too complex"));
    }
    let found = cache.pattern(kind, pattern, escape).matches(text_of(value, &mut text));
    Ok(scalar::boolean(Some(found)))
}

/// `x IN (..)`: false for an empty list even if x is NULL; unknown if not found and a NULL stands in the way.
fn in_list(
    node: &mut [Node],
    list: &mut [Vec<Node>],
    rules: &[Comparison],
    row: &dyn RowSource,
    cx: &mut Context,
) -> Result<Option<bool>> {
    if list.is_empty() {
        return Ok(Some(false));
    }
    let mut values: SmallVec<[Operand<'_>; 2]> = SmallVec::new();
    for node in node {
        values.push(operand(node, row, cx)?);
    }
    let mut unknown = false;
    for entry in list {
        let mut equal = Some(true);
        for ((left, node), rule) in values.iter().zip(entry.iter_mut()).zip(rules) {
            let right = operand(node, row, cx)?;
            match scalar::compare(CompareOp::Equal, left.view(cx), right.view(cx), *rule) {
                Some(true) => {}
                Some(false) => {
                    equal = Some(false);
                    break;
                }
                None => equal = None,
            }
        }
        match equal {
            Some(true) => return Ok(Some(true)),
            Some(false) => {}
            None => unknown = true,
        }
    }
    Ok(if unknown { None } else { Some(false) })
}
