//! Predicates: which rows of a batch an expression is true for. AND narrows the rows operand by operand, OR adds
//! what each operand finds among those not yet found.

use super::columns::{Among, eval, eval_all, for_each, remove};
use super::kernels::{self, Selected, select_rows};
use super::node::{Node, RangeEnd};
use super::{BatchRow, row, scalar};
use crate::error::Result;
use crate::exec::batch::Batch;
use crate::exec::context::Context;
use crate::exec::vector::Vector;
use crate::functions::number::truth;
use crate::ir::{CompareOp, Comparison};
use crate::types::Affinity;
use crate::value::ValueRef;
use std::sync::Arc;

/// Appends to `out` the rows among `among` for which `node` is true, ascending.
pub(crate) fn select(
    node: &mut Node,
    batch: &Batch,
    among: Among<'_>,
    cx: &mut Context,
    out: &mut Vec<u32>,
) -> Result<()> {
    let rows = batch.rows;
    if among.map_or(rows, <[u32]>::len) == 0 {
        return Ok(());
    }
    match node {
        Node::And(nodes) => and(nodes, batch, among, cx, out),
        Node::Or(nodes) => or(nodes, batch, among, cx, out),
        Node::Compare(op, left, right, rule) => {
            let (left, right) = (eval(left, batch, among, cx)?, eval(right, batch, among, cx)?);
            compare(*op, &left, &right, *rule, Selected { rows, among, out });
            Ok(())
        }
        Node::Between { node: value, low, high } if value.len() == 1 => {
            let value = eval_all(value, batch, among, cx)?;
            let mut above = Vec::new();
            within(CompareOp::GreaterOrEqual, &value, low, batch, among, cx, &mut above)?;
            within(CompareOp::LessOrEqual, &value, high, batch, Some(&above), cx, out)
        }
        Node::IsNull(inner, negated) => {
            let value = eval(inner, batch, among, cx)?;
            select_rows(rows, among, out, |row| value.is_null(row) != *negated);
            Ok(())
        }
        Node::InList { node: wanted, list, rules, negated } => {
            let integers = match (wanted.as_slice(), rules.as_slice()) {
                ([_], [rule]) if rule.left != Affinity::Text && rule.right != Affinity::Text => {
                    integer_list(list, cx)
                }
                _ => None,
            };
            if let (Some(integers), Some(wanted)) = (integers, wanted.first_mut()) {
                let value = eval(wanted, batch, among, cx)?;
                if let Some((values, nulls)) = value.as_int() {
                    select_rows(rows, among, out, |row| {
                        let null = nulls.is_some_and(|nulls| nulls.get(row).copied().unwrap_or(true));
                        let found =
                            values.get(row).is_some_and(|value| integers.binary_search(value).is_ok());
                        !null && found != *negated
                    });
                    return Ok(());
                }
            }
            by_row(node, batch, among, cx, out)
        }
        Node::CompareRows { .. } | Node::Between { .. } | Node::InSubquery { .. } => {
            by_row(node, batch, among, cx, out)
        }
        other => {
            let value = eval(other, batch, among, cx)?;
            if let Some((values, nulls)) = value.as_int() {
                select_rows(rows, among, out, |row| {
                    values.get(row).is_some_and(|value| *value != 0)
                        && !nulls.is_some_and(|nulls| nulls.get(row).copied().unwrap_or(true))
                });
            } else {
                for_each(rows, among, |row| {
                    if truth(value.get(row)) == Some(true) {
                        out.push(row as u32);
                    }
                });
            }
            Ok(())
        }
    }
}

fn compare(op: CompareOp, left: &Vector, right: &Vector, rule: Comparison, selected: Selected<'_>) {
    let Selected { rows, among, out } = selected;
    if kernels::compare(op, left, right, rule, Selected { rows, among, out: &mut *out }).is_err() {
        for_each(rows, among, |row| {
            if scalar::compare(op, left.get(row), right.get(row), rule) == Some(true) {
                out.push(row as u32);
            }
        });
    }
}

/// The rows whose value keeps to one end of a BETWEEN.
fn within(
    op: CompareOp,
    value: &[Arc<Vector>],
    end: &mut RangeEnd,
    batch: &Batch,
    among: Among<'_>,
    cx: &mut Context,
    out: &mut Vec<u32>,
) -> Result<()> {
    let rows = batch.rows;
    let ends = eval_all(&mut end.values, batch, among, cx)?;
    for ((value, end), rule) in value.iter().zip(&ends).zip(&end.rules) {
        compare(op, value, end, *rule, Selected { rows, among, out });
    }
    Ok(())
}

fn by_row(
    node: &mut Node,
    batch: &Batch,
    among: Among<'_>,
    cx: &mut Context,
    out: &mut Vec<u32>,
) -> Result<()> {
    let mut failed = None;
    for_each(batch.rows, among, |row| {
        if failed.is_some() {
            return;
        }
        match row::truth_of(node, &BatchRow { batch, row }, cx) {
            Ok(Some(true)) => out.push(row as u32),
            Ok(_) => {}
            Err(error) => failed = Some(error),
        }
    });
    failed.map_or(Ok(()), Err)
}

/// The integers of a list that holds nothing else, sorted. An empty list or one with a NULL is not for the kernel.
fn integer_list(list: &[Vec<Node>], cx: &Context) -> Option<Vec<i64>> {
    let mut integers = Vec::with_capacity(list.len());
    for entry in list {
        match entry.first()?.leaf(cx)? {
            ValueRef::Integer(integer) => integers.push(integer),
            _ => return None,
        }
    }
    integers.sort_unstable();
    (!integers.is_empty()).then_some(integers)
}

fn and(
    nodes: &mut [Node],
    batch: &Batch,
    among: Among<'_>,
    cx: &mut Context,
    out: &mut Vec<u32>,
) -> Result<()> {
    let Some((last, first)) = nodes.split_last_mut() else { return Ok(()) };
    let mut left: Option<Vec<u32>> = None;
    for node in first {
        let mut next = Vec::new();
        select(node, batch, left.as_deref().or(among), cx, &mut next)?;
        if next.is_empty() {
            return Ok(());
        }
        left = Some(next);
    }
    select(last, batch, left.as_deref().or(among), cx, out)
}

fn or(
    nodes: &mut [Node],
    batch: &Batch,
    among: Among<'_>,
    cx: &mut Context,
    out: &mut Vec<u32>,
) -> Result<()> {
    let mut pending: Vec<u32> = among.map_or_else(|| (0..batch.rows as u32).collect(), <[u32]>::to_vec);
    let start = out.len();
    let mut hits = Vec::new();
    for node in nodes {
        hits.clear();
        select(node, batch, Some(&pending), cx, &mut hits)?;
        remove(&mut pending, &hits);
        out.extend_from_slice(&hits);
        if pending.is_empty() {
            break;
        }
    }
    if let Some(found) = out.get_mut(start..) {
        found.sort_unstable();
    }
    Ok(())
}
