//! Making plan nodes: prices and row counts of operators, what a node uses from around it, and walks over plans.

use super::columns::{ColumnSet, Outers, add_used};
use super::cost;
use super::physical::{IndexRange, Node, Operator, RowIdRange, Subplan};
use super::predicate::weight;
use crate::ir::{ColumnId, Expr};

/// A node.
pub(super) fn node(operator: Operator, columns: Vec<ColumnId>, rows: f64, cost: f64) -> Node {
    Node { operator, columns, rows, cost, figures: None }
}

/// Rows of `input` that meet `predicate`.
pub(super) fn filter(input: Node, predicate: Option<Expr>) -> Node {
    let Some(predicate) = predicate else { return input };
    let rows = input.rows * cost::selectivity(&predicate);
    let price = input.cost + input.rows * weight(&predicate) * cost::OPERATOR;
    let columns = input.columns.clone();
    node(Operator::Filter { input: Box::new(input), predicate }, columns, rows, price)
}

/// Computed columns over `input`; nothing is added where the input hands up just these.
pub(super) fn project(input: Node, columns: Vec<(ColumnId, Expr)>) -> Node {
    let same = columns.len() == input.columns.len()
        && columns
            .iter()
            .zip(&input.columns)
            .all(|((id, expr), have)| id == have && matches!(expr, Expr::Column(from, _) if from == have));
    if same {
        return input;
    }
    let (ids, exprs): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let price = exprs.iter().map(weight).sum::<f64>() * cost::OPERATOR;
    let (rows, cost) = (input.rows, input.cost + input.rows * price);
    node(Operator::Project { input: Box::new(input), exprs }, ids, rows, cost)
}

/// Calls `f` for each input of a node.
pub(super) fn node_inputs<'n>(node: &'n Node, f: &mut dyn FnMut(&'n Node)) {
    match &node.operator {
        Operator::OneRow
        | Operator::Empty
        | Operator::Values { .. }
        | Operator::TableFunction { .. }
        | Operator::Queue { .. }
        | Operator::TableScan(_)
        | Operator::IndexScan(_) => {}
        Operator::Filter { input, .. }
        | Operator::Project { input, .. }
        | Operator::Aggregate { input, .. }
        | Operator::Distinct { input, .. }
        | Operator::Window { input, .. }
        | Operator::Sort { input, .. }
        | Operator::Limit { input, .. } => f(input),
        Operator::NestedLoopJoin { left, right, .. } | Operator::HashJoin { left, right, .. } => {
            f(left);
            f(right);
        }
        Operator::SetOperation { members } => members.iter().for_each(|member| f(&member.input)),
        Operator::Recursive(recursive) => {
            f(&recursive.anchor);
            recursive.steps.iter().for_each(f);
        }
    }
}

/// Calls `f` for each input of a node, to change it.
pub(super) fn node_inputs_mut(node: &mut Node, f: &mut dyn FnMut(&mut Node)) {
    match &mut node.operator {
        Operator::OneRow
        | Operator::Empty
        | Operator::Values { .. }
        | Operator::TableFunction { .. }
        | Operator::Queue { .. }
        | Operator::TableScan(_)
        | Operator::IndexScan(_) => {}
        Operator::Filter { input, .. }
        | Operator::Project { input, .. }
        | Operator::Aggregate { input, .. }
        | Operator::Distinct { input, .. }
        | Operator::Window { input, .. }
        | Operator::Sort { input, .. }
        | Operator::Limit { input, .. } => f(input),
        Operator::NestedLoopJoin { left, right, .. } | Operator::HashJoin { left, right, .. } => {
            f(left);
            f(right);
        }
        Operator::SetOperation { members } => members.iter_mut().for_each(|member| f(&mut member.input)),
        Operator::Recursive(recursive) => {
            f(&mut recursive.anchor);
            recursive.steps.iter_mut().for_each(f);
        }
    }
}

fn range_expressions<'n>(range: &'n IndexRange, f: &mut dyn FnMut(&'n Expr)) {
    range.equal.iter().for_each(&mut *f);
    range.lower.iter().chain(&range.upper).for_each(|(e, _)| f(e));
}

/// Calls `f` for each expression of the node itself.
pub(super) fn node_expressions<'n>(node: &'n Node, f: &mut dyn FnMut(&'n Expr)) {
    match &node.operator {
        Operator::OneRow
        | Operator::Empty
        | Operator::Queue { .. }
        | Operator::Distinct { .. }
        | Operator::SetOperation { .. } => {}
        Operator::Recursive(recursive) => recursive.limit.iter().chain(&recursive.offset).for_each(f),
        Operator::Values { rows } => rows.iter().flatten().for_each(f),
        Operator::TableFunction { args, .. } => args.iter().for_each(f),
        Operator::TableScan(scan) => {
            match &scan.range {
                RowIdRange::All => {}
                RowIdRange::Between(lower, upper) => lower.iter().chain(upper).for_each(|(e, _)| f(e)),
                RowIdRange::OneOf(list) => list.iter().for_each(&mut *f),
            }
            scan.filter.iter().for_each(f);
        }
        Operator::IndexScan(scan) => {
            scan.ranges.iter().for_each(|range| range_expressions(range, f));
            scan.filter.iter().for_each(f);
        }
        Operator::Filter { predicate, .. } => f(predicate),
        Operator::Project { exprs, .. } => exprs.iter().for_each(f),
        Operator::NestedLoopJoin { on, .. } => on.iter().for_each(f),
        Operator::HashJoin { keys, residual, .. } => {
            keys.iter().for_each(|(l, r, _)| {
                f(l);
                f(r);
            });
            residual.iter().for_each(f);
        }
        Operator::Aggregate { groups, calls, .. } => {
            groups.iter().for_each(|(e, _)| f(e));
            for call in calls {
                call.args.iter().chain(&call.filter).for_each(&mut *f);
                call.order_by.iter().for_each(|key| f(&key.expr));
            }
        }
        Operator::Window { window, calls, .. } => {
            window.expressions(f);
            calls.iter().for_each(|call| call.expressions(f));
        }
        Operator::Sort { keys, top, .. } => {
            keys.iter().for_each(|key| f(&key.expr));
            top.iter().for_each(f);
        }
        Operator::Limit { limit, offset, .. } => limit.iter().chain(offset).for_each(f),
    }
}

/// Calls `f` for a node and all below it, from the top.
pub(super) fn walk_nodes<'n>(node: &'n Node, f: &mut dyn FnMut(&'n Node)) {
    f(node);
    node_inputs(node, &mut |input| walk_nodes(input, f));
}

/// The columns that a node takes from around it.
pub(super) fn node_free(root: &Node, outers: &Outers) -> ColumnSet {
    let (mut used, mut made) = (ColumnSet::default(), ColumnSet::default());
    walk_nodes(root, &mut |node| {
        made.extend(&node.columns);
        node_expressions(node, &mut |e| add_used(e, outers, &mut used));
    });
    used.remove(&made);
    used
}

/// True if a node reads the rows of a recursion around it.
pub(super) fn reads_queue(root: &Node) -> bool {
    let (mut read, mut own) = (Vec::new(), Vec::new());
    walk_nodes(root, &mut |node| match &node.operator {
        Operator::Queue { recursion, .. } => read.push(*recursion),
        Operator::Recursive(recursive) => own.push(recursive.recursion),
        _ => {}
    });
    read.iter().any(|recursion| !own.contains(recursion))
}

/// True if a node takes nothing from around it, neither by itself nor through the subplans it runs: until the data
/// changes it gives the same rows however often it is started.
pub(crate) fn is_closed(root: &Node, subplans: &[Option<Subplan>]) -> bool {
    if reads_queue(root) {
        return false;
    }
    let outer = |subplan: &Option<Subplan>| subplan.as_ref().map_or_else(Vec::new, |s| s.outer.clone());
    let outers: Vec<Vec<ColumnId>> = subplans.iter().map(outer).collect();
    node_free(root, &outers).is_empty()
}
